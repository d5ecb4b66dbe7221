"""The only place that reads `abra.sh`: the values that it exports literally. Nothing of it is run."""

from __future__ import annotations

import re
import shlex

EXPORT = re.compile(r"export[ \t]+(?P<words>[A-Za-z_][A-Za-z0-9_]*=.*)\Z")
NAME = re.compile(r"(?:^|(?<=\s))([A-Za-z_][A-Za-z0-9_]*)(?==)")
ASSIGNMENT = re.compile(r"(?P<key>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)\Z", re.DOTALL)


def literal_exports(text: str) -> dict[str, str]:
    """Return the variables that lines of `abra.sh` export with a value written out, the last of a name.

    Lines inside functions are not at the file's left edge and are passed over, as is a value that the shell would make.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        if (export := EXPORT.match(line)) and not re.search(r"[$`]", export["words"]):
            found |= _assignments(export["words"])
    return found


def exported_names(text: str) -> frozenset[str]:
    """Return the names that lines of `abra.sh` export, also those whose value the shell would make."""
    lines = (export["words"] for line in text.splitlines() if (export := EXPORT.match(line)))
    return frozenset(name for words in lines for name in NAME.findall(words))


def _assignments(words: str) -> dict[str, str]:
    """Read `A=1 B='x y'  # comment`; a line that the shell would read on is none."""
    try:
        parts = [ASSIGNMENT.match(word) for word in shlex.split(words, comments=True)]
    except ValueError:
        return {}
    return {part["key"]: part["value"] for part in parts if part}
