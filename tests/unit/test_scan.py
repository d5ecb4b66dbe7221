"""report.scan and report.pieces: late secrets are masked; what is found in pieces is withheld, and is a failure."""

from __future__ import annotations

import dataclasses
import io
import json
import logging
import resource
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from recipeci.host.clock import SystemClock
from recipeci.model import Outcome, Report, RunError, SecretScan, SuiteResult, TestResult, Tier, TierResult
from recipeci.redact import Redactor
from recipeci.report import runlog, scan, texts
from recipeci.report.console import Console
from recipeci.report.pieces import scanner

from unit.reports import PASSED

SECRET = "k7Hq-Xw2mP"
PHRASE = "correct horse battery"
STAMP = "2026-01-02T03:04:05.678Z DEBUG   host.abra: "


def knowing(**values: str) -> Redactor:
    redactor = Redactor()
    for name, value in values.items():
        redactor.add(name, value)
    return redactor


def draft(**fields: Any) -> scan.Draft:  # noqa: ANN401 - fields of a report
    """Return what makes a report, of which the scan decides the verdict as run.verdict does."""

    def made(found: SecretScan | None) -> Report:
        outcome = Outcome.UNVERIFIED if found is None else Outcome.FAIL if found.found else Outcome.PASS
        report: Report = dataclasses.replace(PASSED, secrets=found, verdict=outcome, **fields)
        return report

    return made


