"""The only place that makes a page of documentation from a schema, so that page and program are of one mind.

    python -m recipeci.schemas.page recipe > docs/recipe-yml.md

The schema's `title` and `description` begin the page, the first example of each top key makes a file with everything,
and each key has a row: its `default`, the form of its value, its `description`. `"$comment": "later"` marks what is
not used yet.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from recipeci import schemas

Json = Mapping[str, Any]
LATER = "Checked, and used by a later version."
HEAD = "| key | default | value | what it says |\n| --- | --- | --- | --- |"


def page(name: str) -> str:
    """Return the page of one schema of the package by its name without `.json`, as Markdown."""
    schema = schemas.load(name)
    made = f"<!-- Made from schemas/{name}.json: python -m recipeci.schemas.page {name} -->"
    rows = "\n".join(_rows(schema, schema, above=""))
    example = f"```yaml\n{_example(schema)}```"
    parts = [made, f"# {schema['title']}", schema["description"], example, "## Keys", f"{HEAD}\n{rows}"]
    return "\n\n".join(parts) + "\n"


def _example(schema: Json) -> str:
    """Return a file with every top key; flow style keeps it short, and is YAML as well as JSON is."""
    return "".join(f"{key}: {_flow(part['examples'][0])}\n" for key, part in schema["properties"].items())


def _flow(value: object) -> str:
    """Return a value as YAML on one line, without the quotes that are not needed."""
    import yaml  # noqa: PLC0415 - as in schemas

    dumped = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)
    return dumped.removesuffix("\n").removesuffix("\n...")


def _rows(part: Json, schema: Json, *, above: str) -> Iterator[str]:
    """Yield a row for every key in a mapping, and for the keys of those that are mappings."""
    for key, own in part.get("properties", {}).items():
        dotted = f"{above}{key}"
        default = f"`{_flow(own['default'])}`" if "default" in own else ""
        yield f"| `{dotted}` | {default} | {_form(own, schema)} | {_meaning(own)} |"
        if not _alike(own):
            inner = own.get("items", own)
            yield from _rows(inner, schema, above=f"{dotted}[]." if "items" in own else f"{dotted}.")


def _alike(part: Json) -> bool:
    """Return whether the keys of a mapping have the same form, and nothing is said of a single one."""
    keys = list(part.get("properties", {}).values())
    return len(keys) > 1 and all(own.keys() == {"$ref"} and own == keys[0] for own in keys)


def _meaning(part: Json) -> str:
    """Return what a key says."""
    later = LATER if part.get("$comment") == "later" else ""
    return " ".join(filter(None, (part.get("description", ""), later)))


def _form(part: Json, schema: Json) -> str:
    """Say what a value looks like."""
    if "$ref" in part:
        return _said(_defined(part["$ref"], schema), schema)
    if "anyOf" in part:
        return " or ".join(_form(one, schema) for one in part["anyOf"])
    if "items" in part:
        return f"a list, each {_form(part['items'], schema)}"
    if "additionalProperties" in part:
        return _mapping(part, schema)
    kinds = [part["type"]] if isinstance(part["type"], str) else part["type"]
    return " or ".join(schemas.KINDS[kind] for kind in kinds) + _range(part)


def _said(part: Json, schema: Json) -> str:
    """Say it in the schema's own words, which are those of the sentence that refuses a wrong value."""
    return str(part["description"]) if "description" in part else _form(part, schema)


def _mapping(part: Json, schema: Json) -> str:
    """Say what the keys of a mapping are, if they are not known ones with rows of their own."""
    if _alike(part):
        keys = ", ".join(f"`{key}`" for key in part["properties"])
        return f"a mapping: {keys} → {_form(next(iter(part['properties'].values())), schema)}"
    if part["additionalProperties"] is False:
        return "a mapping"
    names = part.get("propertyNames", {})
    names = _defined(names["$ref"], schema) if "$ref" in names else names
    keys = names.get("description", "a name")
    inner = part["additionalProperties"]
    choices = " or ".join(f"`{key}`" for key in inner.get("properties", {}))
    return f"a mapping: {keys} → {f'a mapping with {choices}' if choices else _said(inner, schema)}"


def _range(part: Json) -> str:
    """Say between which numbers a value is."""
    low = part.get("minimum", part.get("exclusiveMinimum"))
    high = part.get("maximum")
    if low is None or high is None:
        return ""
    return f", {low} to {high}" if "minimum" in part else f", above {low} and up to {high}"


def _defined(ref: str, schema: Json) -> Json:
    """Return a definition of the schema."""
    found: Json = schema["$defs"][ref.removeprefix("#/$defs/")]
    return found


if __name__ == "__main__":
    sys.stdout.write(page(sys.argv[1]))
