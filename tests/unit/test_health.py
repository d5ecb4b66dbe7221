"""run.health: what health checks said, kept beyond the container that they ran in."""

from __future__ import annotations

from dataclasses import dataclass, field

from recipeci.host.container import Health
from recipeci.host.docker import Swarm
from recipeci.host.stackstate import Task
from recipeci.run.health import HealthWatch

from unit.builders import DEPLOYED, failed, look, old_task, service, task

BAD = Health("curl x", "(7) Failed to connect", 7, is_bad=True)


@dataclass
class Containers(Swarm):
    """A swarm that knows the health of the containers that were declared, and who asked for which."""

    there: dict[str, Health] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def health(self, container: str) -> Health:
        """Answer as a real one: a container that is gone has no health."""
        self.asked.append(container)
        return self.there.get(container, Health())


def seen(watch: HealthWatch, *tasks: Task) -> list[Health]:
    return [one.health for one in watch.looked(look(service(), *tasks), since=DEPLOYED).tasks]


def test_what_a_check_said_is_kept_when_the_container_is_gone() -> None:
    swarm = Containers(there={"c1": BAD})
    watch = HealthWatch(swarm)
    assert seen(watch, task(state="starting", container="c1")) == [BAD]
    swarm.there.clear()
    assert seen(watch, task(state="complete", container="c1")) == [BAD]


def test_a_container_that_was_gone_before_anybody_looked_says_nothing() -> None:
    assert seen(HealthWatch(Containers()), failed(1, container="c1")) == [Health()]


def test_a_task_that_is_over_is_asked_about_once() -> None:
    swarm = Containers(there={"c1": BAD})
    watch = HealthWatch(swarm)
    for _ in range(3):
        assert seen(watch, failed(1, container="c1")) == [BAD]
    assert swarm.asked == ["c1"]


def test_tasks_of_before_the_deploy_and_those_without_a_container_are_not_asked_about() -> None:
    swarm = Containers()
    seen(HealthWatch(swarm), old_task(), task(container=""), task(state="preparing"))
    assert swarm.asked == []
