"""The only place that writes down what abra was asked and what it answered, fit to be sent to somebody else.

Values of secrets are masked, and paths of the machine are replaced. Where a secret's value could not be learned, what
the commands that print values printed is left out altogether.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipeci import schemas
from recipeci.contract.recording import Call
from recipeci.contract.suite import Done
from recipeci.errors import HostError, RecipeCIError, UsageError
from recipeci.model import Program
from recipeci.redact import Redactor
from recipeci.report.write import atomically

LAB = "/probe"
"""What a check's own folder is called."""
PRINTING = ("app", "secret", "generate")
LEFT_OUT = "[left out: a secret's value could not be learned, so that it could not be masked]"


@dataclass(frozen=True)
class Places:
    """Paths of this machine, each with the word that it is replaced by; the first that fits."""

    words: Sequence[tuple[str, str]]

    def replaced(self, text: str, *, lab: str = "") -> str:
        """Return a text without them; `lab` is the check's own folder."""
        for path, word in ((lab, LAB), *self.words):
            text = text.replace(path, word) if path.strip("/") else text
        return text


def as_json(done: Sequence[Done], *, abra: Program, docker: Program, places: Places, redactor: Redactor) -> str:
    """Return the transcript as schemas/transcript.json has it; the redactor learns the secrets of all checks.

    Raises RecipeCIError if it does not fit the schema, which is a bug of ours.
    """
    for one in done:
        for name, value in (one.secrets or {}).items():
            redactor.add(name, value)
    data = {
        "schema": 1,
        "abra": {"name": abra.name, "version": abra.version},
        "docker": docker.version,
        "checks": [_check(one, places) for one in done],
    }
    text = redactor.mask(json.dumps(_masked(data, redactor), indent=1, ensure_ascii=False)) + "\n"
    try:
        schemas.check("transcript", json.loads(text), where="transcript")
    except UsageError as e:
        raise RecipeCIError(e.message) from e
    return text


def write(text: str, file: Path) -> None:
    """Write the transcript.

    Raises HostError if it cannot be written.
    """
    try:
        atomically(file, text)
    except OSError as e:
        raise HostError(f"{file} cannot be written: {e.strerror}") from e


def _check(one: Done, places: Places) -> Mapping[str, Any]:
    result = one.result
    return {
        "fact": result.fact.id,
        "result": result.state.value,
        "seen": places.replaced(result.seen, lab=one.folder),
        "calls": [_call(call, one, places) for call in one.calls],
    }


def _call(call: Call, one: Done, places: Places) -> Mapping[str, Any]:
    """Return one call; the values that it may have printed are known, or nothing that it printed is kept."""
    hidden = one.secrets is None and call.args[: len(PRINTING)] == PRINTING
    out, err = ("", LEFT_OUT) if hidden else (call.out, call.err)
    return {
        "args": [places.replaced(arg, lab=one.folder) for arg in call.args],
        "terminal": call.terminal,
        "code": call.code,
        "out": places.replaced(out, lab=one.folder),
        "err": places.replaced(err, lab=one.folder),
        "seconds": call.seconds,
    }


def _masked(data: Any, redactor: Redactor) -> Any:  # noqa: ANN401 - JSON
    """Mask each text before it is escaped for JSON."""
    if isinstance(data, str):
        return redactor.mask(data)
    if isinstance(data, Mapping):
        return {key: _masked(value, redactor) for key, value in data.items()}
    return [_masked(one, redactor) for one in data] if isinstance(data, list) else data
