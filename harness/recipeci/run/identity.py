"""The only place that says whether what runs after an upgrade is the commit under test. Pure.

The proof is what Docker runs and what git has checked out, never abra's words: the chaos-version label is abra's first
8 digits of HEAD (A-05), a rollback restores the old labels with the old spec (facts abra §3.2), and an old `completed`
of the base's deployment proves nothing about the upgrade (C-04).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from recipeci.host.docker import Json, Service, StackState, same_template
from recipeci.model import Base, Identity, Outcome, ServiceIdentity, Target, TestResult
from recipeci.recipe.compose import Compose

APP = "app"
"""abra writes its version labels on the service of this name (facts abra §3.2)."""


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


def checks(target: Target, base: Base, evidence: Evidence) -> tuple[TestResult, ...]:
    """Return the measurements of an upgrade as tests: head, chaos-version, each service's update and labels."""
    return (
        _moved(target, base),
        _head(target, evidence),
        _chaos_version(target, evidence),
        *_service_checks(evidence),
    )


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
    service = evidence.after.service(f"{evidence.stack}_{APP}")
    return service.labels.get(f"coop-cloud.{evidence.stack}.{key}", "") if service else ""


def _services(evidence: Evidence) -> Iterator[ServiceIdentity]:
    for service in sorted(evidence.after.services, key=lambda s: s.name):
        old = evidence.before.service(service.name)
        yield ServiceIdentity(
            name=service.name,
            image=service.image,
            image_before=old.image if old else "",
            changed=old is None or not same_template(old.template, service.template),
            update_state=service.update.state,
        )


def _service_checks(evidence: Evidence) -> Iterator[TestResult]:
    for service in sorted(evidence.after.services, key=lambda s: s.name):
        old = evidence.before.service(service.name)
        if old is None:
            wrong = _wrong_tasks(service, evidence)
        elif same_template(old.template, service.template):
            wrong = _wrong_relabel(service, evidence)
        else:
            wrong = _wrong_update(service, evidence) or _wrong_tasks(service, evidence)
        yield _test(f"update of {service.name}", wrong=wrong)
    for missing in sorted({s.name for s in evidence.before.services} - {s.name for s in evidence.after.services}):
        if missing.removeprefix(f"{evidence.stack}_") in evidence.compose.services:
            yield _test(f"update of {missing}", wrong=f"{missing} is in the compose file and no longer there")


def _wrong_update(service: Service, evidence: Evidence) -> str:
    update = service.update
    if update.started < evidence.since:
        return f"{service.name}: no update began after the deploy (last: {update.state or 'none'})"
    if update.state != "completed":
        return f"{service.name}: its update is {update.state}: {update.message}"
    return ""


def _wrong_tasks(service: Service, evidence: Evidence) -> str:
    running = [t for t in evidence.after.tasks_of(service) if t.desired == "running"]
    strange = [t for t in running if not same_template(t.template, service.template)]
    return f"{service.name}: {len(strange)} of {len(running)} tasks run another spec" if strange else ""


def _wrong_relabel(service: Service, evidence: Evidence) -> str:
    """Only labels changed: the new ones are there, and no task was replaced."""
    declared = evidence.compose.services.get(service.name.removeprefix(f"{evidence.stack}_"))
    wanted: Mapping[str, str] = declared.labels if declared else {}
    for key, value in wanted.items():
        if service.labels.get(key) != value:
            return f"{service.name}: label {key} is {service.labels.get(key)!r}, not {value!r}"
    replaced = [t for t in evidence.after.tasks_of(service) if t.created >= evidence.since and t.desired == "running"]
    return f"{service.name}: {len(replaced)} tasks were replaced though its spec did not change" if replaced else ""


def _same_recipe(service: Service, evidence: Evidence) -> bool:
    old = evidence.before.service(service.name)
    declared = evidence.compose.services.get(service.name.removeprefix(f"{evidence.stack}_"))
    keys = frozenset(declared.environment) if declared else frozenset[str]()
    return old is not None and same_template(_of_recipe(old.template, keys), _of_recipe(service.template, keys))


def _of_recipe(template: Json, keys: frozenset[str]) -> Json:
    """Return a task template with only those environment keys that the compose file itself sets."""
    own = copy.deepcopy(dict(template))
    container = own.get("ContainerSpec") or {}
    container["Env"] = sorted(e for e in container.get("Env") or [] if e.partition("=")[0] in keys)
    return own
