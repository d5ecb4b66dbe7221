"""The only place that searches what runs have written for secrets that tests gave them, without the harness's help."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

LONG_ENOUGH = 8
"""Shorter ones are listed as not masked (docs/report.md)."""


def leaks(folder: Path) -> list[str]:
    """Return each file of an ended run below a folder that holds a secret of a recipe.yml there, whole or in pieces."""
    values = set(_given(folder))
    found = []
    for report in folder.rglob("report.json"):
        for file in (path for path in report.parent.rglob("*") if path.is_file()):
            data = file.read_bytes()
            joined = re.sub(rb"\s|\\n", b"", data)
            found += [f"{file}: {value.decode()}" for value in values if value in data or value in joined]
    return found


def _given(folder: Path) -> Iterator[bytes]:
    """Yield the values that the overlays below a folder insert."""
    for file in folder.rglob("recipe.yml"):
        for secret in ((yaml.safe_load(file.read_text()) or {}).get("secrets") or {}).values():
            value = secret["value"] if "value" in secret else (file.parent / secret["file"]).read_text()
            if len(value.strip()) >= LONG_ENOUGH:
                yield value.strip().encode()
