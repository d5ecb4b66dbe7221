"""The only place that starts processes: argv lists, an environment made from nothing, a deadline for each.

plumbum builds and spawns; the waiting is our own, because plumbum's timer kills only the direct child and then waits
for whoever still holds its pipe. Here a command is over when its leader is: what it left behind in its process group is
killed, and what it printed until then is kept.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import pty
import re
import select
import selectors
import shlex
import shutil
import signal
import struct
import subprocess  # its Popen is what plumbum returns; nothing is started by it here
import termios
import time
import tty
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol, cast

import plumbum

from recipeci.errors import CommandFailed, CommandTimeout
from recipeci.host import closure

log = logging.getLogger(__name__)

PATH = closure.OWN.path
BASE_ENV: Mapping[str, str] = {"PATH": PATH, "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
KEPT_BYTES = 512 * 1024
"""Of each stream the first and the last so many bytes are kept."""
LINE_BYTES = 64 * 1024
"""A longer line is taken in pieces: a program that never ends one must not fill our memory."""
TERMINAL_SIZE = (50, 250)
"""Rows and columns: abra's lint table is up to 146 columns wide (facts abra §5.5)."""
NOT_FOUND = 127
SIGNAL_SECONDS = 1.0
ESCAPE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])|\r")

# plumbum adds this copy of our environment to every child's; children get what their caller gives and nothing else.
plumbum.local.env.clear()

LineSink = Callable[[str], None]
Started = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Completed:
    """A program that ended with an accepted code: what it printed (text, bounded) and how long it took."""

    argv: tuple[str, ...]
    code: int
    out: str
    err: str
    seconds: float


class Runner(Protocol):
    """Runs programs somewhere: on the host (`LocalRunner`) or inside a cell."""

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: bytes = b"",
        ok: Collection[int] = (0,),
        terminal: bool = False,
        on_line: LineSink | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Completed:
        """Run a program to its end.

        Args:
            argv: the program and its arguments; never a shell's line.
            timeout: seconds; then the process group is killed and CommandTimeout raised.
            env: all of the child's environment; BASE_ENV if None.
            cwd: where it runs; `/` if None.
            stdin: what it reads; then end of file.
            ok: the accepted exit codes; another raises CommandFailed.
            terminal: give it a terminal as stdin and stdout (stderr stays a pipe); escapes are stripped.
            on_line: called with each line of either stream as it comes.
            pass_fds: descriptors of ours that it gets, under the same numbers; no other is passed on.
        """


@dataclass
class Bounded:
    """The first and the last KEPT_BYTES of a stream, with the count of what was left out between."""

    head: bytearray = field(default_factory=bytearray)
    tail: bytearray = field(default_factory=bytearray)
    dropped: int = 0

    def add(self, data: bytes) -> None:
        """Append, dropping from the middle."""
        room = KEPT_BYTES - len(self.head)
        self.head += data[:room]
        self.tail += data[room:] if room < len(data) else b""
        if len(self.tail) > KEPT_BYTES:
            self.dropped += len(self.tail) - KEPT_BYTES
            del self.tail[:-KEPT_BYTES]

    def text(self) -> str:
        """Return what was kept; bytes that are no UTF-8 are shown escaped."""
        gap = f"\n[… {self.dropped} bytes left out …]\n".encode() if self.dropped else b""
        return bytes(self.head + gap + self.tail).decode(errors="backslashreplace")


