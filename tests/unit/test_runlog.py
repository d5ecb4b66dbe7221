"""report.runlog: what is kept of a run in its log, and what is not."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from recipeci.errors import HostError
from recipeci.report import runlog

from unit.logs import SECRET, in_log, knowing


def misspell() -> None:
    raise KeyError("x")


def fail() -> None:
    raise HostError("gone")


def test_nothing_in_the_log_can_look_like_a_line_of_ours(tmp_path: Path) -> None:
    def act() -> None:
        logging.getLogger("recipeci.x").info("a\n2026-01-01T00:00:00.000Z INFO    x: forged\r\x1b[2K")

    assert in_log(tmp_path / "run.log", act) == [
        "INFO    x: a",
        r"    2026-01-01T00:00:00.000Z INFO    x: forged\r\x1b[2K",
    ]


def test_after_the_block_nothing_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    assert in_log(path, lambda: None) == []
    logging.getLogger("recipeci.x").warning("later")
    assert path.read_text() == ""


def test_a_bug_leaves_its_traceback_and_says_where(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    with pytest.raises(KeyError) as caught:
        in_log(path, misspell)
    assert caught.value.__notes__ == [f"the traceback is in {path}"]
    assert "Traceback (most recent call last)" in path.read_text()


def test_an_error_that_is_no_bug_leaves_its_sentence_alone(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    with pytest.raises(HostError):
        in_log(path, fail)
    assert path.read_text().endswith("host: gone\n")
    assert "Traceback" not in path.read_text()


def test_a_full_disk_does_not_end_the_run_and_is_counted() -> None:
    with runlog.logged(Path("/dev/full")) as file:
        logging.getLogger("recipeci.x").info("lost")
        assert file.lost == 1


def test_the_end_of_a_log(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    assert runlog.tail(path) == ()
    path.write_text("".join(f"line {n} {'x' * 100}\n" for n in range(2000)))
    assert [text.split()[1] for text in runlog.tail(path, lines=3)] == ["1997", "1998", "1999"]


def test_no_secret_is_logged_also_not_by_a_traceback(tmp_path: Path) -> None:
    path, redactor = tmp_path / "run.log", knowing(SECRET, "a\x1bsecret with controls")
    log = logging.getLogger("recipeci.x")

    def act() -> None:
        log.debug("$ %s", f"mysql '-p{SECRET}'")
        log.info("a\x1bsecret with controls")
        raise RuntimeError(SECRET)

    with runlog.logged(path, redactor=redactor), pytest.raises(RuntimeError) as caught:
        act()
    with pytest.raises(RuntimeError), runlog.logged(path, redactor=redactor):
        raise caught.value
    lines = path.read_text()
    assert SECRET not in lines
    assert "secret with" not in lines
    assert "$ mysql '-p***'" in lines
    assert "RuntimeError: ***" in lines
