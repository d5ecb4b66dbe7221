"""The only place that says when a deployment is settled, and when waiting for it is hopeless. Pure.

Rules of DESIGN §6, each from an incident: tasks of an old spec do not count (C-01), `paused` and `rollback_*` never get
better (C-02, C-03), a service that ended with 0 though it should run has failed (C-12), a crash loop ends the wait at
once (C-13), and a service that the compose file does not name is one that the upgrade left behind (C-11).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from recipeci.host.docker import Service, StackState, Task, same_template

STABLE_SECONDS = 2.0
"""A crash-looping container is seen running for about 0.7 s between crashes (facts swarm §2)."""
CRASHES = 3
"""So many failures of one slot are a crash loop, not a slow start."""
UNSCHEDULABLE_SECONDS = 15.0
"""So long a task may be pending: a host port is freed within a few seconds, a missing node never comes."""
BROKEN_STATES = frozenset({"failed", "rejected"})
BROKEN_UPDATES = frozenset({"paused", "rollback_started", "rollback_paused", "rollback_completed"})


@dataclass(frozen=True)
class Expected:
    """What a deployment must become: its services by full name, those of them that are meant to end, and when it began.

    `since` is the time (epoch seconds) of the deploy: what happened before it is no news.
    """

    services: frozenset[str]
    ending: frozenset[str]
    since: float


@dataclass(frozen=True)
class Judgement:
    """What one look at a stack says: settled, or hopeless and why, or neither; `summary` in a few words."""

    settled: bool
    hopeless: str
    guilty: str
    """The service whose log lines belong to the reason."""
    summary: str


def judge(state: StackState, expected: Expected) -> Judgement:
    """Judge one look at a stack."""
    found = {service.name for service in state.services}
    for name in sorted(found - expected.services):
        return Judgement(
            settled=False,
            hopeless=f"service {name} runs, but the compose file does not name it",
            guilty=name,
            summary=_summary(state),
        )
    for service in state.services:
        if reason := hopeless(service, state, expected):
            return Judgement(settled=False, hopeless=reason, guilty=service.name, summary=_summary(state))
    settled = found == expected.services and all(_is_settled(s, state, expected) for s in state.services)
    return Judgement(settled=settled, hopeless="", guilty="", summary=_summary(state))


def hopeless(service: Service, state: StackState, expected: Expected) -> str:
    """Return why waiting for a service is hopeless, or nothing."""
    tasks = [task for task in state.tasks_of(service) if task.created >= expected.since]
    ends = service.name in expected.ending
    return (
        _broken_update(service, tasks, since=expected.since)
        or _crash_loop(service, tasks, ends=ends)
        or _ended(service, tasks, ends=ends)
        or _unschedulable(service, tasks, now=state.seen)
    )


def _broken_update(service: Service, tasks: list[Task], *, since: float) -> str:
    """Return the rollback or pause with both images: a stack that is healthy again by rollback is not green (R-08)."""
    update = service.update
    if update.state not in BROKEN_UPDATES or update.started < since:
        return ""
    rolled_back = update.state.startswith("rollback")
    tried = {_task_image(task) for task in tasks} - {service.image}
    new = (
        ", ".join(sorted(tried)) if rolled_back and tried else service.previous_image if rolled_back else service.image
    )
    old = service.image if rolled_back else service.previous_image
    error = next((_words(task) for task in reversed(tasks) if task.state in BROKEN_STATES), "")
    verb = "was rolled back by swarm" if rolled_back else "is paused by swarm"
    return f"update of {service.name} {verb} ({update.state}): new image {new}, old image {old}" + (
        f"; {error}" if error else ""
    )


def _crash_loop(service: Service, tasks: list[Task], *, ends: bool) -> str:
    """Return the last error of a slot that failed CRASHES times, or of a task that had one try only."""
    by_slot: dict[str, list[Task]] = {}
    for task in tasks:
        if task.state in BROKEN_STATES or (task.state == "complete" and not ends):
            by_slot.setdefault(task.slot, []).append(task)
    needed = 1 if service.restart_condition == "none" else CRASHES
    for failures in by_slot.values():
        if len(failures) >= needed:
            times = f"{len(failures)} times" if len(failures) > 1 else "once, and is not restarted"
            return f"{service.name} failed {times}: {_words(failures[-1])}"
    return ""


def _ended(service: Service, tasks: list[Task], *, ends: bool) -> str:
    """Return that a service which should run ended with 0 and stays down: `on-failure` does not restart it."""
    if ends or service.restart_condition == "any" or not tasks:
        return ""
    last = tasks[-1]
    if last.state == "complete":
        return f"{service.name} ended with 0 and is not restarted (restart condition {service.restart_condition})"
    return ""


def _unschedulable(service: Service, tasks: list[Task], *, now: float) -> str:
    """Return that no node takes a task: constraints or memory that this swarm will never have."""
    for task in tasks:
        if task.state == "pending" and task.error and now - task.created > UNSCHEDULABLE_SECONDS:
            return f"{service.name} cannot be placed: {task.error}"
    return ""


def _is_settled(service: Service, state: StackState, expected: Expected) -> bool:
    """Say whether a service is what its spec wants, for STABLE_SECONDS."""
    if service.update.state not in {"", "completed"} and service.update.started >= expected.since:
        return False
    tasks = state.tasks_of(service)
    if service.name in expected.ending:
        return service.replicas == 0 or any(t.state == "complete" and _is_current(t, service) for t in tasks)
    wanted = 1 if service.replicas is None else service.replicas
    running = [t for t in tasks if t.desired == "running"]
    return len(running) == wanted and all(_is_stable(t, service, now=state.seen) for t in running)


def _is_stable(task: Task, service: Service, *, now: float) -> bool:
    return task.state == "running" and _is_current(task, service) and now - task.since >= STABLE_SECONDS


def _is_current(task: Task, service: Service) -> bool:
    return same_template(task.template, service.template)


def _words(task: Task) -> str:
    """Return a task's error; swarm puts the exit code into it."""
    return task.error or f"task {task.state}" + (f" with {task.exit_code}" if task.exit_code is not None else "")


def _task_image(task: Task) -> str:
    container: Mapping[str, str] = task.template.get("ContainerSpec") or {}
    return str(container.get("Image", "")).partition("@")[0]


def _summary(state: StackState) -> str:
    return ", ".join(_states(state)) or "no service yet"


def _states(state: StackState) -> Iterator[str]:
    """Give each service with its newest task's state and, while it is updated, the update's."""
    for service in sorted(state.services, key=lambda s: s.name):
        tasks = state.tasks_of(service)
        word = tasks[-1].state if tasks else "no task"
        update = f" ({service.update.state})" if service.update.state not in {"", "completed"} else ""
        yield f"{service.name} {word}{update}"
