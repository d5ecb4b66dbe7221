"""The only place that says when a deployment is settled, and when waiting for it is hopeless. Pure.

Rules of DESIGN §6, each from an incident: tasks of an old spec do not count, nor does a service whose update has not
begun (C-01), `paused` and `rollback_*` never get better (C-02, C-03), a service that ended with 0 though it should run
has failed (C-12), a crash loop ends the wait at once (C-13), and a service that the compose file does not name is one
that the upgrade left behind (C-11). Each rule is held against recorded answers of Docker 26.1.5 (tests/unit/data).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from recipeci.host.container import Health
from recipeci.host.stackstate import Service, StackState, Task, same_template
from recipeci.redact import cutting

STABLE_SECONDS = 2.0
"""A crash-looping container is seen running for about 0.7 s between crashes (facts swarm §2)."""
CRASHES = 3
"""So many failures of one slot are a crash loop, not a slow start."""
HEALTH_CHARACTERS = 300
"""So much of what a health check printed is shown; Docker keeps 4096 bytes."""
UNSCHEDULABLE_SECONDS = 15.0
"""So long a task may be pending once nothing else of the stack is stopping; a missing node never comes."""
BROKEN_STATES = frozenset({"failed", "rejected"})
OVER_STATES = frozenset({"complete", "shutdown", *BROKEN_STATES})
LIVE_STATES = frozenset({"starting", "running"})
WANTED = frozenset({"running", "ready"})
"""Desired states of a task that swarm still wants: `ready` is one that waits for its turn or its restart delay."""
RESTING = frozenset({"", "completed", "paused", "rollback_paused", "rollback_completed"})
"""Of these the bad ones are hopeless, or were there before the deploy and are no news."""
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


def broken_since(state: StackState, expected: Expected, *, settled: float) -> str:
    """Return the first task that broke after a time (epoch seconds) at which all was settled, or nothing.

    Swarm starts a task anew that ended with 0 as it does one that failed: only the old one tells that it went (C-12).
    """
    names = {service.id: service.name for service in state.services}
    late = [(task, names.get(task.service_id, "a service")) for task in state.tasks if task.since > settled]
    broken = [(task, name) for task, name in late if _has_failed(task, ends=name in expected.ending)]
    if not broken:
        return ""
    first, name = min(broken, key=lambda one: one[0].since)
    return f"{name} was settled and then failed: {_words(first)}"


def hopeless(service: Service, state: StackState, expected: Expected) -> str:
    """Return why waiting for a service is hopeless, or nothing."""
    ends = service.name in expected.ending
    return (
        broken_update(service, state, since=expected.since, ends=ends)
        or _crash_loop(service, state, since=expected.since, ends=ends)
        or _given_up(service, state, ends=ends)
        or _unschedulable(service, state)
    )


def has_ended(service: Service, state: StackState) -> bool:
    """Say whether a service that is meant to end has: each of its tasks of the current spec is complete."""
    tasks = state.tasks_of(service)
    done = [task for task in tasks if task.state == "complete" and _is_current(task, service)]
    return _covers(service, done) and not any(_is_leaving(task) for task in tasks)


def is_running(service: Service, state: StackState) -> bool:
    """Say whether what a service should run runs, of the current spec, and nothing else of it does any more."""
    tasks = state.tasks_of(service)
    running = [task for task in tasks if task.desired == "running"]
    right = all(task.state == "running" and _is_current(task, service) for task in running)
    return right and len(running) == _wanted(service) and not any(_is_leaving(task) for task in tasks)


def broken_update(service: Service, state: StackState, *, since: float, ends: bool) -> str:
    """Return the rollback or pause with both images: a stack that is healthy again by rollback is not green (R-08).

    To swarm a task that ends while its update is watched has failed, also one that is meant to end: it pauses, and that
    is no harm if each slot has its new task by then.
    """
    update = service.update
    if update.state not in BROKEN_UPDATES or 0 < update.started < since:
        return ""
    tasks = [task for task in state.tasks_of(service) if task.created >= since]
    good = [task for task in tasks if _is_current(task, service) and task.state not in BROKEN_STATES]
    if ends and update.state == "paused" and _covers(service, good):
        return ""
    if update.state == "paused":
        images = _images(service.image, service.previous_image)
        return _broken(service, f"is paused by swarm ({update.state})", images, _first_error(tasks))
    strange = [task for task in tasks if not _is_current(task, service)]
    tried = ", ".join(sorted({_task_image(task) for task in strange})) or "not known"
    images = _images(tried, service.image)
    return _broken(service, f"was rolled back by swarm ({update.state})", images, _first_error(strange))


def _images(new: str, old: str) -> str:
    """Name both images, unless the update was not about them."""
    return "" if new == old else f"new image {new}, old image {old}"


def _broken(service: Service, what: str, images: str, error: str) -> str:
    words = "; ".join(part for part in (images, error) if part)
    return f"update of {service.name} {what}" + (f": {words}" if words else "")


def _first_error(tasks: Sequence[Task]) -> str:
    """Return the first error of several tasks, the cause of what came after it."""
    return next((_words(task) for task in tasks if task.state in {"complete", *BROKEN_STATES}), "")


def _crash_loop(service: Service, state: StackState, *, since: float, ends: bool) -> str:
    """Return the last error of a slot that failed CRASHES times since the deploy."""
    for tasks in _by_slot(service, state).values():
        failures = [task for task in tasks if task.created >= since and _has_failed(task, ends=ends)]
        if len(failures) >= CRASHES:
            return f"{service.name} failed {len(failures)} times: {_words(failures[-1])}"
    return ""


def _given_up(service: Service, state: StackState, *, ends: bool) -> str:
    """Return that swarm does not try again: no restart condition, its attempts used up, or an end with 0.

    Swarm makes the next task in the transaction that marks the failed one, so one without a successor has none coming;
    a job's it makes a moment later.
    """
    if _owes_update(service) or (_is_job(service) and service.restart_condition != "none"):
        return ""
    for last in _last_tries(service, state):
        if last.desired not in WANTED and _is_current(last, service) and _has_failed(last, ends=ends):
            return f"{service.name}: {_words(last)}, and is not restarted (condition {service.restart_condition})"
    return ""


def _unschedulable(service: Service, state: StackState) -> str:
    """Return that no node takes a task: constraints, memory or a host port that this swarm will never have.

    What still stops, with whatever grace period, may hold the port that a task waits for.
    """
    if any(_is_leaving(task) for task in state.tasks):
        return ""
    freed = max((task.since for task in state.tasks if task.state in OVER_STATES), default=0.0)
    for task in state.tasks_of(service):
        is_stuck = task.state == "pending" and task.error and task.desired in WANTED
        if is_stuck and state.seen - max(task.created, freed) > UNSCHEDULABLE_SECONDS:
            return f"{service.name} cannot be placed: {task.error}"
    return ""


def _is_settled(service: Service, state: StackState, expected: Expected) -> bool:
    """Say whether a service is what its spec wants, for STABLE_SECONDS."""
    if _owes_update(service) or service.update.state not in RESTING:
        return False
    if service.name in expected.ending:
        return has_ended(service, state)
    running = [task for task in state.tasks_of(service) if task.state == "running"]
    return is_running(service, state) and all(state.seen - task.since >= STABLE_SECONDS for task in running)


def _owes_update(service: Service) -> bool:
    """Say whether swarm must still begin an update: for a moment after a deploy all looks as before (C-01)."""
    return service.renews and not service.update.state and service.replicas != 0 and not _is_job(service)


def _is_job(service: Service) -> bool:
    """Say whether swarm runs it as a job: without updates, and without slots that a task could fill anew."""
    return service.mode.endswith("Job")


def _covers(service: Service, tasks: Sequence[Task]) -> bool:
    """Say whether tasks are one for each that the service wants."""
    return (len(tasks) if _is_job(service) else len({task.slot for task in tasks})) >= _wanted(service)


def _wanted(service: Service) -> int:
    """Return how many tasks there must be; a service of one task a node has one on a swarm of one node."""
    return 1 if service.replicas is None else service.replicas


def _is_leaving(task: Task) -> bool:
    """Say whether a task that swarm no longer wants is still alive: it can answer, write, and hold a port."""
    return task.state in LIVE_STATES and task.desired in {"shutdown", "remove"}


def _is_current(task: Task, service: Service) -> bool:
    return same_template(task.template, service.template)


def _has_failed(task: Task, *, ends: bool) -> bool:
    return task.state in BROKEN_STATES or (task.state == "complete" and not ends)


def _by_slot(service: Service, state: StackState) -> Mapping[str, Sequence[Task]]:
    """Return a service's tasks by slot, the oldest first."""
    slots: dict[str, list[Task]] = {}
    for task in state.tasks_of(service):
        slots.setdefault(task.slot, []).append(task)
    return slots


def _last_tries(service: Service, state: StackState) -> Sequence[Task]:
    """Return the newest task of each slot; of a job all."""
    if _is_job(service):
        return state.tasks_of(service)
    return [tasks[-1] for tasks in _by_slot(service, state).values()]


def _words(task: Task) -> str:
    """Return how a task ended, and the health check for which swarm ended it."""
    check = health_words(task.health) if task.health.is_bad else ""
    return f"its health check failed: {check} ({_end(task)})" if check else _end(task)


def health_words(health: Health) -> str:
    """Return a health check with what it said last."""
    said = cutting.head(health.output, HEALTH_CHARACTERS) or f"ended with {health.exit_code}"
    return f"`{health.check}`: {said}"


def _end(task: Task) -> str:
    """Return how a task ended; swarm puts the exit code into its error."""
    if task.state == "complete":
        return "ended with 0"
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
        check = tasks[-1].health if word == "starting" else Health()
        failing = f", its health check fails: {health_words(check)}" if check.exit_code else ""
        yield f"{service.name} {word}{update}{failing}"
