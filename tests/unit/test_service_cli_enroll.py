"""The commands that enrol and remove: real processes, and a forge that does not answer."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from recipeci.host.clock import SystemClock
from recipeci.service import intake
from recipeci.service.model import Comment, End, Repository, User, Via
from recipeci.service.store import Database, inbox, outbox, repositories

from unit.servicehost import HOME, Host, ask, end, found, run

# --- enroll --remove


@pytest.fixture
def nowhere(host: Host) -> Iterator[Host]:
    """A host whose forge does not answer: its port is taken, so that nobody else listens there, and not listened at."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        host.data["bridge"]["forge"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        host.write()
        yield host


def taken(database: Database, number: int) -> str:
    """Have a comment come in."""
    home = 7
    comment = Comment(home, "coop/web", number, 3, User(2, "alice"), "!testme", "2026-01-01T00:00:01Z", Via.POLL)
    return intake.take(database, comment, clock=SystemClock())


def test_whoever_enrols_is_told_where_the_forge_does_not_answer(nowhere: Host) -> None:
    code, out, err = run(nowhere, "enroll", "coop/web")
    assert (code, out) == (3, "")
    forge = nowhere.data["bridge"]["forge"]
    assert err.splitlines()[-1].endswith(
        f"see that bridge.forge, {forge}, is its address and answers, then say this again"
    )
    assert "asked again" not in err


def test_a_repository_is_removed_though_the_forge_does_not_answer(nowhere: Host, database: Database) -> None:
    number = ask(database)
    end(database, number)
    assert taken(database, 1) == intake.TAKEN
    code, out, err = run(nowhere, "enroll", "--remove", "Coop/web")
    assert (code, err.splitlines()[0]) == (
        2,
        f"recipeci: coop/web: the forge does not show yet how run {number} ended",
    )
    with database.writing() as tx:
        for effect in outbox.due(tx, now=SystemClock().epoch()):
            outbox.sent(tx, effect)
    code, out, err = run(nowhere, "enroll", "--remove", "Coop/web")
    assert (code, err) == (0, "")
    assert out.startswith("coop/web is not enrolled any more; its webhook could not be taken away: ")
    assert run(nowhere, "enroll", "--list") == (0, "", "")
    with database.reading() as tx:
        assert repositories.enrolled(tx) == ()
        assert inbox.due(tx, now=SystemClock().epoch()) == ()
        assert outbox.due(tx, now=SystemClock().epoch()) == ()
    assert taken(database, 2) == "its repository is not enrolled"
    assert found(database, number).end is End.FAIL
    code, _, err = run(nowhere, "rerun", str(number))
    assert (code, err.splitlines()[0]) == (2, f"recipeci: the repository of run {number} was removed")


def test_a_repository_of_which_something_goes_on_is_not_removed(nowhere: Host, database: Database) -> None:
    number = ask(database)
    code, out, err = run(nowhere, "enroll", "--remove", "coop/web")
    assert (code, out) == (2, "")
    assert err.splitlines() == [f"recipeci: coop/web: run {number} has not ended", f"  → recipeci cancel {number}"]
    with database.reading() as tx:
        assert [home.id for home in repositories.enrolled(tx)] == [7]


def test_what_is_not_enrolled_is_not_removed(nowhere: Host, database: Database) -> None:
    del database
    code, _, err = run(nowhere, "enroll", "--remove", "coop/web2")
    assert (code, err.splitlines()[0]) == (2, "recipeci: coop/web2 is not enrolled")


def test_of_one_that_is_enrolled_again_comments_count_from_then_on(database: Database) -> None:
    then, later = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
    with database.writing() as tx:
        repositories.enrol(tx, Repository(7, "coop/new", "web", False, HOME, later, later))  # noqa: FBT003
        assert [(home.full_name, home.since) for home in repositories.enrolled(tx)] == [("coop/new", then)]
        repositories.remove(tx, 7)
        repositories.enrol(tx, Repository(7, "coop/new", "web", False, HOME, later, later))  # noqa: FBT003
        assert [(home.since, home.cursor) for home in repositories.enrolled(tx)] == [(later, later)]
    assert taken(database, 1) == "it was made before the repository was enrolled"


def test_the_example_of_the_settings_is_one_that_every_command_takes(host: Host) -> None:
    """What docs/settings.md shows, with this machine's paths."""
    page = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()
    example = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])
    (host.folder / "s.yml").write_text(yaml.safe_dump(example | {k: host.data[k] for k in ("database", "cache")}))
    assert run(host, "check-config", str(host.folder / "s.yml"), config=False)[0] == 0
