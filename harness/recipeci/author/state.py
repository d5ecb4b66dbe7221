"""The only place that reads for authors what the harness tells them: the op state, and the recipe."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from recipeci.author.app import Http, Recipe
from recipeci.op_state import OpState, Seen, ServiceSeen

OP_STATE = "CCCI_OP_STATE_FILE"
"""The environment variable that names the file with the op state (JSON, schemas/op-state.json)."""


def op_state(file: Path) -> OpState:
    """Read the op state."""
    data = json.loads(file.read_text(encoding="utf-8"))
    return OpState(**{**data, "before": _seen(data["before"]), "after": _seen(data["after"])})


def recipe(data: Mapping[str, Any]) -> Recipe:
    """Make the recipe of what the harness says of it."""
    http = Http(**{**data["http"], "accept": tuple(data["http"]["accept"])})
    return Recipe(data["name"], data["version"], MappingProxyType(dict(data["env"])), http)


def _seen(data: Mapping[str, Any]) -> Seen:
    services = {name: ServiceSeen(**service) for name, service in data["services"].items()}
    return Seen(data["version"], data["chaos_version"], MappingProxyType(services))
