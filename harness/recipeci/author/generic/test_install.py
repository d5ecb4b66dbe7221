"""Our own suite of the tier install."""

from __future__ import annotations

from recipeci.author import App, OpState, Recipe
from recipeci.author.serving import assert_serving


def test_it_serves(app: App, recipe: Recipe) -> None:
    """The app answers by its public name."""
    assert_serving(app, recipe)


def test_services_run(op: OpState) -> None:
    """Something was deployed, and it says of which recipe it is."""
    assert op.op == "deploy"
    assert op.after.services
    assert op.after.version or op.after.chaos_version
