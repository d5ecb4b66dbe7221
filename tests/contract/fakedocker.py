"""A docker for tests: answers what was declared, refuses all else, and hands `stack config` to the real client.

`stack config` asks no daemon, so it needs no stand-in. Each call is recorded with its standard input and with the
compose files that it was given, since miniabra removes the one that it generates.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from recipeci.host import engine

SCRIPT = """#!{python} -I
import json, os, pathlib, sys
folder = pathlib.Path({folder!r})
args = sys.argv[1:]
while args[0] in ("--host", "--config"):
    args = args[2:]
if args[:2] == ["stack", "config"]:
    os.execv({docker!r}, ["docker", *sys.argv[1:]])
files = [pathlib.Path(args[i + 1]).read_text() for i, arg in enumerate(args) if arg == "--compose-file"]
call = dict(args=args, options=sys.argv[1:-len(args)], stdin=sys.stdin.read(), files=files, env=dict(os.environ))
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps(call) + chr(10))
for answer in json.loads((folder / "answers").read_text()):
    if args[: len(answer["args"])] == answer["args"]:
        sys.stdout.write(answer["out"])
        sys.stderr.write(answer["err"])
        sys.exit(answer["code"])
sys.stderr.write("undeclared: docker " + " ".join(args))
sys.exit(99)
"""


@dataclass(frozen=True)
class Call:
    """One call: its arguments, what it read, the compose files that it was given."""

    args: tuple[str, ...]
    options: tuple[str, ...]
    stdin: str
    files: tuple[str, ...]
    env: dict[str, str]

    @property
    def generated(self) -> dict[str, Any]:
        """The last compose file: the one that miniabra makes."""
        return dict(yaml.safe_load(self.files[-1]))


class FakeDocker:
    """The program `docker` in a folder; what was declared later wins."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self._answers: list[dict[str, object]] = []
        script = folder / "docker"
        real = str(engine.find(None).docker)
        script.write_text(SCRIPT.format(python=sys.executable, folder=str(folder), docker=real))
        script.chmod(0o755)
        (folder / "calls").touch()
        self._write()

    def on(self, *args: str, out: str = "", err: str = "", code: int = 0) -> None:
        """Answer every call that begins with these arguments."""
        self._answers.insert(0, {"args": args, "out": out, "err": err, "code": code})
        self._write()

    @property
    def calls(self) -> tuple[Call, ...]:
        lines = [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]
        return tuple(
            Call(tuple(call["args"]), tuple(call["options"]), call["stdin"], tuple(call["files"]), call["env"])
            for call in lines
        )

    def of(self, *args: str) -> Sequence[Call]:
        """Return the calls that begin with these arguments."""
        return [call for call in self.calls if call.args[: len(args)] == args]

    def _write(self) -> None:
        (self.folder / "answers").write_text(json.dumps(self._answers))
