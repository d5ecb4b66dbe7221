"""What root in a container of a cell reaches: the rows of the table in docs/cell.md, a test each.

Each test has its control: the same look, at something that is to be seen, sees it.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import cells, prepare
from lab.cells import LabCell
from recipeci.errors import OpFailed
from recipeci.host import command
from recipeci.host.cell.engine_api import EngineApi

pytestmark = pytest.mark.cell

ALL = ("--cap-add", "ALL", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined")
"""As much as a cell lets a container have; `--privileged` is refused where devices are limited by cgroup v1."""
WHOLE_ROOT = ("-v", "/:/host")
CAPABILITY_BITS = {
    "dac_read_search": 2,
    "linux_immutable": 9,
    "sys_module": 16,
    "sys_rawio": 17,
    "sys_admin": 21,
    "sys_boot": 22,
    "sys_time": 25,
    "mac_override": 32,
    "mac_admin": 33,
    "syslog": 34,
    "wake_alarm": 35,
    "block_suspend": 36,
}
LEAVE_DOCKERS_CGROUP = "mkdir /c && mount -t cgroup -o devices cgroup /c && echo $$ >/c/cgroup.procs"
"""Docker's own list of devices then no longer holds, only the cell's."""
DANGEROUS = CAPABILITY_BITS.keys() - {"sys_admin"}
"""Written down here once more: a list of the harness's own would agree with itself."""


@pytest.fixture(scope="module")
def lab() -> Iterator[LabCell]:
    with cells.lab_cell(read_only=[Path(sys.prefix)]) as made:
        yield made


@pytest.fixture
def sentinel() -> Iterator[str]:
    """A word in files of the host that no cell may see; the files' names are the word too."""
    word = f"sentinel-{secrets.token_hex(8)}"
    above = [Path("/etc"), Path("/root"), Path("/home"), Path("/var"), Path("/var/lib"), Path("/opt"), Path("/srv")]
    other_run = prepare.cache_folder() / "runs" / word
    files = [folder / word for folder in (*above, prepare.cache_folder(), other_run)]
    other_run.mkdir(parents=True)
    try:
        for file in files:
            file.write_text(word)
        yield word
    finally:
        for file in files:
            file.unlink(missing_ok=True)
        other_run.rmdir()


def find(word: str, *, where: str = "/host") -> str:
    """A script that prints the paths of all files of that name; kernel trees are searched by another test."""
    return f"find {where} \\( -path {where}/proc -o -path {where}/sys \\) -prune -o -name '{word}' -print"


def test_the_root_of_the_host_is_the_cells(lab: LabCell, sentinel: str) -> None:
    (lab.cell.spec.shared / sentinel).write_text("to be seen")
    found = lab.container(*ALL, *WHOLE_ROOT, script=find(sentinel)).out.split()
    assert found == [f"/host{lab.cell.spec.shared / sentinel}"]


def test_the_root_holds_only_what_is_named(lab: LabCell) -> None:
    top = set(lab.container(*WHOLE_ROOT, script="ls -A /host").out.split())
    named = {path.parts[1] for path in (Path(sys.prefix), Path(sys.base_prefix), lab.cell.spec.shared)}
    own = {
        "bin",
        "sbin",
        "lib",
        "lib32",
        "lib64",
        "libx32",
        "usr",
        "dev",
        "etc",
        "proc",
        "root",
        "run",
        "sys",
        "tmp",
        "var",
    }
    assert {"etc", "usr", "run"} <= top <= own | named | {"nix", "opt"}
    etc = set(lab.container(*WHOLE_ROOT, script="ls -A /host/etc").out.split())
    assert not etc & {"shadow", "ssh", "ssl", "machine-id", "sudoers"}
    assert lab.container(*WHOLE_ROOT, script="cut -d: -f1 /host/etc/passwd").out.split() == ["root", "nobody"]


