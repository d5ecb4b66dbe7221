"""service.webapp: what the pages show, and what they keep to themselves."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from recipeci.service import shown
from recipeci.service.model import End
from recipeci.service.store import jobs, requests

from unit.hostile import Structure
from unit.weblab import HIDDEN, NOW, SHA, Lab, lab
from unit.webpages import PAGE, app_of, page_of, report, words_of


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


# The queue.


def test_an_empty_queue_says_so(here: Lab) -> None:
    shows = words_of(app_of(here), "/")
    for sentence in ("Nothing runs.", "Nothing waits.", "Nothing has ended yet.", "No worker was ever seen."):
        assert sentence in shows
    assert "Alerts" not in shows


def test_the_queue_shows_what_runs_what_waits_and_why_and_what_ended(here: Lab) -> None:
    home = here.enrol()
    ended, running, waiting = here.open(home), here.open(home), here.open(home, asked_by="noor")
    here.run(ended)
    here.end(ended, End.FAIL, "install: the page is not there")
    here.run(running)
    with here.database.writing() as tx:
        requests.waits(tx, waiting, why="no worker has been seen lately")
        jobs.worker_seen(tx, "anvil", slots=2, version="0.1.0", now=here.now - 180)
    shows = words_of(app_of(here), "/")
    assert f"Running (1) run recipe where commit asked by since why {running} running fountain people/square#3" in shows
    assert f"{waiting} queued fountain people/square#3 {SHA[:8]} noor" in shows
    assert "(1 min ago) no worker has been seen lately" in shows
    row = f"{ended} fail fountain people/square#3 {SHA[:8]} mara 2027-01-15 08:00:00 UTC (now) , 30 s install: the page"
    assert row in shows
    assert "anvil 2 0.1.0 2027-01-15 07:57:00 UTC (3 min ago)" in shows


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE request SET cancel = 'cancelled by mara'", "it is being ended: cancelled by mara"),
        ("UPDATE request SET replaced_by = 1", "run 1 is to take its place"),
        ("UPDATE request SET waiting = 'an earlier run goes on'", "an earlier run goes on"),
    ],
)
def test_a_queued_request_says_what_it_waits_for(here: Lab, change: str, why: str) -> None:
    here.open(here.enrol())
    here.writing(change)
    assert why in words_of(app_of(here), "/")
    assert f"Waiting: {why}" in words_of(app_of(here), "/runs/1")


def test_a_sweeps_request_is_asked_for_by_the_sweep(here: Lab) -> None:
    here.open(here.enrol(), asked_by="")
    here.writing("INSERT INTO sweep (id, started, expected) VALUES (4, 0, 1)")
    here.writing("UPDATE request SET sweep = 4, pull = NULL, asked = json_set(asked, '$.pull', NULL)")
    assert "people/square 01234567 sweep 4" in words_of(app_of(here), "/")
    assert "asked by sweep 4" in words_of(app_of(here), "/runs/1")
    assert "pull request" not in words_of(app_of(here), "/runs/1")


# A run.


def test_a_run_shows_how_it_stands_who_asked_and_its_commit(here: Lab) -> None:
    number = here.open(here.enrol())
    app = app_of(here)
    shows = words_of(app, f"/runs/{number}")
    assert f"Run {number} queued fountain at {SHA[:8]}" in shows
    assert f"pull request 3 asked by mara commit {SHA} stages install, upgrade" in shows
    assert "asked 2027-01-15 07:59:00 UTC (1 min ago)" in shows
    assert "https://git.test/people/square/pulls/3" in page_of(app, f"/runs/{number}").links


def test_a_run_that_ended_shows_its_reports_essentials(here: Lab) -> None:
    number = here.open(here.enrol())
    here.run(number, printed="=====\n")
    here.end(number, End.FAIL, "install: why", report("the words"))
    shows = words_of(app_of(here), f"/runs/{number}")
    assert "install fail 1.0 s 0 of 1 passed the words" in shows
    assert "fail repo the words the words the words" in shows
    assert "target 4f0c1a2b4f0c1a2b4f0c1a2b4f0c1a2b4f0c1a2b" in shows
    assert "leftovers none secrets 0 of 6 found in the artifacts left out the words: the words Notes the words" in shows
    for sentence in ("the words → the words", "ended 2027-01-15 08:00:00 UTC (now)", "lint fail"):
        assert sentence in shows


@pytest.mark.parametrize("ended", [False, True])
def test_a_page_leads_to_the_log_the_report_and_the_queue_below_our_own_address(here: Lab, *, ended: bool) -> None:
    number = here.open(here.enrol())
    here.run(number, printed="the log\n")
    if ended:
        here.end(number, End.FAIL, "why", report("words"))
    app = app_of(here)
    run = f"/bridge/runs/{number}"
    leads = ["/bridge/style.css", "/bridge/", "https://git.test/people/square/pulls/3"]
    assert page_of(app, f"/runs/{number}").links == [
        *leads,
        *([f"{run}/report.json"] if ended else []),
        *[f"{run}/log"] * 2,
    ]
    assert run in page_of(app, "/").links
    for link in (f"/runs/{number}/log", *([f"/runs/{number}/report.json"] if ended else [])):
        assert app.test_client().get(link).status_code == 200


def test_the_live_log_goes_on_where_its_page_ends(here: Lab) -> None:
    number = here.open(here.enrol())
    taken = here.run(number, printed="one\n")
    with here.database.writing() as tx:
        assert jobs.say(tx, taken, "two\n")
        tx.change("UPDATE request SET attempts = 2")
        tx.change("UPDATE job SET key = ?", f"{number}.2")
        tx.change("UPDATE log SET job = ?", f"{number}.2")
    page = app_of(here).test_client().get(f"/runs/{number}", headers=PAGE).text
    assert 'data-attempt="2" data-part="2" data-state="running">one\ntwo\n</pre>' in page


def test_of_a_run_that_goes_on_after_its_requests_end_no_log_is_shown(here: Lab) -> None:
    """It was given up, so nobody waits for what it brings, and nobody has looked for secrets in what it prints."""
    number = here.open(here.enrol())
    here.run(number, printed="the password is hunter2\n")
    with here.database.writing() as tx:
        assert requests.ended(tx, number, End.ERROR, reason="its host is lost", now=NOW)
    app = app_of(here)
    assert words_of(app, f"/runs/{number}").endswith(jobs.WITHHELD.strip())
    assert app.test_client().get(f"/runs/{number}/log").text == jobs.WITHHELD
    assert app.test_client().get(f"/runs/{number}/log?after=1").text == ""


def test_a_report_of_another_schema_is_not_guessed_at(here: Lab) -> None:
    number = here.open(here.enrol())
    here.end(number, report=report("x") | {"schema": 2})
    assert "It is of another schema than this program shows." in words_of(app_of(here), f"/runs/{number}")


def test_the_report_is_given_as_it_came_also_what_is_no_valid_text(here: Lab) -> None:
    number = here.open(here.enrol())
    given = report("half a pair: \ud800")
    here.end(number, report=given)
    answer = app_of(here).test_client().get(f"/runs/{number}/report.json")
    assert (answer.status_code, answer.content_type, answer.json) == (200, "application/json", given)
    assert answer.data.isascii()


def test_a_run_without_a_report_has_none(here: Lab) -> None:
    number = here.open(here.enrol())
    answer = app_of(here).test_client().get(f"/runs/{number}/report.json")
    assert (answer.status_code, answer.text) == (404, f"Run {number} has no report.\n")


def test_of_a_long_log_the_page_shows_the_end_and_the_text_all(here: Lab) -> None:
    number = here.open(here.enrol())
    here.run(number, printed="begin" + "x" * shown.LOG_CHARACTERS + "\nend")
    app = app_of(here)
    shows = words_of(app, f"/runs/{number}")
    assert "the first 9 characters are left out here" in shows
    assert (shows.endswith("x end"), "begin" in shows) == (True, False)
    assert app.test_client().get(f"/runs/{number}/log").text.startswith("beginx")


# The live log.


def log_of(app: Flask, path: str) -> tuple[str, str, str, str]:
    answer = app.test_client().get(path)
    assert (answer.status_code, answer.content_type) == (200, "text/plain; charset=utf-8")
    headers = [answer.headers[f"Recipeci-{name}"] for name in ("Part", "Attempt", "State")]
    return answer.text, headers[0], headers[1], headers[2]


def test_a_log_comes_in_parts_each_once(here: Lab) -> None:
    number = here.open(here.enrol())
    taken = here.run(number, printed="one\n")
    app = app_of(here)
    assert log_of(app, f"/runs/{number}/log") == ("one\n", "1", "1", "running")
    with here.database.writing() as tx:
        jobs.say(tx, taken, "two\n")
    assert log_of(app, f"/runs/{number}/log?after=1") == ("two\n", "2", "1", "running")
    assert log_of(app, f"/runs/{number}/log?after=2") == ("", "2", "1", "running")
    here.end(number)
    assert log_of(app, f"/runs/{number}/log?after=0") == ("one\ntwo\n", "2", "1", "pass")


def test_another_attempt_has_a_log_of_its_own(here: Lab) -> None:
    number = here.open(here.enrol())
    here.run(number, printed="lost\n")
    here.writing("UPDATE job SET state = 'lost'")
    here.writing("UPDATE request SET running = 0")
    here.run(number, printed="again\n")
    assert log_of(app_of(here), f"/runs/{number}/log?after=0") == ("again\n", "1", "2", "running")
    assert "attempt 2" in words_of(app_of(here), f"/runs/{number}")


def test_a_request_that_no_host_has_yet_has_an_empty_log(here: Lab) -> None:
    number = here.open(here.enrol())
    assert log_of(app_of(here), f"/runs/{number}/log") == ("", "0", "0", "queued")


@pytest.mark.parametrize("after", ["-1", "x", "1x", "", "1.5", "٣", "9" * 19, "9" * 5000])
def test_an_after_that_is_no_number_of_a_part_is_refused(here: Lab, after: str) -> None:
    number = here.open(here.enrol())
    answer = app_of(here).test_client().get(f"/runs/{number}/log", query_string={"after": after})
    assert (answer.status_code, answer.text) == (400, "after is the number of a part of the log.\n")


def test_a_log_shows_control_characters_instead_of_obeying_them(here: Lab) -> None:
    number = here.open(here.enrol())
    here.run(number, printed="a\x1b[2Jb\x00c\u202ed\te\r\n")
    app = app_of(here)
    assert log_of(app, f"/runs/{number}/log")[0] == "a\\x1b[2Jb\\x00c\\u202ed\te\n"
    assert "a\\x1b[2Jb\\x00c\\u202ed" in words_of(app, f"/runs/{number}")


def test_a_log_of_nuls_is_cut_as_any_other(here: Lab) -> None:
    taken = here.run(here.open(here.enrol()))
    with here.database.writing() as tx:
        for _ in range(5):
            jobs.say(tx, taken, "\0" + "x" * (jobs.LOG_CHARACTERS // 2))
        assert len(jobs.log(tx, taken.key)[1]) < jobs.LOG_CHARACTERS * 1.1


@pytest.mark.parametrize("ended", [False, True])
def test_the_script_of_a_live_log_is_ours_by_its_hash_and_an_ended_run_has_none(here: Lab, *, ended: bool) -> None:
    number = here.open(here.enrol())
    here.run(number)
    if ended:
        here.end(number)
    answer = app_of(here).test_client().get(f"/runs/{number}", headers=PAGE)
    hashes = [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in Structure(answer.text).scripts
    ]
    assert len(hashes) == (0 if ended else 1)
    for one in hashes:
        assert f"script-src 'sha256-{one}';" in answer.headers["Content-Security-Policy"]
    assert ('<noscript><meta http-equiv="refresh"' in answer.text) is not ended


# Private repositories.

SECRET_WORDS = ("hermits", "cave", "grotto", "mara", SHA[:8], "install", "secret reason", "secret log", "secret report")
HIDDEN_PATHS = ("/", "/runs/1", "/runs/2", "/runs/3", "/healthz", "/metrics")


def hide(here: Lab) -> None:
    """Put requests of a private repository there: ended, running and waiting."""
    home = here.enrol(HIDDEN)
    ended, running, waiting = here.open(home), here.open(home), here.open(home)
    here.run(ended, printed="secret log")
    here.end(ended, End.FAIL, "secret reason", report("secret report"))
    here.run(running, printed="secret log")
    with here.database.writing() as tx:
        requests.waits(tx, waiting, why="secret reason")


@pytest.mark.parametrize("path", HIDDEN_PATHS)
def test_of_a_private_repository_a_stranger_sees_numbers_and_how_they_stand(here: Lab, path: str) -> None:
    hide(here)
    shows = app_of(here).test_client().get(path, headers=PAGE).text
    assert [word for word in SECRET_WORDS if word in shows] == []


def test_the_page_of_a_private_repositorys_run_says_how_it_stands_and_no_more(here: Lab) -> None:
    hide(here)
    app = app_of(here)
    for number, stands in ((1, "fail"), (2, "running"), (3, "queued")):
        sentence = f"Run {number} {stands} Its repository is private: what it holds is not shown here."
        assert words_of(app, f"/runs/{number}") == f"run {number} · recipeci recipeci {sentence}"
    queue = words_of(app, "/")
    for row in ("1 fail private", "2 running private", "3 queued private"):
        assert row in queue


@pytest.mark.parametrize("path", ["/runs/1/log", "/runs/1/log?after=0", "/runs/1/report.json"])
def test_a_private_repositorys_log_and_report_are_not_given(here: Lab, path: str) -> None:
    hide(here)
    answer = app_of(here).test_client().get(path)
    assert answer.status_code == 403
    assert answer.text == "The repository of run 1 is private: what it holds is not shown here.\n"
    assert [name for name in answer.headers.keys() if name.startswith("Recipeci")] == []  # noqa: SIM118 - no dict


def test_an_operator_can_have_private_repositories_shown(here: Lab) -> None:
    hide(here)
    app = app_of(here, show_private=True)
    assert "hermits/cave" in words_of(app, "/")
    assert "secret report" in words_of(app, "/runs/1")
    assert log_of(app, "/runs/2/log")[0] == "secret log"
    assert app.test_client().get("/runs/1/report.json").status_code == 200


# Words.


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "now"),
        (0.4, "now"),
        (1, "1 s ago"),
        (59.9, "59 s ago"),
        (60, "1 min ago"),
        (200, "3 min ago"),
        (3 * 3600 + 120, "3 h ago"),
        (86400, "1 day ago"),
        (1e6, "11 days ago"),
    ],
)
def test_how_long_ago_something_was(seconds: float, words: str) -> None:
    assert shown.ago(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(-1, "0 s"), (59, "59 s"), (60, "1 min"), (61, "1 min and 1 s"), (7260, "2 h and 1 min")]
)
def test_how_long_something_took(seconds: float, words: str) -> None:
    assert shown.took(seconds) == words


def test_a_moment_is_there_for_machines_and_for_people() -> None:
    expected = shown.Moment("2027-01-15T08:00:00Z", "2027-01-15 08:00:00 UTC", "3 min ago")
    assert shown.moment(NOW + 0.9, now=NOW + 181) == expected
