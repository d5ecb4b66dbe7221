"""The only place that says whether the hooks that labels promise have run, by what was seen to run in containers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal, Protocol

from recipeci.recipe.coverage import HOOKS, Coverage

Kind = Literal["pre", "post", "restore_pre", "restore_post"]
SHELL = re.compile(r"\A(?:/bin/)?(?:ba)?sh -c ")
MARKS = re.compile(r"[\s'\"\\]+")


class RanCommand(Protocol):
    """A command that was run in a container."""

    @property
    def service(self) -> str:
        """The full name of the container's service."""

    @property
    def command(self) -> str:
        """The command as Docker tells it: words joined by spaces."""

    @property
    def code(self) -> int | None:
        """Its exit code, None if it did not end."""


def hook_problems(
    coverage: Coverage, kinds: Sequence[Kind], *, stack: str, ran: Iterable[RanCommand]
) -> tuple[str, ...]:
    """Return a sentence for each hook that did not run, did not end, or ended with another code than 0.

    Of one that ran several times the last counts: a bot may try again.

    Args:
        coverage: what the labels say.
        kinds: which hooks should have run.
        stack: the stack's name.
        ran: what was run in containers meanwhile, in its order; health checks and the like may be among it.
    """
    every, found = tuple(ran), []
    for hooks in coverage.hooks:
        for kind in kinds:
            command = getattr(hooks, kind)
            runs = [one for one in every if one.service == f"{stack}_{hooks.service}" and _is(command, one.command)]
            if command and (problem := _problem(runs[-1:])):
                found.append(f"{hooks.service}: {HOOKS[kind]} {problem}: {command}")
    return tuple(found)


def _problem(last: Sequence[RanCommand]) -> str:
    if not last:
        return "was not run"
    code = last[0].code
    return "did not end" if code is None else f"ended with {code}" if code else ""


def _is(label: str, command: str) -> bool:
    """Say whether a command is that of a label: a bot may wrap it in a shell of its own, and change its quotes."""
    return _bare(SHELL.sub("", label.strip())) in _bare(command)


def _bare(text: str) -> str:
    return MARKS.sub("", text)
