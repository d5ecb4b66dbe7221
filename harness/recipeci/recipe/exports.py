"""The only place that reads `abra.sh`: the values that it exports literally. Nothing of it is run."""

from __future__ import annotations

import re
import shlex

from recipeci.recipe import processenv

FILE = "abra.sh"
EXPORT = re.compile(r"export[ \t]+(?P<words>[A-Za-z_][A-Za-z0-9_]*=.*)\Z")
NAME = re.compile(r"(?:^|(?<=\s))([A-Za-z_][A-Za-z0-9_]*)(?==)")
ASSIGNMENT = re.compile(r"(?P<key>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)\Z", re.DOTALL)


def literal_exports(text: str) -> dict[str, str]:
    """Return the variables that lines of `abra.sh` export with a value written out, the last of a name.

    Lines inside functions are not at the file's left edge and are passed over, as is a value that the shell would make.

    Raises RecipeInvalid naming the line that exports what no environment can hold, or the file if it is all of them.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if (export := EXPORT.match(line)) and not re.search(r"[$`]", export["words"]):
            found |= _held(_assignments(export["words"]), line, where=f"{FILE}:{number}")
    processenv.refuse_many(found, where=FILE)
    return found


def exported_names(text: str) -> frozenset[str]:
    """Return the names that lines of `abra.sh` export, also those whose value the shell would make."""
    lines = (export["words"] for line in text.splitlines() if (export := EXPORT.match(line)))
    return frozenset(name for words in lines for name in NAME.findall(words))


def _held(exported: dict[str, str], line: str, *, where: str) -> dict[str, str]:
    """Return what a line exports, if an environment can hold it."""
    processenv.refuse_nul(line, where=where)
    for key, value in exported.items():
        processenv.refuse_long(key, value, where=where)
    return exported


def _assignments(words: str) -> dict[str, str]:
    """Read `A=1 B='x y'  # comment`; a line that the shell would read on is none."""
    try:
        parts = [ASSIGNMENT.match(word) for word in shlex.split(words, comments=True)]
    except ValueError:
        return {}
    return {part["key"]: part["value"] for part in parts if part}
