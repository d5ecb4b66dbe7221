"""The only place that checks how abra names what it makes in the swarm."""

from __future__ import annotations

from recipeci.contract.lab import Lab
from recipeci.contract.repository import with_secrets
from recipeci.contract.results import Observed
from recipeci.host.docker import STACK_LABEL

LIMIT = 45
LONG_NAME = 40


def the_stack_is_named_by_the_domain(lab: Lab) -> Observed:
    """Deploy, and look for the service by its name."""
    lab.app()
    answer = lab.deploy("-C")
    return Observed(lab.service() is not None, ", ".join(lab.names("service")) or answer.words)


def a_long_stack_name_is_cut(lab: Lab) -> Observed:
    """Deploy an app whose domain is longer than the limit, by a little."""
    domain = f"{lab.name}--".ljust(LIMIT - 2, "x") + ".ci.test"
    lab.app(domain=domain)
    answer = lab.abra("app", "deploy", domain, "-C", "-c", "-D")
    made = lab.names("service")
    return Observed(made == [f"{domain.replace('.', '_')[:LIMIT]}_app"], ", ".join(made) or answer.words)


def a_stack_name_in_the_env_wins(lab: Lab) -> Observed:
    """Deploy an app whose env has a STACK_NAME."""
    name = f"{lab.name}--own"
    lab.app(f"STACK_NAME={name}")
    answer = lab.deploy("-C")
    made = lab.names("service")
    return Observed(made == [f"{name}_app"], ", ".join(made) or answer.words)


def the_stacks_label_is_swarms_own(lab: Lab) -> Observed:
    """Look at the label by which the harness finds a stack."""
    lab.app()
    lab.deploy("-C")
    raw = lab.api.services(filters={"name": f"{lab.stack}_app"})
    found = [service["Spec"]["Labels"].get(STACK_LABEL) for service in raw]
    return Observed(found == [lab.stack], f"{STACK_LABEL}={', '.join(map(str, found)) or 'no service'}")


def secrets_are_named_by_stack_and_version(lab: Lab) -> Observed:
    """Have the secrets made, and look for them by their names."""
    with_secrets(lab.recipe)
    lab.app("SECRET_KEY_VERSION=v3", "SECRET_PHRASE_VERSION=v1")
    answer = lab.abra("app", "secret", "generate", lab.domain, "-a", "-m", "-C")
    return Observed(f"{lab.stack}_key_v3" in lab.names("secret"), ", ".join(lab.names("secret")) or answer.words)


def volumes_are_named_by_the_stack(lab: Lab) -> Observed:
    """Run a task with a volume."""
    lab.recipe.change(service={"deploy": {"replicas": 1}, "volumes": ["data:/data"]}, volumes={"data": {}})
    lab.app()
    lab.deployed()
    made = lab.until(lambda: lab.names("volume"), bool, what="a volume")
    return Observed(made == [f"{lab.stack}_data"], ", ".join(made))


def configs_are_named_by_the_stack(lab: Lab) -> Observed:
    """Deploy a config whose name the recipe builds from STACK_NAME."""
    lab.recipe.write("conf", "one\n")
    config = {"conf": {"name": "${STACK_NAME}_conf_${EXPORTED:-}", "file": "conf"}}
    lab.recipe.change(service={"configs": ["conf"]}, configs=config)
    lab.app()
    answer = lab.deploy("-C")
    made = lab.names("config")
    return Observed(any(name.startswith(f"{lab.stack}_conf_") for name in made), ", ".join(made) or answer.words)


def long_names_are_refused(lab: Lab) -> Observed:
    """Insert a secret whose name is longer than swarm takes."""
    lab.app()
    name = "n" * LONG_NAME
    answer = lab.abra("app", "secret", "insert", lab.domain, name, "v1", "a value of no use", "-C")
    made = lab.names("secret")
    return Observed(not made and bool(answer.fatal), ", ".join(made) or answer.words)


CHECKS = (
    the_stack_is_named_by_the_domain,
    a_long_stack_name_is_cut,
    a_stack_name_in_the_env_wins,
    the_stacks_label_is_swarms_own,
    secrets_are_named_by_stack_and_version,
    volumes_are_named_by_the_stack,
    configs_are_named_by_the_stack,
    long_names_are_refused,
)
