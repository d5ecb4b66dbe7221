"""The only place that reads YAML as Docker's own parser (go-yaml) does: what a plain word is, and what a `<<` is.

PyYAML takes plain words as YAML 1.1 has them: `=` and `<<` are no values and an impossible date is an error, `1:30` is
90. Docker has text there, and prints it without quotes. Held against Docker by tests/contract/test_yaml_by_docker.py;
where its versions differ (`on` is true up to 26, a date is one of two texts in 28) it is text here.
"""

from __future__ import annotations

import functools
import math
import re
from typing import Any

MERGE = "tag:yaml.org,2002:merge"
TEXT = "tag:yaml.org,2002:str"
NUMBER = "tag:yaml.org,2002:int"
PLAIN = {
    "tag:yaml.org,2002:null": (r"(?:~|null|Null|NULL|)\Z", ["~", "n", "N", ""]),
    "tag:yaml.org,2002:bool": (r"(?:true|True|TRUE|false|False|FALSE)\Z", list("tTfF")),
    NUMBER: (r"[-+]?\.?[0-9]", list("-+.0123456789")),
}
"""What a plain word may be but text, and its first characters; what begins like a number may be none."""
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
LOWEST, HIGHEST = -(2**63), 2**64 - 1


def written(text: str) -> object:
    """Read what a person wrote: `<<` as a key merges, as a value it is text.

    Raises yaml.YAMLError, ValueError or RecursionError if it is no YAML.
    """
    return _read(text, merges=True)


def printed(text: str) -> object:
    """Read what Docker printed, where nothing merges any more: a key `<<` is one of the app's.

    Raises yaml.YAMLError, ValueError or RecursionError if it is no YAML.
    """
    return _read(text, merges=False)


def _read(text: str, *, merges: bool) -> object:
    import yaml  # noqa: PLC0415 - 30 ms that `--help` does not need

    return yaml.load(text, Loader=_loader(merges=merges))  # noqa: S506 - made of a safe one


@functools.cache
def _loader(*, merges: bool) -> Any:  # noqa: ANN401 - a class of PyYAML's, which is not imported at the top
    import yaml  # noqa: PLC0415 - as above

    loader: Any = type("Loader", (getattr(yaml, "CSafeLoader", yaml.SafeLoader),), {"yaml_implicit_resolvers": {}})
    for tag, (pattern, first) in PLAIN.items():
        loader.add_implicit_resolver(tag, re.compile(pattern), first)
    if merges:
        loader.add_implicit_resolver(MERGE, re.compile(r"<<\Z"), ["<"])
        loader.add_constructor(MERGE, loader.construct_yaml_str)
    loader.add_constructor(NUMBER, lambda self, node: _number(self.construct_scalar(node)))
    return loader


def _number(word: str) -> int | float | str:
    """Return the number that a plain word is, or the word."""
    plain = word if word.startswith(".") else word.replace("_", "")
    if not plain.isascii():
        return word
    whole = _whole(plain)
    if whole is not None:
        return whole
    number = float(plain) if FLOAT.fullmatch(plain) else math.inf
    return word if math.isinf(number) else number


def _whole(plain: str) -> int | None:
    """Return the whole number of a word without underscores; a `0` before other digits means octal."""
    for base in (0, 8):
        try:
            number = int(plain, base)
        except ValueError:
            continue
        return number if LOWEST <= number <= HIGHEST else None
    return None
