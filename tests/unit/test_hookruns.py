"""Which hooks ran, by what Docker saw run in containers."""

from __future__ import annotations

import shlex
from collections.abc import Callable
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


def problems(*ran: Seen, pre: str = DUMP, post: str = "") -> tuple[str, ...]:
    covered = Coverage(enabled=True, hooks=(Hooks("db", pre=pre, post=post, restore_post="load"),))
    return hook_problems(covered, ("pre", "post"), stack="s", ran=ran)


def by_minibot(label: str, code: int | None = 0) -> Seen:
    """Return what Docker tells of a hook that our bot runs: words joined by spaces, quotes as in the label."""
    return Seen("s_db", " ".join(["/bin/sh", "-c", label]), code)


def by_bot_two(label: str, code: int | None = 0) -> Seen:
    """Return the same of backup-bot-two, whose string for Docker's SDK is split as a shell's words are."""
    bare = label.removeprefix("bash -c").removeprefix("sh -c").strip()
    bare = bare[1:-1] if bare[:1] == bare[-1:] and bare[:1] in {"'", '"'} else bare
    return Seen("s_db", " ".join(shlex.split(f"bash -c 'set -o pipefail;{bare}'")), code)


BOTS = (by_minibot, by_bot_two)
Bot = Callable[[str, int | None], Seen]


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


@pytest.mark.parametrize("bot", BOTS)
@pytest.mark.parametrize(
    "label",
    [
        DUMP,
        "/pg_backup.sh backup",
        "/dump.sh ",
        "cat /data/live > /data/dump.sql; hostname > /data/where",
        "sh -c 'mysqldump  -p\"$(cat /run/secrets/db)\" db | gzip > /x.gz'",
        "sh -c \"psql -c 'select 1' && echo 'a  b'\"",
        "bash -c 'set -o pipefail; pg_dump | gzip > /x'",
        "/bin/bash -c 'pg_dump > /x'",
        "sh -ec 'dump'",
        "dump \\\n  --all",
        "sh -c ''",
    ],
)
def test_a_hook_is_known_as_either_bot_runs_it(bot: Bot, label: str) -> None:
    assert problems(bot(label, 0), pre=label) == ()
    (said,) = problems(bot(label, 4), pre=label)
    assert "ended with 4" in said


def test_a_hook_is_known_without_a_shell() -> None:
    """Docker puts a space behind a program without arguments."""
    assert problems(Seen("s_db", "/dump.sh ", 0), pre="/dump.sh") == ()


@pytest.mark.parametrize("bot", BOTS)
def test_a_hook_is_not_another_one_that_begins_like_it(bot: Bot) -> None:
    ran = (bot("/dump.sh", 1), bot("/dump.sh --clean", 0))
    (said,) = problems(*ran, pre="/dump.sh", post="/dump.sh --clean")
    assert said == "db: backupbot.backup.pre-hook ended with 1: /dump.sh"


@pytest.mark.parametrize("label", ["/dump.sh", "sh -c ''", "sh -c /dump.sh"])
@pytest.mark.parametrize(
    "command",
    [
        "/bin/sh -c test -x /dump.sh && pg_isready",
        "/bin/sh -c /dump.sh --check",
        "/bin/sh -c exec /dump.sh",
        "/bin/sh -c /dump.sh.old",
        "/bin/sh -c /dump .sh",
        "pg_isready ",
    ],
)
def test_a_health_check_is_no_hook_whatever_it_names(label: str, command: str) -> None:
    assert problems(Seen("s_db", command, 0), pre=label) == (f"db: backupbot.backup.pre-hook was not run: {label}",)


@pytest.mark.parametrize("post", ["/dump.sh", "sh -c '/dump.sh'"])
@pytest.mark.parametrize(
    ("codes", "told"),
    [
        ([0, 0], []),
        ([], ["pre-hook was not run", "post-hook was not run"]),
        ([0], ["post-hook was not run"]),
        ([1], ["pre-hook ended with 1", "post-hook was not run"]),
        ([1, 0], ["pre-hook ended with 1"]),
        ([0, 1], ["post-hook ended with 1"]),
        ([0, 0, 0, 0], []),  # all of it once more
        ([0, 0, 1, 0], ["pre-hook ended with 1"]),
        ([1, 0, 0], ["pre-hook ended with 1"]),  # whose second try that is cannot be known
        ([0, 1, 0], ["post-hook ended with 1"]),
        ([0, None], ["post-hook did not end"]),
    ],
)
def test_each_run_of_a_command_of_two_hooks_is_one_hooks(post: str, codes: list[int | None], told: list[str]) -> None:
    said = problems(*(by_minibot("/dump.sh", code) for code in codes), pre="/dump.sh", post=post)
    assert [one.removeprefix("db: backupbot.backup.").rpartition(": ")[0] for one in said] == told


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


def test_what_docker_calls_a_health_check_is_no_command_of_anybody() -> None:
    """Newer ones tell the two apart, by an attribute; where there is none, a command counts by its words alone."""
    events = [
        event("exec_create: /bin/sh -c /dump", execID="1", execType="healthcheck"),
        event("exec_die", execID="1", exitCode="0", execType="healthcheck"),
        event("exec_create: /bin/sh -c /dump", execID="2", execType="exec"),
        event("exec_die", execID="2", exitCode="1", execType="exec"),
    ]
    assert commands(events) == (Ran("s_db", "/bin/sh -c /dump", 1),)
