"""Which hooks ran, by what Docker saw run in containers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from recipeci.host.backupbot import Ran, commands
from recipeci.recipe.coverage import Coverage, Hooks
from recipeci.recipe.hookruns import hook_problems

DUMP = """bash -c 'pg_dump -U "$USER" > /data/x'"""


@dataclass(frozen=True)
class Seen:
    service: str
    command: str
    code: int | None


def problems(*ran: Seen, pre: str = DUMP) -> tuple[str, ...]:
    covered = Coverage(enabled=True, hooks=(Hooks("db", pre=pre, restore_post="load"),))
    return hook_problems(covered, ("pre", "post"), stack="s", ran=ran)


@pytest.mark.parametrize(
    "command",
    [
        f"/bin/sh -c {DUMP}",
        """bash -c set -o pipefail;pg_dump -U "$USER" > /data/x""",
        """sh -c pg_dump -U "$USER" > /data/x""",
    ],
)
def test_a_hook_is_known_in_whatever_shell_a_bot_runs_it(command: str) -> None:
    assert problems(Seen("s_db", command, 0)) == ()


@pytest.mark.parametrize(
    ("ran", "problem"),
    [
        ([], "was not run"),
        ([Seen("s_db", "pg_isready", 0)], "was not run"),
        ([Seen("s_app", f"sh -c {DUMP}", 0)], "was not run"),
        ([Seen("t_db", f"sh -c {DUMP}", 0)], "was not run"),
        ([Seen("s_db", f"sh -c {DUMP}", 3)], "ended with 3"),
        ([Seen("s_db", f"sh -c {DUMP}", 0), Seen("s_db", f"sh -c {DUMP}", 1)], "ended with 1"),
        ([Seen("s_db", f"sh -c {DUMP}", None)], "did not end"),
    ],
)
def test_a_hook_that_did_not_do_its_work_is_named(ran: list[Seen], problem: str) -> None:
    assert problems(*ran) == (f"db: backupbot.backup.pre-hook {problem}: {DUMP}",)


def test_the_last_of_several_tries_counts_and_no_hook_is_no_problem() -> None:
    assert problems(Seen("s_db", f"sh -c {DUMP}", 1), Seen("s_db", f"sh -c {DUMP}", 0)) == ()
    assert problems(pre="") == ()


def event(action: str, **attributes: str) -> dict[str, Any]:
    service = {"com.docker.swarm.service.name": "s_db"}
    return {"Action": action, "Actor": {"Attributes": {**service, **attributes}}}


def test_dockers_events_tell_which_commands_ran_and_how_they_ended() -> None:
    events = [
        event("exec_create: sh -c a: b", execID="1"),
        event("exec_create: check", execID="2"),
        event("exec_die", execID="1", exitCode="3"),
        event("exec_create: lost", execID="3"),
        event("exec_die", execID="2", exitCode="0"),
    ]
    assert commands(events) == (Ran("s_db", "sh -c a: b", 3), Ran("s_db", "check", 0), Ran("s_db", "lost", None))
