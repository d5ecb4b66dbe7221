"""The only place that searches what runs have written for secrets, which it knows without the harness's help.

Those that tests gave by recipe.yml, and the begin of each that the abra of these tests generates.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from e2e.knownabra import BEGIN, MARK

LONG_ENOUGH = 8
"""Shorter ones are listed as not masked (docs/report.md)."""


def leaks(folder: Path) -> list[str]:
    """Return each file of an ended run below a folder that holds a secret, whole or in pieces."""
    values = {*_given(folder), BEGIN.encode()}
    found = []
    for report in folder.rglob("report.json"):
        for file in (path for path in report.parent.rglob("*") if path.is_file()):
            data = file.read_bytes()
            joined = re.sub(rb"\s|\\n", b"", data)
            found += [f"{file}: {value.decode()}" for value in values if value in data or value in joined]
    return found


def blind(folder: Path) -> list[str]:
    """Return each ended run below a folder that had secrets of which none could be looked for.

    With another abra than the built-in one nothing generated is known.
    """
    if set(_given(folder)):
        return []
    return [f"{file}: none of its secrets is known here" for file in folder.rglob("report.json") if _is_blind(file)]


def _is_blind(file: Path) -> bool:
    report = json.loads(file.read_text())
    abra = (report.get("programs") or {}).get("abra") or {}
    known = (report.get("secrets") or {}).get("known", 0)
    return bool(known and abra.get("built_in") and not abra["version"].endswith(MARK))


def _given(folder: Path) -> Iterator[bytes]:
    """Yield the values that the overlays below a folder insert."""
    for file in folder.rglob("recipe.yml"):
        for secret in ((yaml.safe_load(file.read_text()) or {}).get("secrets") or {}).values():
            value = secret["value"] if "value" in secret else (file.parent / secret["file"]).read_text()
            if len(value.strip()) >= LONG_ENOUGH:
                yield value.strip().encode()
