"""Our own suite of the tier restore."""

from __future__ import annotations

from recipeci.author import App, OpState, Recipe
from recipeci.author.serving import assert_serving


def test_it_serves(app: App, recipe: Recipe) -> None:
    """The app answers by its public name."""
    assert_serving(app, recipe)


def test_what_was_restored_is_still_the_same_deployment(op: OpState) -> None:
    """A restore brings data back, and neither another version nor other services."""
    assert op.op == "restore"
    assert op.snapshot_id
    assert (op.after.version, op.after.chaos_version) == (op.before.version, op.before.chaos_version)
    assert op.after.services.keys() == op.before.services.keys()
