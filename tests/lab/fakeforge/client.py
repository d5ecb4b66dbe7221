"""The only place from which tests start the double, and tell its people what to do."""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
import signal
import sys
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import recipeci
from recipeci.host import command
from recipeci.host.clock import SystemClock, until
from recipeci.host.command import BASE_ENV, Started

from lab.fakeforge.deliveries import Plan
from lab.fakeforge.server import CONTROL

FOLDERS = (Path(recipeci.__file__).parents[1], Path(__file__).parents[2])
"""Where the package and the tests are."""
CONTROL_SECONDS = 180.0


class FakeForgeError(AssertionError):
    """The double does not do what a test wants of it."""


@dataclass
class FakeForge:
    """A running double."""

    url: str
    key: str
    process: Started

    def do(self, what: str, **given: Any) -> Any:  # noqa: ANN401 - JSON
        """Have something done; see `server.SAID` and `server.Forge`."""
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.url).netloc, timeout=CONTROL_SECONDS)
        with contextlib.closing(connection):
            connection.request("POST", CONTROL, json.dumps({"do": what, "with": given}), {"X-Key": self.key})
            answer = connection.getresponse()
            found = json.loads(answer.read())
        if answer.status != 200:
            raise FakeForgeError(f"{what} {given}: {found['message']}")
        return found

    def plan(self, plan: Plan) -> None:
        """Deliver events so from now on."""
        self.do("plan", **asdict(plan))

    def fail(self, rates: Mapping[str, float], *, silence: float = 2.0) -> None:
        """Fail so often from now on; whoever asks waits `silence` seconds for an answer that does not come."""
        self.do("faults", rates=dict(rates), silence=silence)

    def told(self) -> dict[str, Any]:
        """Return the journal, all comments, and what became of the deliveries."""
        found: dict[str, Any] = self.do("told")
        return found


@contextlib.contextmanager
def running(folder: Path, *, seed: int = 0) -> Iterator[FakeForge]:
    """Run a double as long as the block lasts; the kernel ends it with the test process."""
    address, key = folder / "forge.address", secrets.token_hex(8)
    env = {**BASE_ENV, "PYTHONPATH": ":".join(map(str, FOLDERS))}
    argv = [sys.executable, "-m", "lab.fakeforge", str(address), key, str(seed)]
    process = command.start(argv, output=folder / "forge.log", env=env)
    try:
        until(
            address.exists,
            bool,
            what="the double of the forge",
            clock=SystemClock(),
            timeout=CONTROL_SECONDS,
            failed=lambda _: None if process.poll() is None else (folder / "forge.log").read_text(),
            delay=0.02,
            successes=1,
        )
        yield FakeForge(address.read_text(), key, process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
