"""The only place that writes the op state: what suites read of the newest op (`CCCI_OP_STATE_FILE`, DESIGN §15)."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from recipeci import schemas
from recipeci.host.below import Below
from recipeci.host.stackstate import StackState
from recipeci.op_state import OpState, Seen, ServiceSeen
from recipeci.run.identity import APP


def write(state: OpState, file: Path, *, below: Below) -> None:
    """Write the op state where every suite can read it, below a folder that the cell shares.

    Raises UsageError if it does not fit schemas/op-state.json, which only a bug of ours can cause.
    """
    data = dataclasses.asdict(state)
    schemas.check("op-state", data, where=file.name)
    below.write(file, (json.dumps(data, indent=2) + "\n").encode(), mode=0o644)


def seen(state: StackState, *, stack: str) -> Seen:
    """Return what suites are told of a stack: abra's version labels, and each service by its short name."""
    app = state.service(f"{stack}_{APP}")
    labels = app.labels if app else {}
    return Seen(
        version=labels.get(f"coop-cloud.{stack}.version", ""),
        chaos_version=labels.get(f"coop-cloud.{stack}.chaos-version", ""),
        services={
            service.name.removeprefix(f"{stack}_"): ServiceSeen(service.image, service.spec_version)
            for service in state.services
        },
    )
