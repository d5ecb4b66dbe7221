"""The only place that says how the service's processes write what happens: on stderr, a line a thing, no secret."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator

from recipeci.redact import Redactor
from recipeci.report import text


class Line(logging.Formatter):
    """One line a message, whatever stands in it, and no secret of ours."""

    def __init__(self, redactor: Redactor) -> None:
        """Take what masks."""
        super().__init__("%(levelname)-7s %(message)s")
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a traceback has more of them."""
        return text.clean(self._redactor.mask(super().format(record)))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the message's own line: a name on the forge must not begin another one."""
        record.message = text.one_line(record.message)
        return super().formatMessage(record)


@contextlib.contextmanager
def logged(*secrets: str) -> Iterator[None]:
    """Write what happens on stderr, where whoever started us keeps it with its time."""
    redactor = Redactor()
    for number, secret in enumerate(secrets):
        redactor.add(f"secret {number}", secret)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Line(redactor))
    root, ours = logging.getLogger(), logging.getLogger("recipeci")
    root.addHandler(handler)
    before = ours.level
    ours.setLevel(logging.INFO)
    try:
        yield
    finally:
        ours.setLevel(before)
        root.removeHandler(handler)
