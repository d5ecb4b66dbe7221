"""The contract suite: what of the built-in abra is turned round or wrong is named, and nothing else is.

That all is as expected without is tests/e2e/test_doctor_abra.py.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import contractlab
import miniabra
import pytest
from contractlab import NOTING, flipped, results_of
from lab.repository import Edit
from miniabra.habits import Habits
from recipeci.contract.results import State
from recipeci.contract.suite import Done

pytestmark = pytest.mark.cell
PACKAGE = Path(miniabra.__file__).parent
SWITCHES = [field.name for field in dataclasses.fields(Habits)]
MISTAKES = {
    "fatal-code": Edit(
        "cli.py", "        out.fatal(str(error))\n        return 1\n", "        out.fatal(str(error))\n"
    ),
    "new-moves-checkout": Edit(
        "commands.py",
        '    recipe.ensure(wanted, chaos=chaos, offline=call.flag("offline"))\n',
        "    recipe.ensure(None, chaos=chaos, offline=True)\n",
    ),
    "fatal-on-stdout": Edit("say.py", 'split())}", file=self.stream', 'split())}", file=sys.stderr'),
    "lint-needs-terminal": Edit("commands.py", "os.get_terminal_size(sys.stdout.fileno())", "os.getpid()"),
    "chaos-version-digits": Edit("recipe.py", "return self.git.small_sha() +", "return self.git.small_sha()[:7] +"),
    "undeploy-removes-stack": Edit("docker.py", 'self._docker("stack", "rm", stack)', "self.services(stack)"),
    "dropped-services-stay": Edit("docker.py", '"--with-registry-auth"]', '"--with-registry-auth", "--prune"]'),
}
"""Facts that were seen, each with a miniabra that is otherwise."""
SCRIPT = "import sys; sys.path.insert(0, {folder!r}); from miniabra.cli import main; sys.exit(main())"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that a cell can show."""
    with tempfile.TemporaryDirectory(prefix="recipeci-mutant-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Mapping[str, Collection[str]]:
    """The switches that miniabra asks for, by the facts that it is checked for; found out once for all workers."""
    folder = tmp_path_factory.getbasetemp()
    file = (folder if worker_id == "master" else folder.parent) / "switches-asked-for.json"
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            file.write_text(json.dumps(asked_by_fact()))
        found: dict[str, list[str]] = json.loads(file.read_text())
    return found


def asked_by_fact() -> Mapping[str, Collection[str]]:
    """Check a miniabra that notes its switches: all is as expected, and each is asked for where its own fact is."""
    with tempfile.TemporaryDirectory(prefix="recipeci-mutant-") as made:
        Path(made).chmod(0o755)
        done, found = contractlab.noted(script=edited(Path(made), NOTING), read_only=[Path(made)])
    assert seen(done) == {}
    assert [switch for switch in SWITCHES if switch not in found.get(fact_of(switch), ())] == []
    return found


def fact_of(switch: str) -> str:
    """Return the fact that a switch turns round."""
    return switch.replace("_", "-")


def edited(folder: Path, edits: Sequence[Edit]) -> str:
    """Make a miniabra with edits in a folder; return the script that runs it."""
    shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    for edit in edits:
        edit.apply(folder / PACKAGE.name)
    return f'exec {sys.executable} -I -c "{SCRIPT.format(folder=str(folder))}" "$@"'


def wrong(folder: Path, mistakes: Sequence[str]) -> dict[str, State]:
    """Run the suite for a miniabra with mistakes; return what is not as expected, without what nobody checks."""
    script = edited(folder, [MISTAKES[mistake] for mistake in mistakes])
    return seen(contractlab.run(script=script, read_only=[folder]))


def seen(done: Sequence[Done]) -> dict[str, State]:
    results = results_of(done).values()
    return {one.fact.id: one.state for one in results if one.state is not State.AS_EXPECTED and not one.planned}


def test_with_all_switches_flipped_each_and_nothing_else_is_seen() -> None:
    wanted = {fact_of(name): State.OTHER for name in SWITCHES}
    assert seen(contractlab.run(script=flipped("all"))) == wanted


@pytest.mark.long
@pytest.mark.parametrize("switch", SWITCHES)
def test_one_flipped_switch_and_nothing_else_is_seen(switch: str, asked: Mapping[str, Collection[str]]) -> None:
    """Where miniabra did not ask for a switch it cannot do otherwise when that is flipped.

    What one fact does to another in the same swarm is seen where all switches are flipped.
    """
    may_change = {fact for fact, switches in asked.items() if switch in switches}
    assert seen(contractlab.run(script=flipped(switch), only=may_change)) == {fact_of(switch): State.OTHER}


def test_each_of_many_mistakes_is_named_and_nothing_else(folder: Path) -> None:
    assert wrong(folder, list(MISTAKES)) == dict.fromkeys(MISTAKES, State.DIFFERS)


@pytest.mark.long
@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_mistake_is_named_and_nothing_else(mistake: str, folder: Path) -> None:
    assert wrong(folder, [mistake]) == {mistake: State.DIFFERS}


def test_an_abra_that_hangs_differs() -> None:
    script = f'[ "$1" = --version ] || exec sleep 1000; exec {sys.executable} -I -m miniabra "$@"'
    (result,) = results_of(contractlab.run(script=script, only=["fatal-code"], seconds=2.0)).values()
    assert result.state is State.DIFFERS
    assert re.fullmatch(r"it was still running after \d+ s", result.seen)  # 2, or as long as it took to end it
