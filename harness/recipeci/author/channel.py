"""The only place that says how an author's child process and the harness talk: JSON objects, each with its length.

Both sides use it: the child over the descriptor that it inherits, the harness in `run/broker`.
"""

from __future__ import annotations

import base64
import binascii
import json
import socket
from typing import Any

Message = dict[str, Any]
LENGTH = 4
"""Bytes before each object, big-endian."""
MESSAGE_BYTES = 24 * 1024 * 1024
"""An object is no longer: 8 MiB each way in base64, and what belongs to it."""
DATA_BYTES = 8 * 1024 * 1024
"""Input and output of a command are no longer."""


class Malformed(Exception):
    """What came over the channel is nothing that the other side may say."""


class Channel:
    """One end of it."""

    def __init__(self, connection: socket.socket) -> None:
        """Take a connected stream socket."""
        self._connection = connection

    def send(self, message: Message) -> None:
        """Say something.

        Raises OSError if nobody listens any more, ValueError if it is too long.
        """
        data = json.dumps(message).encode()
        if len(data) > MESSAGE_BYTES:
            msg = f"{len(data)} bytes are too many for one message: {MESSAGE_BYTES} at most"
            raise ValueError(msg)
        self._connection.sendall(len(data).to_bytes(LENGTH, "big") + data)

    def receive(self) -> Message | None:
        """Wait for what the other side says; None when it has hung up.

        Raises Malformed for anything that is no JSON object of a bearable length.
        """
        size = int.from_bytes(self._exactly(LENGTH), "big")
        if size > MESSAGE_BYTES:
            raise Malformed(f"a message of {size} bytes")
        if not (data := self._exactly(size)):
            return None
        try:
            message = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise Malformed("a message that is no JSON") from error
        if not isinstance(message, dict):
            raise Malformed("a message that is no object")
        return message

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _exactly(self, size: int) -> bytes:
        """Read so many bytes; fewer than that is nothing."""
        data = bytearray()
        while len(data) < size:
            part = self._connection.recv(min(size - len(data), 1 << 20))
            if not part:
                return b""
            data += part
        return bytes(data)


def packed(data: bytes) -> str:
    """Return bytes as text for a message."""
    return base64.b64encode(data).decode("ascii")


def unpacked(text: object) -> bytes:
    """Return the bytes of a message's text.

    Raises Malformed if it is none of `packed`, or longer than DATA_BYTES.
    """
    if not isinstance(text, str) or len(text) > DATA_BYTES * 4 // 3 + LENGTH:
        raise Malformed("bytes that are too long, or none")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("bytes that are no base64") from error
