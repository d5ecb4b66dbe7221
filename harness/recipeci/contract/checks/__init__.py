"""The only place that lists the checks: each looks at one fact, and is named in facts.yml."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from recipeci.contract.checks import (
    backup,
    checkout,
    deploy,
    generate,
    labels,
    lint,
    names,
    new,
    program,
    remove,
    secrets,
    stack,
)
from recipeci.contract.lab import Lab
from recipeci.contract.results import Observed

Check = Callable[[Lab], Observed]
ROOMS = (program, new, checkout, deploy, stack, labels, names, generate, secrets, lint, remove, backup)
CHECKS: Mapping[str, Check] = {check.__name__: check for room in ROOMS for check in room.CHECKS}
"""The checks by their names."""
