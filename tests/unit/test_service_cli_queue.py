"""The commands that look at the queue and change it: real processes over a database."""

from __future__ import annotations

import json

import pytest
from recipeci import service_asking
from recipeci.host.clock import SystemClock
from recipeci.service.model import End
from recipeci.service.store import Database, jobs, requests

from unit.servicehost import HOUR, SHA, Host, ask, end, found, run, sentence


def test_there_is_no_queue_before_there_is_a_database(host: Host) -> None:
    assert sentence(host, "queue").startswith("database: there is no ")


def test_an_empty_queue_says_so(host: Host, database: Database) -> None:
    del database
    assert run(host, "queue") == (0, "nothing is queued\nno worker was ever seen: recipeci work\n", "")
    code, out, _ = run(host, "queue", "--json")
    assert (code, json.loads(out)) == (0, {"requests": [], "workers": []})


def test_the_queue_as_people_and_as_programs_read_it(host: Host, database: Database) -> None:
    first, second, _ = ask(database), ask(database), ask(database, pull=None)
    with database.writing() as tx:
        requests.begun(tx, first, now=SystemClock().epoch() - 2.5 * HOUR)
        requests.cancel(tx, first, why="cancelled by\nbob")
        requests.waits(tx, second, why="an earlier run of this pull request goes on")
        jobs.worker_seen(tx, "host-1", slots=2, version="0.1.0", now=SystemClock().epoch() - 3.5 * HOUR)
    code, out, err = run(host, "queue")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "    1  running      2 h  coop/web#3 4f0c1a2b by alice: being ended: cancelled by bob",
        "    2  queued       1 h  coop/web#3 4f0c1a2b by alice: an earlier run of this pull request goes on",
        "    3  queued       1 h  coop/web 4f0c1a2b by alice",
        "worker host-1: slots: 2, seen 3 h ago",
    ]
    _, out, _ = run(host, "queue", "--json")
    data = json.loads(out)
    assert [(one["id"], one["state"], one["pull"], one["waiting"]) for one in data["requests"]] == [
        (1, "running", 3, ""),
        (2, "queued", 3, "an earlier run of this pull request goes on"),
        (3, "queued", None, ""),
    ]
    assert data["requests"][0]["sha"] == SHA
    assert (data["workers"][0]["name"], data["workers"][0]["slots"]) == ("host-1", 2)


@pytest.mark.parametrize(
    ("seconds", "words"), [(-5, "0 s"), (59.4, "59 s"), (60, "1 min"), (7199, "1 h"), (86_400, "1 d")]
)
def test_a_span_is_said_as_people_say_it(seconds: float, words: str) -> None:
    assert service_asking._span(seconds) == words


def test_a_run_is_cancelled_once(host: Host, database: Database) -> None:
    number = ask(database)
    assert run(host, "cancel", str(number)) == (0, f"run {number} is being cancelled\n", "")
    assert found(database, number).cancel == "cancelled by the operator"
    said = f"run {number} was being cancelled already: cancelled by the operator\n"
    assert run(host, "cancel", str(number)) == (0, said, "")


def test_a_run_that_goes_on_is_torn_down_first(host: Host, database: Database) -> None:
    number = ask(database)
    with database.writing() as tx:
        requests.begun(tx, number, now=1.0)
    assert run(host, "cancel", str(number))[1] == f"run {number} is being cancelled, its teardown is done first\n"


def test_what_is_not_there_or_has_ended_is_not_cancelled(host: Host, database: Database) -> None:
    number = ask(database)
    end(database, number)
    for given, said in ((str(number), f"run {number} has ended: fail"), ("99", "there is no run 99")):
        code, out, err = run(host, "cancel", given)
        assert (code, out) == (2, "")
        assert err.startswith(f"recipeci: {said}\n")
    assert found(database, number).cancel is None


def test_a_run_that_has_ended_is_made_once_more_and_is_shown_as_any(host: Host, database: Database) -> None:
    number = ask(database)
    end(database, number)
    code, out, err = run(host, "rerun", str(number))
    assert (code, out, err) == (0, f"run {number + 1} is queued: the commit of run {number} once more\n", "")
    old, new = found(database, number), found(database, number + 1)
    assert (new.asked, new.asked_by, new.comment) == (old.asked, "the operator", None)
    with database.reading() as tx:
        rows = tx.all("SELECT status FROM outbox WHERE request = ?", new.id)
    (status,) = (json.loads(row["status"]) for row in rows)
    assert (status["state"], status["target_url"]) == ("pending", f"https://ci.example.org/recipeci/runs/{new.id}")


def test_a_rerun_takes_the_place_of_what_is_queued_for_the_same_pull_request(host: Host, database: Database) -> None:
    old = ask(database)
    end(database, old)
    queued, other = ask(database), ask(database, pull=4)
    assert run(host, "rerun", str(old))[0] == 0
    assert found(database, queued).end is End.SUPERSEDED
    assert found(database, other).end is None


def test_what_has_not_ended_is_not_made_again(host: Host, database: Database) -> None:
    number = ask(database)
    code, _, err = run(host, "rerun", str(number))
    assert code == 2
    assert err.startswith(f"recipeci: run {number} has not ended\n")


def test_what_only_looks_needs_no_secret(host: Host, database: Database) -> None:
    del database
    for name in ("token", "webhook", "clone"):
        (host.folder / name).unlink()
    assert run(host, "queue")[0] == 0
    assert run(host, "enroll", "--list") == (0, "coop/web=web\n", "")
