"""The only place that changes every text of a report at once: to mask it, or to withhold it."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping
from typing import Any, cast

from recipeci.model import Commit, Report, SuiteResult

KEPT = frozenset({(Report, "run_id"), (Report, "recipe"), (Report, "started"), (SuiteResult, "source")})
"""What the schema gives a form of its own, and the run itself sets."""


def changed(report: Report, change: Callable[[str], str]) -> Report:
    """Return the report with `change` applied to each text in it, however deep; outcomes and commits stay."""
    return cast("Report", _value(report, change))


def _value(value: Any, change: Callable[[str], str]) -> Any:  # noqa: ANN401 - any value of a report
    if isinstance(value, str) and not isinstance(value, enum.Enum):
        return change(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, (Commit, type)):
        return dataclasses.replace(value, **_fields(value, change))
    if isinstance(value, Mapping):
        return {key: _value(item, change) for key, item in value.items()}
    return tuple(_value(item, change) for item in value) if isinstance(value, tuple) else value


def _fields(value: Any, change: Callable[[str], str]) -> dict[str, Any]:  # noqa: ANN401 - any dataclass of a report
    names = [field.name for field in dataclasses.fields(value) if (type(value), field.name) not in KEPT]
    return {name: _value(getattr(value, name), change) for name in names}
