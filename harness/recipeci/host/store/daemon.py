"""The only place that runs the store's dockerd: with the machine's network, and in namespaces of its own otherwise.

It makes no bridge, no firewall rule and no listening port, keeps its hands off /run and /var/lib/docker of the machine,
and is gone when we are: the kernel kills `unshare` with our thread, and the namespace's processes with `unshare`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from recipeci.errors import CommandFailed, HostError, WaitFailed
from recipeci.host.clock import Clock, until
from recipeci.host.command import BASE_ENV, PATH, Completed, LineSink, Runner, Started, program, start
from recipeci.host.engine import DockerPrograms

START_SECONDS = 60
STOP_SECONDS = 5  # dockerd waits for a build's container; what is half made is nothing to wait for
CGROUPS = Path("/sys/fs/cgroup")
CONFIG = {
    # Docker 29 would take the containerd image store for a fresh data root; layers are lent out of overlay2's files.
    "storage-driver": "overlay2",
    "features": {"containerd-snapshotter": False},
    "exec-opts": ["native.cgroupdriver=cgroupfs"],
}
FLAGS = (
    *("--bridge", "none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--userland-proxy=false"),
    *("--host", "unix:///run/recipeci/docker.sock", "--pidfile", "/run/recipeci/docker.pid"),
    *("--exec-root", "/run/docker", "--config-file", "/run/recipeci/daemon.json"),
    *("--containerd", "/run/containerd/containerd.sock"),
)
CONTAINERD_CONFIG = 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
# A tmpfs on /run hides the machine's containerd and keeps the shims' sockets out of its /run; where resolv.conf is a
# link into /run its content is put back. dockerd 20.10 writes to /var/lib/docker whatever its data root is. containerd
# is started here because dockerd needs 1.0 s to find one that it has started, and 1.0 s to end it.
INSIDE = """
set -eu
folder=$1; data=$2; shift 2
resolver=$(readlink -f /etc/resolv.conf || true)
mkdir "$folder/root"
mount -n -t tmpfs -o mode=755 tmpfs "$folder/root"
mkdir "$folder/root/recipeci"
mount -n --bind "$folder" "$folder/root/recipeci"
if [ -f "$resolver" ]; then cp "$resolver" "$folder/resolv.conf"; fi
mount -n --move "$folder/root" /run
case $resolver in
  /run/*) mkdir -p "${resolver%/*}"; cp /run/recipeci/resolv.conf "$resolver" ;;
esac
if [ -d /var/lib/docker ]; then mount -n -t tmpfs -o size=1m tmpfs /var/lib/docker; fi
containerd --config /run/recipeci/containerd.toml --log-level warn --root "$data/containerd" \\
  --state /run/containerd --address /run/containerd/containerd.sock &
until [ -S /run/containerd/containerd.sock ]; do kill -0 $!; sleep 0.02; done
exec "$@"
"""


@dataclass(frozen=True)
class Docker:
    """The Docker command line, speaking to one dockerd."""

    programs: DockerPrograms
    runner: Runner
    socket: Path
    config: Path
    extra_env: Mapping[str, str] = field(default_factory=dict)

    def run(self, *args: str, timeout: float, on_line: LineSink | None = None, cwd: Path | None = None) -> Completed:
        """Run `docker ARGS…`; raises CommandFailed."""
        env = {
            **BASE_ENV,
            **self.extra_env,
            "PATH": f"{self.programs.path}:{PATH}",
            "DOCKER_CONFIG": str(self.config),
            # BuildKit's cache would keep the layers of removed images (facts store §2).
            "DOCKER_BUILDKIT": "0",
        }
        argv = [str(self.programs.docker), "--host", f"unix://{self.socket}", *args]
        return self.runner.run(argv, timeout=timeout, env=env, cwd=cwd, on_line=on_line)

    def driver(self) -> str:
        """Return the storage driver, nothing if dockerd does not answer; raises CommandFailed."""
        return self.run("info", "--format", "{{.Driver}}", timeout=10).out.strip()


@contextlib.contextmanager
def running(
    folder: Path,
    *,
    programs: DockerPrograms,
    runner: Runner,
    clock: Clock,
    lock_fd: int,
    env: Mapping[str, str],
) -> Iterator[Docker]:
    """Run dockerd on `folder`/data while the block runs.

    Args:
        folder: the store's; nobody else may run a dockerd on it (`lock_fd` is held by dockerd too, until it is gone).
        programs: which dockerd.
        runner: for the command line.
        clock: for waiting.
        lock_fd: the descriptor of the store's lock.
        env: the machine's proxy and certificate variables.

    Raises:
        HostError: dockerd does not come up; with its last lines.
    """
    cgroup = cgroup_of(folder, own=Path("/proc/self/cgroup").read_text())
    _remove_cgroups(cgroup)  # of a dockerd that was killed
    with contextlib.ExitStack() as ending:
        control, docker = _prepared(folder, programs=programs, runner=runner, env=env, ending=ending)
        ending.callback(_remove_cgroups, cgroup)
        started = start(
            _argv(folder, control=control, programs=programs, cgroup=cgroup),
            output=control / "log",
            env={**BASE_ENV, **env, "PATH": f"{programs.path}:{PATH}"},
            pass_fds=[lock_fd],
        )
        ending.callback(_stop, started, clock=clock)
        _wait_until_up(docker, started, log=control / "log", clock=clock)
        yield docker


def cgroup_of(folder: Path, *, own: str) -> str:
    """Return the cgroup of a store's builds, from the root of the tree.

    It is one for each folder. It lies at the top, where Docker's driver makes its own too; or beside our own cgroup
    where that is the subgroup `main` of a unit whose tree is delegated to it (cgroup v2).

    Args:
        folder: the store's.
        own: the text of /proc/self/cgroup.
    """
    ours = next((line[3:] for line in own.splitlines() if line.startswith("0::")), "")
    above = ours.removesuffix("/main") if ours.endswith("/main") else ""
    found = folder.stat()
    return f"{above}/recipeci-store-{found.st_dev:x}-{found.st_ino:x}"


def _prepared(
    folder: Path, *, programs: DockerPrograms, runner: Runner, env: Mapping[str, str], ending: contextlib.ExitStack
) -> tuple[Path, Docker]:
    """Make the folder that becomes the daemon's /run/recipeci, and the command line for its socket."""
    (folder / "data").mkdir(exist_ok=True)
    control = folder / "run"
    shutil.rmtree(control, ignore_errors=True)
    control.mkdir(mode=0o700)
    (control / "cli").mkdir()
    (control / "daemon.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    (control / "containerd.toml").write_text(CONTAINERD_CONFIG, encoding="utf-8")
    # A socket's path has 107 bytes at most and the cache folder's may be longer: it is reached through a descriptor.
    fd = os.open(control, os.O_PATH | os.O_DIRECTORY)
    ending.callback(os.close, fd)
    socket = Path(f"/proc/{os.getpid()}/fd/{fd}/docker.sock")
    return control, Docker(programs, runner, socket, control / "cli", env)


def _argv(folder: Path, *, control: Path, programs: DockerPrograms, cgroup: str) -> Sequence[str]:
    """Return the whole command: namespaces, what is done in them, an init that reaps, dockerd."""
    init = programs.docker_init or Path(program("tini"))
    return [
        *("unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child=KILL", "--mount-proc"),
        *("--propagation", "private", "--", "sh", "-c", INSIDE, "sh", str(control), str(folder / "data")),
        *(str(init), "--", str(programs.dockerd), *FLAGS),
        *("--data-root", str(folder / "data"), "--cgroup-parent", cgroup),
    ]


def _wait_until_up(docker: Docker, started: Started, *, log: Path, clock: Clock) -> None:
    def answer() -> str:
        try:
            # Without dockerd `docker info` ends with 0 and prints an empty line.
            return docker.driver() or ("no answer" if started.poll() is None else "ended")
        except CommandFailed as error:
            return f"no answer: {error.message}"

    def ended(seen: str) -> str | None:
        return _last_lines(log) if seen == "ended" else None

    try:
        driver = until(
            answer,
            lambda seen: not seen.startswith("no answer"),
            what="the store's dockerd",
            clock=clock,
            timeout=START_SECONDS,
            failed=ended,
            delay=0.1,
            successes=1,
        )
    except WaitFailed as error:
        raise HostError(f"the store's dockerd did not start: {error.reason}") from error
    if driver != CONFIG["storage-driver"]:
        raise HostError(f"the store's dockerd took the storage driver {driver}, not overlay2")


def _last_lines(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line for line in lines if "level=" not in line or "level=error" in line or "level=fatal" in line]
    return " | ".join((errors or lines)[-3:]) or "it said nothing"


def _stop(started: Started, *, clock: Clock) -> None:
    """End dockerd by a request first, so that it closes its files, then by force; return when it is gone."""
    for child in _children(started.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGTERM)
    with contextlib.suppress(WaitFailed):
        until(
            started.poll,
            lambda code: code is not None,
            what="end of dockerd",
            clock=clock,
            timeout=STOP_SECONDS,
            delay=0.05,
            successes=1,
        )
    if started.poll() is None:
        started.kill()
    started.wait()


def _children(pid: int) -> list[int]:
    """Return the children of a process: of `unshare`, the namespace's first process."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _remove_cgroups(path: str) -> None:
    """Remove the empty cgroup folders that builds leave, in each hierarchy of v1 and in v2's one."""
    name = path.lstrip("/")
    for top in [CGROUPS / name, *CGROUPS.glob(f"*/{name}")]:
        for folder, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):  # in use by a daemon that the kernel is still ending: next time
                Path(folder).rmdir()
