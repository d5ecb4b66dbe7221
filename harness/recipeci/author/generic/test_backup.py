"""Our own suite of the tier backup."""

from __future__ import annotations

from recipeci.author import App, OpState, Recipe, Seen
from recipeci.author.serving import assert_serving


def test_it_serves(app: App, recipe: Recipe) -> None:
    """The app answers by its public name."""
    assert_serving(app, recipe)


def test_there_is_a_snapshot_and_the_deployment_is_what_it_was(op: OpState) -> None:
    """A backup makes a snapshot, and changes neither the version nor what any service runs."""
    assert op.op == "backup"
    assert op.snapshot_id
    assert (op.after.version, op.after.chaos_version) == (op.before.version, op.before.chaos_version)
    assert images(op.after) == images(op.before)


def images(seen: Seen) -> dict[str, str]:
    """Return the image of each service."""
    return {name: service.image for name, service in seen.services.items()}
