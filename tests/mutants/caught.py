"""The only place that says what a mutant of the bridge's pure code and the test that must turn red are together."""

from __future__ import annotations

from dataclasses import dataclass

from mutants.mutant import Mutant


@dataclass(frozen=True)
class Caught:
    """A mutant, and what catches it: the cases of the unit tests `files` (a glob) that `names` selects, `least`."""

    mutant: Mutant
    files: str
    names: str
    least: int = 1


def of(module: str, name: str, about: str, old: str, new: str) -> Mutant:
    """Return a mutant of one of the bridge's modules."""
    return Mutant(name=name, about=about, file=f"service/{module}.py", old=old, new=new)
