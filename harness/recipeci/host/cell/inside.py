"""The only place that enters a running cell: programs in its namespaces and cgroups, sockets in its network."""

from __future__ import annotations

import ctypes
import ipaddress
import os
import socket
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from recipeci.errors import CommandFailed, CommandTimeout, HostError
from recipeci.host.cell.confine import without_capabilities
from recipeci.host.cell.launch import entering
from recipeci.host.cell.spec import ADDRESS
from recipeci.host.command import BASE_ENV, Completed, LineSink, Runner

_NAMESPACES = ("-p", "-m", "-n", "-u", "-i", "-C")
_KILL_SECONDS = 20.0
_CLONE_NEWNET = 0x40000000
_SHELLS_OWN = ("PWD", "OLDPWD", "SHLVL", "_")
"""What the shell that enters the cgroups adds to the environment."""
_LIBC = ctypes.CDLL(None, use_errno=True)


class CellRunner:
    """Runs programs inside a cell as root: its namespaces, its cgroups, its root, and an end with it."""

    def __init__(self, runner: Runner, *, tools: Mapping[str, str], procs: Sequence[Path], init: int) -> None:
        """Take the host's runner, where its programs are, the cell's `cgroup.procs` files, and its pid 1."""
        self._runner = runner
        self.tools = tools
        self._procs = tuple(procs)
        self._init = init

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
        """See Runner.run; `cwd` and the program are looked up in the cell."""
        try:
            done = self._runner.run(
                self._entered(argv, cwd=cwd or Path("/")),
                timeout=timeout,
                env=BASE_ENV if env is None else env,
                stdin=stdin,
                ok=ok,
                terminal=terminal,
                on_line=on_line,
                pass_fds=pass_fds,
            )
        except CommandTimeout as error:
            raise CommandTimeout(argv, out=error.out, err=error.err, seconds=error.seconds) from error
        except CommandFailed as error:
            raise CommandFailed(argv, code=error.code, out=error.out, err=error.err, seconds=error.seconds) from error
        return Completed(tuple(argv), done.code, done.out, done.err, done.seconds)

    def end_group(self, pid: int) -> None:
        """Kill a process with its group, by its number in the cell; one that is gone already is fine."""
        self.run([self.tools["sh"], "-c", f"kill -KILL -{pid}"], timeout=_KILL_SECONDS, ok=(0, 1))

    def _entered(self, argv: Sequence[str], *, cwd: Path) -> list[str]:
        """Into the cgroups, then the namespaces, then the folder; the environment goes through unseen by `ps`.

        Capabilities are given up before: the first program that the cell's own loader starts must not have them.
        """
        unset = [word for name in _SHELLS_OWN for word in ("-u", name)]
        there = [self.tools["env"], *unset, "-C", str(cwd), "--", *argv]
        into = [self.tools["nsenter"], "-t", str(self._init), *_NAMESPACES, "--", *there]
        return entering(self.tools["sh"], self._procs, without_capabilities(self.tools["setpriv"], into))


def address_of(host: str, *, domain: str) -> str:
    """Return the address that a name has in a cell; an address is itself.

    Raises:
        socket.gaierror: no name of the cell's domain.
    """
    if host == domain or host.endswith(f".{domain}"):
        return ADDRESS
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        raise socket.gaierror(socket.EAI_NONAME, f"{host}: the cell knows names in {domain} only") from None


def connect(init: int, host: str, port: int, *, domain: str, timeout: float) -> socket.socket:
    """Open a TCP connection from inside the cell's network; the socket may be used anywhere.

    A thread of its own enters the namespace, because that cannot be undone for a thread. TCP_NODELAY is set: without
    it a request costs 50 ms more (facts cell.md §4).

    Raises:
        OSError: refused, no answer in `timeout` seconds, unknown name.
        HostError: the cell is gone.
    """
    answer: list[socket.socket | OSError | HostError] = []
    address = address_of(host, domain=domain)

    def work() -> None:
        try:
            answer.append(_connect_in(init, (address, port), timeout=timeout))
        except (OSError, HostError) as error:
            answer.append(error)

    thread = threading.Thread(target=work, name="cell-connect")
    thread.start()
    thread.join()
    if isinstance(answer[0], socket.socket):
        return answer[0]
    raise answer[0]


def _connect_in(init: int, address: tuple[str, int], *, timeout: float) -> socket.socket:
    """Enter the namespace with this thread and connect."""
    try:
        namespace = os.open(f"/proc/{init}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise HostError("the cell has ended") from error
    try:
        if _LIBC.setns(namespace, _CLONE_NEWNET):
            number = ctypes.get_errno()
            msg = f"the cell's network cannot be entered: {os.strerror(number)}"
            raise HostError(msg)
    finally:
        os.close(namespace)
    connection = socket.create_connection(address, timeout=timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
