"""modules/swarm.sh, host mode's unit, against a Docker that says what the test wants and writes down what it is asked.

Against a real dockerd, under systemd: tests/nix/test_units.py.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from unit.processes import ended, environment

SCRIPT = Path(__file__).parents[2] / "modules" / "swarm.sh"
ADDRESS, SUBNET = "127.0.0.1", "10.10.0.0/16"
STUB = """#!/bin/sh
echo "$*" >> "$0.asked"
case "$1 $2" in
  'info --format') cat "$0.state"; [ ! -e "$0.next" ] || mv "$0.next" "$0.state" ;;
  'network '*)
    if [ -s "$0.leaderless" ]; then
      sed -i 1d "$0.leaderless"
      echo 'The swarm does not have a leader' >&2
      exit 1
    fi
    case "$2" in
      ls) cat "$0.networks" ;;
      create) echo proxy | tee "$0.networks"; echo "overlay swarm true $7" > "$0.proxy" ;;
      inspect) cat "$0.proxy" ;;
    esac ;;
  'swarm init') echo 'docker swarm join --token SWMTKN-1-secret' ;;
  *) echo "docker: unexpected $*" >&2; exit 9 ;;
esac
"""
INIT = f"swarm init --advertise-addr {ADDRESS} --listen-addr {ADDRESS}:2377"
CREATE = f"network create --driver overlay --attachable --subnet {SUBNET} proxy"
RIGHT = f"overlay swarm true {SUBNET}"


@dataclass(frozen=True)
class Unit:
    """The script, and the stub that is its Docker."""

    docker: Path

    def run(self, state: str, *, proxy: str = "") -> tuple[int, str, str]:
        """Run the script; `proxy` is what the network of that name is, empty if there is none."""
        for name, text in (
            ("state", state),
            ("networks", "bridge\nproxy\n" if proxy else "bridge\nproxy2\n"),
            ("proxy", proxy),
            ("asked", ""),
        ):
            Path(f"{self.docker}.{name}").write_text(text)
        # The caller's: a build of Nix's has nothing in the usual folders.
        env = environment({"PATH": f"{self.docker.parent}:{os.environ['PATH']}"})
        return ended([str(SCRIPT), ADDRESS, SUBNET], env=env, cwd=self.docker.parent)

    @property
    def changes(self) -> list[str]:
        """What it had Docker change."""
        asked = Path(f"{self.docker}.asked").read_text().splitlines()
        return [line for line in asked if not line.startswith(("info ", "network ls ", "network inspect "))]


@pytest.fixture
def unit(tmp_path: Path) -> Unit:
    docker = tmp_path / "docker"
    for program, text in ((docker, STUB), (tmp_path / "sleep", "#!/bin/sh\n")):
        program.write_text(text)
        program.chmod(0o755)
    return Unit(docker)


def test_a_machine_without_a_swarm_gets_both_and_no_token_is_printed(unit: Unit) -> None:
    code, out, err = unit.run("inactive false")
    assert (code, err, unit.changes) == (0, "", [INIT, CREATE])
    assert "SWMTKN" not in out
    assert out.splitlines() == [
        "recipeci-swarm: this machine is a swarm of one node now, at 127.0.0.1",
        "recipeci-swarm: made the network proxy with 10.10.0.0/16",
    ]


@pytest.mark.parametrize("times", [1, 29])
def test_a_swarm_that_has_no_leader_yet_is_asked_again(unit: Unit, times: int) -> None:
    Path(f"{unit.docker}.leaderless").write_text("x\n" * times)
    code, out, err = unit.run("active true")
    assert (code, err.splitlines()) == (0, ["The swarm does not have a leader"] * times)
    assert out == "recipeci-swarm: made the network proxy with 10.10.0.0/16\n"
    assert unit.changes == [CREATE]


def test_a_swarm_that_never_has_a_leader_is_given_up(unit: Unit) -> None:
    Path(f"{unit.docker}.leaderless").write_text("x\n" * 99)
    code, out, err = unit.run("active true")
    *said, sentence, hint = err.splitlines()
    assert (code, out, said, unit.changes) == (1, "", ["The swarm does not have a leader"] * 30, [])
    assert sentence == "recipeci-swarm: Docker did not come to have the network proxy within 30 tries"
    assert hint.endswith("systemctl restart recipeci-swarm")


def test_what_is_there_is_left_as_it_is_without_a_word(unit: Unit) -> None:
    assert unit.run("active true", proxy=RIGHT) == (0, "", "")
    assert unit.changes == []


def test_a_swarm_without_the_network_gets_it(unit: Unit) -> None:
    assert unit.run("active true")[0] == 0
    assert unit.changes == [CREATE]


@pytest.mark.parametrize(
    ("state", "said", "remedy"),
    [
        ("active false", "a worker of another machine's swarm", "docker swarm leave --force"),
        ("locked false", "the swarm is locked", "docker swarm unlock"),
        ("error false", "the swarm is in the state error", "journalctl -u docker says why"),
        ("", "Docker does not say whether it is a swarm; it said ''", "systemctl status docker"),
        ("new true", "Docker does not say whether it is a swarm; it said 'new true'", "systemctl status docker"),
    ],
)
def test_a_strange_swarm_is_refused_and_not_touched(unit: Unit, state: str, said: str, remedy: str) -> None:
    code, out, err = unit.run(state)
    sentence, hint = err.splitlines()
    assert (code, out, unit.changes) == (1, "", [])
    assert said in sentence
    assert remedy in hint


def test_a_swarm_that_is_still_coming_up_is_waited_for(unit: Unit) -> None:
    Path(f"{unit.docker}.next").write_text("active true")
    assert unit.run("pending false", proxy=RIGHT) == (0, "", "")


@pytest.mark.parametrize(
    "proxy",
    [
        "bridge local false 172.20.0.0/16",
        "overlay swarm true 10.0.1.0/24",
        "overlay swarm false 10.10.0.0/16",
        "overlay swarm true 10.20.0.0/16",
    ],
)
def test_another_network_of_that_name_is_refused_and_not_touched(unit: Unit, proxy: str) -> None:
    code, _, err = unit.run("active true", proxy=proxy)
    sentence, hint = err.splitlines()
    assert (code, unit.changes) == (1, [])
    assert f"'{proxy}', not '{RIGHT}'" in sentence
    assert "docker network rm proxy" in hint


def test_a_docker_that_fails_makes_the_unit_fail(unit: Unit) -> None:
    unit.docker.write_text("#!/bin/sh\necho no daemon >&2\nexit 1\n")
    assert unit.run("") == (1, "", "no daemon\n")
