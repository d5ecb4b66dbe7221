"""The only place that says whether what runs, first and after an upgrade, is the commit that was meant. Pure.

The proof is what Docker runs and what git has checked out, never abra's words: the chaos-version label is abra's first
8 digits of HEAD (A-05), a rollback restores the old labels with the old spec (facts abra §3.2), and an old `completed`
of the base's deployment proves nothing about the upgrade (C-04).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

from recipeci.host.stackstate import Json, Service, StackState, Task, same_tasks, same_template
from recipeci.model import Base, BaseMode, Identity, Outcome, ServiceIdentity, Target, TestResult
from recipeci.recipe.compose import Compose, ComposeService
from recipeci.run import settled

APP = "app"
"""abra writes its version labels on the service of this name (facts abra §3.2)."""
ABRAS_LABELS = ("recipe", "version", "chaos", "chaos-version")


@dataclass(frozen=True)
class Evidence:
    """What was measured around one upgrade.

    `head` is git's answer after the deploy, `since` the time of the deploy (epoch seconds), `compose` the target's
    compose file as resolved with the app's environment, `made_dirty` whether the harness itself changed the checkout.
    """

    stack: str
    head: str
    before: StackState
    after: StackState
    since: float
    compose: Compose
    made_dirty: bool = False


def identity(evidence: Evidence) -> Identity:
    """Return what is deployed, for the report."""
    return Identity(
        head=evidence.head,
        chaos_version=_label(evidence, "chaos-version"),
        services=tuple(_services(evidence)),
    )


def first_identity(*, stack: str, head: str, state: StackState) -> Identity:
    """Return what the first deployment is, for the report of a run that goes no further.

    A base that was deployed by its version has no chaos-version; its version label stands there then.
    """
    label = _label_of(state, stack, "chaos-version") or _label_of(state, stack, "version")
    services = sorted(state.services, key=lambda service: service.name)
    return Identity(
        head=head,
        chaos_version=label,
        services=tuple(_service_identity(service, before=None) for service in services),
    )


def checks(target: Target, base: Base, evidence: Evidence) -> tuple[TestResult, ...]:
    """Return the measurements of an upgrade as tests: head, chaos-version, each service's update and labels."""
    return (
        _moved(target, base),
        _head(target, evidence),
        _chaos_version(target, evidence),
        *_service_checks(evidence),
    )


def first_checks(
    base: Base | None, target: Target, *, stack: str, head: str, state: StackState
) -> tuple[TestResult, ...]:
    """Return the measurements of the first deployment as tests: what was deployed is the base, or else the target.

    Without them an upgrade that began from the target itself would look like one that changes nothing.
    """
    commit = base.commit if base else target.commit
    wrong_head = "" if head == commit.sha else f"checked out is {head}, not {commit}"
    pinned = base if base and base.mode is BaseMode.PINNED else None
    key, wanted = ("version", pinned.version) if pinned else ("chaos-version", commit.label)
    found = _label_of(state, stack, key)
    wrong_label = "" if found == wanted else f"{key} is {found or 'absent'}, not {wanted}"
    return (_test("head", wrong=wrong_head), _test(key, wrong=wrong_label))


def nothing_changed(evidence: Evidence) -> bool:
    """Say whether nothing of the recipe's that runs changed: templates without the environment that abra writes."""
    if {s.name for s in evidence.before.services} != {s.name for s in evidence.after.services}:
        return False
    return all(_same_recipe(service, evidence) for service in evidence.after.services)


def _test(name: str, *, wrong: str, otherwise: Outcome = Outcome.FAIL) -> TestResult:
    return TestResult(f"harness::{name}", otherwise if wrong else Outcome.PASS, message=wrong)


def _moved(target: Target, base: Base) -> TestResult:
    """An upgrade from a commit to itself tests nothing (B-09, R-02)."""
    same = base.commit == target.commit
    wrong = f"base and target are the same commit {target.commit}: nothing was upgraded" if same else ""
    return _test("upgrade moved", wrong=wrong, otherwise=Outcome.UNVERIFIED)


def _head(target: Target, evidence: Evidence) -> TestResult:
    wrong = "" if evidence.head == target.commit.sha else f"checked out is {evidence.head}, not {target.commit}"
    return _test("head", wrong=wrong)


def _chaos_version(target: Target, evidence: Evidence) -> TestResult:
    found = _label(evidence, "chaos-version")
    seen = found.removesuffix("+U") if evidence.made_dirty else found
    wrong = "" if seen == target.commit.label else f"chaos-version is {found or 'absent'}, not {target.commit.label}"
    return _test("chaos-version", wrong=wrong)


def _label(evidence: Evidence, key: str) -> str:
    return _label_of(evidence.after, evidence.stack, key)


def _label_of(state: StackState, stack: str, key: str) -> str:
    service = state.service(f"{stack}_{APP}")
    return service.labels.get(f"coop-cloud.{stack}.{key}", "") if service else ""


