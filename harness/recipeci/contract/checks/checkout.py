"""The only place that checks what a command does to the recipe's checkout, and what it wants of it."""

from __future__ import annotations

from recipeci.contract.lab import Answer, Lab
from recipeci.contract.repository import HEAD, LATER, NEW, OLD
from recipeci.contract.results import Observed

NOWHERE = "file:///nowhere/probe.git"


def deploy_refuses_an_untracked_file(lab: Lab) -> Observed:
    """Deploy a version while a file lies there that git does not know."""
    lab.app()
    lab.recipe.write("untracked.yml", "{}\n")
    return _refused(lab, lab.deploy(OLD, "-f"))


def deploy_refuses_errors_of_lint(lab: Lab) -> Observed:
    """Deploy a version of a recipe that has a lightweight tag."""
    lab.app()
    lab.recipe.tag(LATER, annotated=False)
    return _refused(lab, lab.deploy(OLD, "-f"))


def chaos_looks_at_nothing(lab: Lab) -> Observed:
    """Deploy by chaos with an untracked file and a lightweight tag."""
    lab.app()
    lab.recipe.write("untracked.yml", "{}\n")
    lab.recipe.tag(LATER, annotated=False)
    answer = lab.deploy("-C")
    return Observed(bool(lab.step()), "deployed" if lab.step() else answer.words)


def chaos_deploys_what_is_checked_out(lab: Lab) -> Observed:
    """Deploy by chaos an app that is pinned to another version than the checkout's."""
    lab.app()
    answer = lab.deploy("-C")
    return _deployed(lab, answer, wanted=HEAD)


def chaos_leaves_the_checkout(lab: Lab) -> Observed:
    """Deploy by chaos, and ask git."""
    lab.app()
    lab.deploy("-C")
    return Observed(lab.recipe.head == lab.recipe.commit_of("main"), f"the checkout stands at {lab.recipe.where()}")


def chaos_ignores_a_version(lab: Lab) -> Observed:
    """Deploy by chaos with a version as well."""
    lab.app()
    return _deployed(lab, lab.deploy(OLD, "-C", "-f"), wanted=HEAD)


def deploy_moves_the_checkout(lab: Lab) -> Observed:
    """Deploy a version, and ask git."""
    lab.app()
    lab.deploy(OLD, "-f")
    return Observed(lab.recipe.head == lab.recipe.commit_of(OLD), f"the checkout stands at {lab.recipe.where()}")


def deploy_takes_the_pinned_version(lab: Lab) -> Observed:
    """Deploy without a version an app that is pinned to an older one."""
    lab.app()
    return _deployed(lab, lab.deploy("-f"), wanted=OLD)


def deploy_takes_a_commit(lab: Lab) -> Observed:
    """Deploy a version by its tag's commit."""
    lab.app(pin=NEW)
    return _deployed(lab, lab.deploy(lab.recipe.commit_of(OLD), "-f"), wanted=OLD)


def offline_asks_no_origin(lab: Lab) -> Observed:
    """Deploy a version with `-o` where the recipe's origin cannot be reached."""
    lab.app()
    lab.recipe.git("remote", "add", "origin", NOWHERE)
    return _deployed(lab, lab.deploy(OLD, "-f"), wanted=OLD)


def online_asks_the_origin(lab: Lab) -> Observed:
    """The same without `-o`."""
    lab.app()
    lab.recipe.git("remote", "add", "origin", NOWHERE)
    return _refused(lab, lab.abra("app", "deploy", lab.domain, OLD, "-f", "-c", "-D", offline=False))


def the_pin_is_checked_out_later(lab: Lab) -> Observed:
    """List the secrets of an app that is pinned to another version than the checkout's."""
    lab.app()
    lab.abra("app", "secret", "list", lab.domain, "-m")
    return Observed(lab.recipe.head == lab.recipe.commit_of(OLD), f"the checkout stands at {lab.recipe.where()}")


def chaos_keeps_the_checkout_later(lab: Lab) -> Observed:
    """The same with `-C`."""
    lab.app()
    lab.abra("app", "secret", "list", lab.domain, "-m", "-C")
    return Observed(lab.recipe.head == lab.recipe.commit_of("main"), f"the checkout stands at {lab.recipe.where()}")


def deploy_writes_the_pin(lab: Lab) -> Observed:
    """Deploy a version, and look at `TYPE`."""
    lab.app(pin=NEW)
    lab.deploy(OLD, "-f")
    return Observed(lab.pin() == OLD, f"pinned to {lab.pin() or 'nothing'}")


def chaos_writes_the_commit(lab: Lab) -> Observed:
    """Deploy by chaos, and look at `TYPE`."""
    lab.app()
    lab.deployed()
    commit = lab.recipe.commit_of("main")
    return Observed(bool(lab.pin()) and commit.startswith(lab.pin()), f"pinned to {lab.pin() or 'nothing'}")


def a_dirty_pin_is_read(lab: Lab) -> Observed:
    """List the secrets of an app that was deployed by chaos from a tree with changes."""
    lab.app(pin=f"{lab.recipe.commit_of(OLD)[:8]}+U")
    answer = lab.abra("app", "secret", "list", lab.domain, "-m")
    return Observed(not answer.fatal, answer.words if answer.fatal else f"taken for {lab.recipe.where()}")


def undeploy_leaves_the_checkout(lab: Lab) -> Observed:
    """Undeploy an app that is pinned to another version than the checkout's."""
    lab.app()
    lab.deployed()
    lab.app()
    lab.abra("app", "undeploy", lab.domain)
    return Observed(lab.recipe.head == lab.recipe.commit_of("main"), f"the checkout stands at {lab.recipe.where()}")


def _refused(lab: Lab, answer: Answer) -> Observed:
    """Judge a deployment that must be refused: by its FATA line, and by what there is not."""
    if lab.service() is not None:
        return Observed(as_expected=False, seen=f"deployed: {lab.step()}")
    return Observed(bool(answer.fatal), answer.words)


def _deployed(lab: Lab, answer: Answer, *, wanted: str) -> Observed:
    """Judge a deployment by whose commit the swarm has."""
    return Observed(lab.step() == wanted, f"deployed is {lab.step()}" if lab.step() else answer.words)


CHECKS = (
    deploy_refuses_an_untracked_file,
    deploy_refuses_errors_of_lint,
    chaos_looks_at_nothing,
    chaos_deploys_what_is_checked_out,
    chaos_leaves_the_checkout,
    chaos_ignores_a_version,
    deploy_moves_the_checkout,
    deploy_takes_the_pinned_version,
    deploy_takes_a_commit,
    offline_asks_no_origin,
    online_asks_the_origin,
    the_pin_is_checked_out_later,
    chaos_keeps_the_checkout_later,
    deploy_writes_the_pin,
    chaos_writes_the_commit,
    a_dirty_pin_is_read,
    undeploy_leaves_the_checkout,
)
