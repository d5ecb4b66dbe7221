"""The only place that checks `app new`: what it makes, and where it leaves the recipe's checkout."""

from __future__ import annotations

from recipeci.contract.lab import Answer, Lab
from recipeci.contract.repository import COMMENT, LATER, NEW, OLD, RECIPE, SAMPLE
from recipeci.contract.results import NotChecked, Observed
from recipeci.host.abra import SERVER


def new_moves_the_checkout(lab: Lab) -> Observed:
    """Make an app while the newest commit, which no version names, is checked out."""
    _new(lab)
    return Observed(lab.recipe.head == lab.recipe.commit_of(NEW), f"the checkout stands at {lab.recipe.where()}")


def new_chaos_moves_the_checkout(lab: Lab) -> Observed:
    """The same with `-C`."""
    _new(lab, "-C")
    return Observed(lab.recipe.head == lab.recipe.commit_of(NEW), f"the checkout stands at {lab.recipe.where()}")


def new_copies_the_sample(lab: Lab) -> Observed:
    """Look for the sample's comment in the app's `.env`."""
    answer = _new(lab)
    copied = COMMENT in lab.env().splitlines()
    return Observed(copied, "copied" if copied else f"no copy of the sample as the app's .env: {answer.words}")


def new_writes_the_pin(lab: Lab) -> Observed:
    """Look at `TYPE` in the app's `.env`."""
    _new(lab)
    return Observed(lab.pin() == NEW, f"pinned to {lab.pin() or 'nothing'}")


def new_takes_the_newest(lab: Lab) -> Observed:
    """Look which version is taken: the newest as text is another, and a tag that is no version is there."""
    lab.recipe.tag("v99")
    _new(lab)
    moved = lab.recipe.where() if lab.recipe.head != lab.recipe.commit_of("main") else ""
    taken = lab.pin() or moved
    if not taken:
        raise NotChecked("app new said nowhere which version it took")
    return Observed(taken == NEW, f"{taken} of {OLD}, {NEW} and v99")


def new_takes_a_version(lab: Lab) -> Observed:
    """Make an app of an older version."""
    _new(lab, OLD)
    return Observed(lab.pin() == OLD, f"pinned to {lab.pin() or 'nothing'}")


def new_fills_in_the_domain(lab: Lab) -> Observed:
    """Make an app of a recipe whose sample has a domain that is not `<recipe>.example.com`."""
    lab.recipe.write(".env.sample", SAMPLE.replace(f"{RECIPE}.example.com", "example.org"))
    lab.recipe.commit(tag=LATER)
    _new(lab)
    lines = [line for line in lab.env().splitlines() if line.startswith("DOMAIN=")]
    return Observed(lines == [f"DOMAIN={lab.domain}"], ", ".join(lines) or "no DOMAIN")


def new_needs_a_domain(lab: Lab) -> Observed:
    """Make an app without saying its domain."""
    answer = lab.abra("app", "new", RECIPE, "-s", SERVER)
    made = sorted(file.name for file in lab.env_file.parent.glob("*.env"))
    return Observed(not made, f"it made {', '.join(made)}" if made else answer.words)


def new_takes_the_only_server(lab: Lab) -> Observed:
    """Make an app without saying its server."""
    answer = lab.abra("app", "new", RECIPE, "-D", lab.domain)
    made = lab.env_file.is_file()
    return Observed(made, f"on the server {SERVER}" if made else answer.words)


def new_checks_what_is_written(lab: Lab) -> Observed:
    """Make an app of a recipe with a variable where the schema wants a duration."""
    lab.recipe.change(service={"healthcheck": {"test": "true", "start_period": "${START:-5m}"}})
    lab.recipe.tag(LATER)
    answer = _new(lab)
    return Observed("start_period" in answer.fatal, answer.words)


def _new(lab: Lab, *args: str) -> Answer:
    """Make an app, in the order of arguments that the harness has."""
    versions = [arg for arg in args if not arg.startswith("-")]
    flags = [arg for arg in args if arg.startswith("-")]
    return lab.abra("app", "new", RECIPE, *versions, "-s", SERVER, "-D", lab.domain, *flags)


CHECKS = (
    new_moves_the_checkout,
    new_chaos_moves_the_checkout,
    new_copies_the_sample,
    new_writes_the_pin,
    new_takes_the_newest,
    new_takes_a_version,
    new_fills_in_the_domain,
    new_needs_a_domain,
    new_takes_the_only_server,
    new_checks_what_is_written,
)
