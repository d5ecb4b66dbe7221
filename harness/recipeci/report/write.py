"""The only place that writes report.json: atomically, checked against its schema, and last of all files of a run."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any, cast

from recipeci import schemas
from recipeci.errors import RecipeCIError, UsageError
from recipeci.model import Base, Report, Target
from recipeci.report import junit

REPORT = "report.json"
JUNIT = "junit.xml"


def as_data(report: Report) -> dict[str, Any]:
    """Return what report.json holds: plain dicts, lists, text and numbers, as schemas/report.json says.

    Raises:
        RecipeCIError: the report does not fit the schema, which is a bug of ours.
    """
    data = dataclasses.asdict(report) | {
        "schema": 1,
        "target": _target(report.target),
        "base": _base(report.base),
        "base_mode": report.base.mode.value if report.base else None,
        "label": report.label or report.verdict.value,
    }
    data = cast("dict[str, Any]", json.loads(json.dumps(data)))  # enums and tuples as JSON has them
    try:
        schemas.check("report", data, where=REPORT)
    except UsageError as e:
        raise RecipeCIError(e.message) from e
    return data


def as_json(report: Report) -> str:
    """Return the text of report.json, ending with a line feed."""
    return json.dumps(as_data(report), indent=2, ensure_ascii=False) + "\n"


def write(report: Report, folder: Path) -> Path:
    """Write junit.xml and then report.json into a run's folder; return the path of report.json.

    report.json is last: a folder that has it belongs to a run that ended.
    """
    text = as_json(report)
    atomically(folder / JUNIT, junit.as_xml(report))
    atomically(folder / REPORT, text)
    return folder / REPORT


def atomically(path: Path, text: str) -> None:
    """Write a file so that it is there whole, also after a power cut, or as it was before."""
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the folder's entries durable: a rename is not, until then."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _target(target: Target | None) -> dict[str, Any] | None:
    """Return the target with its commit as 40 digits."""
    if target is None:
        return None
    return {"commit": target.commit.sha, "version": target.version, "uncommitted": target.uncommitted}


def _base(base: Base | None) -> dict[str, Any] | None:
    """Return the base with its commit as 40 digits; its mode is a key of the report's own."""
    return None if base is None else {"version": base.version, "commit": base.commit.sha, "why": base.why}
