"""`recipeci doctor --abra` as a user runs it: the table, the exit code, the transcript."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from recipeci import schemas
from recipeci.contract import facts

from e2e.program import Recipeci

pytestmark = pytest.mark.cell


def test_the_built_in_abra_is_as_expected_and_the_transcript_has_all_that_was_asked(
    recipeci: Recipeci, folder: Path
) -> None:
    file = folder / "transcript.json"
    ended = recipeci.start_as_is("doctor", "--abra", "builtin", "--record", str(file), folder=folder / "r").end()
    assert (ended.code, ended.err) == (0, ""), ended.out
    known = facts.load()
    tested = {fact.id for fact in known if fact.test}
    assert f"{len(known)} facts: {len(tested)} as expected, {len(known) - len(tested)} not checked" in ended.out
    data: dict[str, Any] = json.loads(file.read_text())
    schemas.check("transcript", data, where=file.name)
    assert [check["fact"] for check in data["checks"]] == [fact.id for fact in known]
    assert {check["fact"] for check in data["checks"] if check["calls"]} == tested
    assert str(folder) not in file.read_text()
    assert "left out" not in file.read_text()
    assert [path.name for path in (recipeci.cache / "runs").iterdir()] == [".lock"]


def test_an_abra_that_does_nothing_differs_or_cannot_be_checked(recipeci: Recipeci, folder: Path) -> None:
    program = folder / "abra" / "abra"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\n[ "$1" != --version ] || echo "abra version 9.9.9"\n')
    program.chmod(0o755)
    ended = recipeci.start_as_is("doctor", "--abra", str(program), folder=folder / "r").end()
    assert ended.code == 1, ended.out + ended.err
    assert "version-line                    O     as expected" in ended.out
    broken = ended.out.partition("not as recipeci needs it: ")[2].splitlines()[0].split(", ")
    assert set(broken) >= {"new-moves-checkout", "chaos-version-digits", "restore-takes-the-latest"}
    assert "version-line" not in broken
