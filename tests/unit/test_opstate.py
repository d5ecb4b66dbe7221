"""run.opstate: what suites read is what was written, and fits its schema."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from recipeci.author.state import op_state
from recipeci.errors import UsageError
from recipeci.host.below import Below
from recipeci.op_state import OpState, Seen, ServiceSeen
from recipeci.run import opstate

from unit.builders import IMAGE, STACK, look, service

AFTER = Seen("1.0.0+1", "01234567", {"app": ServiceSeen(IMAGE, 7)})
STATE = OpState(
    op="upgrade",
    recipe="x",
    domain="a1b2c3.ci.test",
    before=Seen(),
    after=AFTER,
    head_ref="0123456789" * 4,
    base="1.0.0+1",
    snapshot_id="",
    started="2026-01-01T12:00:00Z",
    ended="2026-01-01T12:00:01Z",
)


def test_what_is_written_is_read_by_the_child_and_frozen(tmp_path: Path) -> None:
    opstate.write(STATE, tmp_path / "op-state.json", below=Below(tmp_path))
    read = op_state(tmp_path / "op-state.json")
    assert read == STATE
    with pytest.raises(TypeError):
        read.after.services["app"] = ServiceSeen("other", 1)  # type: ignore[index]


@pytest.mark.parametrize(
    "wrong",
    [{"op": "rm"}, {"head_ref": "0123"}, {"started": "now"}, {"recipe": ""}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_does_not_fit_is_not_written(tmp_path: Path, wrong: dict[str, str]) -> None:
    state = dataclasses.replace(STATE, **wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        opstate.write(state, tmp_path / "op-state.json", below=Below(tmp_path))
    assert not list(tmp_path.iterdir())


def test_what_is_seen_of_a_stack() -> None:
    found = service("app")
    labels = {f"coop-cloud.{STACK}.version": "1.0.0+1", f"coop-cloud.{STACK}.chaos-version": "01234567"}
    seen = opstate.seen(look(dataclasses.replace(found, labels=labels)), stack=STACK)
    assert seen == Seen("1.0.0+1", "01234567", {"app": ServiceSeen(found.image, found.spec_version)})
    assert opstate.seen(look(), stack=STACK) == Seen()
