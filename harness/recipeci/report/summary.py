"""The only place that writes the RUN SUMMARY: the last lines of every run on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from recipeci.model import (
    OVERLAYS,
    LintResult,
    Outcome,
    Program,
    Report,
    SecretScan,
    SuiteResult,
    Target,
    Tier,
    TierResult,
)
from recipeci.report import text

PROGRAMS = ("abra", "proxy", "backup_bot", "docker", "vip")
KINDS = {"generic": frozenset({"generic"}), "overlay": OVERLAYS, "harness": frozenset({"harness"})}
"""What a tier's tests are counted by, as in the line that it begins with: overlays together, whosever they are."""
REASON_LINES = 12
"""Of a reason that is longer so many lines are shown, its first and its last ones; all of it is in report.json."""


def summary(report: Report, *, path: Path | None) -> str:
    """Return the summary without a line feed at its end; `path` is where report.json is, if it is anywhere."""
    lines = ["===== RUN SUMMARY ====="]
    lines += [_line("recipe", _recipe(report)), _line("made by", _made_by(report))]
    lines += _table(report)
    lines.append(f"deploy-count = {report.deploys} (expect {report.expected_deploys})")
    lines.append(f"leftovers = {_leftovers(report)}")
    lines.append(f"secrets   = {_secrets(report.secrets)}")
    lines += [_line("error", found) for error in report.errors for found in _words(error.message, error.hint)]
    lines.append(_line("verdict", _verdict(report, path=path)))
    return "\n".join(lines)


def _line(label: str, value: str) -> str:
    """Return `label     : value`."""
    return f"{label:<10}: {value}"


def _recipe(report: Report) -> str:
    """Return recipe, target and base in one line."""
    parts = [report.recipe, _target(report.target)]
    if report.base is not None:
        parts.append(f"base {text.one_line(report.base.version)} ({report.base.mode})")
    elif report.base_reason:
        parts.append(f"no base: {text.one_line(report.base_reason)}")
    if report.pr is not None:
        parts.append(f"pull request {report.pr}")
    return "   ".join(parts)


def _target(target: Target | None) -> str:
    """Return the target by its full sha; a run that ended before it was known says so."""
    if target is None:
        return "target unknown"
    extra = " (uncommitted)" if target.uncommitted else f" ({text.one_line(target.version)})" if target.version else ""
    return f"target {target.commit}{extra}"


def _made_by(report: Report) -> str:
    """Return the programs that the verdict rests on; the kernel's own VIPs are not worth a word."""
    found = [report.programs[key] for key in PROGRAMS if key in report.programs]
    shown = [_program(p) for p in found if p.built_in or p is not report.programs.get("vip")]
    return ", ".join(shown) or "nothing: the run ended before"


def _program(program: Program) -> str:
    """Return `name version (built in)`."""
    words = text.one_line(f"{program.name} {program.version}")
    return f"{words} (built in)" if program.built_in else words


def _table(report: Report) -> Iterator[str]:
    """Yield the lines of lint and of each tier, in columns."""
    tiers = sorted(report.tiers, key=lambda tier: list(Tier).index(tier.name))
    rows = [("lint", report.lint.outcome, "", _lint(report.lint))]
    rows += [(tier.name.value, tier.outcome, _seconds(tier), _tier(tier)) for tier in tiers]
    outcome_width = max(8, *(len(outcome) + 2 for _, outcome, _, _ in rows))
    time_width = max(8, *(len(seconds) + 2 for _, _, seconds, _ in rows))
    for label, outcome, seconds, words in rows:
        head = _line(label, f"{outcome:<{outcome_width}}{seconds:<{time_width}}")
        first, *more = _reason_lines(words)
        yield f"{head}{first}".rstrip()
        yield from (f"{'':<{len(head)}}{line}".rstrip() for line in more)


def _seconds(tier: TierResult) -> str:
    """Return the tier's time; what was not run has none."""
    return f"{tier.seconds:.1f} s" if tier.seconds else ""


def _lint(lint: LintResult) -> str:
    """Return why, or how much was checked; of a rule its number, since its title is in the report."""
    if lint.reason or not lint.rules:
        return lint.reason
    names = dict.fromkeys(name for rule in lint.not_checked for name in rule.split()[:1])
    left = f", {len(lint.not_checked)} not checked ({', '.join(names)})"
    return f"{lint.rules} rules{left if lint.not_checked else ''}"


def _tier(tier: TierResult) -> str:
    """Return the tier's reason, or how many tests of each kind passed."""
    return tier.reason or ", ".join(
        f"{kind} {_counts(suites)}"
        for kind, sources in KINDS.items()
        if (suites := [suite for suite in tier.suites if suite.source in sources])
    )


def _counts(suites: Sequence[SuiteResult]) -> str:
    """Return `3 passed, 1 failed` over several suites; one without tests counts by its own outcome."""
    outcomes = [outcome for suite in suites for outcome in ([t.outcome for t in suite.tests] or [suite.outcome])]
    names = {Outcome.PASS: "passed", Outcome.FAIL: "failed", Outcome.SKIP: "skipped"}
    return ", ".join(f"{n} {names.get(outcome, outcome)}" for outcome in Outcome if (n := outcomes.count(outcome)))


def _reason_lines(words: str) -> Sequence[str]:
    """Return the lines of a reason, at least one; of a long one what it says and its end, where logs explain it."""
    lines = text.clean(words.strip()).expandtabs().splitlines() or [""]
    rest = len(lines) - REASON_LINES
    return lines if rest <= 0 else [lines[0], f"… {rest} more lines in the report", *lines[1 - REASON_LINES :]]


def _leftovers(report: Report) -> str:
    """Return their number and their names; `not checked` where nobody could look."""
    if report.leftovers is None:
        return "not checked"
    names = ", ".join(text.one_line(f"{thing.kind} {thing.name}") for thing in report.leftovers)
    return f"{len(report.leftovers)}{': ' if names else ''}{names}"


def _secrets(scan: SecretScan | None) -> str:
    """Return how many known secrets were found, where, and what is not masked; without a scan nothing is known."""
    if scan is None:
        return "unverified: the artifacts were not scanned"
    where = text.one_line(", ".join(scan.where))
    left = text.one_line(", ".join(scan.not_masked))
    found = f"{scan.found}/{scan.known} found in {scan.artifacts} artifacts"
    return f"{found}{f': {where}' if where else ''}{f'; not masked: {left}' if left else ''}"


def _words(message: str, hint: str) -> Iterator[str]:
    """Yield an error's sentence, and its next step as a line of its own."""
    yield text.one_line(message)
    if hint:
        yield f"→ {text.one_line(hint)}"


def _verdict(report: Report, *, path: Path | None) -> str:
    """Return the verdict with its provisos, the level if there is one, the time, and where to read more."""
    parts = [report.label or report.verdict.value]
    if report.level is not None:
        parts.append(f"level {report.level}")
    return "   ".join([*parts, f"in {report.seconds:.1f} s", f"report: {path}" if path else "no report"])
