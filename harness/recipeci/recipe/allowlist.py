"""The only place that decides whether code of a recipe's own repository may run: the one gate (DESIGN §8).

Recipe *and* source must be on the operator's allowlist. An empty or absent list allows nothing, and a folder of this
machine is allowed by `--allow-local-code` alone. The list is never read from the tree under test.
"""

from __future__ import annotations

import os
import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recipeci.errors import UsageError
from recipeci.model import RECIPE_NAME

PRINTABLE = re.compile(r"[!-~]+\Z")
DOT_GIT = re.compile(r"(?<=[^/])\.git\Z")
COMMENT = re.compile(r"(?:^|\s)#.*")
DEFAULT_PORTS = {"https": 443, "http": 80}
FORM = "a line is `RECIPE` or `RECIPE https://…`"


@dataclass(frozen=True)
class Allowlist:
    """What may bring code that runs: pairs of a recipe and the normal form of its source; and whether a folder may."""

    entries: frozenset[tuple[str, str]] = frozenset()
    local_code: bool = False

    def refusal(self, *, recipe: str, source: str, local: bool) -> str:
        """Return why this recipe's own code from this source must not run; empty if it may.

        Args:
            recipe: its name.
            source: where its repository is; empty if that is not known.
            local: whether that is a folder of this machine.
        """
        if not source:
            return f"not allowed: the source of recipe {recipe} is not known"
        if local:
            return "" if self.local_code else "not allowed: code from a folder runs only with --allow-local-code"
        address = normal(source)
        if address and (recipe, address) in self.entries:
            return ""
        return f"not allowed: recipe {recipe} from source {source} is not on the allowlist{self._instead(recipe)}"

    def _instead(self, recipe: str) -> str:
        """Say what the list has instead, so that a near miss is seen."""
        if others := sorted(source for name, source in self.entries if name == recipe):
            return f", which has it from {', '.join(others)}"
        return "" if self.entries else " (there is none, or it is empty)"


def normal(url: str) -> str:
    """Return the form in which sources are compared; empty, which is on no list, of what is no plain web address.

    Scheme and host are in lower case, without the default port, and the path without `/` and `.git` at its end. All
    else must be the same to the letter.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    plain = PRINTABLE.match(url) and parts.hostname and not parts.query and not parts.fragment and "@" not in url
    if not plain or parts.scheme not in DEFAULT_PORTS:
        return ""
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    where = "" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{where}{DOT_GIT.sub('', parts.path.rstrip('/'))}"


def read(file: Path, *, forge: str, local_code: bool) -> Allowlist:
    """Read a list of lines `RECIPE [SOURCE-URL]`: without a URL the default forge's; `#` begins a comment.

    Raises UsageError naming file and line for one that is neither, and for a file that cannot be read.
    """
    try:
        text = file.read_bytes().decode("utf-8")
    except OSError as error:
        raise UsageError(f"the allowlist {file}: {error.strerror}", hint="--allowlist FILE, or leave it out") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the allowlist {file} is no text in UTF-8", hint=FORM) from error
    return Allowlist(frozenset(_entries(text, file=file, forge=forge)), local_code)


def refuse_inside(file: Path, tree: Path) -> None:
    """Refuse a list that lies in the repository under test, be it by way of a link: it would allow itself.

    Raises UsageError.
    """
    written = Path(os.path.abspath(file))  # noqa: PTH100 - `..` is taken away, and links are not yet followed
    inside = tree.resolve()
    if any(path.resolve().is_relative_to(inside) for path in (file, written, *written.parents)):
        msg = f"the allowlist {file} lies in {tree}, the repository under test, which must not allow itself"
        raise UsageError(msg, hint="keep it where only the operator writes")


def _entries(text: str, *, file: Path, forge: str) -> Iterator[tuple[str, str]]:
    """Yield the pairs of a list's lines."""
    for number, line in enumerate(text.split("\n"), start=1):
        words = COMMENT.sub("", line).split()
        if not words:
            continue
        if wrong := _wrong(words, forge=forge):
            raise UsageError(f"the allowlist {file}, line {number}: {wrong}", hint=FORM)
        yield words[0], normal(_source(words, forge=forge))


def _source(words: list[str], *, forge: str) -> str:
    """Return the source that a line means."""
    return words[1] if words[1:] else f"{forge.rstrip('/')}/{words[0]}"


def _wrong(words: list[str], *, forge: str) -> str:
    """Say what is wrong with the words of a line; a password in it is not repeated."""
    recipe, *sources = words
    if not RECIPE_NAME.match(recipe):
        return f"{recipe!r} is not a recipe name"
    if len(sources) > 1:
        return f"{len(words)} words"
    if sources and "@" in sources[0]:
        return "a source with a user name or password in it"
    if not normal(_source(words, forge=forge)):
        return f"{_source(words, forge=forge)!r} is not the https:// address of a repository"
    return ""
