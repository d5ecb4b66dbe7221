"""The only place that checks `app undeploy`, `app rm` and `app volume rm`: what goes, what stays, and when."""

from __future__ import annotations

from recipeci.contract.lab import Answer, Lab
from recipeci.contract.results import Observed

VALUE = b"a value of no use"
ENTRYPOINT = "--entrypoints.web"
SLOW_STOP = [f"{ENTRYPOINT}.address=:80", f"{ENTRYPOINT}.transport.lifeCycle.requestAcceptGraceTimeout=30s"]
"""What makes the image's program go on for thirty seconds after it is told to stop: so long a busy machine may take to
come back from abra and look."""
TRIES = 4
AT_ONCE = 3.0
"""Seconds; the built-in abra tries for five where the switch says that it tries."""


def undeploy_removes_the_stack(lab: Lab) -> Observed:
    """Undeploy."""
    lab.app()
    lab.deployed()
    answer = lab.abra("app", "undeploy", lab.domain)
    return Observed(lab.service() is None, answer.words if lab.service() else "the service is gone")


def undeploy_keeps_the_data(lab: Lab) -> Observed:
    """Undeploy an app with a volume and a secret."""
    _with_a_volume(lab)
    lab.store(f"{lab.stack}_key_v1", VALUE)
    lab.abra("app", "undeploy", lab.domain)
    lab.remove_stack()
    lab.until_gone()
    left = [*lab.names("volume"), *lab.names("secret")]
    return Observed(left == [f"{lab.stack}_data", f"{lab.stack}_key_v1"], ", ".join(left) or "nothing is left")


def undeploy_does_not_wait(lab: Lab) -> Observed:
    """Undeploy an app that takes half a minute to stop."""
    _with_a_volume(lab, command=SLOW_STOP)
    lab.abra("app", "undeploy", lab.domain)
    left = lab.names("container")
    return Observed(bool(left), f"{len(left)} containers are there when it returns")


def rm_refuses_what_is_deployed(lab: Lab) -> Observed:
    """Remove an app that is deployed."""
    lab.app()
    lab.deployed()
    answer = _rm(lab)
    return Observed(bool(lab.env()) and bool(answer.fatal), answer.words)


def rm_deletes_the_secrets(lab: Lab) -> Observed:
    """Remove an app, and look for its secret."""
    lab.app()
    lab.store(f"{lab.stack}_key_v1", VALUE)
    answer = _rm(lab)
    left = lab.names("secret")
    return Observed(not left, f"{', '.join(left)} left: {answer.words}" if left else "it is gone")


def rm_deletes_the_volumes(lab: Lab) -> Observed:
    """Remove an app, and look for its volume."""
    lab.app()
    lab.make_volume("data")
    answer = _rm(lab)
    left = lab.names("volume")
    return Observed(not left, f"{', '.join(left)} left: {answer.words}" if left else "it is gone")


def rm_deletes_the_env(lab: Lab) -> Observed:
    """Remove an app, and look for its `.env`."""
    lab.app()
    answer = _rm(lab)
    return Observed(not lab.env(), f"it is there: {answer.words}" if lab.env() else "it is gone")


def volume_rm_deletes_the_volumes(lab: Lab) -> Observed:
    """Remove the volumes of an app."""
    lab.app()
    lab.make_volume("data")
    answer = _volume_rm(lab)
    left = lab.names("volume")
    return Observed(not left, f"{', '.join(left)} left: {answer.words}" if left else "it is gone")


def a_volume_in_use_fails_at_once(lab: Lab) -> Observed:
    """Remove a volume that a container uses, and see how much longer that takes than to find no volume.

    Who tries for seconds takes them each time; a busy machine may take them now and then: the quickest of a few counts.
    """
    lab.app()
    plain = min(_volume_rm(lab).seconds for _ in range(TRIES))
    lab.make_volume("data")
    lab.hold_volume("data")
    answers = [_volume_rm(lab)]
    while len(answers) < TRIES and answers[-1].seconds - plain >= AT_ONCE:
        answers.append(_volume_rm(lab))
    answer = answers[-1]
    longer = answer.seconds - plain
    return Observed(longer < AT_ONCE and bool(answer.fatal), f"{answer.words} after {max(longer, 0):.0f} s")


def no_input_confirms_a_removal(lab: Lab) -> Observed:
    """Remove the volumes with `-n` and without `-f`."""
    lab.app()
    lab.make_volume("data")
    answer = lab.abra("app", "volume", "remove", lab.domain)
    left = lab.names("volume")
    return Observed(not left, f"{', '.join(left)} left: {answer.words}" if left else "it is gone")


def _rm(lab: Lab) -> Answer:
    return lab.abra("app", "remove", lab.domain, "-f")


def _volume_rm(lab: Lab) -> Answer:
    return lab.abra("app", "volume", "remove", lab.domain, "-f")


def _with_a_volume(lab: Lab, **more: object) -> None:
    """Have a task run that has a volume."""
    service = {"deploy": {"replicas": 1}, "volumes": ["data:/data"], "stop_grace_period": "60s", **more}
    lab.recipe.change(service=service, volumes={"data": {}})
    lab.app()
    lab.deployed()
    lab.running()


CHECKS = (
    undeploy_removes_the_stack,
    undeploy_keeps_the_data,
    undeploy_does_not_wait,
    rm_refuses_what_is_deployed,
    rm_deletes_the_secrets,
    rm_deletes_the_volumes,
    rm_deletes_the_env,
    volume_rm_deletes_the_volumes,
    a_volume_in_use_fails_at_once,
    no_input_confirms_a_removal,
)
