"""The only place that an author's child process is answered by: commands and logs of this run's app, nothing else.

It listens on one end of a socket pair; the child inherits the other. What comes from there is an author's: it is bound
in size and number, and what it may not say ends the conversation and not the harness.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol, Self

from recipeci.author.channel import Channel, Malformed, Message, packed, unpacked
from recipeci.errors import HostError
from recipeci.host.execs import Command, ExecFailed, Executed
from recipeci.run.agreement import PHASES, Reported, Said

log = logging.getLogger(__name__)
TESTS = 5000
"""No suite has more tests."""
NAME, WORDS = 1000, 20_000
"""Characters of a test's name and of a failure."""
ALL_WORDS = 4_000_000
"""Characters of all failures of a suite together."""
ARGUMENTS = 1000
LOG_LINES = 10_000
LONGEST = 3600.0
"""Seconds that a command may be given; its suite's own end comes before."""
PATIENCE = 120.0
OUTCOMES = frozenset({"passed", "failed", "skipped"})
HOOKS = frozenset({"absent", "done", "failed"})


class Reach(Protocol):
    """What reaches the app: `host.execs.Execs`."""

    def run(self, service: str, command: Command, *, timeout: float, stop: threading.Event) -> Executed:
        """Run a command in a service's container."""

    def logs(self, service: str, *, lines: int) -> str:
        """Return a service's last lines."""


class Broker:
    """One child's conversation: a context, in which a thread of its own listens and answers."""

    def __init__(self, reach: Reach, *, context: Message) -> None:
        """Take what reaches the app, and what the child is told first."""
        self._reach = reach
        self._context = context
        self._ours, self._childs = socket.socketpair()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="broker", daemon=True)
        self._error: BaseException | None = None
        self._said = Heard()

    @property
    def fd(self) -> int:
        """The descriptor that the child inherits."""
        return self._childs.fileno()

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Hang up, whatever the child still says."""
        self._hang_up()

    def finish(self) -> Said:
        """Return all that the child said; it and all that it left are gone by then.

        Raises:
            HostError: Docker did not answer meanwhile.
        """
        self._childs.close()
        self._stop.set()
        self._thread.join(PATIENCE)  # what it has sent is there, then comes the end
        self._hang_up()
        if self._error is not None:
            raise self._error
        if self._thread.is_alive():
            raise HostError(f"Docker has not answered a suite's call for {2 * PATIENCE:.0f} s")
        return self._said.all()

    def _hang_up(self) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._ours.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self._childs.close()
        self._ours.close()

    def _listen(self) -> None:
        """Take what the child says until it hangs up, or says what it may not."""
        channel = Channel(self._ours)
        try:
            self._say(channel, {"say": "context", **self._context})
            while (message := channel.receive()) is not None:
                if message.get("say") == "call":
                    self._say(channel, self._answer(message))
                else:
                    self._said.take(message)
        except Malformed as error:
            self._said.malformed = str(error)
        except OSError:
            log.debug("a child hung up")
        except Exception as error:  # noqa: BLE001 - raised again by `finish`, where the run is
            self._error = error
        with contextlib.suppress(OSError):
            self._ours.shutdown(socket.SHUT_RDWR)

    def _say(self, channel: Channel, message: Message) -> None:
        """Say something; a child that has ended does not hear it, and what it said before still counts."""
        with contextlib.suppress(OSError):
            channel.send(message)

    def _answer(self, message: Message) -> Message:
        """Do what was asked for."""
        number, arguments = _whole(message.get("id")), message.get("arguments")
        if not isinstance(arguments, dict):
            raise Malformed("a call without arguments")
        try:
            value = self._do(str(message.get("name")), arguments)
        except ExecFailed as error:
            return {"say": "answer", "id": number, "error": str(error)}
        return {"say": "answer", "id": number, "value": value}

    def _do(self, name: str, arguments: Mapping[str, Any]) -> Message:
        service = _text(arguments.get("service"), NAME)
        if name == "logs":
            lines = min(max(_whole(arguments.get("lines")), 1), LOG_LINES)
            return {"text": self._reach.logs(service, lines=lines)}
        if name != "exec":
            raise Malformed(f"a call of {name[:NAME]!r}")
        argv = arguments.get("argv")
        if not isinstance(argv, list) or not 0 < len(argv) <= ARGUMENTS:
            raise Malformed("a command that is no list of words")
        words = tuple(_text(word, WORDS * 10) for word in argv)
        command = Command(words, unpacked(arguments.get("input")), _text(arguments.get("user"), NAME))
        done = self._reach.run(service, command, timeout=_seconds(arguments.get("timeout")), stop=self._stop)
        return {"code": done.code, "out": packed(done.out), "err": packed(done.err)}


class Heard:
    """What a child said so far."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.malformed = ""
        self._ids: tuple[str, ...] | None = None
        self._problems: list[str] = []
        self._reports: list[Reported] = []
        self._ended: int | None = None
        self._hook: tuple[str, str] | None = None
        self._room = ALL_WORDS

    def take(self, message: Message) -> None:
        """Take one thing that it says.

        Raises Malformed for what it may not say, or says too often.
        """
        match message.get("say"):
            case "collected" if self._ids is None:
                self._ids = tuple(_text(one, NAME) for one in _list(message.get("ids")))
            case "problem" if len(self._problems) < TESTS:
                self._problems.append(self._words(message))
            case "report" if len(self._reports) < TESTS * len(PHASES):
                self._reports.append(self._report(message))
            case "ended" if self._ended is None:
                self._ended = _whole(message.get("status"))
            case "hook" if self._hook is None:
                self._hook = (_one_of(message.get("outcome"), HOOKS), self._words(message))
            case other:
                raise Malformed(f"a message {str(other)[:NAME]!r}, or one too many")

    def all(self) -> Said:
        """Return it."""
        return Said(
            self._ids, tuple(self._problems), tuple(self._reports), self._ended, self._hook, malformed=self.malformed
        )

    def _report(self, message: Message) -> Reported:
        return Reported(
            id=_text(message.get("id"), NAME),
            when=_one_of(message.get("when"), frozenset(PHASES)),
            outcome=_one_of(message.get("outcome"), OUTCOMES),
            seconds=_seconds(message.get("seconds")),
            words=self._words(message),
        )

    def _words(self, message: Message) -> str:
        """Return its words, as far as there is room for them."""
        words = message.get("words")
        if not isinstance(words, str):
            raise Malformed("words that are no text")
        words = words[: min(WORDS, self._room)]
        self._room -= len(words)
        return words


def _text(value: object, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise Malformed("a text that is too long, or none")
    return value


def _one_of(value: object, known: frozenset[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise Malformed(f"{str(value)[:NAME]!r} instead of {' or '.join(sorted(known))}")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list) or len(value) > TESTS:
        raise Malformed(f"more than {TESTS} tests, or no list of them")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or abs(value) > 1 << 31:
        raise Malformed("a number that is none")
    return int(value)


def _seconds(value: object) -> float:
    if not isinstance(value, int | float) or not 0 <= value <= LONGEST:
        raise Malformed(f"{str(value)[:NAME]} s: 0 to {LONGEST:.0f} can be asked for")
    return float(value)
