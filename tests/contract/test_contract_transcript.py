"""What is written down of a contract check, and host.abra over what was: the answers of an abra that is not here."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import replay
from recipeci import schemas
from recipeci.contract import facts, transcript
from recipeci.contract.facts import Fact, Mark
from recipeci.contract.recording import Call, Recorder
from recipeci.contract.results import Result, State
from recipeci.contract.suite import Done
from recipeci.contract.transcript import LEFT_OUT, Places
from recipeci.errors import AbraFailed, CommandFailed, CommandTimeout
from recipeci.host.abra import Abra, choose
from recipeci.host.command import LocalRunner
from recipeci.model import Outcome, Program
from recipeci.redact import Redactor

VALUE = "correct-horse-battery"
FACT = Fact("one", "it does", Mark.SEEN, test="one")
RESULT = Result(FACT, State.AS_EXPECTED, "in /home/me/lab/x")
CALL = Call(
    ("app", "secret", "generate", "d", "-a"),
    terminal=False,
    code=0,
    out=f"│ key │ {VALUE} │",
    err="in /home/me/lab/abra",
    seconds=1.0,
)
DONE = Done(RESULT, (CALL,), {"d_key_v1": VALUE.encode()}, "/home/me/lab")
PLACES = Places((("/home/me", "/home"),))
RECORDED = sorted(replay.TRANSCRIPTS.glob("*.json"))


def written(*done: Done, redactor: Redactor | None = None) -> tuple[str, dict[str, Any]]:
    abra, docker = Program("abra", "1"), Program("Docker", "26")
    text = transcript.as_json(done, abra=abra, docker=docker, places=PLACES, redactor=redactor or Redactor())
    return text, json.loads(text)


class NotRedacting(Redactor):
    """The mistake."""

    def mask(self, text: str) -> str:
        return text


class TestWriting:
    def test_values_are_masked(self) -> None:
        text, data = written(DONE)
        assert VALUE not in text
        assert data["checks"][0]["calls"][0]["out"] == "│ key │ *** │"

    def test_control_without_masking_they_are_there(self) -> None:
        assert VALUE in written(DONE, redactor=NotRedacting())[0]

    def test_where_a_value_is_not_known_nothing_that_could_hold_it_is_kept(self) -> None:
        other = dataclasses.replace(CALL, args=("app", "deploy", "d"), out="deployed")
        text, data = written(dataclasses.replace(DONE, secrets=None, calls=(CALL, other)))
        assert VALUE not in text
        assert [(call["out"], call["err"]) for call in data["checks"][0]["calls"]] == [
            ("", LEFT_OUT),
            ("deployed", "in /probe/abra"),
        ]

    def test_paths_are_replaced(self) -> None:
        text, data = written(DONE)
        assert "/home/me" not in text
        assert data["checks"][0]["seen"] == "in /probe/x"

    def test_a_call_that_hung_has_no_code(self) -> None:
        _, data = written(dataclasses.replace(DONE, calls=(dataclasses.replace(CALL, code=None),)))
        assert data["checks"][0]["calls"][0]["code"] is None


class TestRecorder:
    def test_a_call_is_kept_without_the_program_also_when_it_fails(self) -> None:
        recorder = Recorder(LocalRunner(), ("sh", "-c"))
        with pytest.raises(CommandFailed):
            recorder.run(["sh", "-c", "echo one; echo two >&2; exit 3"], timeout=20)
        (call,) = recorder.calls
        assert (call.args, call.code, call.out, call.err) == (("echo one; echo two >&2; exit 3",), 3, "one\n", "two\n")

    def test_one_that_hangs_is_kept_too(self) -> None:
        recorder = Recorder(LocalRunner(), ("sh", "-c"))
        with pytest.raises(CommandTimeout):
            recorder.run(["sh", "-c", "echo one; sleep 60"], timeout=0.5)
        assert (recorder.calls[0].code, recorder.calls[0].out) == (None, "one\n")


@pytest.fixture
def abra(tmp_path: Path) -> Abra:
    """host.abra over the abra that the transcript is of."""
    chosen = choose(str(replay.program(tmp_path, replay.TRANSCRIPTS / "miniabra.json")), None, runner=LocalRunner())
    folder = tmp_path / "lab" / "abra"
    folder.mkdir(parents=True)
    return Abra(chosen, runner=LocalRunner(), abra_dir=folder, docker_folder=tmp_path)


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
class TestRecorded:
    def test_it_fits_the_schema_and_knows_no_other_facts_than_ours(self, file: Path) -> None:
        data = json.loads(file.read_text())
        schemas.check("transcript", data, where=file.name)
        assert {check["fact"] for check in data["checks"]} <= {fact.id for fact in facts.load()}

    def test_every_check_asked_something(self, file: Path) -> None:
        tested = {fact.id for fact in facts.load() if fact.test}
        checks = json.loads(file.read_text())["checks"]
        assert [check["fact"] for check in checks if check["fact"] in tested and not check["calls"]] == []


class TestReplaying:
    def test_its_version_is_read(self, abra: Abra) -> None:
        assert abra.version() == Program("miniabra", "0.1.0", built_in=True)

    def test_an_apps_life_goes_through(self, abra: Abra) -> None:
        domain = "no-terminal-wanted.ci.test"
        abra.app_new("probe", domain=domain, version="1.11.0+1.0", chaos=False)
        abra.app_secret_generate(domain)
        abra.app_deploy(domain, version=None, chaos=True, timeout=20)
        abra.app_undeploy(domain)
        abra.app_volume_remove(domain)
        abra.app_secret_remove(domain)

    @pytest.mark.parametrize(
        ("fact", "reason"),
        [
            ("missing-secret-named", "secret not generated: key"),
            ("missing-insert-named", "secret not inserted (#generate=false): key"),
            ("missing-file-refused", "probe: no compose file compose.none.yml"),
        ],
    )
    def test_the_reason_of_a_refusal_is_its_fata_line(self, abra: Abra, fact: str, reason: str) -> None:
        with pytest.raises(AbraFailed) as caught:
            abra.app_deploy(f"{fact}.ci.test", version=None, chaos=True, timeout=20)
        assert (caught.value.code, caught.value.reason) == (1, reason)

    def test_the_table_of_lint_is_read(self, abra: Abra) -> None:
        table = abra.recipe_lint("probe")
        assert (len(table.rows), table.problem) == (16, "")
        assert table.outcome is Outcome.PASS

    def test_a_broken_rule_is_read(self, abra: Abra) -> None:
        outcomes = {abra.recipe_lint("probe").outcome for _ in range(2)}
        assert Outcome.FAIL in outcomes

    def test_a_backup_and_a_restore_go_through(self, abra: Abra) -> None:
        abra.app_backup_create("backup-takes-chaos.ci.test", timeout=20)
        assert abra.app_backup_snapshots("backup-takes-chaos.ci.test")
        abra.app_restore("backup-takes-chaos.ci.test", timeout=20)

    def test_a_backup_that_failed_says_why(self, abra: Abra) -> None:
        with pytest.raises(AbraFailed, match="exit status 1"):
            abra.app_backup_create("backup-code-counts.ci.test", timeout=20)

    def test_what_was_not_recorded_is_refused(self, abra: Abra) -> None:
        with pytest.raises(AbraFailed, match="not recorded: app undeploy nobody") as caught:
            abra.app_undeploy("nobody")
        assert caught.value.code == 99

    def test_an_answer_is_given_once(self, abra: Abra) -> None:
        domain = "undeploy-returns-early.ci.test"
        abra.app_undeploy(domain)
        with pytest.raises(AbraFailed, match="not recorded"):
            abra.app_undeploy(domain)
