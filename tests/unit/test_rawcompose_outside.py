"""recipe.rawcompose: files that Docker's client would read from the machine it runs on."""

from __future__ import annotations

import pytest
from recipeci.recipe import rawcompose


@pytest.mark.parametrize("given", ["/etc/shadow", "../../../etc/shadow", "a/../../b", "${WHERE}/x"])
@pytest.mark.parametrize("form", [lambda path: path, lambda path: [path], lambda path: [{"path": path}]])
def test_an_env_file_that_leaves_the_recipe_is_found(given: str, form: object) -> None:
    assert callable(form)
    raw = {"services": {"app": {"env_file": form(given)}}}
    assert list(rawcompose.outside(raw)) == [("services.app.env_file", given)]


@pytest.mark.parametrize("given", [None, "app.env", ["app.env", "conf/db.env"], [{"path": "app.env"}]])
def test_an_env_file_of_the_recipes_own_is_not(given: object) -> None:
    assert list(rawcompose.outside({"services": {"app": {"env_file": given}}})) == []