def run_folder(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "run"
    for name, words in {"state/manifest.json": "{}\n", **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(words)
    (folder / "state" / "lock").touch()
    return folder


def everything(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


SUITE = "recipeci overlay /srv/overlays/of/the/operator/custom-html/custom/test_pages.py"
PIECES = {
    "over lines": "k7Hq-\nXw2mP",
    "a letter a line": "\n".join(SECRET),
    "over lines of the log": f"{STAMP}k7Hq-\n{STAMP}Xw2mP",
    "over lines that abra said": f"{STAMP}abra: k7Hq-\n{STAMP}abra: Xw2mP",
    "over lines that a suite said": f"{STAMP}{SUITE} | k7Hq\n{STAMP}{SUITE} | -Xw2mP",
    "over lines that a service said": "failed:\napp | k7Hq\napp | -Xw2mP",
    "over indented lines": f"{STAMP}k7Hq-\n    Xw2mP",
    "with blanks": "k7Hq - Xw2mP",
    "with a blank after each letter": " ".join(SECRET),
    "with colours": "k7Hq\x1b[1;31m-Xw2\x1b[0mmP",
    "with colours as they are shown": r"k7Hq\x1b[1;31m-Xw2\x1b[0mmP",
    "with colours in JSON": json.dumps("k7Hq\x1b[1;31m-Xw2\x1b[0mmP"),
    "with a title": "k7Hq\x1b]0;title\x07-Xw2mP",
    "with a title as it is shown": r"k7Hq\x1b]0;title\x07-Xw2mP",
    "over lines in JSON": json.dumps("k7Hq-\n  Xw2mP\n"),
    "over lines in an attribute": "k7Hq-&#10;Xw2mP",
    "with a carriage return": "k7Hq-\rXw2mP",
    "with a carriage return as it is shown": r"k7Hq-\rXw2mP",
    "with what nobody sees": "k7Hq\u200b-Xw\u2060\ufeff2mP",
    "with what nobody sees in JSON": json.dumps("k7Hq\u200b-Xw\u20602mP"),
    "hex over lines": "\n".join(f"{byte:02x}" for byte in SECRET.encode()),
    "base64 over lines": "azdIcS\n1YdzJt\nUA==",
    "over lines and windows' ends": "k7Hq-\r\nXw2mP",
}


@pytest.mark.parametrize("way", PIECES)
def test_a_secret_in_pieces_is_found(way: str) -> None:
    look = scanner(knowing(token=SECRET, phrase=PHRASE))
    assert look.names([f"before\n{PIECES[way]}\nafter\n".encode()]) == {"token"}


@pytest.mark.parametrize(
    "words",
    [
        "k7Hq-\nsomething else\nXw2mP",
        "k7Hq Xw2mP",
        f"{STAMP}all is well\n{STAMP}still",
        "***",
    ],
)
def test_nothing_is_found_where_there_is_nothing(words: str) -> None:
    assert scanner(knowing(token=SECRET, phrase=PHRASE)).names([words.encode()]) == frozenset()


def test_words_of_a_sentence_are_no_pieces_of_a_secret_of_letters_alone() -> None:
    look = scanner(knowing(token="newpassword"))
    assert look.names([b"set a new password"]) == frozenset()
    assert look.names([b"newpass\nword"]) == {"token"}


def test_pieces_in_two_blocks_are_found() -> None:
    look = scanner(knowing(token=SECRET))
    assert look.names([b"x" * 100 + b"\nk7H\n", b"q-Xw2mP\n"]) == {"token"}
    assert look.names([b"x" * 100 + b" k7H", b"q-Xw2mP\n"]) == {"token"}


def test_a_run_without_secrets_has_four_artifacts_and_nothing_to_find(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, **{"run.log": "all is well\n"})
    report = scan.finished(draft(), folder=folder, redactor=Redactor())
    assert report.secrets == SecretScan(known=0, found=0, artifacts=4)
    assert json.loads((folder / "report.json").read_text())["secrets"]["artifacts"] == 4
    assert (folder / "run.log").read_text() == "all is well\n"


def test_a_secret_that_was_learned_late_is_masked_everywhere_and_not_found(tmp_path: Path) -> None:
    folder = run_folder(
        tmp_path, **{"run.log": f"$ abra {SECRET}\n", "state/op.json": json.dumps({"a": SECRET}), "cell/x": SECRET}
    )
    tiers = (TierResult(Tier.INSTALL, Outcome.PASS, f"app | {SECRET}"),)
    report = scan.finished(draft(tiers=tiers, notes=(SECRET,)), folder=folder, redactor=knowing(token=SECRET))
    assert report.secrets == SecretScan(known=1, found=0, artifacts=5)
    assert (report.tiers[0].reason, report.notes) == ("app | ***", ("***",))
    assert (folder / "run.log").read_text() == "$ abra ***\n"
    assert json.loads((folder / "state/op.json").read_text()) == {"a": "***"}
    assert (folder / "cell/x").read_text() == SECRET  # no artifact: it is removed with the cell
    assert SECRET not in (folder / "report.json").read_text() + (folder / "junit.xml").read_text()


def test_a_file_with_a_secret_in_pieces_is_withheld_and_the_run_fails(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, **{"run.log": f"{STAMP}k7Hq-\n{STAMP}Xw2mP\n", "state/a.txt": " ".join(SECRET)})
    report = scan.finished(draft(), folder=folder, redactor=knowing(token=SECRET, other="another-secret"))
    assert report.secrets == SecretScan(
        2, 1, 5, where=("token in run.log (lines 1 to 2)", "token in state/a.txt (line 1)")
    )
    assert report.verdict is Outcome.FAIL
    for name, place in {"run.log": "lines 1 to 2", "state/a.txt": "line 1"}.items():
        assert (folder / name).read_text() == f"withheld: it held the secret token ({place})\n"
    (verdict,) = ET.fromstring((folder / "junit.xml").read_text()).iterfind("testsuite[@name='run']/*/*")  # noqa: S314 - ours
    assert verdict.text == "\n".join(f"secret found: {where}" for where in report.secrets.where)


def logged(folder: Path, act: Callable[[Console], None]) -> str:
    """Return where the scan says that the secret was in a log, after 300 lines of other things."""
    console = Console(clock=SystemClock(), stream=io.StringIO())
    with runlog.logged(run_folder(folder) / "run.log", redactor=Redactor()):
        with console.phase("images"):
            for number in range(300):
                logging.getLogger("recipeci.x").info("line %s %s", number, "x" * 1000)
        act(console)
        console.say("after")
    report = scan.finished(draft(), folder=folder / "run", redactor=knowing(token=SECRET))
    assert report.secrets is not None
    (where,) = report.secrets.where
    assert (
        folder / "run" / "run.log"
    ).read_text() == f"withheld: it held the secret {where.replace('in run.log ', '')}\n"
    return where


def say_in_pieces(_console: Console) -> None:
    logging.getLogger("recipeci.x").info("app | k7Hq-\napp | Xw2mP")


def say_in_a_suite(console: Console) -> None:
    with console.tier(Tier.CUSTOM, header="x"), console.phase("repo overlay test_x.py"):
        with console.phase("inner"):
            pass
        say_in_pieces(console)


def test_it_is_said_in_which_lines_and_in_which_phase_a_secret_was(tmp_path: Path) -> None:
    of_suite, place = logged(tmp_path / "a", say_in_a_suite), "token in run.log (lines"
    assert of_suite == f"{place} 309 to 310, during repo overlay test_x.py of custom)"
    assert logged(tmp_path / "b", say_in_pieces) == f"{place} 304 to 305)"


def test_a_text_of_the_report_with_a_secret_in_pieces_is_withheld(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, **{"run.log": "well\n"})
    test = TestResult("test_x", Outcome.FAIL, message="k7Hq-\nXw2mP")
    tiers = (
        TierResult(Tier.CUSTOM, Outcome.FAIL, "fine", suites=(SuiteResult("repo", "x.py", Outcome.FAIL, (test,)),)),
    )
    report = scan.finished(draft(tiers=tiers), folder=folder, redactor=knowing(token=SECRET))
    assert report.secrets == SecretScan(1, 1, 4, where=("token in report.json",))
    assert report.tiers[0].suites[0].tests[0].message == "withheld: it held the secret token"
    assert (report.tiers[0].reason, report.verdict) == ("fine", Outcome.FAIL)
    assert "Xw2mP" not in everything(folder)


def test_texts_that_hold_a_secret_only_together_are_all_withheld(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, **{"run.log": "well\n"})
    fields = {"errors": (RunError("k7Hq", "x", "y"),)}
    value = 'k7Hq",\n      "message": "x'  # what stands in report.json between two texts
    report = scan.finished(draft(**fields), folder=folder, redactor=knowing(token=value))
    assert report.secrets is not None
    assert (report.secrets.found, report.verdict, report.recipe) == (1, Outcome.FAIL, PASSED.recipe)
    assert report.errors[0].message.startswith("withheld")
    assert "k7Hq" not in everything(folder)


def test_what_is_logged_meanwhile_comes_after_what_was_masked(tmp_path: Path) -> None:
    folder, redactor = run_folder(tmp_path), Redactor()
    log = logging.getLogger("recipeci.x")
    with runlog.logged(folder / "run.log", redactor=redactor):
        log.info("generated %s", SECRET)
        redactor.add("token", SECRET)
        scan.finished(draft(), folder=folder, redactor=redactor)
        log.info("summary")
    lines = (folder / "run.log").read_text().splitlines()
    assert [line.partition(": ")[2] for line in lines] == ["generated ***", "summary"]


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file of this process may have more than 100 kB, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_cannot_be_masked_leaves_the_run_unverified(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder = run_folder(tmp_path, **{"run.log": f"{'x' * 99}\n" * 3000})
    request.getfixturevalue("small_files")
    report = scan.finished(draft(), folder=folder, redactor=knowing(token=SECRET))
    assert (report.secrets, report.verdict) == (None, Outcome.UNVERIFIED)
    assert "the artifacts could not be scanned" in report.notes[-1]


def test_a_report_that_cannot_be_written_can_still_be_had(tmp_path: Path) -> None:
    folder, redactor = run_folder(tmp_path, **{"run.log": SECRET}), knowing(token=SECRET)
    (folder / ".report.json.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        scan.finished(draft(), folder=folder, redactor=redactor)
    assert scan.scanned(draft(), folder=folder, redactor=redactor).verdict is Outcome.PASS
    assert SECRET not in (folder / "run.log").read_text()


def test_a_large_file_is_masked_and_scanned_in_blocks(tmp_path: Path) -> None:
    line = "x" * 1000 + "\n"
    folder = run_folder(tmp_path, **{"run.log": line * 1040 + f"x{SECRET}x\n" * 1000 + line * 1050})
    report = scan.finished(draft(), folder=folder, redactor=knowing(token=SECRET))
    assert report.secrets is not None
    assert report.secrets.found == 0
    assert (folder / "run.log").read_text() == line * 1040 + "x***x\n" * 1000 + line * 1050


def test_the_names_of_a_report_that_the_run_sets_stay() -> None:
    shown = texts.changed(PASSED, lambda _: "y")
    assert (shown.recipe, shown.run_id, shown.verdict) == (PASSED.recipe, PASSED.run_id, PASSED.verdict)
    assert shown.target == dataclasses.replace(PASSED.target, version=None) if PASSED.target else False
    assert {suite.source for tier in shown.tiers for suite in tier.suites} == {"generic", "recipeci"}
    assert {suite.path for tier in shown.tiers for suite in tier.suites} == {"y"}
    assert (shown.source, shown.domain, shown.programs["abra"].name) == ("y", "y", "y")


def test_a_secret_whose_name_holds_it_is_not_told_by_its_name(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, **{"run.log": "k7Hq-\nXw2mP\n"})
    report = scan.finished(draft(), folder=folder, redactor=knowing(**{SECRET: SECRET}))
    assert report.secrets is not None
    assert report.secrets.where == ("*** in run.log (lines 1 to 2)",)
    assert "Xw2mP" not in everything(folder)


def test_what_is_not_masked_is_listed_with_the_reason(tmp_path: Path) -> None:
    redactor = knowing(pin="1234", token=SECRET)
    redactor.unknown("gone_v1", "no running task showed its value")
    report = scan.finished(draft(), folder=run_folder(tmp_path, **{"run.log": "1234\n"}), redactor=redactor)
    listed = ("gone_v1 (no running task showed its value)", "pin (shorter than 8 bytes)")
    assert report.secrets == SecretScan(1, 0, 4, not_masked=listed)
