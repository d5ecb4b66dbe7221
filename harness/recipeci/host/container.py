"""The only place that reads what Docker says of one container: its log lines, and its health check. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

TASK_LABEL = "com.docker.swarm.task.id"
HEALTH_RETRIES = 3
"""Docker's, where a health check says none."""

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Health:
    """The last health check of a container: its command, what it printed, its code; all empty if there was none.

    `is_bad` is whether it failed so often in a row that Docker calls the container unhealthy.
    """

    check: str = ""
    output: str = ""
    exit_code: int = 0
    is_bad: bool = False


NO_HEALTH = Health()
"""Of a container without a check, or of one that nobody looked at."""


def last_lines(text: str, *, tasks: Collection[str], lines: int) -> str:
    """Return the last lines of a service's logs that are of these tasks, without the stamp and the labels of each.

    `text` has both: `TIME com.docker.swarm.task.id=ID,… what was written`.
    """
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        stamp, _, rest = line.partition(" ")
        labels, _, words = rest.partition(" ")
        of = dict(part.partition("=")[::2] for part in labels.split(","))
        if of.get(TASK_LABEL) in tasks:
            found.append((stamp, words))
    found.sort(key=lambda one: one[0])  # tasks come one after the other; of one the order stays
    return "\n".join(words for _, words in found[-lines:])


def health(raw: Json) -> Health:
    """Return what Docker's inspection of a container says of its health check."""
    state = raw["State"].get("Health") or {}
    spec = (raw.get("Config") or {}).get("Healthcheck") or {}
    kind, *test = spec.get("Test") or [""]
    if not state.get("Log") or kind not in {"CMD", "CMD-SHELL"}:
        return Health()
    last = state["Log"][-1]
    return Health(
        check=" ".join(test) if kind == "CMD-SHELL" else shlex.join(test),
        output=" ".join(str(last.get("Output", "")).split()),
        exit_code=int(last["ExitCode"]),
        is_bad=int(state.get("FailingStreak", 0)) >= (spec.get("Retries") or HEALTH_RETRIES),
    )
