"""service.sweep with real workers: what was expected ran, or it is said what did not; and what turned red since."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from recipe_git.forges import forge_of
from recipe_git.made import Made
from recipeci.errors import HostError, UsageError
from recipeci.host.command import LocalRunner
from recipeci.model import Commit, Settings, Tier
from recipeci.recipe.versions import Published, Version
from recipeci.service.model import End, Repository
from recipeci.service.setup import Bridge
from recipeci.service.store import repositories, sweeps
from recipeci.service.sweep import Sweep, alone, newest_of

from working.lab import CLOCK, Lab, sha

URL = "https://ci.test"


@dataclass
class Swept:
    """A sweep of a lab, with the versions that its repositories have, and what it says."""

    bridge: Lab
    versions: dict[int, int] = field(default_factory=lambda: {7: 1, 8: 2})
    """Of each repository the number of its newest version's commit; none has no version."""
    away: set[int] = field(default_factory=set)
    """The repositories that do not answer."""
    said: list[str] = field(default_factory=list)
    silence: float | None = None
    stop_after: int | None = None
    """So many looks, then the sweep is stopped."""
    meanwhile: Callable[[], None] = lambda: None
    """Called at each look."""

    def run(self) -> int | None:
        """Sweep while the loop follows."""
        self.said.clear()
        settings = Bridge(self.bridge.database.path, "https://forge.test", URL, "127.0.0.1", 0, "token", ())
        sweep = Sweep(settings, self.bridge.database, CLOCK, self.newest, self.said.append, self.silence)
        with alone(self.bridge.database.path):
            return sweep.run(sweep.candidates(), self.stop)

    def newest(self, repository: Repository) -> Published | None:
        if repository.id in self.away:
            raise HostError(f"{repository.clone_url} cannot be reached: no route")
        number = self.versions.get(repository.id)
        return None if number is None else Published(Version(f"{number}.0.0+1"), Commit(sha(number)), annotated=True)

    def stop(self, _seconds: float) -> bool:
        self.meanwhile()
        self.bridge.following.step()
        CLOCK.sleep(0.02)
        if self.stop_after is None:
            return False
        self.stop_after -= 1
        return self.stop_after <= 0

    def ends(self) -> list[End | None]:
        """Return how the requests of the newest sweep ended."""
        with self.bridge.database.reading() as tx:
            return [line.end for line in sweeps.lines(tx, tx.value("SELECT max(id) FROM sweep"))]


@pytest.fixture
def swept(bridge: Lab) -> Swept:
    return Swept(bridge)


def test_the_newest_version_of_each_runs_and_the_forge_is_shown_nothing(swept: Swept) -> None:
    swept.bridge.start(slots=2)
    assert swept.run() == 0
    assert "2 expected, 2 ran" in swept.said
    assert [line for line in swept.said if line.startswith(("turned red", "still red", "not run"))] == []
    for number in (1, 2):
        (line,) = (line for line in swept.said if line.startswith("[") and f" {number}.0.0+1: pass" in line)
        assert f"{URL}/runs/" in line
    began = {run["sha"]: run["argv"] for run in swept.bridge.journal()}
    assert set(began) == {sha(1), sha(2)}
    argv = began[sha(1)]
    assert "--pr" not in argv
    assert argv[argv.index("--code-source") + 1] == argv[argv.index("--source") + 1] == "https://forge.test/coop/7.git"
    assert argv[argv.index("--stages") + 1] == ",".join(Tier)
    with swept.bridge.database.reading() as tx:
        assert tx.value("SELECT count(*) FROM outbox") == 0


def test_what_turned_red_is_told_once_then_it_is_still_red_and_then_green_again(swept: Swept) -> None:
    swept.bridge.start(slots=2)
    assert swept.run() == 0
    swept.bridge.order(sha(2), code=1)
    assert swept.run() == 1
    assert "2 expected, 2 ran" in swept.said
    (turned,) = (line for line in swept.said if line.startswith("turned red: "))
    assert turned.startswith("turned red: coop/8 2.0.0+1: fail")
    assert swept.run() == 0
    (still,) = (line for line in swept.said if line.startswith("still red: "))
    assert still.startswith("still red: coop/8 2.0.0+1: fail")
    swept.bridge.order(sha(2), code=0)
    assert swept.run() == 0
    assert [line for line in swept.said if line.startswith("green again: coop/8 2.0.0+1: pass")]


def test_what_is_red_the_first_time_has_turned_red(swept: Swept) -> None:
    swept.bridge.order(sha(1), code=1)
    swept.bridge.start(slots=2)
    assert swept.run() == 1


def test_a_sweep_between_that_had_no_verdict_does_not_make_it_news(swept: Swept) -> None:
    swept.bridge.order(sha(2), code=1)
    swept.bridge.start(slots=2)
    assert swept.run() == 1
    swept.away = {8}
    assert swept.run() == 3
    swept.away = set()
    assert swept.run() == 0
    assert [line for line in swept.said if line.startswith("still red: coop/8")]


