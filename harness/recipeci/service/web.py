"""The only place that listens: waitress serves what `webapp.py` answers, within limits that hold for strangers.

A connection that gives no whole request, or takes no whole answer, in time is closed, however often a byte of it comes.
More connections than there may be wait in the kernel's queue. Who is kept out by a flood is found by the poller.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from recipeci.errors import HostError
from recipeci.host.clock import Clock
from recipeci.service import events
from recipeci.service.health import Health
from recipeci.service.setup import Bridge
from recipeci.service.store import Database
from recipeci.service.webapp import make_app

__all__ = ["Limits", "listener", "make_app", "serve_pages"]
log = logging.getLogger(__name__)
THREADS = 6
"""Each keeps a connection to the database; one that waits for the disk must not hold up all the others."""
FRAMING = 64 * 1024
"""So much may the chunks of a body add to it: waitress counts them too, and refuses before the body is whole."""
HEADER_BYTES = 32 * 1024
IN_MEMORY = 64 * 1024
"""What is larger of a body goes to a temporary file: all connections with the largest would not fit into our memory."""
ENDING_SECONDS = 15
"""At the end what is being answered is waited for so long: more than anything waits for the database."""
ENDING_LOOKS = 20
"""After that answers that are ready are still sent: so many looks, each of LOOK_SECONDS at most."""
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Limits:
    """What one stranger may take of us: connections at a time, and whole seconds for a request or an answer."""

    connections: int = 200
    seconds: int = 30


@contextlib.contextmanager
def serve_pages(
    bridge: Bridge,
    at: socket.socket,
    *,
    database: Database,
    health: Health,
    clock: Clock,
    limits: Limits | None = None,
) -> Iterator[tuple[str, int]]:
    """Serve at a `listener` until the end of the block; give its address, whose port the kernel may have chosen."""
    app = make_app(bridge, database=database, health=health, clock=clock)
    address = at.getsockname()[:2]
    server = Server(app, at, limits or Limits())
    server.start()
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a request that waits for a thread is no news
    log.info("pages at http://%s:%d", *address)
    try:
        yield address
    finally:
        server.stop()


class Server:
    """waitress's server in a thread of its own, and its end: no request is cut off, no thread left."""

    def __init__(self, app: Flask, listener: socket.socket, limits: Limits) -> None:
        """Take a listening socket; nothing is accepted yet."""
        self._map: Any = {}
        self._dispatcher = Dispatcher()
        self._dispatcher.set_thread_count(THREADS)
        sockinfo = (listener.family, listener.type, listener.proto, listener.getsockname())
        self._server = TcpWSGIServer(
            app.wsgi_app,
            self._map,
            _sock=listener,
            dispatcher=self._dispatcher,
            adj=_adjustments(limits),
            sockinfo=sockinfo,
            bind_socket=False,
        )
        self._server.channel_class = Channel
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name="web")

    def start(self) -> None:
        """Accept connections."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being answered, and close everything."""
        self._stopping.set()
        self.wake()
        self._woken.set()
        self._thread.join()

    def wake(self) -> None:
        """Have the thread look at once at what there is to do."""
        self._server.pull_trigger()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._look(1.0)
            self._end_overdue()
        self._server.accepting = False
        self._dispatcher.shutdown(timeout=ENDING_SECONDS)
        for _ in range(ENDING_LOOKS):
            if not any(channel.total_outbufs_len for channel in self._channels()):
                break
            self._look(LOOK_SECONDS)
        self._woken.wait()  # whoever wakes writes to a pipe: closed before, its number may be another file's by then
        wasyncore.close_all(self._map)

    def _look(self, seconds: float) -> None:
        """Read and write what is ready, once; no error of one connection ends the others'."""
        try:
            wasyncore.loop(timeout=seconds, use_poll=True, map=self._map, count=1)
        except Exception:  # the thread's door: without it nobody would listen any more
            log.exception("the web server: a bug of recipeci")
            self._stopping.wait(1.0)

    def _end_overdue(self) -> None:
        """Close what waitress wants closed: it waits until it can write, which who reads nothing never lets it."""
        for channel in self._channels():
            if channel.will_close and not channel.requests:
                channel.handle_close()

    def _channels(self) -> list[HTTPChannel]:
        return [channel for channel in self._map.values() if isinstance(channel, HTTPChannel)]


class Dispatcher(ThreadedTaskDispatcher):
    """waitress's threads; it takes one for ended that only will be, at once: here that is waited for."""

    def __init__(self) -> None:
        """Begin without a thread."""
        super().__init__()
        self._started: dict[int, threading.Thread] = {}

    def start_new_thread(self, target: Callable[[int], object], thread_no: int) -> None:
        """Start a thread as waitress does, and remember it."""
        thread = threading.Thread(target=target, name=f"waitress-{thread_no}", args=(thread_no,), daemon=True)
        self._started[thread_no] = thread
        thread.start()

    def shutdown(self, cancel_pending: bool = True, timeout: int = ENDING_SECONDS) -> bool:  # noqa: FBT001, FBT002 - waitress's
        """Wait for the threads' ends; one that still answers after `timeout` seconds is left alone."""
        done = super().shutdown(cancel_pending, timeout)
        for number, thread in self._started.items():
            if number not in self.threads:
                thread.join()
        return done


class Channel(HTTPChannel):
    """A connection on which a dripping client is as one that does nothing: only whole requests and answers count."""

    def handle_read(self) -> None:
        """Read; as long as a request is not whole, its first byte was the last activity."""
        before = self.last_activity if self.request is not None else None
        super().handle_read()
        if before is not None and self.request is not None:
            self.last_activity = before

    def handle_write(self) -> None:
        """Write; as long as something of an answer is left, that it began was the last activity."""
        before = self.last_activity
        super().handle_write()
        if self.total_outbufs_len:
            self.last_activity = before


_WHERE_ELSE = {
    errno.EADDRINUSE: "choose another port, or end what listens there",
    errno.EADDRNOTAVAIL: "write an address of this machine's in bridge.listen",
    errno.EACCES: "choose a port above 1023: a reverse proxy passes on to it",
}
"""What to do, by why an address cannot be listened at."""


def listener(bridge: Bridge) -> socket.socket:
    """Return a socket that listens; whoever connects waits until there is something that serves.

    Raises:
        HostError: it cannot be listened there.
    """
    host, port = bridge.host, bridge.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as e:
        msg = f"bridge: {host}:{port} cannot be listened at: {str(e.strerror).partition(' (')[0]}"
        raise HostError(msg, hint=_WHERE_ELSE.get(e.errno or 0, "write another address in bridge.listen")) from e


def _adjustments(limits: Limits) -> Adjustments:
    """Return waitress's settings: limits, and that it says no more of itself than it must."""
    wanted: dict[str, Any] = {
        "connection_limit": limits.connections,
        "channel_timeout": limits.seconds,
        "cleanup_interval": max(1, limits.seconds // 6),
        "max_request_body_size": events.BODY_MOST + FRAMING,
        "max_request_header_size": HEADER_BYTES,
        "inbuf_overflow": IN_MEMORY,
        "asyncore_use_poll": True,
        "log_socket_errors": False,
        "ident": None,
    }
    return Adjustments(**wanted)
