"""run.teardown: what abra is asked to remove, and what is said of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from recipeci.errors import CommandFailed, CommandTimeout
from recipeci.host.abra import SERVER, Abra, AbraProgram
from recipeci.host.clock import SystemClock
from recipeci.host.command import Completed
from recipeci.host.docker import Swarm
from recipeci.model import Leftover, Program
from recipeci.run.teardown import Teardown

DOMAIN, STACK = "a1b2c3.ci.test", "a1b2c3_ci_test"


@dataclass
class Calls:
    """Keeps what was run; a command that was declared to fail fails so."""

    fails: Mapping[str, CommandFailed] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)

    def run(self, argv: Sequence[str], **_: Any) -> Completed:  # noqa: ANN401 - the options of a Runner
        """Answer as the program."""
        self.made.append(" ".join(argv[1 : argv.index(DOMAIN)]))
        if error := self.fails.get(self.made[-1]):
            raise error
        return Completed(tuple(argv), 0, "", "", 0.0)


@dataclass
class Things(Swarm):
    """A swarm that holds a stack until it is undeployed."""

    calls: Calls
    stack_holds: Collection[Leftover] = ()
    secrets: Collection[Leftover] = ()
    refused: set[Leftover] = field(default_factory=set)
    """Networks that Docker did not let abra remove."""

    def of_stack(self, name: str) -> tuple[Leftover, ...]:
        """Return what is there of the stack."""
        assert name == STACK
        return tuple(self.refused) if "app undeploy" in self.calls.made else tuple(self.stack_holds)

    def networks(self, stack: str) -> tuple[str, ...]:
        """Return the ids of those networks."""
        assert stack == STACK
        return tuple(item.name for item in self.refused)

    @property
    def api(self) -> Any:  # noqa: ANN401 - the client
        """Return what removes a network, which nobody has to do where abra could."""
        assert "app undeploy" in self.calls.fails
        return self

    def remove_network(self, network: str) -> None:
        """Remove it now."""
        self.refused.remove(Leftover("network", network))

    def objects(self) -> frozenset[Leftover]:
        """Return all that is there."""
        gone = "app secret remove" in self.calls.made
        return frozenset([*self.of_stack(STACK), *(() if gone else self.secrets)])


SERVICE = Leftover("service", f"{STACK}_app")


def torn_down(
    folder: Path,
    *,
    made: bool,
    deployed: bool,
    secrets: Collection[Leftover] = (),
    fails: Mapping[str, CommandFailed] | None = None,
    refused: Collection[Leftover] = (),
) -> tuple[Calls, list[str]]:
    calls, notes = Calls(fails or {}), list[str]()
    program = AbraProgram(("abra",), Program("abra", "0.10"), ())
    abra = Abra(program, runner=calls, abra_dir=folder, docker_folder=folder)
    if made:
        (folder / "servers" / SERVER / f"{DOMAIN}.env").write_text("TYPE=x\n")
    swarm = Things(calls, (SERVICE,) if deployed else (), secrets, set(refused))
    left = Teardown(DOMAIN, STACK, abra, swarm, SystemClock(), notes.append).run(before=frozenset())
    assert left == ()
    return calls, notes


def test_an_app_that_was_never_made_is_not_removed(tmp_path: Path) -> None:
    calls, notes = torn_down(tmp_path, made=False, deployed=False)
    assert (calls.made, notes) == ([], [])


def test_an_app_that_was_not_deployed_is_removed_and_not_undeployed(tmp_path: Path) -> None:
    calls, notes = torn_down(tmp_path, made=True, deployed=False)
    assert (calls.made, notes) == (["app volume remove", "app remove"], [])


def test_an_app_that_is_deployed_is_undeployed_first(tmp_path: Path) -> None:
    calls, _ = torn_down(tmp_path, made=True, deployed=True)
    assert calls.made == ["app undeploy", "app volume remove", "app remove"]


def test_secrets_are_removed_by_their_own_command_where_there_are_any(tmp_path: Path) -> None:
    calls, _ = torn_down(tmp_path, made=True, deployed=False, secrets=[Leftover("secret", f"{STACK}_key_v1")])
    assert calls.made == ["app volume remove", "app secret remove", "app remove"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            CommandFailed(["abra"], code=1, out="FATA in use\n", err="", seconds=1),
            "abra app volume remove: in use",
        ),
        (
            CommandTimeout(["abra"], out="", err="", seconds=60),
            "abra app volume remove was still running after 60 s",
        ),
    ],
)
def test_what_abra_cannot_do_is_noted_once_by_name(tmp_path: Path, error: CommandFailed, said: str) -> None:
    _, notes = torn_down(tmp_path, made=True, deployed=True, fails={"app volume remove": error})
    assert notes == [said]


def test_a_network_that_docker_did_not_let_abra_remove_is_removed_once_more(tmp_path: Path) -> None:
    words = "FATA network x is in use by task y\n"
    error = CommandFailed(["abra"], code=1, out=words, err="", seconds=1)
    network = Leftover("network", f"{STACK}_internal")
    _, notes = torn_down(tmp_path, made=True, deployed=True, fails={"app undeploy": error}, refused=[network])
    assert notes == [f"abra app undeploy {DOMAIN}: network x is in use by task y"]
