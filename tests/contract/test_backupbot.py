"""A backup bot in a real cell: what it saves, what it brings back, and what its repository and Docker tell of it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from lab import cells
from lab.cells import IMAGE, LabCell
from miniabralab import Checkout
from recipeci.errors import AbraFailed, HostError
from recipeci.host.abra import Abra, choose
from recipeci.host.backupbot import BackupBot, Entry
from recipeci.host.clock import SystemClock, until
from recipeci.host.command import Completed, LocalRunner
from recipeci.host.docker import Swarm
from recipeci.recipe.compose import Compose
from recipeci.recipe.coverage import Coverage, coverage
from recipeci.recipe.covered import covered
from recipeci.recipe.hookruns import hook_problems
from recipeci.run.teardown import Teardown

pytestmark = pytest.mark.cell
SECONDS = 60.0
ON = {"backupbot.backup": "true"}
PRE, POST = "backupbot.backup.pre-hook", "backupbot.backup.post-hook"
RESTORE_PRE, RESTORE_POST = "backupbot.restore.pre-hook", "backupbot.restore.post-hook"
NUMBERS = itertools.count()
ROOT = "/var/lib/docker/volumes"


@dataclass(frozen=True)
class Stack:
    """A stack of two services, each with a volume of its own."""

    lab: LabCell
    name: str
    coverage: Coverage
    swarm: Swarm = field(repr=False)

    @property
    def bot(self) -> BackupBot:
        return BackupBot(self.swarm)

    @property
    def domain(self) -> str:
        return self.name.replace("_", ".")

    def sh(self, service: str, script: str) -> str:
        """Run a script in a service's container; return what it printed."""
        return self.lab.docker("exec", self.container(f"{self.name}_{service}"), "sh", "-c", script).out

    def container(self, service: str) -> str:
        label = f"label=com.docker.swarm.service.name={service}"

        def look() -> str:
            return self.lab.docker("ps", "-q", "--filter", label).out.strip()

        return until(look, bool, what=f"container of {service}", clock=SystemClock(), timeout=SECONDS, successes=1)

    def backup(self, *argv: str, ok: tuple[int, ...] = (0,), **env: str) -> Completed:
        """Run the bot's program in its container."""
        given = [word for key, value in {"SERVICE": self.domain, **env}.items() for word in ("-e", f"{key}={value}")]
        return self.lab.docker("exec", *given, self.container("backupbot_app"), "backup", *argv, ok=ok)

    def created(self, ok: tuple[int, ...] = (0,)) -> tuple[str, str]:
        """Make a snapshot; return its id, which must be the newest that the repository has, and what was printed."""
        said = self.backup("create", ok=ok).out
        (summary,) = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        assert self.bot.snapshots(self.name)[-1].id == summary["snapshot_id"]
        return str(summary["snapshot_id"]), said

    def covered(self, snapshot: str) -> dict[str, bool]:
        names = {key: f"{self.name}_{key}" for key in ("content", "data")}
        found = covered(self.coverage, names=names, listing=self.bot.listing(snapshot))
        return {f"{one.promise.volume}/{one.path}": one.found for one in found}


CHOSEN = choose("builtin", None, runner=LocalRunner())


@pytest.fixture(scope="module")
def lab() -> Iterator[LabCell]:
    with cells.lab_cell(read_only=CHOSEN.read_only, bot=True) as made:
        yield made


@pytest.fixture
def abra(lab: LabCell) -> Abra:
    folder, docker = lab.cell.spec.shared / "abra", lab.programs.docker.parent
    return Abra(CHOSEN, runner=lab.cell.runner, abra_dir=folder, docker_folder=docker)


