"""The only place that reads a recipe's version and says which of two is newer.

A published version is a git tag `<recipe part>+<app part>`, as in `1.2.0+3.4.5`. The recipe part counts first; the app
part decides only between equal recipe parts. As with abra, a `v` in front counts for nothing, a tag that is no version
is passed over, and of `1.2` and `1.2.7` the shorter is the newer one: it stands for the newest of its series.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from recipeci.model import Commit, Tag

FORM = re.compile(
    r"v?(?P<numbers>[0-9]{1,18}(?:\.[0-9]{1,18}){0,2})"
    r"(?:-(?P<suffix>[0-9A-Za-z][0-9A-Za-z._-]*))?"
    r"(?:\+(?P<app>[0-9A-Za-z][0-9A-Za-z._-]*))?\Z"
)
PARTS = 3
SHORTER_IS_NEWER = 10**18
NO_VERSION = re.compile(r"[0-9]{7,}\Z|[0-9]+(?:\.[0-9]+)?-")
"""A date, or the digits of a commit; and a suffix behind less than three numbers, as in `2024-01-05`."""
NAMED = 3
"""So many versions are named to whoever asked for one that is not published."""

Piece = tuple[int, int, str]
Key = tuple[tuple[int, ...], int, tuple[Piece, ...], tuple[Piece, ...], str]


@functools.total_ordering
@dataclass(frozen=True)
class Version:
    """A version by its text, ordered as abra orders them; two are equal only if their texts are.

    Raises ValueError if the text is no version: `is_version` tells before.
    """

    text: str

    def __post_init__(self) -> None:
        """Refuse a text that is no version."""
        if not is_version(self.text):
            msg = f"{self.text!r} is no version"
            raise ValueError(msg)

    def __str__(self) -> str:
        """Return the tag's name."""
        return self.text

    def __lt__(self, other: Version) -> bool:
        """Return whether this one is the older."""
        return self._key < other._key

    @functools.cached_property
    def _key(self) -> Key:
        """Numbers; a release after its own pre-releases; the app part; last the text, so that no two are level."""
        found = FORM.match(self.text)
        if found is None:
            raise ValueError(self.text)
        numbers = [int(number) for number in found["numbers"].split(".")]
        numbers += [SHORTER_IS_NEWER] * (PARTS - len(numbers))
        suffix = found["suffix"] or ""
        return tuple(numbers), not suffix, _pieces(suffix), _pieces(found["app"] or ""), self.text


@dataclass(frozen=True)
class Published:
    """A published version: its commit, and whether its tag is annotated (abra refuses to pin a lightweight one)."""

    version: Version
    commit: Commit
    annotated: bool


def is_version(text: str) -> bool:
    """Return whether abra would take a tag of this name for a version."""
    return FORM.match(text) is not None and NO_VERSION.match(text.removeprefix("v")) is None


def published(tags: Iterable[Tag]) -> tuple[Published, ...]:
    """Return the versions among the tags, oldest first; tags that are no versions are passed over."""
    found = (Published(Version(tag.name), tag.commit, tag.annotated) for tag in tags if is_version(tag.name))
    return tuple(sorted(found, key=lambda one: one.version))


def own_version(*, tagged: Iterable[str], label: str, reachable: Iterable[str]) -> Version | None:
    """Return the version that a commit says it is, or None if nothing says so.

    Args:
        tagged: names of the tags on the commit itself; the newest version among them wins.
        label: the `version` label of its compose file under its `.env.sample`; empty if it has none.
        reachable: names of the tags that can be reached from it; the newest version among them, if all else is silent.
    """
    return newest(tagged) or newest([label]) or newest(reachable)


def newest(names: Iterable[str]) -> Version | None:
    """Return the newest version among the names, or None if none of them is a version."""
    return max((Version(name) for name in names if is_version(name)), default=None)


def nearest(wanted: str, versions: Sequence[Version]) -> tuple[Version, ...]:
    """Return the few published versions to name to whoever asked for one that is not there.

    The ones spelled alike, else those of the same recipe part, else the newest; the newest of them first.
    """
    names = [version.text for version in versions]
    alike = [Version(name) for name in difflib.get_close_matches(wanted, names, n=NAMED, cutoff=0.6)]
    start = wanted.partition("+")[0]
    same = [version for version in versions if start and version.text.partition("+")[0] == start]
    return tuple(sorted(same or alike or versions, reverse=True)[:NAMED])


def _pieces(text: str) -> tuple[Piece, ...]:
    """Cut into runs of digits, which count as numbers, and the rest; a number is newer than a word.

    Numbers are ordered by how many digits they have, then by those: Python reads none of any length.
    """
    runs = ((run, run.lstrip("0")) for run in re.findall(r"[0-9]+|[A-Za-z]+", text))
    return tuple((1, len(digits), digits) if run.isdigit() else (0, 0, run) for run, digits in runs)
