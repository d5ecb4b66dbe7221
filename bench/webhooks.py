"""How the bridge takes webhooks: signed ones at a steady pace, with the double of the forge behind it.

A delivery that is not answered with 202, or is not in the inbox afterwards, ends the benchmark: what may be lost is
nothing. Times and memory are only shown.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import recipeci as package
from lab.fakeforge import client as fakeforge
from lab.fakeforge.client import FakeForge
from measured import Measured, high_water
from recipeci.host import command
from recipeci.host.clock import SystemClock, until
from recipeci.host.command import BASE_ENV, LocalRunner
from recipeci.service.store import Database
from unit.weblab import signed

RATE, SECONDS = 50, 20
"""So many a second, for so long."""
MEGABYTES = 120.0
SENDERS, PULLS = 16, 20
"""Connections at a time, and the pull requests that the comments are under, in turns."""
BOT, WRITER, TOKEN, SECRET = "recipeci-bot", "ann", "token-of-the-bot", "secret-of-the-webhook"
DATABASE = "recipeci.db"
PAGES_AT = re.compile(r"pages at http://[^:]*:(\d+)")
ENV = {**BASE_ENV, "PYTHONPATH": str(Path(package.__file__).parents[1])}
ANSWER_SECONDS, DECIDED_SECONDS = 30.0, 300.0
CLOCK = SystemClock()


@dataclass(frozen=True)
class Square:
    """Where people comment: a repository with its pull requests and their heads, and who writes."""

    repository: Mapping[str, Any]
    writer: int
    heads: Mapping[int, str]


def of_webhooks() -> list[Measured]:
    """Send them, and look for each in the inbox."""
    with tempfile.TemporaryDirectory(prefix="rc-") as name, fakeforge.running(Path(name)) as forge:
        folder, square = Path(name), furnished(forge)
        settings = written(folder, forge=forge.url)
        LocalRunner().run(recipeci("enroll", square.repository["full_name"], settings), timeout=60, env=ENV)
        with served(folder, settings) as (port, pid):
            bodies = [payload(square, number) for number in range(1, RATE * SECONDS + 1)]
            began = time.monotonic()
            took = sent(port, bodies, began=began)
            whole = time.monotonic() - began
            look_for_each(folder / DATABASE)
            peak = high_water(pid)
    what = f"webhooks: {RATE * SECONDS} signed ones, {RATE} a second"
    return [
        Measured(f"{what}, all taken after", "s", (whole,), SECONDS + 1.0),
        Measured(f"{what}: answered, 19 of 20", "s", (sorted(took)[len(took) * 95 // 100],)),
        Measured(f"{what}: memory of `recipeci serve`", "MB", (peak,), MEGABYTES),
    ]


def written(folder: Path, *, forge: str) -> Path:
    """Write the settings of a bridge, and its secrets; return the file."""
    secrets = {"token_file": folder / "token", "webhook_secret_file": folder / "secret"}
    for file, secret in zip(secrets.values(), (TOKEN, SECRET), strict=True):
        file.touch(mode=0o600)
        file.write_text(f"{secret}\n")
    bridge = {"forge": forge, "url": "http://127.0.0.1:9", "listen": "127.0.0.1:0", "poll_seconds": 3600}
    data = {"database": str(folder / DATABASE), "bridge": bridge | {name: str(file) for name, file in secrets.items()}}
    settings = folder / "settings.yml"
    settings.write_text(json.dumps(data))
    return settings


def recipeci(*words: str | Path) -> list[str]:
    """Return a command of the program with its settings, which come last."""
    return [sys.executable, "-m", "recipeci", *map(str, words[:-1]), "--config", str(words[-1])]


def furnished(forge: FakeForge) -> Square:
    """Have the forge's people make a repository with pull requests."""
    forge.do("add_user", login=BOT, token=TOKEN)
    writer = forge.do("add_user", login=WRITER)
    home = forge.do("add_repository", owner=WRITER, name="fountain")
    forge.do("permit", repository=home["id"], login=BOT, permission="admin")
    pulls = [forge.do("add_issue", repository=home["id"], author=WRITER) for _ in range(PULLS)]
    return Square(home, writer["id"], {pull["number"]: pull["head"] for pull in pulls})


def payload(square: Square, number: int) -> bytes:
    """Return the event of a comment under one of the pull requests."""
    pull, head = list(square.heads.items())[number % PULLS]
    author, made = {"id": square.writer, "login": WRITER}, CLOCK.now()
    comment = {"id": 10**6 + number, "user": author, "body": "!testme", "created_at": made, "updated_at": made}
    event = {
        "action": "created",
        "issue": {"number": pull, "pull_request": {"merged": False}},
        "comment": comment,
        "repository": dict(square.repository),
        "sender": author,
        "is_pull": True,
        "pull_request": {"number": pull, "head": {"sha": head}},
    }
    return json.dumps(event, indent=2).encode()


@contextlib.contextmanager
def served(folder: Path, settings: Path) -> Iterator[tuple[int, int]]:
    """Run `recipeci serve` alone, without a worker; give its port and its process."""
    log = folder / "serve.log"
    process = command.start(recipeci("serve", settings), output=log, env=ENV)
    try:
        found = until(
            lambda: PAGES_AT.search(log.read_text()),
            bool,
            what="the bridge",
            clock=CLOCK,
            timeout=60,
            failed=lambda _: None if process.poll() is None else log.read_text(),
            delay=0.05,
            successes=1,
        )
        yield int(found[1] if found else 0), process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def sent(port: int, bodies: list[bytes], *, began: float) -> list[float]:
    """Send each when its time has come; return the seconds that each answer took from that time on."""

    def one(number: int) -> float:
        due = began + number / RATE
        time.sleep(max(0.0, due - time.monotonic()))
        deliver(port, bodies[number])
        return time.monotonic() - due

    with ThreadPoolExecutor(SENDERS) as senders:
        return list(senders.map(one, range(len(bodies))))


def deliver(port: int, body: bytes) -> None:
    """Send one over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    with contextlib.closing(connection):
        connection.request("POST", "/hooks/gitea", body, signed(body, secret=SECRET))
        answer = connection.getresponse()
        words = answer.read().decode()
    if (answer.status, words) != (http.HTTPStatus.ACCEPTED, "taken\n"):
        sys.exit(f"a delivery was answered {answer.status} {words}")


def look_for_each(file: Path) -> None:
    """Wait until all are decided: each must be there, and how many are."""
    with contextlib.closing(Database(file)) as database:
        rows = until(
            lambda: states(database),
            lambda found: "new" not in found,
            what="the decisions",
            clock=CLOCK,
            timeout=DECIDED_SECONDS,
            successes=1,
        )
    if sum(rows.values()) != RATE * SECONDS:
        sys.exit(f"of {RATE * SECONDS} comments there are in the inbox: {rows}")


def states(database: Database) -> dict[str, int]:
    """Return how many comments are in which state."""
    with database.reading() as tx:
        return {row["state"]: row["n"] for row in tx.all("SELECT state, count(*) AS n FROM comment GROUP BY state")}


if __name__ == "__main__":
    for row in of_webhooks():
        print(row.row)
