"""The store's dockerd builds what images.yml says, once, and leaves nothing behind."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest
from recipeci.errors import HostError
from recipeci.host.command import LocalRunner
from recipeci.host.engine import DockerPrograms

from image_store import tiny
from image_store.conftest import MakeStore

pytestmark = pytest.mark.cell
SECONDS = 120.0


def container_says(make_store: MakeStore, programs: DockerPrograms, data: Path, *, image: str) -> str:
    with make_store().lend([image], data_root=data) as lending:
        return tiny.run_borrowed(programs, data, lending.mounts, image=image)


def test_an_image_is_made_once_and_again_only_if_what_it_is_made_from_changed(
    make_store: MakeStore, images: tiny.Images, said: list[str], programs: DockerPrograms, tmp_path: Path
) -> None:
    make_store().ensure(["tiny:1"], images=images.folder, say=said.append)
    assert [line.split(" in ")[0] for line in said] == ["image tiny:1: being made …", "image tiny:1: made"]

    said.clear()
    make_store().ensure(["tiny:1"], images=images.folder, say=said.append)
    assert said == []

    images.entries[0]["args"]["VERSION"] = "2"
    images.write()
    make_store().ensure(["tiny:1"], images=images.folder, say=said.append)
    assert len(said) == 2
    assert container_says(make_store, programs, tmp_path / "data", image="tiny:1") == "version 2\n"


def test_only_what_is_asked_for_and_its_bases_are_made(
    make_store: MakeStore, images: tiny.Images, said: list[str]
) -> None:
    images.add("other:1", tiny.DOCKERFILE, name="other")
    images.add("top:1", "FROM tiny:1\nRUN echo top > /top\n", name="top")
    make_store().ensure(["top:1"], images=images.folder, say=said.append)
    assert [line for line in said if line.endswith("…")] == ["image tiny:1: being made …", "image top:1: being made …"]


def test_a_changed_base_makes_what_stands_on_it_anew(
    make_store: MakeStore, images: tiny.Images, said: list[str]
) -> None:
    images.add("top:1", "FROM tiny:1\nRUN echo top > /top\n", name="top")
    make_store().ensure(["top:1"], images=images.folder, say=said.append)
    said.clear()
    with (images.folder / "tiny" / "Dockerfile").open("a") as file:
        file.write("RUN echo changed > /changed\n")
    make_store().ensure(["top:1"], images=images.folder, say=said.append)
    assert [line for line in said if line.endswith("…")] == ["image tiny:1: being made …", "image top:1: being made …"]


def test_prepare_runs_in_a_copy_with_the_arguments_and_the_machines_network(
    make_store: MakeStore, images: tiny.Images, said: list[str], programs: DockerPrograms, tmp_path: Path
) -> None:
    script = images.folder / "prepare"
    # What it leaves among its temporary files is in the copy's folder, and goes with that.
    script.write_text('#!/bin/sh -e\nls -d "$(mktemp)" "$PWD/../tmp."*\necho "$WORD" > brought\nip route > routes\n')
    script.chmod(0o755)
    dockerfile = tiny.DOCKERFILE + 'COPY brought routes /\nCMD ["cat", "/brought", "/routes"]\n'
    folder = images.add("prepared:1", dockerfile, name="prepared", prepare="prepare", args={"WORD": "hello"})
    make_store().ensure(["prepared:1"], images=images.folder, say=said.append)
    routes = LocalRunner().run(["ip", "route"], timeout=SECONDS).out
    said_inside = container_says(make_store, programs, tmp_path / "data", image="prepared:1")
    assert said_inside == f"hello\n{routes}"
    assert not (folder / "brought").exists()


def test_a_build_that_fails_says_which_image_and_its_last_words(
    make_store: MakeStore, images: tiny.Images, said: list[str]
) -> None:
    images.add("wrong:1", "FROM tiny:1\nRUN echo why it failed >&2; exit 7\n", name="wrong")
    with pytest.raises(HostError, match=r"image wrong:1 could not be made: (.|\n)*why it failed(.|\n)*code: 7"):
        make_store().ensure(["wrong:1"], images=images.folder, say=said.append)


def test_two_runs_at_once_make_an_image_once(make_store: MakeStore, images: tiny.Images, said: list[str]) -> None:
    waits = threading.Event()

    def say(line: str) -> None:
        said.append(line)
        if line.endswith("being made …"):  # not faster than the other one comes
            waits.wait(SECONDS)
        elif line.endswith("waiting"):
            waits.set()

    def fill() -> None:
        make_store().ensure(["tiny:1"], images=images.folder, say=say)

    threads = [threading.Thread(target=fill) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said.count("image tiny:1: being made …") == 1
    assert said.count("image store: another run is filling it, waiting") == 1


TRACES = """
set -eu
mount -n -t tmpfs tmpfs /run
ip link set lo up
look() {
  ip -o addr; nft list ruleset; iptables-save; ip6tables-save
  find /run /var/lib/docker /etc/docker 2> /dev/null | sort
  find /sys/fs/cgroup -ignore_readdir_race -maxdepth 2 -name "recipeci-store-*-$(stat -c %i "$STORE" | xargs printf %x)"
  sysctl -a 2> /dev/null | grep -E 'ip_forward|forwarding|bridge-nf'
}
mkdir -p "$STORE"
look > "$1/before"
"$2" "$3"
look > "$1/after"
"""
FILL = """
import sys
from pathlib import Path
from recipeci.host import engine
from recipeci.host.clock import SystemClock
from recipeci.host.command import LocalRunner
from recipeci.host.store import Store
store = Store(Path({store!r}), programs=engine.find(None), runner=LocalRunner(), clock=SystemClock())
store.ensure(["tiny:1"], images=Path({images!r}), say=print)
"""


def test_filling_leaves_no_trace_in_the_network_namespace_in_run_and_in_cgroups(
    images: tiny.Images, tmp_path: Path
) -> None:
    program = tmp_path / "fill.py"
    program.write_text(FILL.format(store=str(tmp_path / "store"), images=str(images.folder)))
    argv = ["unshare", "--net", "--mount", "--", "sh", "-c", TRACES, "sh", str(tmp_path), sys.executable, str(program)]
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "STORE": str(tmp_path / "store")}
    done = LocalRunner().run(argv, timeout=2 * SECONDS, env=env)
    assert "image tiny:1: made in" in done.out
    assert (tmp_path / "after").read_text() == (tmp_path / "before").read_text()
    assert "net.ipv4.ip_forward = " in (tmp_path / "before").read_text()
