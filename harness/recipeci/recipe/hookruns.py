"""The only place that says whether the hooks that labels promise have run, by what was seen to run in containers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, Protocol

from recipeci.recipe.coverage import HOOKS, Coverage, Hooks

Kind = Literal["pre", "post", "restore_pre", "restore_post"]
WRAPPERS = re.compile(r"\A(?:(?:(?:/usr)?/bin/)?(?:ba)?sh -c |set -o pipefail; ?)+")
"""Our bot runs `/bin/sh -c LABEL`; backup-bot-two takes a label's own shell off: `bash -c 'set -o pipefail;…'`."""
QUOTES = str.maketrans("", "", "'\"\\")
"""backup-bot-two has Docker's SDK split its words, which takes quotes away; Docker's event joins words without any."""


class RanCommand(Protocol):
    """A command that was run in a container."""

    @property
    def service(self) -> str:
        """The full name of the container's service."""

    @property
    def command(self) -> str:
        """The command as Docker tells it: words joined by spaces, one behind a lone word."""

    @property
    def code(self) -> int | None:
        """Its exit code, None if it did not end."""


def hook_problems(
    coverage: Coverage, kinds: Sequence[Kind], *, stack: str, ran: Iterable[RanCommand]
) -> tuple[str, ...]:
    """Return a sentence for each hook that did not run, did not end, or ended with another code than 0.

    Of one that ran several times the last counts: a bot may try again. Where two hooks of a service have one command,
    its runs are theirs in turn, and each must be good, since whose try again it was cannot be known.

    Args:
        coverage: what the labels say.
        kinds: which hooks should have run.
        stack: the stack's name.
        ran: what was run in containers meanwhile, in its order; health checks and the like may be among it.
    """
    every, found = tuple(ran), []
    for hooks in coverage.hooks:
        own = [one for one in every if one.service == f"{stack}_{hooks.service}"]
        for kind, command, runs in _counting(hooks, kinds, own):
            if problem := _problem(runs):
                found.append(f"{hooks.service}: {HOOKS[kind]} {problem}: {command}")
    return tuple(found)


def _counting(
    hooks: Hooks, kinds: Sequence[Kind], ran: Sequence[RanCommand]
) -> Iterator[tuple[Kind, str, Sequence[RanCommand]]]:
    """Yield each hook of a service with its command and the runs that count; no run counts for two hooks."""
    labels = {kind: command for kind in kinds if (command := getattr(hooks, kind))}
    for kind, label in labels.items():
        alike = [other for other in labels if _bare(labels[other]) == _bare(label)]
        runs = [one for one in ran if _bare(one.command) == _bare(label)]
        yield kind, label, runs[-1:] if len(alike) == 1 else runs[alike.index(kind) :: len(alike)]


def _problem(runs: Sequence[RanCommand]) -> str:
    """Return what is wrong with the first bad run, or that there is none."""
    return next(filter(None, map(_end, runs)), "") if runs else "was not run"


def _end(run: RanCommand) -> str:
    return "did not end" if run.code is None else f"ended with {run.code}" if run.code else ""


def _bare(command: str) -> str:
    """Return what a label and the command that a bot makes of it have in common: no shell around it, and no quotes."""
    words = " ".join(command.translate(QUOTES).split())
    return WRAPPERS.sub("", f"{words} ").strip()