def _services(evidence: Evidence) -> Iterator[ServiceIdentity]:
    for service in sorted(evidence.after.services, key=lambda s: s.name):
        yield _service_identity(service, before=evidence.before.service(service.name))


def _service_identity(service: Service, *, before: Service | None) -> ServiceIdentity:
    return ServiceIdentity(
        name=service.name,
        image=service.image,
        image_before=before.image if before else "",
        changed=before is None or not same_tasks(before, service),
        update_state=service.update.state,
    )


def _service_checks(evidence: Evidence) -> Iterator[TestResult]:
    for service in sorted(evidence.after.services, key=lambda s: s.name):
        yield _test(f"update of {service.name}", wrong=_wrong_service(service, evidence))
    there = {service.name for service in evidence.after.services}
    for name in sorted({f"{evidence.stack}_{key}" for key in evidence.compose.services} - there):
        yield _test(f"update of {name}", wrong=f"{name} is in the compose file and not in the swarm")


def _wrong_service(service: Service, evidence: Evidence) -> str:
    declared, old = _declared(service, evidence), evidence.before.service(service.name)
    if declared is None:
        return f"{service.name} runs, but the compose file does not name it"
    if undone := settled.broken_update(service, evidence.after, since=evidence.since, ends=declared.ends):
        return undone
    if old is None:
        return _wrong_tasks(service, declared, evidence)
    if same_tasks(old, service):
        return _wrong_labels(service, declared, evidence) or _replaced(old, service, evidence)
    return _wrong_update(service, declared, evidence) or _wrong_tasks(service, declared, evidence)


def _wrong_update(service: Service, declared: ComposeService, evidence: Evidence) -> str:
    """A changed service was updated to the end after the deploy.

    Swarm updates neither jobs nor what has no tasks. What is meant to end is paused if it ends while it is watched.
    """
    update = service.update
    if service.mode.endswith("Job") or service.replicas == 0:
        return ""
    if update.started < evidence.since:
        return f"{service.name}: no update began after the deploy (last: {update.state or 'none'})"
    if update.state == "completed" or (update.state == "paused" and declared.ends):
        return ""
    return f"{service.name}: its update is {update.state}: {update.message}"


def _wrong_tasks(service: Service, declared: ComposeService, evidence: Evidence) -> str:
    """What runs, or has ended where that is meant, is of the new spec."""
    if declared.ends:
        done = settled.has_ended(service, evidence.after)
        return "" if done else f"{service.name}: not all of its tasks have ended well under the new spec"
    tasks = _running(service, evidence.after)
    strange = [task for task in tasks if not same_template(task.template, service.template)]
    if strange:
        return f"{service.name}: {len(strange)} of {len(tasks)} tasks run another spec"
    return "" if settled.is_running(service, evidence.after) else f"{service.name}: not all of its tasks run"


def _wrong_labels(service: Service, declared: ComposeService, evidence: Evidence) -> str:
    """Only labels can have changed: those of the compose file are there, whatever abra writes over them."""
    abras = {f"coop-cloud.{evidence.stack}.{key}" for key in ABRAS_LABELS}
    for key, value in declared.labels.items():
        if key not in abras and service.labels.get(key) != value:
            return f"{service.name}: label {key} is {service.labels.get(key)!r}, not {value!r}"
    return ""


def _replaced(old: Service, service: Service, evidence: Evidence) -> str:
    """Nothing changed of what runs: no task was replaced, but those of replicas that are no longer wanted."""
    kept = {task.id for task in _running(service, evidence.after)}
    lost = [task for task in _running(old, evidence.before) if task.id not in kept]
    fewer = max(0, (old.replicas or 0) - (service.replicas or 0))
    if len(lost) <= fewer:
        return ""
    ids = {task.id for task in lost}
    error = next((f" ({task.error})" for task in evidence.after.tasks if task.id in ids and task.error), "")
    return f"{service.name}: {len(lost)} of its tasks were replaced though nothing of it changed{error}"


def _running(service: Service, state: StackState) -> list[Task]:
    return [task for task in state.tasks_of(service) if task.desired == "running"]


def _declared(service: Service, evidence: Evidence) -> ComposeService | None:
    return evidence.compose.services.get(service.name.removeprefix(f"{evidence.stack}_"))


def _same_recipe(service: Service, evidence: Evidence) -> bool:
    old, declared = evidence.before.service(service.name), _declared(service, evidence)
    if old is None or declared is None or old.endpoint != service.endpoint:
        return False
    if service.name != f"{evidence.stack}_{APP}":
        return same_template(old.template, service.template)
    keys = frozenset(declared.environment)
    return same_template(_of_recipe(old.template, keys), _of_recipe(service.template, keys))


def _of_recipe(template: Json, keys: frozenset[str]) -> Json:
    """Return a task template with only those environment keys that the compose file itself sets."""
    own = copy.deepcopy(dict(template))
    container = own.get("ContainerSpec") or {}
    container["Env"] = sorted(e for e in container.get("Env") or [] if e.partition("=")[0] in keys)
    return own
