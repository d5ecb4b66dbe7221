"""The only place that reads what a run leaves: what it printed, as it comes, and its report. Nobody believes it yet."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from recipeci.report import text
from recipeci.report.write import REPORT
from recipeci.service.store import jobs

OUT, OUTPUT = "run", "output.log"
"""Of a job's folder: the run's own folder, and what the run printed."""
REPORT_BYTES = 2 * 1024 * 1024
TOLD_BYTES = 128 * 1024
"""So much of what a run prints is taken at a time."""
MOST_BYTES = 4 * jobs.LOG_CHARACTERS
"""Behind this there is no character that the database would take: each has four bytes at most."""
LAST_BYTES = 64 * 1024
WORDS = 500
"""Characters of a last sentence."""
COMPLAINT = "recipeci: "
"""How our one door begins a sentence."""


@dataclass
class Tail:
    """What a run prints, read as it comes."""

    file: Path
    _at: int = 0
    _rest: bytes = b""

    def more(self, *, last: bool = False) -> str:
        """Return whole lines that are new, and at the last what has no end of line; empty if there is nothing.

        Of what nobody would keep nothing is read.
        """
        if self._at >= MOST_BYTES:
            return ""
        with _opened(self.file) as file:
            file.seek(self._at)
            data = file.read(TOLD_BYTES)
        self._at += len(data)
        whole, end, self._rest = (self._rest + data).rpartition(b"\n")
        told = whole + end
        if last or len(self._rest) > TOLD_BYTES:
            told, self._rest = told + self._rest, b""
        return text.clean(told.decode(errors="backslashreplace"))

    def rest(self) -> Iterator[str]:
        """Yield all that is new, also what has no end of line; nothing is printed any more."""
        while told := self.more():
            yield told
        yield self.more(last=True)


@dataclass(frozen=True)
class Left:
    """What a run left: its report, or why there is none, in one sentence; empty where nobody may repeat its words."""

    report: Mapping[str, Any] | None
    error: str = ""
    never_began: bool = False
    """The run said itself why there can be none, and removed its folder: it has known no secret."""

    @property
    def is_clean(self) -> bool:
        """Whether it is known that no secret stands where all can read it: a run that was killed has not looked."""
        if self.report is None:
            return self.never_began
        secrets = self.report.get("secrets")
        return isinstance(secrets, Mapping) and secrets.get("found") == 0


def of_run(folder: Path) -> Left:
    """Return what a run left in its job's folder."""
    try:
        found = _report(folder / OUT / REPORT)
    except FileNotFoundError:
        return _without_report(folder)
    except (OSError, ValueError, RecursionError) as e:
        return Left(None, f"its {REPORT} cannot be read: {e.strerror if isinstance(e, OSError) else e}")
    return Left(found)


def _without_report(folder: Path) -> Left:
    """Return why there is no report, if the run said so itself: of one that began nothing printed is known to be clean.

    An error is shown to everybody, as the log is.
    """
    if (folder / OUT).exists():
        return Left(None)
    return Left(None, _last_words(folder / OUTPUT), never_began=True)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file to be read; a link is not followed, and what is no file is not waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a path would name what is there now
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no file")
        yield file


def _report(path: Path) -> Mapping[str, Any]:
    """Return a report; no more is read than one can have."""
    with _opened(path) as file:
        data = file.read(REPORT_BYTES + 1)
    if len(data) > REPORT_BYTES:
        raise ValueError(f"it is larger than {REPORT_BYTES // 1024} KiB")
    found = json.loads(data.decode("utf-8"))
    if not isinstance(found, dict):
        raise ValueError("it is no report")  # noqa: TRY004 - of the file, not of an argument
    return found


def _last_words(output: Path) -> str:
    """Return the last sentence that the run's door said, else the last line of all; empty if it printed nothing."""
    with _opened(output) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - LAST_BYTES))
        lines = [line.strip() for line in file.read().decode(errors="backslashreplace").splitlines()]
    said = [line.removeprefix(COMPLAINT) for line in lines if line.startswith(COMPLAINT)]
    last = next(reversed(said or [line for line in lines if line]), "")
    return text.one_line(last)[:WORDS]