def test_what_decides_which_libraries_programs_load_cannot_be_changed(lab: LabCell) -> None:
    """Suites, git and abra are started in the cell: a container that is shown the root must not be in them too."""
    tries = [
        "touch /host/x",
        "touch /host/etc/ld.so.preload",
        "echo x >/host/etc/ld.so.cache",
        "ln -sfn /tmp /host/lib64",
    ]
    script = "; ".join(f"({one}) 2>/dev/null && echo '{one}'" for one in [*tries, "touch /host/tmp/x"])
    assert lab.container(*WHOLE_ROOT, script=f"{script}; true").out.split("\n") == ["touch /host/tmp/x", ""]
    assert lab.cell.runner.run(["ls", "/etc"], timeout=cells.RUN_SECONDS).out.split().count("ld.so.preload") == 0


def test_another_socket_in_the_place_of_dockers_is_not_connected_to(lab: LabCell) -> None:
    put, back = "mv docker.sock d && ln -s nowhere docker.sock", "mv -T d docker.sock"
    lab.container(*WHOLE_ROOT, script=f"cd /host/run && {put}")
    try:
        assert EngineApi(lab.cell.socket).is_up()
        assert not EngineApi(lab.cell.spec.socket).is_up(), "control: by its path it is not found any more"
    finally:
        lab.cell.runner.run(["sh", "-c", f"cd /run && {back}"], timeout=cells.RUN_SECONDS)


def test_another_file_in_the_place_of_the_resolvers_log_is_not_read(lab: LabCell) -> None:
    lab.container(*WHOLE_ROOT, script="cd /host/run && mv dns.log d && ln -s /etc/passwd dns.log")
    try:
        with pytest.raises(OpFailed, match="put a link in its way"):
            lab.cell.asked_names()
    finally:
        lab.cell.runner.run(["sh", "-c", "cd /run && mv -T d dns.log"], timeout=cells.RUN_SECONDS)
    assert lab.cell.asked_names() is not None


def test_nothing_of_the_host_can_be_made_writable(lab: LabCell) -> None:
    """A read-only bind mount could: the control does it to one."""
    layers = [str(layer.target.relative_to(lab.cell.spec.data)) for layer in lab.cell.spec.layers]
    folders = ["/usr", sys.prefix, sys.base_prefix, "/etc/recipeci", *(f"/var/lib/docker/{layer}" for layer in layers)]
    try_all = "; ".join(
        f"mount -o remount,rw,bind {folder}; mount -o remount,rw {folder};"
        f" touch {folder}/x && rm {folder}/x && echo {folder}"
        for folder in (f"/host{path}" for path in folders)
    )
    assert lab.container(*ALL, *WHOLE_ROOT, script=f"({try_all}) 2>/dev/null; true").out.split() == []
    shared = lab.cell.spec.shared
    bound = ("-v", f"{shared}:/bound:ro")
    control = lab.container(
        *ALL, *bound, script="! touch /bound/x && mount -o remount,rw,bind /bound && touch /bound/x"
    )
    assert control.code == 0
    assert (shared / "x").exists()


def test_a_layer_of_the_store_is_not_changed_by_an_app_that_changes_its_files(lab: LabCell) -> None:
    before = [layer.source.stat().st_mtime_ns for layer in lab.cell.spec.layers]
    lab.container(script="rm -r /usr/share/nginx; echo x >/etc/passwd; chmod 777 /etc; touch /x")
    assert [layer.source.stat().st_mtime_ns for layer in lab.cell.spec.layers] == before
    assert lab.container(script="test -d /usr/share/nginx && test ! -e /x").code == 0


def test_a_privileged_container_is_refused(lab: LabCell) -> None:
    if lab.cell.notes:  # cgroup v2 says so in a note: there policy refuses it, not the kernel
        assert "privileged" in lab.cell.notes[0]
        return
    refused = lab.container("--privileged", script="true", ok=(125,))
    assert "operation not permitted" in refused.err