@dataclass
class Stream:
    """One output of a running program: its descriptor, what it said, and the unfinished last line."""

    fd: int
    kept: Bounded
    on_line: LineSink | None
    strip: bool = False
    rest: bytes = b""

    def feed(self) -> bool:
        """Read what is there; False at its end (EIO is a terminal's)."""
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.take(data)
        return bool(data)

    def take(self, data: bytes) -> None:
        """Keep complete lines and show them; an unfinished one waits for its end, a long one not."""
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self._show(line, end=b"\n")
        if len(self.rest) > LINE_BYTES:
            self.finish()

    def finish(self) -> None:
        """Show what has no end of line."""
        if self.rest:
            self._show(self.rest, end=b"")
            self.rest = b""

    def _show(self, line: bytes, *, end: bytes) -> None:
        """Keep one line as it is (on a terminal without its escapes), and show it."""
        clean = ESCAPE.sub(b"", line) if self.strip else line
        self.kept.add(clean + end)
        if self.on_line:
            self.on_line(clean.decode(errors="backslashreplace"))


class LocalRunner:
    """Runs programs on this host, each in a session of its own that the kernel ends with us (PR_SET_PDEATHSIG)."""

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: bytes = b"",
        ok: Collection[int] = (0,),
        terminal: bool = False,
        on_line: LineSink | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Completed:
        """See Runner.run."""
        log.debug("$ %s", shlex.join(argv))
        began = time.monotonic()
        with _spawned(argv, env=env, cwd=cwd, stdin=stdin, terminal=terminal, fds=pass_fds) as (
            process,
            out_fd,
            err_fd,
        ):
            streams = [Stream(out_fd, Bounded(), on_line, strip=terminal), Stream(err_fd, Bounded(), on_line)]
            try:
                timed_out = not _pump(process.pid, streams, deadline=began + timeout)
            finally:
                _kill_group(process.pid)
                code = process.wait()  # after the kill: until it is reaped the group's id cannot be anybody else's
            _drain(streams)
        seconds = time.monotonic() - began
        out, err = (stream.kept.text() for stream in streams)
        log.debug("ended with %d after %.2f s", code, seconds)
        if timed_out:
            raise CommandTimeout(argv, out=out, err=err, seconds=seconds)
        if code not in ok:
            raise CommandFailed(argv, code=code, out=out, err=err, seconds=seconds)
        return Completed(tuple(argv), code, out, err, seconds)


