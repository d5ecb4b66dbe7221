"""What tests of the console and of run.log share: a log as it was written, and a secret that is known."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from recipeci.redact import Redactor
from recipeci.report import runlog

SECRET = "hunter2-hunter2"


def knowing(*values: str) -> Redactor:
    redactor = Redactor()
    for value in values:
        redactor.add("token", value)
    return redactor


def in_log(path: Path, act: Callable[[], object]) -> list[str]:
    """Return the lines of run.log after something was done, without their times."""
    with runlog.logged(path):
        act()
    lines = path.read_text().splitlines()
    stamp = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z "
    assert all(re.match(stamp, text) or text.startswith("    ") for text in lines), lines
    return [re.sub(stamp, "", text) for text in lines]
