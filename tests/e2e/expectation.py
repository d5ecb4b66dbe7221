"""The only place that says how a report is compared with a canary's `expect.yml`.

options: [--base, 1.0.0+1.22.1]    # beside --recipe, --source, --images; stages are install,upgrade
overlay: {timeouts: {deploy: 30}}  # the operator's recipe.yml
exit: 1
verdict: fail
lint: fail                         # pass if absent
tiers: {install: pass, upgrade: fail}
reasons: {upgrade: ["rolled back"]}  # regular expressions, each must be found in what the tier (or lint) says
notes: ["nothing changed"]         # each must be found in one of the notes
base: 1.0.0+1.22.1                 # null: none
base_mode: pinned
deploys: 1                         # 1 if absent
secrets: {known: 1, found: 0}      # of the report's; {found: 0} if absent
install_seconds: 70                # at least
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

EXPECT = "expect.yml"
ANY = "any"
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Expectation:
    """What `recipeci` must answer about one recipe; the module's docstring has the keys."""

    exit: int
    verdict: str
    tiers: Mapping[str, str]
    lint: str = "pass"
    options: tuple[str, ...] = ()
    overlay: Json = field(default_factory=dict)
    reasons: Mapping[str, Sequence[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    base: str | None = ANY
    base_mode: str | None = ANY
    deploys: int = 1
    secrets: Mapping[str, int] = field(default_factory=lambda: {"found": 0})
    install_seconds: float = 0

    def differences(self, report: Json, *, code: int) -> list[str]:
        """Return each way in which a report, and the code that the program ended with, are not what is expected."""
        return list(self._differences(report, code=code))

    def _differences(self, report: Json, *, code: int) -> Iterator[str]:
        tiers = {tier["name"]: tier for tier in report["tiers"]}
        yield from _unequal("exit code", self.exit, code)
        yield from _unequal("exit code in the report", self.exit, report["exit_code"])
        yield from _unequal("verdict", self.verdict, report["verdict"])
        yield from _unequal("lint", self.lint, report["lint"]["outcome"])
        yield from _unequal("deploys", self.deploys, report["deploys"])
        for key, number in self.secrets.items():
            yield from _unequal(f"secrets {key}", number, (report["secrets"] or {}).get(key))
        for name, outcome in self.tiers.items():
            yield from _unequal(name, outcome, tiers.get(name, {}).get("outcome", "absent"))
        yield from self._base(report)
        yield from _unfound("notes", self.notes, "\n".join(report["notes"]))
        for name, patterns in self.reasons.items():
            yield from _unfound(name, patterns, _said(report["lint"] if name == "lint" else tiers[name]))
        if (took := tiers.get("install", {}).get("seconds", 0)) < self.install_seconds:
            yield f"install: took {took} s, at least {self.install_seconds} expected"

    def _base(self, report: Json) -> Iterator[str]:
        if self.base != ANY:
            yield from _unequal("base", self.base, (report["base"] or {}).get("version"))
        if self.base_mode != ANY:
            yield from _unequal("base_mode", self.base_mode, report["base_mode"])


def read(folder: Path) -> Expectation:
    """Read FOLDER/expect.yml; ValueError if a key is unknown or missing."""
    file = folder / EXPECT
    data = yaml.safe_load(file.read_text())
    if unknown := set(data) - {key.name for key in fields(Expectation)}:
        msg = f"{file}: unknown: {', '.join(sorted(unknown))}"
        raise ValueError(msg)
    try:
        lists = {key: tuple(data[key]) for key in ("options", "notes") if key in data}
        return Expectation(**(data | lists))
    except TypeError as error:
        msg = f"{file}: {error}"
        raise ValueError(msg) from error


def _unequal(what: str, expected: object, found: object) -> Iterator[str]:
    if found != expected:
        yield f"{what}: {found!r}, expected {expected!r}"


def _unfound(what: str, patterns: Sequence[str], text: str) -> Iterator[str]:
    for pattern in patterns:
        if not re.search(pattern, text):
            yield f"{what}: {pattern!r} is not said in {text!r}"


def _said(part: Json) -> str:
    """Return a tier's reason, or lint's with its findings."""
    return "\n".join([part["reason"], *part.get("findings", ())])
