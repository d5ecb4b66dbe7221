"""The only place that asks one Nix many questions: to evaluate NixOS from nothing takes long, and again little."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from recipeci.host.command import LocalRunner

from nix.flake import LONGEST, Flake, environment

MARK = "=== question"
VALUE = "trace: === value "
QUOTES = {ord(quote): None for quote in "'`‘’"}


@dataclass(frozen=True)
class Answer:
    """What Nix said to one question: a value, or an error, without quotes and with single spaces."""

    value: Any
    error: str


def ask(flake: Flake, questions: Sequence[str], *, given: str = "{ }") -> list[Answer]:
    """Evaluate expressions in which the outputs of a flake are names, and those of the set `given` too.

    A question that fails keeps no other from being answered.
    """
    prelude = f":a ({_line(given)})\n"
    asked = "".join(
        f'builtins.trace "{MARK}" (builtins.trace ("=== value " + builtins.toJSON ({_line(question)})) null)\n'
        for question in questions
    )
    done = LocalRunner().run(
        [flake.program, "repl", str(flake.folder)],
        timeout=LONGEST,
        env={**environment(), **flake.env},
        cwd=flake.folder,
        stdin=f"{prelude}{asked}".encode(),
    )
    before, *answers = re.split(rf"^trace: {MARK}$", done.err, flags=re.MULTILINE)
    assert len(answers) == len(questions), f"{len(answers)} of {len(questions)} questions were answered: {before}"
    return [_answer(text) for text in answers]


def _line(expression: str) -> str:
    """Return an expression on one line, as the loop reads it; it must have no comment."""
    return " ".join(expression.split())


def _answer(text: str) -> Answer:
    """Take what was printed on stderr apart."""
    values = [line.removeprefix(VALUE) for line in text.splitlines() if line.startswith(VALUE)]
    if values:
        return Answer(json.loads(values[0]), "")
    return Answer(None, " ".join(text.rpartition("error:")[2].translate(QUOTES).split()))
