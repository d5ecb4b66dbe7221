"""Reports for tests: one that passed as the issue shows it, and values to vary it with `dataclasses.replace`."""

from __future__ import annotations

from recipeci.model import (
    Base,
    BaseMode,
    Commit,
    Identity,
    ImageUsed,
    LintResult,
    Outcome,
    Phase,
    Program,
    Report,
    SecretScan,
    ServiceIdentity,
    SuiteResult,
    Target,
    TestResult,
    Tier,
    TierResult,
)

SHA = "4f0c1a2b" * 5
BASE_SHA = "0123456789" * 4


def suite(source: str, *outcomes: Outcome, path: str = "test_install.py") -> SuiteResult:
    """Return a suite with a test of each outcome; its own is the worst."""
    tests = tuple(TestResult(f"test_{n}", outcome, 0.5, f"why {n}") for n, outcome in enumerate(outcomes))
    worst = next((o for o in outcomes if o is not Outcome.PASS), Outcome.PASS)
    return SuiteResult(source, path, worst, tests)


PASSED = Report(
    run_id="20260102-030405-a1b2c3",
    recipe="custom-html",
    started="2026-01-02T03:04:05Z",
    verdict=Outcome.PASS,
    exit_code=0,
    level=5,
    label="pass (built-in abra)",
    seconds=21.44,
    source="https://forge.test/custom-html",
    domain="a1b2c3.ci.test",
    target=Target(Commit(SHA)),
    base=Base("1.0.0+1.22.1", Commit(BASE_SHA), BaseMode.PINNED, "the highest published version below"),
    programs={
        "docker": Program("Docker", "26.1.5"),
        "abra": Program("miniabra", "0.1.0", built_in=True),
        "proxy": Program("Traefik", "3.7.15"),
        "backup_bot": Program("backup bot", "", built_in=True),
        "vip": Program("IPVS", "6.1"),
    },
    lint=LintResult(
        Outcome.PASS,
        rules=16,
        not_checked=("R006 has published catalogue version", "R013 git.coopcloud.tech repo exists"),
    ),
    tiers=(
        TierResult(
            Tier.INSTALL,
            Outcome.PASS,
            seconds=3.94,
            op="deploy",
            suites=(suite("generic", *[Outcome.PASS] * 3), suite("recipeci", *[Outcome.PASS] * 2)),
        ),
        TierResult(
            Tier.UPGRADE,
            Outcome.PASS,
            "1.0.0+1.22.1 → 1.1.0+1.26.3, chaos-version 4f0c1a2b == head",
            seconds=5.2,
            op="upgrade",
        ),
        TierResult(Tier.BACKUP, Outcome.PASS, "snapshot 5d1f…, 1 of 1 volumes", seconds=2.1, op="backup"),
        TierResult(Tier.RESTORE, Outcome.PASS, seconds=2.6, op="restore"),
        TierResult(Tier.CUSTOM, Outcome.SKIP, "structural: no custom tests"),
    ),
    deploys=1,
    leftovers=(),
    secrets=SecretScan(known=6, found=0, artifacts=9),
    identity=Identity(SHA, "4f0c1a2b", (ServiceIdentity("app", "nginx:1.26.3", "nginx:1.22.1", True, "completed"),)),  # noqa: FBT003
    images=(ImageUsed("nginx:1.26.3", "sha256:" + "a" * 64),),
    phases=(Phase("checkout", 0.0, 0.25),),
)
