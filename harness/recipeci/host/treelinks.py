"""The only place that says where the links of a commit's tree lead, from the tree alone: nothing is checked out yet."""

from __future__ import annotations

from collections.abc import Mapping

MOST_CHARACTERS = 4096
"""Of a path and all the targets on its way together; a loop has more."""


def leaves(path: str, links: Mapping[str, str]) -> bool:
    """Whether a path of a tree leads out of it (or into its `.git`); `links` are all of its links, with their targets.

    Every part is followed in its order, links included, as the kernel does it: `..` after a link is above what the link
    names. A way that leaves and comes back leaves, and so does one without an end. What is no link counts as a folder.
    """
    at: list[str] = []
    ahead, left = path.split("/")[::-1], MOST_CHARACTERS - len(path)
    while ahead and left >= 0:
        if not _moved(at, ahead.pop()):
            return True
        here = "/".join(at)
        if (target := links.get(here)) is None:
            continue
        if target.startswith("/") or _is_doubtful(here + target):
            return True
        at.pop()
        ahead += target.split("/")[::-1]
        left -= len(target)
    return left < 0


def _moved(at: list[str], step: str) -> bool:
    """Take one step from a folder; False if it is none inside the tree."""
    if step == ".git" or (step == ".." and not at):
        return False
    if step == "..":
        at.pop()
    elif step not in {"", "."}:
        at.append(step)
    return True


def _is_doubtful(name: str) -> bool:
    """Whether other bytes may be shown as this name: those that are no UTF-8 come escaped by a backslash."""
    return "\\" in name