@pytest.fixture
def stack(lab: LabCell, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Deploy the two services with the labels that the test asks for: {service: labels}."""
    asked: Mapping[str, Mapping[str, str]] = request.param
    name = f"s{next(NUMBERS)}_ci_test"
    services = {
        service: {"image": IMAGE, "volumes": [f"{volume}:{target}"], "deploy": {"labels": dict(asked.get(service, {}))}}
        for service, volume, target in (("app", "content", "/content"), ("db", "data", "/data"))
    }
    compose: dict[str, Any] = {"version": "3.8", "services": services, "volumes": {"content": {}, "data": {}}}
    file = lab.cell.spec.shared / f"{name}.yml"
    file.write_text(json.dumps(compose))
    resolved = lab.docker("stack", "config", "-c", str(file)).out
    lab.docker("stack", "deploy", "-c", str(file), name)
    swarm = Swarm(lab.cell.socket)
    made = Stack(lab, name, coverage(Compose.parse(resolved)), swarm)
    try:
        made.sh("app", "mkdir /content/sub; echo one > /content/a; echo deep > /content/sub/b")
        made.sh("db", "echo live > /data/live")
        yield made
    finally:
        lab.docker("stack", "rm", name, ok=(0, 1))  # 1: a network is still in use by a task; it goes with the cell
        swarm.close()


def labelled(**services: Mapping[str, str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("stack", [services], indirect=True, ids=[""])


DUMPING = {
    PRE: "cat /data/live > /data/dump.sql; hostname > /data/where",
    POST: "rm /data/dump.sql",
    RESTORE_PRE: "touch /data/before-restore",
    RESTORE_POST: "cp /data/dump.sql /data/live",
    "backupbot.backup.volumes.data.path": "dump.sql",
}


@labelled(app=ON, db=DUMPING)
def test_what_is_saved_is_listed_read_and_brought_back_with_hooks_in_their_own_container(stack: Stack) -> None:
    with stack.bot.watching() as watch:
        snapshot, _ = stack.created()
    assert hook_problems(stack.coverage, ("pre", "post"), stack=stack.name, ran=watch.ran) == ()
    assert stack.sh("db", "cat /data/where") == stack.sh("db", "hostname")
    (seen,) = stack.bot.snapshots(stack.name)
    assert (seen.tags, type(seen.time)) == ((stack.name,), float)
    listing = {entry.path.removeprefix(f"{ROOT}/{stack.name}_"): entry for entry in stack.bot.listing(snapshot)}
    assert {"content/_data/a", "content/_data/sub/b", "data/_data/dump.sql"} <= set(listing)
    assert "data/_data/live" not in listing
    one = listing["content/_data/a"]
    assert one == Entry(f"{ROOT}/{stack.name}_content/_data/a", "file", 4, modified=one.modified)
    assert 0 < one.modified <= seen.time
    assert listing["content/_data/sub"].kind == "dir"
    assert listing["data/_data/dump.sql"].size == len("live\n")
    assert stack.covered(snapshot) == {"content/": True, "data/dump.sql": True}
    assert stack.sh("db", "ls /data").split() == ["live", "where"]  # the post-hook ran

    stack.sh("app", "echo changed > /content/a; rm -r /content/sub; echo new > /content/added")
    stack.sh("db", "echo other > /data/live")
    with stack.bot.watching() as watch:
        stack.backup("restore")
    assert hook_problems(stack.coverage, ("restore_pre", "restore_post"), stack=stack.name, ran=watch.ran) == ()
    assert stack.sh("app", "cat /content/a /content/sub/b /content/added") == "one\ndeep\nnew\n"
    assert stack.sh("db", "cat /data/live; ls /data/before-restore") == "live\n/data/before-restore\n"


@labelled(app=ON, db={PRE: "exit 3", POST: "touch /data/after", "backupbot.backup.volumes.data.path": "dump.sql"})
def test_a_failing_hook_is_seen_though_the_dump_of_an_earlier_run_is_saved(stack: Stack) -> None:
    stack.sh("db", "echo old > /data/dump.sql")
    with stack.bot.watching() as watch:
        snapshot, said = stack.created(ok=(1,))
    assert f"ERROR {PRE} of {stack.name}_db ended with 3" in said
    assert "finished, with hooks that failed" in said
    assert stack.covered(snapshot) == {"content/": True, "data/dump.sql": True}
    assert hook_problems(stack.coverage, ("pre", "post"), stack=stack.name, ran=watch.ran) == (
        f"db: {PRE} ended with 3: exit 3",
    )
    assert stack.sh("db", "ls /data/after") == "/data/after\n"


@labelled(app=ON | {PRE: "true"}, db={})
def test_a_hook_whose_container_is_gone_was_not_run(stack: Stack) -> None:
    stack.lab.docker("service", "scale", "-d", f"{stack.name}_app=0")
    until(
        lambda: stack.lab.docker("ps", "-q", "--filter", f"name={stack.name}_app").out,
        lambda seen: not seen.strip(),
        what="no container",
        clock=SystemClock(),
        timeout=SECONDS,
        successes=1,
    )
    with stack.bot.watching() as watch:
        _, said = stack.created(ok=(1,))
    assert f"ERROR {PRE} of {stack.name}_app: no container of it is running" in said
    assert hook_problems(stack.coverage, ("pre",), stack=stack.name, ran=watch.ran) == (
        f"app: {PRE} was not run: true",
    )


@labelled(app=ON | {"backupbot.backup.volumes.content.path": "a,missing,empty,folder"})
def test_a_promised_path_that_is_not_there_is_seen_though_the_bot_ends_well(stack: Stack) -> None:
    stack.sh("app", ": > /content/empty; mkdir /content/folder")
    snapshot, said = stack.created()
    assert f"ERROR {ROOT}/{stack.name}_content/_data/missing does not exist" in said
    assert stack.covered(snapshot) == {
        "content/a": True,
        "content/missing": False,
        "content/empty": False,
        "content/folder": False,
        "data/": True,
    }


@labelled(app=ON, db={"backupbot.backup.volumes.data": "false"})
def test_a_volume_that_is_left_out_is_not_in_the_snapshot(stack: Stack) -> None:
    snapshot, _ = stack.created()
    assert not [entry for entry in stack.bot.listing(snapshot) if f"{stack.name}_data" in entry.path]
    assert stack.coverage.excluded == ("data",)
    promised_after_all = Coverage(enabled=True, promises=coverage_of_both(stack).promises)
    names = {key: f"{stack.name}_{key}" for key in ("content", "data")}
    found = covered(promised_after_all, names=names, listing=stack.bot.listing(snapshot))
    assert {one.promise.volume: one.found for one in found} == {"content": True, "data": False}


def coverage_of_both(stack: Stack) -> Coverage:
    """Return what the same stack would promise without the label that leaves a volume out."""
    file = stack.lab.cell.spec.shared / f"{stack.name}.yml"
    text = file.read_text().replace('"backupbot.backup.volumes.data": "false"', '"other": ""')
    file.with_suffix(".both.yml").write_text(text)
    return coverage(Compose.parse(stack.lab.docker("stack", "config", "-c", f"{file.with_suffix('.both.yml')}").out))


@labelled(app=ON)
def test_a_restore_may_be_of_an_older_snapshot_or_of_one_volume_and_without_commands(stack: Stack) -> None:
    first, _ = stack.created()
    stack.sh("app", "echo two > /content/a")
    stack.sh("db", "echo dead > /data/live")
    second, _ = stack.created()
    assert [one.id for one in stack.bot.snapshots(stack.name)] == [first, second]
    said = stack.backup("snapshots").out.split()
    assert said[1::2] == [first, second]
    stack.backup("restore", "--volumes", "data", SNAPSHOT=first[:8], NO_COMMANDS="1")
    assert (stack.sh("app", "cat /content/a"), stack.sh("db", "cat /data/live")) == ("two\n", "live\n")
    stack.backup("restore")
    assert stack.sh("db", "cat /data/live") == "dead\n"  # the newest, unless told otherwise (facts A-17)
    listed = stack.backup("ls", SHOW_ALL="1", SNAPSHOT=first).out.splitlines()
    assert f"{ROOT}/{stack.name}_content/_data/sub/b" in listed


@labelled(app={})
def test_a_stack_without_the_switch_is_not_saved(stack: Stack) -> None:
    said = stack.backup("create", ok=(1,)).out
    assert said.strip() == f"ERROR {stack.domain} has no service with the label backupbot.backup=true"
    assert stack.bot.snapshots(stack.name) == ()
    assert stack.backup("restore", ok=(1,)).out.startswith("ERROR ")


@labelled(app=ON)
def test_a_snapshot_of_another_app_is_not_restored(stack: Stack) -> None:
    snapshot, _ = stack.created()
    said = stack.backup("restore", ok=(1,), SERVICE="else.ci.test", SNAPSHOT=snapshot).out
    assert "ERROR else.ci.test has no service with the label" in said
    with pytest.raises(HostError, match="restic ls ended with 1"):
        stack.bot.listing("0" * 64)


RECIPE = "saved"
SAMPLE = "TYPE=saved\nDOMAIN=saved.example.com\n"
COMPOSE = f"""\
version: "3.8"
services:
  app:
    image: {IMAGE}
    volumes: ["content:/content"]
    deploy: {{labels: ["backupbot.backup=true", "{PRE}=test ! -e /content/broken"]}}
volumes: {{content: }}
"""


def test_abra_has_an_app_saved_and_restored(lab: LabCell, abra: Abra) -> None:
    domain = "saved.ci.test"
    checkout = Checkout(abra.checkout(RECIPE))
    checkout.folder.mkdir(parents=True)
    checkout.git("init", "--quiet", "--initial-branch=main")
    checkout.write(".env.sample", SAMPLE)
    checkout.write("compose.yml", COMPOSE)
    checkout.commit()
    abra.app_new(RECIPE, domain=domain, version=None, chaos=True)
    abra.app_deploy(domain, version=None, chaos=True, timeout=SECONDS)
    swarm = Swarm(lab.cell.socket)
    stack = Stack(lab, "saved_ci_test", Coverage(enabled=True), swarm)
    try:
        stack.sh("app", "echo one > /content/a")
        with pytest.raises(AbraFailed, match="exit status 1"):
            abra.app_backup_snapshots(domain)  # there is none
        abra.app_backup_create(domain, timeout=SECONDS)
        (snapshot,) = stack.bot.snapshots(stack.name)
        assert snapshot.id in abra.app_backup_snapshots(domain)
        stack.sh("app", "rm /content/a")
        abra.app_restore(domain, timeout=SECONDS)
        assert stack.sh("app", "cat /content/a") == "one\n"
        stack.sh("app", "touch /content/broken")
        with pytest.raises(AbraFailed, match="backup create: exit status 1"), stack.bot.watching() as watch:
            abra.app_backup_create(domain, timeout=SECONDS)
        assert [(one.service, one.code) for one in watch.ran if "/content/broken" in one.command] == [
            ("saved_ci_test_app", 1),
        ]
        assert len(stack.bot.snapshots(stack.name)) == 2
    finally:
        swarm.close()


def test_a_bot_that_comes_up_during_the_run_is_not_counted_among_what_the_run_leaves() -> None:
    with cells.bench(bot=True) as made, made.running() as cell:
        swarm = Swarm(cell.socket)
        try:
            before = frozenset(item for item in swarm.objects() if item.kind != "container")
            cell.wait_bot(SECONDS)
            assert [item for item in swarm.objects() - before if item.name.startswith("backupbot_app/")]
            folder = made.folder / "abra"
            abra = Abra(CHOSEN, runner=cell.runner, abra_dir=folder, docker_folder=made.programs.docker.parent)
            teardown = Teardown("none.ci.test", "none_ci_test", abra, swarm, SystemClock(), note=pytest.fail)
            assert teardown.run(before=before) == ()
            swarm.api.create_volume("left")
            assert [item.name for item in teardown.run(before=before)] == ["left"]
        finally:
            swarm.close()


def test_a_bot_whose_image_is_not_there_is_said_at_once() -> None:
    with cells.bench() as made:
        wrong = replace(made, spec=replace(made.spec, bot_image="no-such-bot:1"))
        with wrong.running() as cell, pytest.raises(HostError, match="No such image: no-such-bot:1") as caught:
            cell.wait_bot(SECONDS)
    assert "--bot-image" in caught.value.hint


def test_without_a_bot_there_are_words(lab: LabCell) -> None:
    lab.docker("service", "update", "-d", "--label-rm", "coop-cloud.backupbot.enabled", "backupbot_app")
    swarm = Swarm(lab.cell.socket)
    try:
        with pytest.raises(HostError, match="no backup bot is running"):
            BackupBot(swarm).snapshots("x")
    finally:
        lab.docker("service", "update", "-d", "--label-add", "coop-cloud.backupbot.enabled=true", "backupbot_app")
        swarm.close()
