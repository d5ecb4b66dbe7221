"""The program that is pid 1 of a cell: builds the root that its plan describes, then becomes dockerd.

Run as `init.py PLAN PARENT` by our Python with -I -S in new namespaces: only the standard library is there, and nothing
of the package. PARENT is the number of the process that must be our parent. PLAN is a JSON file that
recipeci.host.cell.ground writes: `{"root": FOLDER, "empty": FOLDER, "env": {…}, "steps": [[VERB, ARGUMENT…]…]}`. Until
the step `pivot` a target is a path in FOLDER, after it one in the new root.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import socket
import stat
import sys
import time  # noqa: TID251 - a program of its own: nothing of the package is there
from collections.abc import Callable, Mapping
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
MS_BIND, MS_REC, MS_REMOUNT, MS_RDONLY, MNT_DETACH = 4096, 16384, 32, 1, 2
WAIT_SECONDS = 20
FLAGS = {"nosuid": 2, "nodev": 4, "noexec": 8}


class Builder:
    """Does one step after the other; the names of its public methods are the verbs."""

    def __init__(self, *, root: str, empty: str, env: Mapping[str, str]) -> None:
        """Take the folder that becomes the root, an empty folder for overlays, and the environment of programs."""
        self._root = root
        self._empty = empty
        self._env = dict(env)

    def do(self, verb: str, *arguments: str) -> None:
        """Do one step."""
        act: Callable[..., None] = getattr(self, verb)
        act(*arguments)

    def folder(self, path: str, mode: str) -> None:
        """Make a folder with its parents (which get 755)."""
        made = self._in(path)
        made.mkdir(parents=True, exist_ok=True)
        made.chmod(int(mode, 8))

    def tmpfs(self, path: str, options: str) -> None:
        """Mount an empty file system in memory."""
        target = self._in(path)
        target.mkdir(parents=True, exist_ok=True)
        _mount("tmpfs", "tmpfs", target, 0, options)

    def show(self, source: str, path: str) -> None:
        """Show a folder of the host as an overlay without an upper layer, a single file as a copy."""
        if not Path(source).is_dir():
            self.copy(source, path)
            return
        target = self._in(path)
        target.mkdir(parents=True, exist_ok=True)
        _mount("overlay", "host", target, 0, f"lowerdir={_escaped(source)}:{_escaped(self._empty)}")

    def bind(self, source: str, path: str) -> None:
        """Show a folder of the host for reading and writing."""
        target = self._in(path)
        target.mkdir(parents=True, exist_ok=True)
        _mount(None, source, target, MS_BIND, None)

    def rebind(self, path: str) -> None:
        """Make a folder a mount of its own, with what is mounted in it."""
        _mount(None, str(self._in(path)), self._in(path), MS_BIND | MS_REC, None)

    def readonly(self, path: str, flags: str) -> None:
        """Make a mount, or a part of one, read-only, where this kernel has it; its other flags are to be said again."""
        target = self._in(path)
        if not target.exists():
            return
        if not target.is_mount():
            _mount(None, str(target), target, MS_BIND, None)
        _mount(None, None, target, MS_BIND | MS_REMOUNT | MS_RDONLY | _bits(flags), None)

    def seal(self, path: str) -> None:
        """Make a whole file system read-only, wherever a part of it is shown too."""
        _mount(None, None, self._in(path), MS_REMOUNT | MS_RDONLY, None)

    def mount(self, kind: str, source: str, path: str, flags: str, options: str) -> None:
        """Mount a file system of the kernel's."""
        _mount(kind, source, self._in(path), _bits(flags), options or None)

    def node(self, path: str, major: str, minor: str) -> None:
        """Make a character device that everybody may use."""
        made = self._in(path)
        os.mknod(made, stat.S_IFCHR | 0o666, os.makedev(int(major), int(minor)))
        made.chmod(0o666)

    def link(self, to: str, path: str) -> None:
        """Make a symbolic link."""
        self._in(path).symlink_to(to)

    def text(self, path: str, text: str) -> None:
        """Write a file."""
        made = self._in(path)
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(text)
        made.chmod(0o644)

    def set(self, path: str, text: str) -> None:
        """Write into a file of the kernel's."""
        self._in(path).write_text(text)

    def copy(self, source: str, path: str) -> None:
        """Copy a file of the host with its mode."""
        made = self._in(path)
        made.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, made)

    def enable(self, known: str, control: str) -> None:
        """Hand all controllers of this cgroup down (v2)."""
        for controller in self._in(known).read_text().split():
            self.set(control, f"+{controller}")

    def pivot(self, old: str) -> None:
        """Make the folder the root, and let go of the host's."""
        os.chdir(self._root)
        _check(LIBC.pivot_root(b".", os.fsencode(old)), "pivot_root")
        os.chdir("/")
        _check(LIBC.umount2(os.fsencode(f"/{old}"), MNT_DETACH), "umount")
        Path("/", old).rmdir()
        self._root = "/"

    def hostname(self, name: str) -> None:
        """Name the machine."""
        socket.sethostname(name)

    def run(self, *argv: str) -> None:
        """Run a program to its end; it must end with 0."""
        _, status = os.waitpid(os.posix_spawn(argv[0], argv, self._env, setsigdef=_ignored()), 0)
        if code := os.waitstatus_to_exitcode(status):
            raise OSError(f"{' '.join(argv)} ended with {code}")

    def start(self, output: str, *argv: str) -> None:
        """Start a program that goes on; it becomes a child of whatever pid 1 becomes."""
        sink = os.open(self._in(output), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        out = [(os.POSIX_SPAWN_DUP2, sink, 1), (os.POSIX_SPAWN_DUP2, sink, 2)]
        os.posix_spawn(argv[0], argv, self._env, file_actions=out, setsid=True, setsigdef=_ignored())

    def wait(self, path: str) -> None:
        """Wait until something is there."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not self._in(path).exists():
            if time.monotonic() > deadline:
                raise OSError(f"{path} is not there after {WAIT_SECONDS} s")
            time.sleep(0.002)

    def exec(self, *argv: str) -> None:
        """Become a program."""
        for number in _ignored():
            signal.signal(number, signal.SIG_DFL)
        os.execve(argv[0], argv, self._env)  # noqa: S606 - what this program is for

    def _in(self, path: str) -> Path:
        """Return the path in the new root."""
        return Path(self._root, path.lstrip("/"))


def _ignored() -> list[int]:
    """Return the signals that Python ignores and a child would go on ignoring."""
    return [signal.SIGPIPE, signal.SIGXFSZ]


def _bits(flags: str) -> int:
    """Return mount(2)'s bits for names with commas between them."""
    return sum(FLAGS[flag] for flag in flags.split(",") if flag)


def _mount(kind: str | None, source: str | None, target: Path, flags: int, options: str | None) -> None:
    """mount(2)."""
    encoded = [None if text is None else os.fsencode(text) for text in (source, str(target), kind)]
    data = None if options is None else os.fsencode(options)
    _check(LIBC.mount(*encoded, ctypes.c_ulong(flags), data), f"mount {kind or ''} {target}")


def _check(code: int, what: str) -> None:
    """Raise OSError for a call that failed."""
    if code:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _escaped(path: str) -> str:
    """Return a path as overlayfs reads it."""
    for character in "\\:,":
        path = path.replace(character, f"\\{character}")
    return path


def _parent() -> int:
    """Return our parent's number on the host, whose /proc this still is; getppid knows nobody outside of our namespace.

    `unshare` sets our death signal after it has forked us: of a death before that it cannot tell.
    """
    return int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[1])


def main() -> None:
    """Do every step of the plan; the last one does not return."""
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # the store's locks are our parent's to hold, never a container's
    if _parent() != int(sys.argv[2]):
        sys.exit("cell: its starter is gone")
    plan = json.loads(Path(sys.argv[1]).read_text())
    os.umask(0o022)
    builder = Builder(root=plan["root"], empty=plan["empty"], env=plan["env"])
    for step in plan["steps"]:
        try:
            builder.do(*step)
        except OSError as error:
            sys.exit(f"cell: {' '.join(step)[:200]}: {error}")


if __name__ == "__main__":
    main()
