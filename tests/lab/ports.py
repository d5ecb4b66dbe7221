"""The only place that picks a port for a server of the lab's which is still to be started, or that comes back to it.

A port that the kernel named and that was let go of may be another process's a moment later: tests beside us are named
ports all the time. So the socket stays bound, and does not listen. What sets SO_REUSEADDR, as all servers of the lab
do, may listen on that port as often as it likes; nobody else is given it.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator


@contextlib.contextmanager
def held() -> Iterator[int]:
    """Have a port on loopback, on which nobody listens yet, until the end of the block."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])
