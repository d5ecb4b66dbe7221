"""The bare script: what a person would write to bring one recipe through its tiers in a cell, and nothing else.

It makes the same Docker and abra calls as the harness, starts pytest once a suite, waits for Docker's events and keeps
the same 2 s of stability. It judges nothing: no plan, no report, no identity, no inventory, no fault that it survives.
The time that the harness needs beyond this is what `make bench` measures.

    python bench/bare.py SOURCE FOLDER STAGES     # prints seconds a step as JSON
"""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
from lab.prepare import IMAGES, cache_folder
from recipeci.host import cell, engine
from recipeci.host.abra import Abra, choose
from recipeci.host.backupbot import BackupBot
from recipeci.host.cell import Cell, CellSpec
from recipeci.host.clock import SystemClock
from recipeci.host.command import LocalRunner
from recipeci.host.docker import Swarm
from recipeci.host.http import Http, HttpFailed
from recipeci.host.store import Store

RECIPE = "custom-html"
APPS = ("nginx:1.22.1", "nginx:1.26.3")
BASE = "1.0.0+1.22.1"
DOMAIN = "bare.ci.test"
STACK = "bare_ci_test"
STABLE_SECONDS = 2.0
SUITE = """
import ssl, http.client
def test_page():
    assert "nginx" in open({page!r}).read()
"""
runner, clock = LocalRunner(), SystemClock()
seconds: dict[str, float] = {}


@contextmanager
def step(name: str) -> Iterator[None]:
    """Take the time of a step."""
    began = time.monotonic()
    yield
    seconds[name] = round(time.monotonic() - began, 3)


def git(folder: Path, *arguments: str) -> None:
    """Run git on the checkout."""
    runner.run(["git", *arguments], timeout=60, cwd=folder)


def wait_until_stable(client: docker.DockerClient, *, since: float, update: bool) -> None:
    """Wait by Docker's events until one healthy task of the new spec runs, and has run for STABLE_SECONDS."""
    events = client.events(decode=True, since=int(since), until=int(since) + 300)
    while not is_done(client, update=update):
        next(events)
    time.sleep(max(0.0, STABLE_SECONDS - age_of_newest(client)))
    events.close()


def is_done(client: docker.DockerClient, *, update: bool) -> bool:
    """Say whether the app's task runs and, for an update, swarm calls it completed."""
    found = client.services.list(filters={"name": f"{STACK}_app"})  # type: ignore[no-untyped-call,unused-ignore]  # older stubs do not type it
    if not found:
        return False
    state = found[0].attrs.get("UpdateStatus", {}).get("State", "")
    tasks = client.api.tasks({"service": f"{STACK}_app", "desired-state": "running"})  # type: ignore[no-untyped-call]
    running = [task for task in tasks if task["Status"]["State"] == "running"]
    return len(running) == 1 and state == ("completed" if update else "")


def age_of_newest(client: docker.DockerClient) -> float:
    """Return for how many seconds the app's newest container has run."""
    boxes = client.containers.list(filters={"name": f"{STACK}_app"})
    started = max(datetime.datetime.fromisoformat(box.attrs["State"]["StartedAt"]) for box in boxes)
    return (datetime.datetime.now(datetime.UTC) - started).total_seconds()


def serve_thrice(http: Http, page: Path) -> None:
    """Ask until the app answered three times in a row; keep the page for the suite."""
    good = 0
    while good < 3:
        try:
            answer = http.get(f"https://{DOMAIN}/")
        except HttpFailed:
            good = 0
            continue
        good = good + 1 if answer.status == 200 else 0
        page.write_bytes(answer.body)
        time.sleep(0.25 if good else 0.05)


def suite(folder: Path) -> None:
    """Start pytest once, on one test of the page."""
    file = folder / "test_page.py"
    file.write_text(SUITE.format(page=str(folder / "page")))
    subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)], check=True, cwd=folder)


def all_stages(box: Cell, abra: Abra, checkout: Path, folder: Path, stages: Collection[str]) -> None:
    """Deploy the base, move to the head, save its data and bring it back, and take it down."""
    client = docker.DockerClient(base_url=f"unix://{box.socket}")
    box.wait_proxy(60)
    http = Http(connect=box.connect, ca_file=box.ca_file)
    with step("new"):
        abra.app_new(RECIPE, domain=DOMAIN, version=BASE, chaos=False)
        git(checkout, "checkout", "--quiet", BASE)
        abra.app_secret_generate(DOMAIN)
    for name, version in (("install", BASE), ("upgrade", None)):
        with step(name):
            git(checkout, "checkout", "--quiet", version or "main")
            since = time.time()
            abra.app_deploy(DOMAIN, version=version, chaos=version is None, timeout=120)
            wait_until_stable(client, since=since, update=version is None)
            serve_thrice(http, folder / "page")
        with step(f"{name}: suite"):
            suite(folder)
    if "backup" in stages:
        box.wait_bot(60)
        swarm = Swarm(box.socket)
        with step("backup"):
            abra.app_backup_create(DOMAIN, timeout=120)
            bot = BackupBot(swarm)
            bot.listing(bot.snapshots(STACK)[-1].id)
            serve_thrice(http, folder / "page")
        with step("backup: suite"):
            suite(folder)
    if "restore" in stages:
        with step("restore"):
            abra.app_restore(DOMAIN, timeout=120)
            wait_until_stable(client, since=time.time(), update=True)
            serve_thrice(http, folder / "page")
        with step("restore: suite"):
            suite(folder)
    with step("teardown"):
        abra.app_undeploy(DOMAIN)
        while client.networks.list(names=[f"{STACK}_default"]) or client.api.containers(
            all=True, filters={"name": STACK}
        ):
            time.sleep(0.25)
        abra.app_volume_remove(DOMAIN)
        abra.app_remove(DOMAIN)


def main(source: str, where: str, named: str) -> None:
    """Do it all once in a fresh folder."""
    folder, stages = Path(where), named.split(",")
    programs = engine.find(None, runner=runner)
    store = Store(cache_folder() / "store", programs=programs, runner=runner, clock=clock)
    with step("images"):
        store.ensure(APPS, images=IMAGES, say=print)
        proxy, _ = store.ensure_proxy(None, images=IMAGES, say=print)
        bots = [store.ensure_bot(None, images=IMAGES, say=print)[0]] if "backup" in stages else []
    chosen = choose("builtin", None, runner=runner)
    checkout = folder / "c" / "abra" / "recipes" / RECIPE
    checkout.parent.mkdir(parents=True)
    with step("clone"):
        git(folder, "clone", "--quiet", source, str(checkout))
    with store.lend([*APPS, proxy, *bots], data_root=folder / "s" / "data") as lent:
        spec = CellSpec(
            name="bare",
            folder=folder / "s",
            shared=folder / "c",
            read_only=tuple(dict.fromkeys([*chosen.read_only, *programs.folders])),
            domain="ci.test",
            proxy_image=proxy,
            bot_image="".join(bots),
            layers=lent.mounts,
        )
        began = time.monotonic()
        with cell.running(spec, programs=programs, runner=runner, clock=clock, lock_fds=lent.fds) as box:
            seconds["cell"] = round(time.monotonic() - began, 3)
            abra = Abra(chosen, runner=box.runner, abra_dir=folder / "c" / "abra", docker_folder=programs.docker.parent)
            all_stages(box, abra, checkout, folder, stages)
            began = time.monotonic()
        seconds["cell gone"] = round(time.monotonic() - began, 3)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
