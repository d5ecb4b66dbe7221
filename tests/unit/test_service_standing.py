"""service.standing and service.metrics: `/healthz` is 200 only if everything answers, and says what does not."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from recipeci.service import standing
from recipeci.service.health import LATELY_SECONDS, Health
from recipeci.service.model import End
from recipeci.service.store import Database, jobs, outbox

from unit.weblab import HIDDEN, Lab, lab, take
from unit.webpages import app_of

PARTS = ("deciding", "following", "sending", "poller", "forge", "engine")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def healthz(app: Flask) -> tuple[int, dict[str, Any]]:
    answer = app.test_client().get("/healthz")
    assert answer.content_type == "application/json"
    assert answer.json is not None
    return answer.status_code, answer.json


def part(told: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(part for part in told["parts"] if part["name"] == name)
    return found


def test_everything_that_answers_is_well(here: Lab) -> None:
    status, told = healthz(app_of(here, health=here.well(*PARTS)))
    assert (status, told["status"], told["alerts"]) == (200, "well", [])
    assert [part["name"] for part in told["parts"]] == [*PARTS, "database"]
    assert part(told, "forge") == {"name": "forge", "well": True, "last_answer": "2027-01-15T08:00:00Z", "why": ""}


@pytest.mark.parametrize("silent", PARTS)
def test_each_part_that_never_answered_makes_it_ill(here: Lab, silent: str) -> None:
    health = Health(PARTS, clock=here.clock)
    for name in PARTS:
        if name != silent:
            health.answered(name)
    status, told = healthz(app_of(here, health=health))
    assert (status, told["status"]) == (503, "ill")
    assert [part["name"] for part in told["parts"] if not part["well"]] == [silent]
    assert part(told, silent) == {"name": silent, "well": False, "last_answer": None, "why": "it has never answered"}


@pytest.mark.parametrize("silent", PARTS)
def test_each_part_that_is_silent_for_long_makes_it_ill_and_says_since_when_and_why(here: Lab, silent: str) -> None:
    health = here.well(*PARTS)
    here.clock.time += LATELY_SECONDS
    for name in PARTS:
        if name != silent:
            health.answered(name)
    app = app_of(here, health=health)
    assert healthz(app)[0] == 503
    assert part(healthz(app)[1], silent)["why"] == "it has not answered for 120 s"
    health.failed(silent, "502 from the forge")
    expected = {"name": silent, "well": False, "last_answer": "2027-01-15T08:00:00Z", "why": "502 from the forge"}
    assert part(healthz(app)[1], silent) == expected
    health.answered(silent)
    assert healthz(app)[0] == 200


def test_a_part_that_failed_and_answered_lately_is_well_and_its_trouble_told(here: Lab) -> None:
    health = here.well("forge")
    health.failed("forge", "502 from the forge")
    status, told = healthz(app_of(here, health=health))
    assert (status, part(told, "forge")["why"]) == (200, "502 from the forge")


def test_a_part_that_is_asked_seldom_may_be_silent_for_three_times_as_long(here: Lab) -> None:
    health = Health(("poller", "forge"), clock=here.clock, every={"poller": 600.0})
    for name in ("poller", "forge"):
        health.answered(name)
    for wait, well in ((LATELY_SECONDS - 1, {"poller", "forge"}), (1, {"poller"}), (1679, {"poller"}), (1, set())):
        here.clock.time += wait
        _, told = healthz(app_of(here, health=health))
        assert {name for name in ("poller", "forge") if part(told, name)["well"]} == well


# The database.


def test_a_database_that_was_removed_makes_it_ill(here: Lab) -> None:
    app = app_of(here)
    here.database.path.unlink()
    status, told = healthz(app)
    assert (status, part(told, "database")["well"]) == (503, False)
    assert part(told, "database")["why"] == "the file bridge.db was removed or replaced while it was open"


def test_a_database_in_the_place_of_the_one_that_is_open_makes_it_ill(here: Lab, tmp_path: Path) -> None:
    app = app_of(here)
    Database(tmp_path / "other.db").close()
    (tmp_path / "other.db").replace(here.database.path)
    assert healthz(app)[0] == 503


def test_a_database_that_is_none_any_more_makes_it_ill_without_its_folders_name(here: Lab) -> None:
    app = app_of(here)
    here.database.close()
    here.database.path.write_bytes(b"no database" * 1000)
    status, told = healthz(app)
    assert (status, told["alerts"]) == (503, None)
    assert part(told, "database")["why"] == "the database bridge.db: file is not a database"


def test_the_database_is_written_but_not_at_each_look(here: Lab) -> None:
    other = Database(here.database.path)
    app, seen = app_of(here), [other.changes()]
    for wait in (0.0, 0.0, 0.5, standing.KEPT_SECONDS):
        here.clock.time += wait
        assert healthz(app)[0] == 200
        seen.append(other.changes())
    other.close()
    assert [now - before for before, now in itertools.pairwise(seen)] == [1, 0, 0, 1]


# Alerts and what strangers may know.


def late(here: Lab, number: int, why: str) -> None:
    home = here.enrol(number)
    with here.database.writing() as tx:
        outbox.card(tx, repository=home.id, pull=3, now=here.now - 1000)
        (effect,) = [effect for effect in outbox.due(tx, now=here.now) if effect.repository == number]
        outbox.postponed(tx, effect, due=here.now + 1000, now=here.now, why=why)


def test_alerts_are_told_and_leave_it_well(here: Lab) -> None:
    home = here.enrol()
    late(here, home.id, "502 from the forge")
    status, told = healthz(app_of(here))
    assert (status, told["alerts"]) == (
        200,
        [
            {
                "what": "the comment under pull request 3 still waits",
                "repository": "people/square",
                "since": "2027-01-15T07:43:20Z",
                "why": "502 from the forge",
            }
        ],
    )
    assert "the comment under pull request 3 still waits" in app_of(here).test_client().get("/").text


def test_an_alert_of_a_private_repository_says_only_that_there_is_one(here: Lab) -> None:
    late(here, HIDDEN, "404: hermits/cave")
    for path in ("/", "/healthz"):
        shows = app_of(here).test_client().get(path).text
        assert standing.ABOUT_PRIVATE in shows
        assert [word for word in ("hermits", "cave", "pull request", "404") if word in shows] == []
    assert "404: hermits/cave" in app_of(here, show_private=True).test_client().get("/healthz").text


@pytest.mark.parametrize(
    "trouble",
    [
        "hermits/cave: 502",
        "GET https://git.test/api/v1/repos/hermits/cave/issues: 502",
        "HERMITS: gone",
        "recipeci/grotto: no status",
        "the cave, of all things",
    ],
)
def test_a_trouble_that_names_a_private_repository_is_withheld(here: Lab, trouble: str) -> None:
    here.enrol(HIDDEN)
    health = here.well("poller")
    health.failed("poller", trouble)
    app = app_of(here, health=health)
    assert part(healthz(app)[1], "poller")["why"] == standing.WITHHELD
    assert part(healthz(app_of(here, health=health, show_private=True))[1], "poller")["why"] == trouble


def test_a_trouble_that_names_none_is_told(here: Lab) -> None:
    here.enrol(HIDDEN)
    here.enrol()
    health = here.well("poller")
    health.failed("poller", "people/square: excavated by 502 caverns")
    assert part(healthz(app_of(here, health=health))[1], "poller")["why"] == "people/square: excavated by 502 caverns"


def test_where_it_is_not_known_what_is_private_no_trouble_is_told(here: Lab) -> None:
    health = here.well("poller")
    health.failed("poller", "hermits/cave: 502")
    app = app_of(here, health=health)
    here.database.close()
    here.database.path.write_bytes(b"no database" * 1000)
    assert part(healthz(app)[1], "poller")["why"] == standing.WITHHELD


# Metrics.


def samples(app: Flask, *, accept: str = "") -> dict[str, float]:
    answer = app.test_client().get("/metrics", headers={"Accept": accept} if accept else {})
    assert answer.status_code == 200
    return {
        sample.name + "".join(f"/{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_the_metrics_are_what_the_database_and_the_health_say(here: Lab) -> None:
    home = here.enrol()
    numbers = [here.open(home) for _ in range(4)]
    here.run(numbers[0])
    here.end(numbers[3], End.SUPERSEDED)
    with here.database.writing() as tx:
        take(tx, home, 5, now=here.now)
        outbox.card(tx, repository=home.id, pull=3, now=here.now - 90)
        jobs.worker_seen(tx, "anvil", slots=2, version="0.1.0", now=here.now - 5)
    health = here.well("forge", "engine")
    here.clock.time += LATELY_SECONDS
    health.answered("engine")
    found = samples(app_of(here, health=health))
    expected = {
        "recipeci_requests/queued": 2,
        "recipeci_requests/running": 1,
        "recipeci_requests_ended_total/superseded": 1,
        "recipeci_requests_ended_total/pass": 0,
        "recipeci_comments_undecided": 1,
        "recipeci_outbox_waiting": 1,
        "recipeci_outbox_oldest_seconds": 90 + LATELY_SECONDS,
        "recipeci_given_up": 0,
        "recipeci_worker_slots/anvil": 2,
        "recipeci_worker_seen_seconds/anvil": 5 + LATELY_SECONDS,
        "recipeci_part_well/forge": 0,
        "recipeci_part_well/engine": 1,
        "recipeci_part_well/database": 1,
    }
    assert {name: found[name] for name in expected} == expected
    assert 10e6 < found["process_resident_memory_bytes"] < 1e9


def test_two_bridges_in_one_process_do_not_count_together(here: Lab) -> None:
    one, other = app_of(here), app_of(here)
    one.test_client().post("/hooks/gitea", data=b"x")
    assert samples(one)["recipeci_webhooks_total/refused"] == 1
    assert samples(other)["recipeci_webhooks_total/refused"] == 0


def test_a_scraper_gets_the_form_that_it_asks_for(here: Lab) -> None:
    answer = (
        app_of(here).test_client().get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    )
    assert answer.content_type.startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
    assert "recipeci_requests/queued" in samples(app_of(here), accept="text/plain")
