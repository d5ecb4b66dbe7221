"""Ports of the lab: whoever was given one may listen there again and again, and nobody else can have it."""

from __future__ import annotations

import socket

import pytest
from lab import ports


def test_a_server_listens_there_again_and_again() -> None:
    with ports.held() as port:
        for _ in range(3):
            with (
                socket.create_server(("127.0.0.1", port)) as server,
                socket.create_connection(("127.0.0.1", port)) as client,
                server.accept()[0] as answered,
            ):
                answered.sendall(b"here")
                assert client.recv(4) == b"here"


def test_nobody_answers_there_before_it_listens() -> None:
    with ports.held() as port, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_while_nobody_listens_it_is_not_free_for_others() -> None:
    with ports.held() as port:
        with socket.create_server(("127.0.0.1", port)):
            pass
        with socket.socket() as other, pytest.raises(OSError, match="Address already in use"):
            other.bind(("127.0.0.1", port))
