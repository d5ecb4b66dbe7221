"""A run that takes no time: it leaves the report that a run of this commit would leave, and a line in a journal.

Started as `recipeci run` is. What it says of a commit is made of the commit alone, so that whoever knows the commit
knows the verdict. It imports nothing of ours: it begins as fast as Python does.

    python -IS fakerun.py JOURNAL TEMPLATE SECONDS --recipe R --ref SHA --out FOLDER …
"""

import json
import sys
import time
from pathlib import Path

VERDICTS = {"0": ("fail", 1), "1": ("unverified", 1), "2": ("error", 3)}
"""By the last digit of the commit; all others pass."""
HELD = "runs.held"
"""As long as this file is beside the journal, no run ends: a test has them in their middle for as long as it wants."""


def main() -> int:
    """Take the arguments."""
    journal, template, seconds, *options = sys.argv[1:]
    return run(journal, template, seconds, dict(zip(options[::2], options[1::2], strict=True)))


def run(journal: str, template: str, seconds: str, given: dict[str, str]) -> int:
    """Leave a report and two lines."""
    sha, folder = given["--ref"], given["--out"]
    note(journal, "began", given)
    time.sleep(float(seconds))
    while Path(journal).with_name(HELD).exists():
        time.sleep(0.02)
    verdict, code = VERDICTS.get(sha[-1], ("pass", 0))
    report = json.loads(Path(template).read_text())
    report.update(recipe=given["--recipe"], verdict=verdict, label=verdict, exit_code=code)
    report["target"]["commit"] = sha
    Path(folder).mkdir(parents=True, exist_ok=True)
    fresh = Path(folder, "report.fresh")
    fresh.write_text(json.dumps(report))
    fresh.rename(Path(folder, "report.json"))
    sys.stdout.write(f"tested {sha}\n")
    note(journal, "ended", given)
    return code


def note(journal: str, what: str, given: dict[str, str]) -> None:
    """Add a line: one write, so that lines of several runs do not mix."""
    line = json.dumps({"what": what, "sha": given["--ref"], "recipe": given["--recipe"], "out": given["--out"]})
    with Path(journal).open("ab", buffering=0) as file:
        file.write(f"{line}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