def test_no_device_of_the_machine_can_be_opened(lab: LabCell) -> None:
    """Not even from the outermost cgroup that there is for it; those are tried that a process outside opens."""
    devices = [path for path in Path("/dev").iterdir() if path.name.startswith(("loop", "fuse", "sd", "vd", "nvme"))]
    openable = [path for path in devices if can_open(path)]
    assert openable
    script = f"{LEAVE_DOCKERS_CGROUP}; mknod /n c 1 3 && cat /n && echo control"
    for path in openable:
        status = path.stat()
        kind = "b" if stat.S_ISBLK(status.st_mode) else "c"
        script += f"; mknod /d{path.name} {kind} {os.major(status.st_rdev)} {os.minor(status.st_rdev)}"
        script += f"; test -e /d{path.name} || echo no node; (: < /d{path.name}) 2>/dev/null && echo {path.name}"
    assert lab.container(*ALL, "--cgroupns=host", script=f"{script}; true").out.split() == ["control"]


def can_open(device: Path) -> bool:
    """Whether this process can open a device."""
    try:
        os.close(os.open(device, os.O_RDONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def test_the_dangerous_capabilities_cannot_be_had(lab: LabCell) -> None:
    status = lab.container(*ALL, script="grep -h ^Cap /proc/self/status").out
    sets = {line.split()[0]: int(line.split()[1], 16) for line in status.splitlines()}
    assert sets["CapEff:"] >> CAPABILITY_BITS["sys_admin"] & 1
    for name in DANGEROUS:
        assert not sets["CapBnd:"] >> CAPABILITY_BITS[name] & 1, name


def test_no_process_of_the_cell_has_them_so_that_none_can_be_taken_over_for_them(lab: LabCell) -> None:
    read = "grep -H -e ^Name -e ^CapEff -e ^CapBnd /proc/[0-9]*/status"
    lines = lab.cell.runner.run(["sh", "-c", read], timeout=cells.RUN_SECONDS, ok=(0, 2)).out.splitlines()
    names = {line.split()[1] for line in lines if ":Name:" in line}
    assert {"tini", "dockerd", "containerd", "dnsmasq"} <= names
    assert names & {"sh", "grep"}  # what is run inside later
    for line in (line for line in lines if ":Cap" in line):
        for name in DANGEROUS:
            assert not int(line.split()[1], 16) >> CAPABILITY_BITS[name] & 1, (name, line)


def test_the_machines_own_settings_cannot_be_written_through_proc_and_sys(lab: LabCell) -> None:
    knobs = ["/p/sys/kernel/core_pattern", "/p/sys/vm/swappiness", "/p/sys/fs/file-max", *_knobs_of_sys()]
    tries = "; ".join(f"cat {knob} >/tmp/v && (cat /tmp/v >{knob}) 2>/dev/null && echo {knob}" for knob in knobs)
    control = "echo 5 >/p/self/oom_score_adj && echo control"
    got = lab.container("-v", "/proc:/p", "-v", "/sys:/s", script=f"{control}; {tries}; true").out.split()
    assert got == ["control"]


def _knobs_of_sys() -> list[str]:
    """A setting of the whole machine that this kernel has, and root may write outside of a cell."""
    there = [path for path in Path("/sys/kernel/mm").rglob("*") if path.is_file() and path.stat().st_mode & 0o200]
    assert there
    return [f"/s/{there[0].relative_to('/sys')}"]


def test_the_processes_of_the_host_are_not_there(lab: LabCell) -> None:
    ours, theirs = f"marker-{secrets.token_hex(6)}", f"marker-{secrets.token_hex(6)}"
    # A process that was just made has the name of the one that made it, once more or not yet.
    seen = "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep ^marker- | sort -u"
    look = f'for n in $(seq 300); do it=$({seen}); [ "$it" ] && break; sleep 0.1; done; echo "$it"'
    log = lab.cell.spec.folder / "marker.log"
    host = command.start(["sh", "-c", "sleep 600; true", ours], output=log)
    lab.docker(
        "run", "-d", "--rm", "--name", theirs, "--entrypoint", "sh", cells.IMAGE, "-c", "sleep 600; true", theirs
    )
    try:
        assert lab.container(*ALL, "--pid=host", script=look).out.split() == [theirs]
    finally:
        command.end(host)
        lab.docker("rm", "-f", theirs)


def test_entering_the_first_process_leads_into_the_cell(lab: LabCell, sentinel: str) -> None:
    script = f'nsenter -t 1 -m -n -u -i -- sh -c "hostname; {find(sentinel, where="/")}; cat /proc/1/comm"'
    assert lab.container(*ALL, "--pid=host", script=script).out.split() == ["cell", "tini"]


def test_the_links_of_the_first_process_lead_nowhere_else(lab: LabCell, sentinel: str) -> None:
    script = f"cd /proc/1/root/ && test -e etc/recipeci && test ! -e etc/{sentinel} && test ! -e ../etc/{sentinel}"
    assert lab.container(*ALL, "--pid=host", script=script).code == 0
    cwds = lab.container(
        *ALL, "--pid=host", script=f"ls /proc/[0-9]*/cwd/etc/{sentinel} /proc/[0-9]*/fd/*/etc/{sentinel}", ok=(2,)
    )
    assert cwds.out == ""


def test_the_network_is_the_cells_with_no_way_out(lab: LabCell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as named:
        port, abstract = server.getsockname()[1], f"recipeci-{secrets.token_hex(6)}"
        named.bind(f"\0{abstract}")
        script = (
            "ls /sys/class/net /proc/sys/net/ipv4/conf | tr '\\n' ' '; echo; grep -c . /proc/net/route;"
            f" curl -sS http://127.0.0.1:{port}/ 2>&1; awk '$2 == \"00000000\"' /proc/net/route;"
            f" grep -c {abstract} /proc/net/unix"
        )
        got = lab.container(*ALL, "--net=host", script=script, ok=(1,)).out
        assert abstract in Path("/proc/net/unix").read_text()
    assert "docker_gwbridge" in got
    assert "Failed to connect" in got
    assert got.splitlines()[-1] == "0"  # neither a default route before it, nor the host's abstract socket


def test_no_address_of_the_hosts_is_the_cells(lab: LabCell) -> None:
    inside = local_addresses(lab.container(*ALL, "--net=host", script="cat /proc/net/fib_trie").out)
    assert lab.cell.address in inside  # the control: the look sees addresses
    outside = local_addresses(Path("/proc/net/fib_trie").read_text())
    assert outside
    assert inside & outside <= {"127.0.0.1"}


def local_addresses(routes: str) -> set[str]:
    """The addresses of a network namespace by its table of routes, which needs no program to be read."""
    return set(re.findall(r"\|-- ([0-9.]+)\n\s+/32 host LOCAL", routes))


def test_the_cgroups_are_the_cells(lab: LabCell) -> None:
    script = "mkdir /c && mount -t cgroup -o memory cgroup /c && ls -d /c/*/; cat /proc/self/cgroup"
    got = lab.container(*ALL, "--cgroupns=host", script=script).out
    assert "/c/docker/" in got
    assert "recipeci-" not in got
    assert [line for line in got.splitlines() if line.endswith("/") and line.startswith("/c/")] == ["/c/docker/"]


def test_no_descriptor_of_ours_reaches_the_cell(lab: LabCell) -> None:
    """The store's locks are held by the cell's parent, outside."""
    script = "ls -l /proc/1/fd /proc/$(pgrep -o dockerd)/fd | grep -o '> /.*'"
    got = lab.cell.runner.run(["sh", "-c", script], timeout=cells.RUN_SECONDS).out.splitlines()
    open_files = {line.removeprefix("> ") for line in got}
    own = ("/dev/", "/run/", "/var/lib/docker/", "/proc/", "/sys/", str(lab.cell.spec.log))
    assert str(lab.cell.spec.log) in open_files
    assert [name for name in open_files if not name.startswith(own)] == []
