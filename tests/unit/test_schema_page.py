"""schemas.page: docs/recipe-yml.md is what the schema says, and the schema says what the program does."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from recipeci import schemas
from recipeci.host.command import LocalRunner
from recipeci.recipe.metadata import RecipeMeta, Screenshot, read
from recipeci.schemas.page import LATER, page

DOCS = Path(__file__).parents[2] / "docs"
PROPERTIES = schemas.load("recipe")["properties"]


def test_the_page_is_made_from_the_schema() -> None:
    made = LocalRunner().run([sys.executable, "-m", "recipeci.schemas.page", "recipe"], timeout=60).out
    assert made == page("recipe")
    assert (DOCS / "recipe-yml.md").read_text() == made, "python -m recipeci.schemas.page recipe > docs/recipe-yml.md"


@pytest.mark.parametrize("key", PROPERTIES)
def test_every_key_has_an_example_that_is_right_and_something_to_say(key: str) -> None:
    schemas.check("recipe", {key: PROPERTIES[key]["examples"][0]}, where="the example")
    said = [PROPERTIES[key], *PROPERTIES[key].get("properties", {}).values()]
    assert any(part.get("description") for part in said)


def defaults(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return a file of all defaults that a schema names."""
    found = {}
    for key, part in properties.items():
        if "default" in part:
            found[key] = part["default"]
        elif inner := defaults(part.get("properties", {})):
            found[key] = inner
    return found


def test_the_defaults_of_the_schema_are_those_of_the_program() -> None:
    named = defaults(PROPERTIES)
    schemas.check("recipe", named, where="the defaults")
    assert {"http", "probes", "timeouts", "deadline", "base", "network", "screenshot"} <= named.keys()
    assert read(named, where=Path("recipe.yml")) == RecipeMeta(screenshot=Screenshot())


def test_a_default_that_is_not_the_programs_is_found() -> None:
    assert read({"timeouts": {"deploy": 601}}, where=Path("recipe.yml")) != RecipeMeta()


@pytest.mark.parametrize(
    "row",
    [
        "| `http.accept` | `[200]` | a list, each a whole number, 100 to 599 | The codes",
        "| `http.host` | `null` | a name of lower-case letters, digits, hyphens and dots or nothing | Another",
        "| `timeouts.suite` | `300` | a number, above 0 and up to 86400 | Each suite",
        "| `probes` | `[]` | a list | Ports that must accept connections, for services without HTTP; any is refused",
        "| `skip` |  | a mapping: `upgrade`, `backup`, `restore`, `custom` → a reason in words | Tiers that",
        "| `secrets` |  | a mapping: a name of lower-case letters, digits, _ and hyphens → a mapping with `value` or",
        "| `env_base` |  | a mapping: a name of letters, digits and _ that begins with no digit → one line of",
    ],
)
def test_a_row_says_default_form_and_meaning(row: str) -> None:
    assert [line for line in page("recipe").splitlines() if line.startswith(row)]


def test_what_nothing_uses_yet_says_so() -> None:
    rows = [line for line in page("recipe").splitlines() if LATER in line]
    assert {row.split("`")[1] for row in rows} == {"probes", "network", "screenshot"}
