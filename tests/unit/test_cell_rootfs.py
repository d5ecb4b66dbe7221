"""The steps from which a cell's root is made: what comes in, in which way, in which order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from recipeci.host.cell import CellSpec, init, rootfs
from recipeci.host.cell.cgroups import CgroupPlan
from recipeci.host.cell.machine import Machine
from recipeci.host.cell.rootfs import Docker, Step
from recipeci.model import LayerMount

RUN = Path("/cache/runs/1")
LAYER = LayerMount(Path("/cache/store/data/overlay2/abc/diff"), RUN / "swarm/data/overlay2/abc/diff")
SPEC = CellSpec(
    name="a",
    folder=RUN / "swarm",
    shared=RUN / "cell",
    read_only=(Path("/srv/venv"), Path("/usr/local/lib/abra"), Path("/srv/venv/lib")),
    domain="ci.test",
    proxy_image="traefik:v3",
    layers=(LAYER,),
)
MACHINE = Machine(
    tools={name: f"/usr/bin/{name}" for name in ("ip", "dnsmasq", "tini", "setpriv")},
    tool_folders=(Path("/usr/bin"), Path("/srv/tools")),
    python=Path("/opt/python/bin/python3"),
    python_folders=(Path("/opt/python"), Path("/opt/python")),
    system=(Path("/usr"),),
    top_links=(("bin", "usr/bin"),),
    top_folders=(Path("/lib64"),),
    alternatives=(("iptables", "/usr/sbin/iptables-nft"),),
    loader_cache=Path("/etc/ld.so.cache"),
    mounts="",
    own_cgroup="",
    has_ipvs=False,
)
CGROUPS = CgroupPlan(1, (), (), (), (), (), (("tmpfs", "/sys/fs/cgroup", "mode=755"),))
BIN = Path("/srv/docker/bin")
DOCKER = Docker(BIN / "dockerd", BIN / "containerd", str(BIN), (Path("/srv/docker/bin"), Path("/usr/bin")))


def plan(spec: CellSpec = SPEC, machine: Machine = MACHINE) -> list[Step]:
    return list(rootfs.steps(spec, machine, CGROUPS, DOCKER))


def test_every_step_is_one_that_init_knows() -> None:
    verbs = {name for name in vars(init.Builder) if not name.startswith("_")}
    assert {step[0] for step in plan()} <= verbs - {"do"}


def test_the_host_comes_in_as_overlays_and_what_is_bound_is_the_runs_own() -> None:
    bound = [step[1] for step in plan() if step[0] == "bind"]
    assert bound == [str(SPEC.data), str(SPEC.run), str(SPEC.shared)]
    shown = {step[1]: step[2] for step in plan() if step[0] == "show"}
    assert shown.pop(str(SPEC.tls)) == "/etc/recipeci"
    assert shown.pop(str(LAYER.source)) == "/var/lib/docker/overlay2/abc/diff"
    assert (
        list(shown)
        == list(shown.values())
        == ["/lib64", "/opt/python", "/srv/docker/bin", "/srv/tools", "/srv/venv", "/usr"]
    )


def test_a_folder_in_another_that_is_seen_is_seen_with_it() -> None:
    seen = rootfs.seen(SPEC, MACHINE, DOCKER)
    assert Path("/usr/local/lib/abra") not in seen
    assert Path("/srv/venv/lib") not in seen


def test_a_folder_whose_name_only_begins_like_another_is_seen_itself() -> None:
    spec = replace(SPEC, read_only=(Path("/srv/venv"), Path("/srv/venv2")))
    assert {Path("/srv/venv"), Path("/srv/venv2")} <= set(rootfs.seen(spec, MACHINE, DOCKER))


def test_layers_are_mounted_after_the_binds_that_would_hide_them() -> None:
    steps = plan()
    order = [
        steps.index(("bind", str(SPEC.data), "/var/lib/docker")),
        steps.index(("rebind", "/var/lib/docker")),
        steps.index(("rebind", "/var/lib/docker/overlay2")),
        steps.index(("show", str(LAYER.source), "/var/lib/docker/overlay2/abc/diff")),
    ]
    assert order == sorted(order)


def test_what_lies_in_tmp_is_mounted_after_tmp() -> None:
    steps = plan(replace(SPEC, read_only=(Path("/tmp/venv"),)))  # noqa: S108
    tmp = next(number for number, step in enumerate(steps) if step[:2] == ("tmpfs", "/tmp"))  # noqa: S108
    assert steps.index(("show", "/tmp/venv", "/tmp/venv")) > tmp  # noqa: S108


def test_sys_is_read_only_before_the_cgroups_are_mounted_in_it() -> None:
    steps = plan()
    assert steps.index(("readonly", "/sys", "nosuid,nodev,noexec")) < steps.index(CGROUPS.steps[0])


def test_nothing_is_started_before_the_root_is_the_cells_and_dockerd_comes_last() -> None:
    steps = plan()
    pivot = steps.index(("pivot", "old"))
    assert [step for step in steps[:pivot] if step[0] in {"run", "start", "exec"}] == []
    assert [step[0] for step in steps].count("exec") == 1
    assert steps[-1][0] == "exec"


def test_dockerd_runs_under_tini_and_finds_its_containerd_there() -> None:
    *before, sealed, last = plan()
    assert sealed == ("seal", "/")
    assert last[1:4] == ("/usr/bin/tini", "--", "/srv/docker/bin/dockerd")
    socket = last[last.index("--containerd") + 1]
    assert before[-1] == ("wait", socket)
    assert before[-2][2] == "/srv/docker/bin/containerd"
    settings = next(step[2] for step in before if step[:2] == ("text", "/etc/docker/containerd.toml"))
    assert f'address = "{socket}"' in settings


def test_service_addresses_are_ours_only_where_the_kernel_has_no_ipvs() -> None:
    started = [step for step in plan() if step[0] == "start"]
    assert started[0][1:4] == ("/run/vipd.log", "/opt/python/bin/python3", "-I")
    assert [step for step in plan(machine=replace(MACHINE, has_ipvs=True)) if step[0] == "start"] == started[1:]


def test_etc_is_the_cells_own() -> None:
    texts = {step[1] for step in plan() if step[0] == "text"}
    assert {"/etc/passwd", "/etc/resolv.conf", "/etc/docker/daemon.json", "/etc/dnsmasq.conf"} <= texts
    copied = {step[1] for step in plan() if step[0] == "copy"}
    assert {path for path in copied if path.startswith("/etc/")} == {"/etc/ld.so.cache"}
    assert ("link", "/usr/sbin/iptables-nft", "/etc/alternatives/iptables") in plan()


def test_dockerds_environment_has_nothing_of_ours() -> None:
    env = rootfs.environment(DOCKER, path="/usr/sbin:/usr/bin")
    assert env == {"PATH": "/srv/docker/bin:/usr/sbin:/usr/bin", "HOME": "/root", "TMPDIR": "/tmp"}  # noqa: S108
