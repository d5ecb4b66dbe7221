"""The only place that writes run.log: what every room of the program logs, each line with its time."""

from __future__ import annotations

import contextlib
import datetime
import logging
from collections.abc import Iterator
from pathlib import Path

from recipeci.errors import RecipeCIError
from recipeci.redact import Redactor
from recipeci.report import text

log = logging.getLogger(__name__)
RUN_LOG = "run.log"
ROOT = "recipeci"


class Lines(logging.Formatter):
    """`2026-01-02T03:04:05.678Z DEBUG host.command: message`; further lines of a message are indented."""

    def __init__(self, redactor: Redactor) -> None:
        """Take what masks each message, and the traceback below it."""
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text in which nothing a program printed can look like a line of ours."""
        at = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        time = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        words = record.getMessage()
        if record.exc_info:
            words += "\n" + self.formatException(record.exc_info)
        words = text.clean(self._redactor.mask(words)).replace("\n", "\n    ")
        return f"{time} {record.levelname:<7} {record.name.removeprefix(ROOT + '.')}: {words}"


class File(logging.FileHandler):
    """A file that counts the lines that it could not take (no space left) instead of printing a traceback for each."""

    lost = 0

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's own signature
        """See the class."""
        self.lost += 1

    def close(self) -> None:
        """Close the file, whatever could not be written."""
        try:
            super().close()
        except OSError:
            self.lost += 1


@contextlib.contextmanager
def logged(path: Path, *, redactor: Redactor | None = None) -> Iterator[File]:
    """Append all that `recipeci.*` logs, DEBUG too, to a file until the end of the block, without secrets.

    An error that is a bug of ours leaves its traceback there, and a note with the file's path on itself.
    """
    logger = logging.getLogger(ROOT)
    level = logger.level
    handler = File(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(Lines(redactor or Redactor()))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield handler
    except RecipeCIError as e:
        log.info("%s: %s", e.kind, e.message)
        raise
    except Exception as e:
        log.exception("a bug of recipeci")
        e.add_note(f"the traceback is in {path}")
        raise
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        handler.close()


@contextlib.contextmanager
def paused(path: Path) -> Iterator[None]:
    """Keep whoever logs into this file waiting until the end of the block, so that the file can be changed in place."""
    with contextlib.ExitStack() as stack:
        for handler in logging.getLogger(ROOT).handlers:
            if isinstance(handler, File) and handler.baseFilename == str(path.absolute()) and handler.lock:
                stack.enter_context(handler.lock)
        yield


def tail(path: Path, *, lines: int = 5) -> tuple[str, ...]:
    """Return the last lines of a run.log, none if there is no such file; at most 64 KiB are read."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 65536))
        return tuple(file.read().decode(errors="backslashreplace").splitlines()[-lines:])
    return ()
