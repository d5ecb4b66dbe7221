"""miniabra's backup commands: which container it finds, what it tells the bot, and what it makes of the bot's end."""

from __future__ import annotations

from pathlib import Path

import miniabralab
import pytest
from miniabralab import DOMAIN, Lab

CREATE = ("app", "backup", "create", DOMAIN, "-C", "-o", "-n")


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """An app, and a swarm with a backup bot."""
    made = miniabralab.make(tmp_path / "lab")
    made.new()
    made.docker.on("service", "ls", "--filter", "label=coop-cloud.backupbot.enabled=true", out="backupbot_app\n")
    made.docker.on("ps", "--filter", "label=com.docker.swarm.service.name=backupbot_app", out="c1\nc2\n")
    made.docker.on("exec", out="said by the bot\n")
    return made


def told(lab: Lab) -> tuple[str, ...]:
    (call,) = lab.docker.of("exec")
    return call.args


def test_the_bots_program_is_run_for_the_app_in_the_bots_container_and_its_words_are_shown(lab: Lab) -> None:
    assert lab.done(*CREATE, terminal=True).out == "said by the bot\n"
    assert told(lab) == ("exec", "--env", f"SERVICE={DOMAIN}", "c1", "backup", "create")


def test_a_terminal_is_demanded(lab: Lab) -> None:
    assert lab.refused(*CREATE) == "inappropriate ioctl for device"
    assert lab.refused("app", "restore", DOMAIN, "-C", "-o", "-n") == "inappropriate ioctl for device"
    assert lab.docker.of("exec") == []


@pytest.mark.parametrize("missing", ["service", "ps"])
def test_without_a_bot_nothing_is_run(lab: Lab, missing: str) -> None:
    lab.docker.on(missing)
    assert lab.refused(*CREATE, terminal=True) == "no backupbot discovered, is it deployed?"


def test_an_error_of_the_bots_is_one_of_abras(lab: Lab) -> None:
    lab.docker.on("exec", code=3)
    assert lab.refused(*CREATE, terminal=True) == "backup create: exit status 3"


@pytest.mark.parametrize(
    ("args", "env", "command"),
    [
        (("backup", "create", DOMAIN, "-r", "2"), ("RETRIES=2",), "create"),
        (("backup", "snapshots", DOMAIN), (), "snapshots"),
        (("backup", "list", DOMAIN), (), "ls"),
        (
            ("backup", "ls", DOMAIN, "-s", "abc", "-a", "-t", "-p", "/x"),
            ("SNAPSHOT=abc", "SHOW_ALL=true", "TIMESTAMPS=true", "INCLUDE_PATH=/x"),
            "ls",
        ),
        (("restore", DOMAIN), (), "restore"),
        (
            ("restore", DOMAIN, "-s", "abc", "-t", "/t", "-v", "a", "-v", "b", "--no-commands"),
            ("SNAPSHOT=abc", "TARGET=/t", "VOLUMES=a,b", "NO_COMMANDS=true"),
            "restore",
        ),
    ],
)
def test_flags_reach_the_bot_as_environment(
    lab: Lab, args: tuple[str, ...], env: tuple[str, ...], command: str
) -> None:
    lab.done("app", *args, "-C", "-o", "-n", terminal=True)
    given = [word for pair in (f"SERVICE={DOMAIN}", *env) for word in ("--env", pair)]
    assert told(lab) == ("exec", *given, "c1", "backup", command)


@pytest.mark.parametrize("args", [("backup", "create"), ("backup", "snapshots"), ("backup", "list"), ("restore",)])
def test_without_chaos_the_checkout_goes_to_the_pin(lab: Lab, args: tuple[str, ...]) -> None:
    lab.checkout.git("checkout", "--quiet", "main")
    lab.done("app", *args, DOMAIN, "-C", "-o", "-n", terminal=True)
    assert lab.checkout.head == lab.checkout.git("rev-parse", "main")
    lab.done("app", *args, DOMAIN, "-o", "-n", terminal=True)
    assert lab.checkout.head == lab.checkout.git("rev-parse", "1.10.0+2.0^{commit}")
