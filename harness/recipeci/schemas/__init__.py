"""The only place that reads YAML and checks data from files against the JSON Schemas of the package.

Every schema is `<name>.json` beside this file: Draft 2020-12, no key beyond those it names.
"""

from __future__ import annotations

import difflib
import functools
import importlib.resources
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from recipeci.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jsonschema import ValidationError
    from jsonschema.protocols import Validator


KINDS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "nothing",
    "number": "a number",
    "object": "a mapping (key: value)",
    "string": "text",
}
KINDS_OF_PYTHON: Mapping[type, str] = {
    bool: "true or false",  # before int, which it is too
    int: "a number",
    float: "a number",
    str: "the text",
    list: "a list",
    dict: "a mapping",
    object: "nothing",
}


WRONG = re.compile(r"(?P<nul>\0)|[\ud800-\udfff]")
"""What no path, argument or environment variable can hold, and what no file can."""
MOST = 1e290
"""A number up to here stays one when seconds or gigabytes are counted with it; nan is below nothing."""
Place = tuple["str | int", ...]


def load(name: str) -> dict[str, Any]:
    """Return one schema of the package by its name without `.json`."""
    text = importlib.resources.files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


def check(name: str, data: object, *, where: str) -> None:
    """Check data against a schema.

    Args:
        name: the schema's, without `.json`.
        data: what `json.loads` or YAML made: dicts, lists, text, numbers.
        where: the file that it came from, for the sentence.

    Raises:
        UsageError: one sentence with the file, the place in it and what is wrong; for an unknown key the nearest one.
    """
    from jsonschema.exceptions import best_match  # noqa: PLC0415 - 0.1 s that `--help` does not need

    error = best_match(_validator(name).iter_errors(cast("Any", data)))
    if error is not None:
        msg = f"{where}: {_place(error)}{_sentence(error)}"
        raise UsageError(msg)


def load_yaml(path: Path, name: str) -> dict[str, Any]:
    """Read a YAML file and check it against a schema; an empty file is an empty mapping.

    Raises:
        UsageError: unreadable, no YAML, a key twice or one that is no text, or not what the schema wants.
    """
    data = _parse(path)
    check(name, data, where=str(path))
    return cast("dict[str, Any]", data)


def nearest(word: str, known: Mapping[str, object] | list[str]) -> str:
    """Return `; did you mean 'y'?` for the most similar known word, else the list of all that are known."""
    if close := difflib.get_close_matches(word, list(known), n=1):
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(known)}" if known else ""


@functools.cache
def _validator(name: str) -> Validator:
    """Return the validator of one schema; made once."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - see check

    return Draft202012Validator(load(name))


def _place(error: ValidationError) -> str:
    """Return where in the file: `timeouts.deploy: `, or nothing at its top."""
    return _dotted(tuple(error.absolute_path))


def _dotted(place: Place) -> str:
    """Return the way to a value, as `timeouts.deploy: `; nothing for the top."""
    dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return f"{dotted.lstrip('.')}: " if dotted else ""


def _sentence(error: ValidationError) -> str:
    """Say what is wrong in a user's words where jsonschema's are about schemas."""
    schema = cast("dict[str, Any]", error.schema)
    if error.validator == "type":
        return _wrong_type(error.instance, schema["type"])
    if error.validator == "pattern" and "description" in schema:
        return f"{error.instance!r} does not fit: {schema['description']}"
    if not isinstance(error.instance, dict) or error.validator not in ("additionalProperties", "required"):
        return error.message
    known = schema.get("properties", {})
    if error.validator == "required":
        missing = next(key for key in cast("list[str]", error.validator_value) if key not in error.instance)
        about = known.get(missing, {}).get("description", "")
        return f"the key {missing!r} is missing{about and f': {about}'}"
    patterns = [re.compile(pattern) for pattern in schema.get("patternProperties", {})]
    unknown = next(key for key in error.instance if key not in known and not any(p.search(key) for p in patterns))
    return f"unknown key {unknown!r}{nearest(unknown, known)}"


def _wrong_type(found: object, wanted: str | list[str]) -> str:
    """Say what is needed instead; of what may be a secret only its kind."""
    names = [wanted] if isinstance(wanted, str) else wanted
    needs = " or ".join(KINDS[name] for name in names)
    if names == ["array"] and isinstance(found, str | int | float):
        return f"needs a list: [{found}]"
    kind = next(words for kind, words in KINDS_OF_PYTHON.items() if isinstance(found, kind))
    return f"needs {needs}, not {kind}{f' {found!r}' if isinstance(found, str) else ''}"


def _parse(path: Path) -> object:
    """Read YAML with safe types only, refusing what YAML would silently drop or turn into something else."""
    import yaml  # noqa: PLC0415 - see check

    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None:
            _refuse_surprises(node, where=str(path), seen=set())
        data = yaml.safe_load(text)
    except OSError as e:
        raise UsageError(f"{path}: {e.strerror}") from e
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as e:
        words = " ".join(str(e).split()).replace('in "<unicode string>", line', "at line")
        raise UsageError(f"{path} is not YAML: {words}") from e
    for place, found in _unusable(data, (), seen=set()):
        raise UsageError(f"{path}: {_dotted(place)}{found}")
    return {} if data is None else data


def _unusable(value: object, place: Place, *, seen: set[int]) -> Iterator[tuple[Place, str]]:
    """Yield place and fault of what YAML can write and nothing after it can use; a secret's value is not repeated."""
    if isinstance(value, dict | list):
        if id(value) in seen:
            return
        seen.add(id(value))
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(key, str) and (found := WRONG.search(key)):
                yield place, f"the key {key!r} has {_character(found)}: take it out"
            yield from _unusable(child, (*place, key), seen=seen)
    elif isinstance(value, str) and (found := WRONG.search(value)):
        yield place, f"{_character(found)}: take it out"
    elif isinstance(value, int | float) and not abs(value) < MOST:
        yield place, f"{value if isinstance(value, float) else 'this'} is no number to count with: write another"


def _character(found: re.Match[str]) -> str:
    """Name a character of WRONG."""
    if found["nul"]:
        return "a NUL character (\\0), which no path, argument or variable can hold"
    return f"the half of a character (\\u{ord(found[0]):04x}), which no file can hold"


def _refuse_surprises(node: Any, *, where: str, seen: set[int]) -> None:  # noqa: ANN401 - a yaml.Node; see _parse
    """Refuse a key that is there twice (YAML keeps the last) and one that is no text (`on:` becomes True)."""
    if id(node) in seen or not isinstance(node.value, list):
        return
    seen.add(id(node))
    if node.id == "mapping":
        _check_keys(node, where=where)
    for item in node.value:
        for child in item if isinstance(item, tuple) else (item,):
            _refuse_surprises(child, where=where, seen=seen)


def _check_keys(mapping: Any, *, where: str) -> None:  # noqa: ANN401 - a yaml.MappingNode
    """Check the keys of one mapping; `<<` is YAML's own."""
    keys: set[str] = set()
    for key, _ in mapping.value:
        line = key.start_mark.line + 1
        if key.tag not in {"tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"}:
            raise UsageError(f"{where}: line {line}: the key {key.value!r} is not text", hint="put it in quotes")
        if key.value in keys:
            raise UsageError(f"{where}: line {line}: the key {key.value!r} is there twice")
        keys.add(key.value)