def start(
    argv: Sequence[str],
    *,
    output: Path,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> Started:
    """Start a program that lives on (a daemon of ours): output appended to a file (no link), in a session of its own.

    The kernel kills it when the *thread* that called this ends: call it from one that lives as long as we do.
    """
    log.debug("$ %s &", shlex.join(argv))
    with _appended(output) as sink, Path(os.devnull).open("rb") as nothing:
        return _popen(argv, env=env, cwd=None, stdin=nothing, stdout=sink, stderr=sink, pass_fds=tuple(pass_fds))


def _appended(output: Path) -> IO[bytes]:
    """Open a file to be appended to, or make it; a link in its place is not followed."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.fdopen(os.open(output, flags, 0o666), "ab")


def ends_within(process: Started, seconds: float) -> bool:
    """Wait for a program that `start` began, so long at most; say whether it has ended. It is reaped then."""
    if process.poll() is None:
        leader = os.pidfd_open(process.pid)
        try:
            watch = select.poll()
            watch.register(leader, select.POLLIN)
            watch.poll(seconds * 1000)
        finally:
            os.close(leader)
    return process.poll() is not None


def end(process: Started) -> int:
    """End a program that `start` began, and whatever is in its process group, at once; return its code."""
    if process.poll() is None:
        _kill_group(process.pid)
    return process.wait()


def program(name: str, *, path: str = PATH) -> str:
    """Return the absolute path of a program that is looked up in `path`.

    Raises CommandFailed (127) if there is none.
    """
    found = shutil.which(name, path=path)
    if found is None:
        raise CommandFailed([name], code=NOT_FOUND, out="", err="program not found", seconds=0)
    return found


def _popen(argv: Sequence[str], *, env: Mapping[str, str] | None, cwd: Path | None, **streams: Any) -> Started:  # noqa: ANN401 - Popen's own
    """Spawn by plumbum; setpriv sets the death signal after the fork that would clear it."""
    env = BASE_ENV if env is None else env
    found = program(argv[0], path=env.get("PATH", PATH))
    setpriv = plumbum.local[program("setpriv")]
    options = ["--pdeathsig", "KILL", "--", found, *argv[1:]]
    started = setpriv.popen(options, env=dict(env), cwd=str(cwd or "/"), new_session=True, **streams)
    return cast("Started", started)  # plumbum types its Popen as one of str


@contextlib.contextmanager
def _spawned(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None,
    cwd: Path | None,
    stdin: bytes,
    terminal: bool,
    fds: Sequence[int],
) -> Iterator[tuple[Started, int, int]]:
    """Spawn with both outputs readable without blocking: (process, its stdout, its stderr)."""
    with contextlib.ExitStack() as ours, contextlib.ExitStack() as childs:
        err_read, err_write = _pipe(ours, childs)
        out_read, out_write = _terminal(ours, childs) if terminal else _pipe(ours, childs)
        source = out_write if terminal else childs.enter_context(_input(stdin))
        process = _popen(argv, env=env, cwd=cwd, stdin=source, stdout=out_write, stderr=err_write, pass_fds=tuple(fds))
        childs.close()
        yield process, out_read, err_read


def _input(data: bytes) -> IO[bytes]:
    """Return a file in memory that gives `data` and then its end; a file, so that no full pipe can block."""
    file = os.fdopen(os.memfd_create("stdin"), "w+b")
    file.write(data)
    file.seek(0)
    return file


def _pipe(ours: contextlib.ExitStack, childs: contextlib.ExitStack) -> tuple[int, int]:
    """Make a pipe: (our end, which does not block; the child's end)."""
    read, write = os.pipe()
    ours.callback(os.close, read)
    childs.callback(os.close, write)
    os.set_blocking(read, False)
    return read, write


def _terminal(ours: contextlib.ExitStack, childs: contextlib.ExitStack) -> tuple[int, int]:
    """Make a terminal of TERMINAL_SIZE without echo: (our end, which does not block; the child's end)."""
    master, child = pty.openpty()
    ours.callback(os.close, master)
    childs.callback(os.close, child)
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", *TERMINAL_SIZE, 0, 0))
    mode = termios.tcgetattr(child)
    mode[tty.LFLAG] &= ~termios.ECHO
    termios.tcsetattr(child, termios.TCSANOW, mode)
    os.set_blocking(master, False)
    return master, child


def _pump(pid: int, streams: Sequence[Stream], *, deadline: float) -> bool:
    """Read the streams until the leader has ended (True) or the deadline is over (False)."""
    leader = os.pidfd_open(pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(leader, selectors.EVENT_READ)
            for stream in streams:
                selector.register(stream.fd, selectors.EVENT_READ, stream)
            return _read_until_end(selector, leader=leader, deadline=deadline)
    finally:
        os.close(leader)


def _read_until_end(selector: selectors.BaseSelector, *, leader: int, deadline: float) -> bool:
    """Feed each stream that has something; a stream at its end is no longer watched.

    The last look begins past the deadline: we may have been put to sleep, and the program was in time.
    """
    left = 1.0
    while left > 0:
        left = max(0.0, deadline - time.monotonic())
        # Not all of it at once: a signal that comes just before the wait would be seen only after it.
        ready = selector.select(min(left, SIGNAL_SECONDS))
        if any(key.fd == leader for key, _ in ready):
            return True
        for key, _ in ready:
            if not key.data.feed():
                selector.unregister(key.fd)
    return False


def _drain(streams: Sequence[Stream]) -> None:
    """Take what the ended program had still written; a grandchild that holds the pipe cannot block us."""
    for stream in streams:
        while select.select([stream.fd], [], [], 0)[0] and stream.feed():
            pass
        stream.finish()


def _kill_group(pid: int) -> None:
    """End whatever the program left in its process group; the leader is not yet reaped, so the id is still its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
