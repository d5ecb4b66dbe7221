"""The only place that checks what `app deploy` refuses, what it lets pass, and what it waits for."""

from __future__ import annotations

from recipeci.contract.lab import Answer, Lab
from recipeci.contract.repository import HEAD, OLD, with_secrets
from recipeci.contract.results import Observed

DEFAULT_WAIT = 50
"""Seconds that abra waits where no label says how long."""
NO_IMAGE = "nowhere/none:1"


def a_deployed_app_is_refused(lab: Lab) -> Observed:
    """Deploy a version over a deployment, without `-f`."""
    lab.app()
    lab.deployed()
    answer = lab.deploy(OLD)
    if lab.step() != HEAD:
        return Observed(as_expected=False, seen=f"deployed is now {lab.step()}")
    return Observed(bool(answer.fatal), answer.words)


def force_deploys_again(lab: Lab) -> Observed:
    """Deploy a version over a deployment, with `-f`."""
    lab.app()
    lab.deployed()
    answer = lab.deploy(OLD, "-f")
    return Observed(lab.step() == OLD, f"deployed is {lab.step()}; {answer.words}")


def a_missing_secret_is_named(lab: Lab) -> Observed:
    """Deploy before the secrets are made."""
    with_secrets(lab.recipe)
    lab.app("SECRET_KEY_VERSION=v1", "SECRET_PHRASE_VERSION=v1")
    return _refused_for_secret(lab, "not generated")


def a_secret_to_insert_is_named(lab: Lab) -> Observed:
    """Deploy before a secret is inserted that abra must not make."""
    with_secrets(lab.recipe)
    lab.app("SECRET_KEY_VERSION=v1 # generate=false", "SECRET_PHRASE_VERSION=v1 # generate=false")
    return _refused_for_secret(lab, "not inserted")


def missing_keys_only_warn(lab: Lab) -> Observed:
    """Deploy an app whose `.env` lacks a key of the sample."""
    lab.recipe.write(".env.sample", (lab.recipe.folder / ".env.sample").read_text() + "MORE=1\n")
    lab.recipe.commit()
    lab.app()
    return _deployed(lab, lab.deploy("-C"))


def no_domain_check_with_d(lab: Lab) -> Observed:
    """Deploy with `-D` an app whose domain nobody knows."""
    return _unresolvable(lab, "-c", "-D")


def local_domains_are_not_checked(lab: Lab) -> Observed:
    """The same without `-D`, on the machine's own server."""
    return _unresolvable(lab, "-c")


def dependencies_are_not_looked_at(lab: Lab) -> Observed:
    """Deploy a service that depends on one that is none."""
    lab.recipe.change(service={"depends_on": ["nobody"]})
    lab.app()
    return _deployed(lab, lab.deploy("-C"))


def a_missing_compose_file_is_refused(lab: Lab) -> Observed:
    """Deploy with a `COMPOSE_FILE` that names a file which is not there."""
    lab.app("COMPOSE_FILE=compose.yml:compose.none.yml")
    answer = lab.deploy("-C")
    return Observed(lab.service() is None and bool(answer.fatal), answer.words)


def no_wait_with_c(lab: Lab) -> Observed:
    """Deploy with `-c` what can never run."""
    _never_runs(lab)
    answer = lab.deploy("-C")
    return Observed(lab.service() is not None and not answer.fatal, answer.words)


def a_missing_image_is_a_tasks_error(lab: Lab) -> Observed:
    """Deploy an image that is nowhere, and look at its tasks."""
    _never_runs(lab)
    lab.deployed()

    def errors() -> list[str]:
        return [task.error for task in lab.swarm.stack(lab.stack).tasks if task.error]

    seen = lab.until(errors, bool, what="an error of a task")
    return Observed("No such image" in seen[0], seen[0])


def the_label_says_how_long_to_wait(lab: Lab) -> Observed:
    """Deploy without `-c` what can never run, with a timeout label of two seconds."""
    _never_runs(lab)
    lab.recipe.change(labels=["coop-cloud.${STACK_NAME}.timeout=2"])
    answer = lab.abra("app", "deploy", lab.domain, "-C", "-D")
    there = "the stack is there" if lab.service() else "nothing was deployed"
    soon = answer.seconds < DEFAULT_WAIT
    seen = f"{answer.words} after {answer.seconds:.0f} s; {there}"
    return Observed(soon and lab.service() is not None and bool(answer.fatal), seen)


def _never_runs(lab: Lab) -> None:
    lab.recipe.change(service={"image": NO_IMAGE, "deploy": {"replicas": 1}})
    lab.app()


def _unresolvable(lab: Lab, *flags: str) -> Observed:
    domain = f"{lab.name}.invalid"
    lab.app(domain=domain)
    answer = lab.abra("app", "deploy", domain, "-C", *flags)
    found = lab.service(stack=domain.replace(".", "_"))
    return Observed(found is not None, "deployed" if found else answer.words)


def _refused_for_secret(lab: Lab, words: str) -> Observed:
    answer = lab.deploy("-C")
    named = words in answer.fatal and any(name in answer.fatal for name in ("key", "phrase"))
    return Observed(lab.service() is None and named, answer.words)


def _deployed(lab: Lab, answer: Answer) -> Observed:
    return Observed(lab.service() is not None, "deployed" if lab.service() else answer.words)


CHECKS = (
    a_deployed_app_is_refused,
    force_deploys_again,
    a_missing_secret_is_named,
    a_secret_to_insert_is_named,
    missing_keys_only_warn,
    no_domain_check_with_d,
    local_domains_are_not_checked,
    dependencies_are_not_looked_at,
    a_missing_compose_file_is_refused,
    no_wait_with_c,
    a_missing_image_is_a_tasks_error,
    the_label_says_how_long_to_wait,
)
