"""recipeci.schemas: what is refused, and in which words."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from recipeci import schemas
from recipeci.errors import UsageError

NAMES = sorted(
    file.name.removesuffix(".json")
    for file in importlib.resources.files(schemas).iterdir()
    if file.name.endswith(".json")
)
NUL = "a NUL character (\\0), which no path, argument or variable can hold"


def settings(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.yml"
    path.write_text(text, encoding="utf-8")
    return path


def objects(schema: object) -> Iterator[dict[str, Any]]:
    """Yield every part of a schema that describes a mapping."""
    if isinstance(schema, dict):
        if "properties" in schema or "object" in str(schema.get("type", "")):
            yield schema
        for part in schema.values():
            yield from objects(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from objects(part)


def test_the_schemas_are_found() -> None:
    assert {"settings", "report", "manifest"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_one_itself_and_has_a_versioned_id(name: str) -> None:
    schema = schemas.load(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["$id"] == f"urn:recipeci:{name}:1"


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_allows_no_key_that_it_does_not_name(name: str) -> None:
    open_ones = [part for part in objects(schemas.load(name)) if "additionalProperties" not in part]
    assert open_ones == []


def test_the_search_for_open_mappings_finds_one() -> None:
    assert list(objects({"items": [{"type": "object"}]})) == [{"type": "object"}]


def test_what_fits_is_returned(tmp_path: Path) -> None:
    path = settings(tmp_path, "forge: https://forge.test/recipes\nabra: {program: builtin}\n")
    assert schemas.load_yaml(path, "settings") == {
        "forge": "https://forge.test/recipes",
        "abra": {"program": "builtin"},
    }


@pytest.mark.parametrize("text", ["", "---\n", "# nothing\n"])
def test_an_empty_file_is_an_empty_mapping(tmp_path: Path, text: str) -> None:
    assert schemas.load_yaml(settings(tmp_path, text), "settings") == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("forg: x", "unknown key 'forg'; did you mean 'forge'?"),
        (
            "zzz: x",
            (
                "unknown key 'zzz'; known: forge, database, bridge, work, cache, images, overlays, authors, abra,"
                " docker, source, store, runs"
            ),
        ),
        ("abra: {programm: x}", "abra: unknown key 'programm'; did you mean 'program'?"),
        ("runs: {keep_days: 5d}", "runs.keep_days: needs a whole number, not the text '5d'"),
        ("runs: {keep_days: -1}", "runs.keep_days: -1 is less than the minimum of 0"),
        ("cache: relative", "cache: 'relative' does not fit: a path that begins with / or ~/"),
        ("- a", "needs a mapping (key: value), not a list"),
        ("cache: /a\nforge: https://x/y\ncache: /b", "line 3: the key 'cache' is there twice"),
        ('cache: "/a\\0b"', f"cache: {NUL}: take it out"),
        ('overlays: "/\\udcff"', "overlays: the half of a character (\\udcff), which no file can hold: take it out"),
        ('abra: {"a\\0": x}', f"abra: the key 'a\\x00' has {NUL}: take it out"),
        ("store: {keep_gb: .nan}", "store.keep_gb: nan is no number to count with: write another"),
        ("runs: {min_free_gb: -.inf}", "runs.min_free_gb: -inf is no number to count with: write another"),
        ("source: {max_gb: 1.0e+308}", "source.max_gb: 1e+308 is no number to count with: write another"),
        (f"runs: {{min_free_gb: {'9' * 400}}}", "runs.min_free_gb: this is no number to count with: write another"),
        ("zzz: [1, &a [x, *a, .inf]]", "zzz[1][2]: inf is no number to count with: write another"),
        ("on: x", "line 1: the key 'on' is not text"),
        ("abra:\n  1: x", "line 2: the key '1' is not text"),
    ],
)
def test_what_does_not_fit_is_one_sentence_with_the_place(tmp_path: Path, text: str, sentence: str) -> None:
    path = settings(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        schemas.load_yaml(path, "settings")
    assert caught.value.message == f"{path}: {sentence}"


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "\t- x", "x: !!python/object:os.system {}", "[" * 3000])
def test_what_is_no_yaml_is_one_line(tmp_path: Path, text: str) -> None:
    path = settings(tmp_path, text)
    with pytest.raises(UsageError, match=r"is not YAML: \S") as caught:
        schemas.load_yaml(path, "settings")
    assert "\n" not in caught.value.message


def test_bytes_that_are_no_utf8_are_no_yaml(tmp_path: Path) -> None:
    path = tmp_path / "settings.yml"
    path.write_bytes(b"forge: \xff\n")
    with pytest.raises(UsageError, match="is not YAML"):
        schemas.load_yaml(path, "settings")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.yml: No such file"):
        schemas.load_yaml(tmp_path / "none.yml", "settings")


def test_a_merged_mapping_may_be_overridden(tmp_path: Path) -> None:
    path = settings(tmp_path, "abra: &a {program: builtin}\nabra2: {<<: *a, program: x}\n")
    with pytest.raises(UsageError, match="unknown key 'abra2'"):
        schemas.load_yaml(path, "settings")


def test_schemas_are_json_without_a_key_twice() -> None:
    def pairs(items: list[tuple[str, object]]) -> dict[str, object]:
        assert len(dict(items)) == len(items), items
        return dict(items)

    for name in NAMES:
        text = importlib.resources.files(schemas).joinpath(f"{name}.json").read_text()
        json.loads(text, object_pairs_hook=pairs)
