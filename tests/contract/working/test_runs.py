"""service.worker with real processes: what a run is given, what of it is brought back, and who comes first."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from recipeci.model import Tier
from recipeci.service.carrying import PACKAGES
from recipeci.service.model import End, JobState
from recipeci.service.store import jobs
from unit.nobody import NEEDS_ROOT, NOBODY, host

from working import lab
from working.lab import CLOCK, HEADS, Lab, sha, soon


def test_a_run_is_given_what_was_asked_for_and_nothing_else(bridge: Lab) -> None:
    bridge.start()
    number = bridge.ask(1, pull=12, stages=(Tier.INSTALL, Tier.UPGRADE))
    assert bridge.ended(number).end is End.PASS
    (began,) = bridge.journal()
    (folder,) = (bridge.folder / "jobs").iterdir()
    assert folder.name.startswith("1.1-")
    assert began["argv"] == [
        *("--recipe", "web", "--source", "https://forge.test/coop/7.git", "--code-source", HEADS),
        *("--ref", sha(1), "--stages", "install,upgrade", "--out", str(folder / "run"), "--pr", "12"),
        *("--config", "/etc/settings.yml", "--clone-credential", "/etc/clone"),
    ]
    assert began["env"] == {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "HOME": "/nonexistent",
        "https_proxy": "http://proxy.test",
        "PYTHONPATH": str(PACKAGES),
    }
    assert folder.stat().st_mode & 0o077 == 0


def test_the_head_of_a_deleted_fork_is_nobodys_code(bridge: Lab) -> None:
    bridge.start()
    bridge.ended(bridge.ask(1, head_url=None))
    argv = bridge.journal()[0]["argv"]
    assert argv[argv.index("--code-source") + 1] == "none"


def test_what_a_run_prints_is_shown_while_it_goes_on(bridge: Lab) -> None:
    bridge.order(prints=["checkout 0.1 s", "b\x1b[31mad\u202e"])
    bridge.hold()
    bridge.start()
    number = bridge.ask(1)
    bridge.running(number)
    shown = bridge.follow(lambda: bridge.log(number), what="the log")
    assert shown == "checkout 0.1 s\nb\\x1b[31mad\\u202e\n"
    assert bridge.state(number) is JobState.RUNNING
    bridge.release()
    bridge.ended(number)
    assert bridge.log(number).startswith(shown)


@pytest.mark.parametrize(
    ("order", "end", "reason"),
    [
        ({}, End.PASS, "pass"),
        ({"code": 1}, End.FAIL, ""),
        ({"code": 3}, End.ERROR, "the run ended with 3"),
        ({"report": "none", "code": 3, "complains": "x\nrecipeci: no such host\n  → look"}, End.ERROR, "no such host"),
        ({"report": "none", "code": 9, "complains": "Segmentation\n fault \n\n"}, End.ERROR, "fault"),
        ({"report": "none"}, End.ERROR, "the run ended with 0 and left no report"),
        ({"report": "link"}, End.ERROR, "its report.json cannot be read: Too many levels of symbolic links"),
        ({"report": "pipe"}, End.ERROR, "its report.json cannot be read: it is no file"),
        ({"report": "large"}, End.ERROR, "its report.json cannot be read: it is larger than 2048 KiB"),
        ({"report": "list"}, End.ERROR, "its report.json cannot be read: it is no report"),
        ({"report": "broken"}, End.ERROR, "its report.json cannot be read: Expecting property name"),
    ],
)
def test_what_a_run_leaves_is_its_end(bridge: Lab, order: dict[str, Any], end: End, reason: str) -> None:
    bridge.order(**order)
    bridge.start()
    seen = bridge.ended(bridge.ask(1))
    assert (seen.end, seen.attempts) == (end, 1)
    assert seen.reason.startswith(reason)


@pytest.mark.parametrize(
    ("secrets", "withheld"),
    [
        ({"known": 3, "found": 0, "artifacts": 4, "not_masked": [], "where": []}, False),
        ({"known": 3, "found": 1, "artifacts": 4, "not_masked": [], "where": []}, True),
        (None, True),
    ],
)
def test_the_log_of_a_run_with_a_secret_in_it_is_withheld(bridge: Lab, *, secrets: object, withheld: bool) -> None:
    bridge.order(prints=["the password is hunter2"], secrets=secrets)
    bridge.start()
    number = bridge.ask(1)
    bridge.ended(number)
    assert (bridge.log(number) == jobs.WITHHELD) is withheld
    assert ("hunter2" in bridge.log(number)) is not withheld


@pytest.mark.parametrize("kind", ["large", "broken", "link"])
def test_the_log_of_a_run_whose_report_nobody_can_read_is_withheld(bridge: Lab, kind: str) -> None:
    bridge.order(prints=["the password is hunter2"], report=kind)
    bridge.start()
    number = bridge.ask(1)
    bridge.ended(number)
    assert bridge.log(number) == jobs.WITHHELD


def test_the_log_of_a_run_that_said_why_it_cannot_begin_is_shown(bridge: Lab) -> None:
    bridge.order(prints=["looking"], report="none", code=3, complains="recipeci: no such host\n")
    bridge.start()
    number = bridge.ask(1)
    bridge.ended(number)
    assert "looking\n" in bridge.log(number)


def test_a_chatty_run_fills_no_database(bridge: Lab) -> None:
    bridge.order(prints=["x" * 99] * 30_000)
    bridge.start()
    number = bridge.ask(1)
    assert bridge.ended(number).end is End.PASS
    assert bridge.log(number).endswith("\n[… the rest is in run.log]\n")
    assert len(bridge.log(number)) < jobs.LOG_CHARACTERS + 100


def test_a_line_without_an_end_is_shown_at_the_end(bridge: Lab) -> None:
    bridge.order(complains="recipeci: half a line")
    bridge.start()
    number = bridge.ask(1)
    bridge.ended(number)
    assert bridge.log(number) == "recipeci: half a line"


def test_as_many_runs_as_slots(bridge: Lab) -> None:
    bridge.hold()
    bridge.start(slots=2)
    numbers = [bridge.ask(n) for n in (1, 2, 3)]
    for number in numbers[:2]:
        bridge.running(number)
    assert bridge.state(numbers[2]) is JobState.QUEUED
    bridge.release()
    for number in numbers:
        assert bridge.ended(number).end is End.PASS
    assert len(bridge.journal()) == 3


def test_a_repository_with_many_requests_does_not_keep_another_from_its_turn(bridge: Lab) -> None:
    many = [bridge.ask(n, repository=7) for n in (1, 2, 3, 4)]
    one = bridge.ask(5, repository=8)
    bridge.follow(lambda: bridge.state(one), what="the queue")
    bridge.start()
    for number in (*many, one):
        bridge.ended(number)
    order = [line["sha"] for line in bridge.journal()]
    assert order.index(sha(5)) <= 1


def test_two_workers_share_the_queue_and_no_job_runs_twice(bridge: Lab) -> None:
    numbers = [bridge.ask(n) for n in range(1, 21)]
    bridge.start("one", slots=2)
    bridge.start("two", slots=2)
    for number in numbers:
        assert bridge.ended(number).end is End.PASS
    assert sorted(line["sha"] for line in bridge.journal()) == [sha(n) for n in range(1, 21)]


def test_a_job_that_cannot_be_read_does_not_keep_the_others(bridge: Lab) -> None:
    first, second = bridge.ask(1), bridge.ask(2)
    bridge.follow(lambda: bridge.state(second), what="the queue")
    with bridge.database.writing() as tx:
        asked = json.loads(tx.value("SELECT asked FROM job WHERE key = '1.1'")) | {"clone_url": "file:///etc"}
        tx.change("UPDATE job SET asked = ? WHERE key = '1.1'", json.dumps(asked))
    bridge.start()
    assert bridge.ended(second).end is End.PASS
    unread = bridge.ended(first)
    assert (unread.end, unread.attempts) == (End.ERROR, 1)
    assert "'file:///etc' is not the https:// address" in unread.reason
    assert len(bridge.journal()) == 1


def test_a_key_that_is_a_path_makes_no_folder_and_keeps_nobody_from_his_turn(bridge: Lab) -> None:
    """The worker is root, and whoever writes the database is not."""
    number = bridge.ask(1)
    bridge.follow(lambda: bridge.state(number), what="the queue")
    elsewhere = bridge.folder / "elsewhere"
    with bridge.database.writing() as tx:
        tx.change(
            "INSERT INTO job (key, repository, asked, queued) SELECT ?, repository, asked, 0 FROM job", f"{elsewhere}/x"
        )
    elsewhere.mkdir()
    bridge.start()
    assert bridge.ended(number).end is End.PASS
    assert not list(elsewhere.iterdir())


def test_a_repository_of_another_forge_is_not_fetched(bridge: Lab) -> None:
    bridge.start()
    seen = bridge.ended(bridge.ask(1, clone_url="https://evil.test/coop/7.git"))
    assert seen.end is End.ERROR
    assert "'https://evil.test/coop/7.git' is no repository of https://forge.test" in seen.reason
    assert not bridge.journal()


def test_code_of_another_forge_is_nobodys_whatever_the_queue_says(bridge: Lab) -> None:
    bridge.start()
    number = bridge.ask(1, head_url="https://elsewhere.test/coop/7.git")
    assert bridge.ended(number).end is End.PASS
    (began,) = bridge.journal()
    assert began["argv"][began["argv"].index("--code-source") + 1] == "none"


def test_a_log_that_cannot_be_read_ends_its_own_job_and_follows_no_link(bridge: Lab) -> None:
    bridge.order(sha(1), prints=["one"])
    (bridge.folder / "secret").write_text("root's\n")
    bridge.hold()
    worker = bridge.start(slots=2)
    one, two = bridge.ask(1), bridge.ask(2, repository=8)
    bridge.running(one)
    bridge.running(two)
    (output,) = (bridge.folder / "jobs").glob(f"{one}.1-*/output.log")
    output.with_suffix(".link").symlink_to(bridge.folder / "secret")
    output.with_suffix(".link").replace(output)  # at once: it is read all the time
    seen = bridge.ended(one)
    assert seen.end is End.ERROR
    assert seen.reason == "what the run printed cannot be read: Too many levels of symbolic links"
    assert worker.started.poll() is None
    bridge.release()
    assert bridge.ended(two).end is End.PASS
    assert "root's" not in bridge.log(one)


def test_a_run_that_cannot_be_started_is_the_hosts_fault(bridge: Lab) -> None:
    bridge.start()
    number = bridge.ask(1)
    assert bridge.ended(number).end is End.PASS
    jobs_folder = bridge.folder / "jobs"
    for folder in (*jobs_folder.iterdir(), jobs_folder):
        folder.rename(folder.with_name(f"{folder.name}-away"))
    seen = bridge.ended(bridge.ask(2))
    assert (seen.end, seen.reason) == (End.ERROR, "the run cannot be started: No such file or directory")


@NEEDS_ROOT
def test_root_works_in_the_folder_of_the_services_user() -> None:
    """What a run printed is read as root, in a transaction that has no more rights than that user."""
    with host() as there, lab.made(there / "lib") as made:
        made.order(prints=["words"])
        made.start()
        number = made.ask(1)
        assert made.ended(number).end is End.PASS
        assert made.log(number) == "words\n"
        found = {file.name: file.stat().st_uid for file in (there / "lib").glob("db*")}
        assert found == dict.fromkeys(("db", "db-wal", "db-shm", "db.work-one"), NOBODY)
        (output,) = (there / "lib" / "jobs").glob("*/output.log")
        assert output.stat().st_uid == 0


def test_a_worker_is_seen(bridge: Lab) -> None:
    number = bridge.ask(1)
    bridge.follow(lambda: bridge.state(number), what="the queue")
    assert bridge.engine.waiting_for() == "no worker has been seen lately"
    bridge.start(slots=3)
    bridge.ended(number)
    assert bridge.engine.waiting_for() == ""
    with bridge.database.reading() as tx:
        (row,) = jobs.workers(tx)
    assert (row["name"], row["slots"]) == ("one", 3)


def test_old_logs_and_folders_go_and_young_ones_stay(bridge: Lab) -> None:
    bridge.order(prints=["words"])
    first = bridge.start()
    old, young = bridge.ask(1), bridge.ask(2)
    bridge.ended(old)
    bridge.ended(young)
    first.kill()
    (folder,) = (bridge.folder / "jobs").glob("1.1-*")
    os.utime(folder, (0, 0))
    with bridge.database.writing() as tx:
        tx.change("UPDATE job SET ended = ? WHERE key = '1.1'", CLOCK.epoch() - 31 * 86400)
    bridge.start(keep_days=0)
    third = bridge.ask(3)
    bridge.ended(third)
    assert bridge.log(old)  # 0 keeps all
    bridge.start("two")
    soon(lambda: not folder.exists() and not bridge.log(old), what="the old job's folder and log")
    assert bridge.log(young)
    assert len(list((bridge.folder / "jobs").iterdir())) == 2


def test_one_process_has_a_workers_name(bridge: Lab) -> None:
    first = bridge.start()
    soon(lambda: "slots: 1" in first.log, what="the first worker")
    second = bridge.start()
    assert second.code() == 3
    database = Path(bridge.folder / "db")
    assert f"another recipeci work named one uses {database}\nstop that one first" in second.log
    assert first.started.poll() is None
