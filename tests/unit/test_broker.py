"""run.broker, author.channel and host.hijack: what comes from outside is taken apart, bounded, and refused if wrong."""

from __future__ import annotations

import json
import os
import random
import socket
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest
from recipeci.author.channel import DATA_BYTES, MESSAGE_BYTES, Channel, Malformed, packed, unpacked
from recipeci.errors import HostError
from recipeci.host.execs import Command, ExecFailed, Executed
from recipeci.host.hijack import Demultiplexer
from recipeci.run.agreement import Reported
from recipeci.run.broker import ALL_WORDS, TESTS, WORDS, Broker, Heard
from recipeci.run.children import public

from unit.processes import SECONDS

REPORT = {"say": "report", "id": "a", "when": "call", "outcome": "passed", "seconds": 0.1, "words": ""}


def test_messages_arrive_as_they_were_sent_and_then_comes_the_end() -> None:
    one, other = socket.socketpair()
    with one, other:
        Channel(one).send({"a": "ä"})
        Channel(one).send({"b": [1]})
        one.shutdown(socket.SHUT_WR)
        there = Channel(other)
        assert [there.receive() for _ in range(3)] == [{"a": "ä"}, {"b": [1]}, None]


@pytest.mark.parametrize(
    "data",
    [
        (MESSAGE_BYTES + 1).to_bytes(4, "big"),
        b"\0\0\0\2[]",
        b"\0\0\0\1{",
        b"\0\0\0\1\xff",
        (100_000).to_bytes(4, "big") + b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    one, other = socket.socketpair()
    with one, other:
        one.sendall(data)
        with pytest.raises(Malformed):
            Channel(other).receive()


def test_a_message_that_is_cut_off_is_the_end() -> None:
    one, other = socket.socketpair()
    with other:
        one.sendall(b"\0\0\0\7{")
        one.close()
        assert Channel(other).receive() is None


def test_bytes_as_text() -> None:
    assert unpacked(packed(bytes(range(256)))) == bytes(range(256))
    assert len(unpacked(packed(b"x" * DATA_BYTES))) == DATA_BYTES
    for wrong in (None, 1, "?", "a", "A" * (DATA_BYTES * 2)):
        with pytest.raises(Malformed):
            unpacked(wrong)


def test_what_a_child_says_is_kept() -> None:
    heard = Heard()
    for message in (
        {"say": "collected", "ids": ["a"]},
        {"say": "problem", "words": "p"},
        REPORT,
        {"say": "hook", "outcome": "done", "words": ""},
        {"say": "ended", "status": 1},
    ):
        heard.take(message)
    said = heard.all()
    assert (said.ids, said.problems, said.ended, said.hook) == (("a",), ("p",), 1, ("done", ""))
    assert said.reports == (Reported("a", "call", "passed", 0.1, ""),)


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"say": "call"},
        {"say": ["collected"]},
        {"say": "collected"},
        {"say": "collected", "ids": [1]},
        {"say": "collected", "ids": ["x" * 2000]},
        {"say": "collected", "ids": ["x"] * (TESTS + 1)},
        {"say": "problem"},
        REPORT | {"when": "later"},
        REPORT | {"outcome": "pass"},
        REPORT | {"outcome": ["passed"]},
        REPORT | {"seconds": -1},
        REPORT | {"seconds": float("nan")},
        REPORT | {"seconds": "1"},
        REPORT | {"id": None},
        REPORT | {"words": 1},
        {"say": "ended", "status": "0"},
        {"say": "ended", "status": 1 << 40},
        {"say": "hook", "outcome": "well", "words": ""},
    ],
)
def test_what_a_child_may_not_say_is_malformed(message: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        Heard().take(message)


@pytest.mark.parametrize("say", ["collected", "ended", "hook"])
def test_what_is_said_once_cannot_be_said_again(say: str) -> None:
    heard, message = Heard(), {"say": say, "ids": [], "status": 0, "outcome": "done", "words": ""}
    heard.take(message)
    with pytest.raises(Malformed):
        heard.take(message)


def test_reports_have_an_end() -> None:
    heard = Heard()
    for _ in range(TESTS * 3):
        heard.take(REPORT)
    with pytest.raises(Malformed):
        heard.take(REPORT)


def frame(stream: int, data: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


def test_output_is_taken_apart_however_it_is_cut(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - cases, no secrets
    data = frame(1, b"out") + frame(2, b"err") + frame(1, b"") + frame(1, b"x" * 300)
    for _ in range(200):
        output, rest = Demultiplexer(), data
        while rest:
            size = rng.randint(1, len(rest))
            output.take(rest[:size])
            rest = rest[size:]
        assert output.finish() == (b"out" + b"x" * 300, b"err")


def test_output_that_is_cut_off_or_no_output_at_all_is_an_error() -> None:
    output = Demultiplexer()
    output.take(frame(1, b"out")[:-1])
    with pytest.raises(OSError, match="in the middle"):
        output.finish()
    with pytest.raises(OSError, match="no frame"):
        Demultiplexer().take(json.dumps({"message": "no"}).encode())


def test_no_variable_that_holds_a_secret_is_told() -> None:
    env = {
        "DOMAIN": "d",
        "SMTP_PASSWORD": "x",
        "SECRET_DB_VERSION": "v1",
        "DSN": "pg://u:hunter22@db",
        "API_TOKEN": "t",
    }
    assert public(env, mask=lambda text: text.replace("hunter22", "***")) == {"DOMAIN": "d", "SECRET_DB_VERSION": "v1"}


def test_words_have_an_end_all_together() -> None:
    heard = Heard()
    for _ in range(ALL_WORDS // WORDS + 10):
        heard.take(REPORT | {"words": "x" * WORDS * 2})
    assert sum(len(report.words) for report in heard.all().reports) == ALL_WORDS


# --- a whole conversation


@dataclass
class FakeApp:
    """An app whose commands do what they are called."""

    calls: list[tuple[str, Command, float]] = field(default_factory=list)

    def run(self, service: str, command: Command, *, timeout: float, stop: threading.Event) -> Executed:
        self.calls.append((service, command, timeout))
        match command.argv[0]:
            case "echo":
                return Executed(0, command.input, b"")
            case "wait":
                assert stop.wait(SECONDS)
                raise ExecFailed("the suite has ended")
            case "gone":
                raise HostError("Docker does not answer")
            case other:
                raise ExecFailed(f"no {other}")

    def logs(self, service: str, *, lines: int) -> str:
        return f"{service} {lines}"


def exec_call(program: str) -> dict[str, Any]:
    arguments = {"service": "app", "argv": [program], "input": packed(b"in"), "user": "", "timeout": 5}
    return {"say": "call", "id": 1, "name": "exec", "arguments": arguments}


def child(broker: Broker) -> Channel:
    """The child's end, as it has it: a descriptor of its own."""
    return Channel(socket.socket(fileno=os.dup(broker.fd)))


def test_a_child_is_told_its_context_first_and_answered() -> None:
    app = FakeApp()
    with Broker(app, context={"domain": "d"}) as broker:
        there = child(broker)
        assert there.receive() == {"say": "context", "domain": "d"}
        there.send(exec_call("echo"))
        assert there.receive() == {"say": "answer", "id": 1, "value": {"code": 0, "out": packed(b"in"), "err": ""}}
        there.send(exec_call("false"))
        assert there.receive() == {"say": "answer", "id": 1, "error": "no false"}
        there.send({"say": "call", "id": 2, "name": "logs", "arguments": {"service": "db", "lines": 10**8}})
        assert there.receive() == {"say": "answer", "id": 2, "value": {"text": "db 10000"}}
        there.send({"say": "ended", "status": 0})
        there.close()
        assert broker.finish().ended == 0
    assert app.calls[0] == ("app", Command(("echo",), b"in", ""), 5.0)


def test_what_was_said_before_the_end_counts_also_behind_an_unread_answer() -> None:
    with Broker(FakeApp(), context={}) as broker:
        there = child(broker)
        there.send(exec_call("echo"))
        there.send(REPORT)
        there.close()
        assert len(broker.finish().reports) == 1


def test_a_call_that_goes_on_ends_with_the_child() -> None:
    with Broker(FakeApp(), context={}) as broker:
        there = child(broker)
        there.send(exec_call("wait"))
        there.send(REPORT)
        there.close()
        assert len(broker.finish().reports) == 1


def test_the_hosts_fault_is_raised_where_the_run_is() -> None:
    with Broker(FakeApp(), context={}) as broker:
        there = child(broker)
        there.send(exec_call("gone"))
        assert there.receive() == {"say": "context"}
        assert there.receive() is None
        there.close()
        with pytest.raises(HostError, match="Docker does not answer"):
            broker.finish()


@pytest.mark.parametrize(
    "message",
    [
        {"say": "call", "id": 1, "name": "rm", "arguments": {"service": "app"}},
        {"say": "call", "id": 1, "name": "exec"},
        {"say": "call", "id": "1", "name": "logs", "arguments": {"service": "app", "lines": 1}},
        {"say": "call", "id": 1, "name": "logs", "arguments": {"service": ["app"], "lines": 1}},
        exec_call("echo") | {"arguments": {**exec_call("echo")["arguments"], "argv": []}},
        exec_call("echo") | {"arguments": {**exec_call("echo")["arguments"], "argv": "echo"}},
        exec_call("echo") | {"arguments": {**exec_call("echo")["arguments"], "timeout": 1e9}},
        exec_call("echo") | {"arguments": {**exec_call("echo")["arguments"], "input": "?"}},
    ],
)
def test_a_call_that_may_not_be_made_ends_the_conversation(message: dict[str, Any]) -> None:
    with Broker(FakeApp(), context={}) as broker:
        there = child(broker)
        there.send(message)
        assert there.receive() == {"say": "context"}
        assert there.receive() is None
        there.close()
        assert broker.finish().malformed


def test_a_child_that_hears_nothing_does_not_hold_the_harness() -> None:
    with Broker(FakeApp(), context={"long": "x" * 10_000_000}) as broker:
        there = child(broker)
        there.close()
        assert broker.finish().ids is None
