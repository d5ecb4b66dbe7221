"""How fast: the harness against a bare script, and parts by themselves; written to docs/benchmarks.md.

What misses its limit is printed as MISSED; only a missed ratio makes this program fail.

    python bench/compare.py [ROUNDS]
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

import comments
import parts
import webhooks
from lab import repository
from lab.prepare import IMAGES, cache_folder
from measured import ROOT, Measured, page, report, whole

ROUNDS = 5
RATIO, MEGABYTES = 1.25, 150
COMPARED = {"install + upgrade": "install,upgrade", "all tiers": "install,upgrade,backup,restore,custom"}
"""What is compared, each with the stages that both programs go through; custom-html has no custom tests."""


def compare(folder: Path, rounds: int) -> list[Measured]:
    """Run harness and bare script in turns, for each of COMPARED."""
    source = str(repository.build(ROOT / "tests" / "lab" / "recipes" / "custom-html", folder / "source").path)
    return [row for what, stages in COMPARED.items() for row in compared(what, stages, source, folder, rounds)]


def compared(what: str, stages: str, source: str, folder: Path, rounds: int) -> list[Measured]:
    """Run both through the same stages."""
    options = ["--recipe", "custom-html", "--abra", "builtin", "--source", source, "--images", str(IMAGES)]
    harness, bare = [], []
    for number in range(rounds):
        out = folder / f"h{len(stages)}-{number}"
        harness.append(whole([sys.executable, "-m", "recipeci", *options, "--stages", stages, "--out", str(out)]))
        own = folder / f"b{len(stages)}-{number}"
        own.mkdir()
        bare.append(whole([sys.executable, str(ROOT / "bench" / "bare.py"), source, str(own), stages]))
    ours, theirs = tuple(run.seconds for run in harness), tuple(run.seconds for run in bare)
    ratio = statistics.median(ours) / statistics.median(theirs)
    return [
        Measured(f"{what}: harness ÷ bare script", "", (ratio,), RATIO, is_ratio=True),
        Measured(f"{what}: harness", "s", ours),
        Measured(f"{what}: bare script", "s", theirs),
        Measured(f"{what}: memory of the harness", "MB", tuple(run.megabytes for run in harness), MEGABYTES),
    ]


def main(rounds: int) -> int:
    """Measure everything."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix="bench") as name:
        folder = Path(name)
        folder.chmod(0o755)
        measured = [
            *compare(folder, rounds),
            *parts.of_cells(folder, rounds),
            *parts.of_the_canary(rounds),
            *parts.of_the_redactor(rounds),
            *parts.of_suites(rounds),
            *parts.of_commands(rounds),
            *comments.of_comments(),
            *webhooks.of_webhooks(),
        ]
    text = page(measured, rounds=rounds, loads=(load, os.getloadavg()[0]))
    return report(measured, text, say=print)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))
