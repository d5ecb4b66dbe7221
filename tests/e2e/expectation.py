"""The only place that says how a report is compared with a canary's `expect.yml`.

What the run is given, beside --recipe, --source and --images:

stages: install,custom             # install,upgrade if absent
options: [--base, 1.0.0+1.22.1]
overlay: {timeouts: {deploy: 30}}  # the operator's recipe.yml; his other files are in the canary's folder overlay/
env: {CCCI_SKIP_GENERIC: "1"}
allowlist: |                       # the file of --allowlist; SOURCE in it is the source's address
  canary https://example.org/canary
served: true                       # the source is a web address (canary.git on loopback), not a folder
abra: as-abra                      # a program in the canary's folder, which is run as abra; @MINIABRA@ in it is that

What must come of it:

exit: 1
verdict: fail
lint: fail                         # pass if absent
tiers: {install: pass, upgrade: fail}
reasons: {upgrade: ["rolled back"]}  # regular expressions, each must be found in what the tier (or lint) says
notes: ["nothing changed"]         # each must be found in one of the notes
errors: ["image unavailable"]      # the same of the errors
base: 1.0.0+1.22.1                 # null: none
base_mode: pinned
deploys: 1                         # 1 if absent
secrets: {known: 1, found: 0}      # of the report's; {found: 0} if absent
where: ["^token in run.log"]       # each must be found in one of the places where the scan found a secret
install_seconds: 70                # at least
suites: [{tier: custom, path: test_empty, outcome: unverified, message: no test}]
tests: [{tier: custom, suite: test_api, name: test_login, outcome: fail, message: "403"}]
canary: [{service: app, path: /srv, outcome: fail, reason: "now .*_data"}]  # all rows that there are
left_out: [{path: tests/conftest.py, reason: not allowed}]  # all rows that there are
never_said: [the-secret's-value]   # in no file of the run folder

In rows `outcome` is compared, and everything else is a regular expression that must be found.
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
LISTS = ("options", "notes", "errors", "where", "suites", "tests", "canary", "left_out", "never_said")
Json = Mapping[str, Any]
Row = Mapping[str, str]


@dataclass(frozen=True)
class Expectation:
    """What `recipeci` must answer about one recipe; the module's docstring has the keys."""

    exit: int
    verdict: str
    tiers: Mapping[str, str]
    lint: str = "pass"
    stages: str = "install,upgrade"
    options: tuple[str, ...] = ()
    overlay: Json = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    allowlist: str | None = None
    served: bool = False
    abra: str = ""
    reasons: Mapping[str, Sequence[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    base: str | None = ANY
    base_mode: str | None = ANY
    deploys: int = 1
    secrets: Mapping[str, int] = field(default_factory=lambda: {"found": 0})
    where: tuple[str, ...] = ()
    install_seconds: float = 0
    suites: tuple[Row, ...] = ()
    tests: tuple[Row, ...] = ()
    canary: tuple[Row, ...] | None = None
    left_out: tuple[Row, ...] | None = None
    never_said: tuple[str, ...] = ()

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
        yield from _each_unfound("where", self.where, (report["secrets"] or {}).get("where", ()))
        for name, outcome in self.tiers.items():
            yield from _unequal(name, outcome, tiers.get(name, {}).get("outcome", "absent"))
        yield from self._base(report)
        yield from _unfound("notes", self.notes, "\n".join(report["notes"]))
        yield from _unfound("errors", self.errors, "\n".join(error["message"] for error in report["errors"]))
        for name, patterns in self.reasons.items():
            yield from _unfound(name, patterns, _said(report["lint"] if name == "lint" else tiers[name]))
        if (took := tiers.get("install", {}).get("seconds", 0)) < self.install_seconds:
            yield f"install: took {took} s, at least {self.install_seconds} expected"
        yield from self._rows(report)

    def _base(self, report: Json) -> Iterator[str]:
        if self.base != ANY:
            yield from _unequal("base", self.base, (report["base"] or {}).get("version"))
        if self.base_mode != ANY:
            yield from _unequal("base_mode", self.base_mode, report["base_mode"])

    def _rows(self, report: Json) -> Iterator[str]:
        yield from _missing("suites", self.suites, list(_suites(report)))
        yield from _missing("tests", self.tests, list(_tests(report)))
        for name, wanted in (("canary", self.canary), ("left_out", self.left_out)):
            if wanted is not None:
                yield from _missing(name, wanted, report[name])
                yield from _unexpected(name, wanted, report[name])


def read(folder: Path) -> Expectation:
    """Read FOLDER/expect.yml; ValueError if a key is unknown or missing."""
    file = folder / EXPECT
    data = yaml.safe_load(file.read_text())
    if unknown := set(data) - {key.name for key in fields(Expectation)}:
        msg = f"{file}: unknown: {', '.join(sorted(unknown))}"
        raise ValueError(msg)
    if single := [name for name, patterns in data.get("reasons", {}).items() if not isinstance(patterns, list)]:
        msg = f"{file}: the reasons of {', '.join(single)} are no list: each letter would be looked for"
        raise ValueError(msg)
    try:
        lists = {key: tuple(data[key]) for key in LISTS if key in data}
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


def _each_unfound(what: str, patterns: Sequence[str], texts: Sequence[str]) -> Iterator[str]:
    for pattern in patterns:
        if not any(re.search(pattern, text) for text in texts):
            yield f"{what}: {pattern!r} is in none of {list(texts)!r}"


def _said(part: Json) -> str:
    """Return a tier's reason, or lint's with its findings."""
    return "\n".join([part["reason"], *part.get("findings", ())])


def _suites(report: Json) -> Iterator[Json]:
    """Yield the suites of all tiers, each with its tier."""
    for tier in report["tiers"]:
        yield from ({**suite, "tier": tier["name"]} for suite in tier["suites"])


def _tests(report: Json) -> Iterator[Json]:
    """Yield the tests of all suites, each with its tier and its suite."""
    for suite in _suites(report):
        yield from ({**test, "tier": suite["tier"], "suite": suite["path"]} for test in suite["tests"])


def _missing(what: str, wanted: Sequence[Row], found: Sequence[Json]) -> Iterator[str]:
    for row in wanted:
        if not any(_is_like(one, row) for one in found):
            yield f"{what}: none is {dict(row)} in {found}"


def _unexpected(what: str, wanted: Sequence[Row], found: Sequence[Json]) -> Iterator[str]:
    for one in found:
        if not any(_is_like(one, row) for row in wanted):
            yield f"{what}: {one} is not expected"


def _is_like(found: Json, row: Row) -> bool:
    """Say whether a row of the report has all that an expected one has; KeyError for a key that no row has."""
    return all(
        found[key] == value if key == "outcome" else bool(re.search(value, found[key])) for key, value in row.items()
    )
