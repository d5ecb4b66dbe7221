"""Our own suite of the tier upgrade."""

from __future__ import annotations

from recipeci.author import App, OpState, Recipe
from recipeci.author.serving import assert_serving


def test_it_serves(app: App, recipe: Recipe) -> None:
    """The app answers by its public name."""
    assert_serving(app, recipe)


def test_what_runs_is_the_commit_under_test(op: OpState) -> None:
    """The label names the commit, and it is not what was there before."""
    assert op.op == "upgrade"
    assert op.after.chaos_version.removesuffix("+U") == op.head_ref[:8]
    assert (op.before.version, op.before.chaos_version) != (op.after.version, op.after.chaos_version)