def test_a_recipe_without_versions_and_one_that_is_not_reached_are_counted_and_named(swept: Swept) -> None:
    swept.bridge.start()
    del swept.versions[7]
    assert swept.run() == 3
    assert "not run: coop/7: it has no published version" in swept.said
    assert "2 expected, 1 ran" in swept.said
    swept.away = {7, 8}
    assert swept.run() == 3
    assert "not run: coop/8: https://forge.test/coop/8.git cannot be reached: no route" in swept.said
    assert "2 expected, 0 ran" in swept.said


def test_a_run_without_a_verdict_did_not_run(swept: Swept) -> None:
    swept.bridge.order(sha(2), code=3)
    swept.bridge.order(sha(1), code=1)
    swept.bridge.start(slots=2)
    assert swept.run() == 3
    assert "2 expected, 1 ran" in swept.said
    assert [line for line in swept.said if line.startswith("not run: coop/8 2.0.0+1: error: the run ended with 3")]
    assert [line for line in swept.said if line.startswith("turned red: coop/7 1.0.0+1")]


def test_a_sweep_of_nothing_is_hollow(swept: Swept) -> None:
    with swept.bridge.database.writing() as tx:
        tx.change("DELETE FROM repository")
    assert swept.run() == 3
    assert "0 expected, 0 ran" in swept.said
    assert swept.said[-1] == "no repository is enrolled: recipeci enroll OWNER/REPO"


def test_a_sweep_that_nobody_carries_gives_up_and_leaves_nothing_queued(swept: Swept) -> None:
    swept.silence = 0.5
    assert swept.run() == 3
    assert "0 running, 2 queued (no worker has been seen lately)" in swept.said
    assert "2 expected, 0 ran" in swept.said
    assert [line for line in swept.said if line.startswith("not run: coop/7 1.0.0+1: it has not ended")]
    swept.bridge.following.step()
    assert swept.ends() == [End.CANCELLED, End.CANCELLED]


def test_a_sweep_that_is_stopped_leaves_nothing_queued_or_running(swept: Swept) -> None:
    swept.bridge.hold()
    swept.bridge.start()
    swept.stop_after = 30
    assert swept.run() is None
    swept.bridge.follow(swept.ends, lambda ends: None not in ends, what="the ends")
    assert swept.ends() == [End.CANCELLED, End.CANCELLED]


def test_one_sweep_goes_on_at_a_time(swept: Swept) -> None:
    with alone(swept.bridge.database.path), pytest.raises(HostError, match="another recipeci sweep uses"):
        swept.run()


def test_a_repository_that_is_renamed_meanwhile_is_the_same_one(swept: Swept) -> None:
    swept.bridge.start(slots=2)

    def rename() -> None:
        with swept.bridge.database.writing() as tx:
            home = repositories.find(tx, 7)
            assert home is not None
            repositories.enrol(tx, dataclasses.replace(home, full_name="coop/called-otherwise"))

    swept.meanwhile = rename
    assert swept.run() == 0
    assert "2 expected, 2 ran" in swept.said


# --- the newest version, as a forge has it


@pytest.fixture
def private(tmp_path: Path) -> tuple[Path, str]:
    """The folder of a forge with a recipe of three versions, and the newest one's commit."""
    made = Made(tmp_path / "made")
    made.folder.mkdir()
    made.git("init", "--quiet", "-b", "main")
    for version in ("1.10.0+1", "1.9.0+2", "v0.1.0+9"):
        made.commit(version)
        made.git("tag", "-a", version, "-m", "x")
    made.git("tag", "2024-01-05")
    made.git("clone", "--quiet", "--mirror", ".", str(tmp_path / "forge" / "coop" / "web.git"))
    return tmp_path / "forge", made.git("rev-parse", "1.10.0+1^{commit}")


@pytest.mark.parametrize("below", ["", "/gitea"])
def test_a_private_repository_is_looked_up_with_the_bridges_own_token(private: tuple[Path, str], below: str) -> None:
    folder, newest = private
    token = "bridge-token-of-a-forge"
    with forge_of(folder, login=f"recipeci:{token}") as forge:
        bridge = Bridge(folder / "db", f"{forge}{below}", URL, "127.0.0.1", 0, token, ())
        home = Repository(7, "coop/web", "web", True, f"{forge}/coop/web.git", "", "")  # noqa: FBT003
        found = newest_of(home, runner=LocalRunner(), settings=Settings(), bridge=bridge)
        assert found is not None
        assert (found.version.text, str(found.commit)) == ("1.10.0+1", newest)
        gone = dataclasses.replace(home, clone_url=f"{forge}/coop/none.git")
        with pytest.raises(UsageError, match="there is no such repository"):
            newest_of(gone, runner=LocalRunner(), settings=Settings(), bridge=bridge)


def test_another_host_is_not_shown_the_bridges_token(private: tuple[Path, str]) -> None:
    shown: list[str] = []
    with forge_of(private[0], login="other:other-token-of-16", shown=shown) as forge:
        bridge = Bridge(private[0] / "db", "https://forge.invalid", URL, "127.0.0.1", 0, "bridge-token-of-a-forge", ())
        home = Repository(7, "coop/web", "web", True, f"{forge}/coop/web.git", "", "")  # noqa: FBT003
        with pytest.raises(HostError, match="wants a password"):
            newest_of(home, runner=LocalRunner(), settings=Settings(), bridge=bridge)
    assert shown == []
