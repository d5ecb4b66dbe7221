"""A run that ends once it has its source: cloned by the same code as a real run's, told by git itself what it is.

Started as `recipeci run` is, with what fakerun.py is given; it leaves the same, but of the commit that it found.
"""

from __future__ import annotations

import sys
from pathlib import Path

from recipeci.host.command import BASE_ENV, LocalRunner
from recipeci.model import Request, Settings, Tier
from recipeci.run import source

from lab import fakerun

GIT_SECONDS = 180.0


def main() -> int:
    """Take the arguments."""
    journal, template, seconds, *options = sys.argv[1:]
    given = dict(zip(options[::2], options[1::2], strict=True))
    return fakerun.run(journal, template, seconds, given | {"--ref": head(given)})


def head(given: dict[str, str]) -> str:
    """Clone and check out what is asked for; return what git says that it is."""
    request, settings = asked(given), Settings()
    folder = Path(given["--out"]).with_name("checkout")
    runner = LocalRunner()
    made = source.sourced(request, settings, source.given(request, settings), into=folder, runner=runner)
    made.clone.checkout(made.plan.target.commit)
    argv = ["git", "-C", str(made.clone.folder), "rev-parse", "HEAD"]
    return runner.run(argv, timeout=GIT_SECONDS, env=BASE_ENV).out.strip()


def asked(given: dict[str, str]) -> Request:
    """Return what the command line of a run asks for."""
    return Request(
        recipe=given["--recipe"],
        source=given["--source"],
        code_source=given["--code-source"],
        ref=given["--ref"],
        stages=tuple(Tier(stage) for stage in given["--stages"].split(",")),
        pr=int(given["--pr"]),
    )
