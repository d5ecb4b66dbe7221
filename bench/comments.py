"""How long it takes from a comment on the real Gitea to a run that has begun: told by webhook, and found by listing.

The runs are of no recipe: what is measured is the bridge. A comment is made when all before it has ended. Gitea as it
comes keeps deliveries on disk, and after a pause looks there after 50 ms, 100 ms, … at last each 2 s: that wait is its
own. So the goals are for one that keeps them in memory, and how long it takes as it comes is only shown.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import statistics
import sys
import tempfile
import time
from pathlib import Path

from lab import bridgelab, gitea, ports
from lab.bridgelab import Config
from lab.checkouts import checkout
from lab.gitea import Home, LabGitea, Person, PullRequest
from measured import Measured
from recipeci.host.clock import SystemClock, until
from recipeci.report import write
from recipeci.service.store import Database
from unit.reports import PASSED

COMMENTS, POLLED = 40, 8
MEDIAN, MOST, BEYOND_POLL = 0.3, 1.0, 1.0
POLL_SECONDS = 2.0
NEVER = 3600.0
"""Between two listings, where only webhooks are to be measured."""
PATIENCE = 60.0
IN_MEMORY = "\n[queue.webhook_sender]\nTYPE = channel\n"


def of_comments() -> list[Measured]:
    """Make comments, one after the other, with a webhook and without."""
    with tempfile.TemporaryDirectory(prefix="rc-") as name:
        folder = Path(name)
        with gitea.running(more=IN_MEMORY) as lab:
            told = sorted(seconds(lab, folder / "told", poll=NEVER, count=COMMENTS))
            found = sorted(seconds(lab, folder / "found", poll=POLL_SECONDS, count=POLLED, webhook=False))
        with gitea.running() as lab:
            usual = sorted(seconds(lab, folder / "usual", poll=NEVER, count=COMMENTS))
    what = "comment on Gitea → run begun"
    return [
        Measured(f"{what}, by webhook: half of {COMMENTS}", "s", (statistics.median(told),), MEDIAN),
        Measured(f"{what}, by webhook: 19 of 20", "s", (told[len(told) * 95 // 100],), MOST),
        Measured(f"{what}, by webhook of a Gitea as it comes: half of {COMMENTS}", "s", (statistics.median(usual),)),
        Measured(f"{what}, by webhook of a Gitea as it comes: 19 of 20", "s", (usual[len(usual) * 95 // 100],)),
        Measured(
            f"{what}, listed every {POLL_SECONDS:g} s: the longest", "s", (found[-1],), POLL_SECONDS + BEYOND_POLL
        ),
    ]


def seconds(lab: LabGitea, folder: Path, *, poll: float, count: int, webhook: bool = True) -> list[float]:
    """Return how long each comment took."""
    folder.mkdir()
    pull, owner, bot = furnished(lab, folder)
    (folder / bridgelab.TEMPLATE).write_text(json.dumps(write.as_data(PASSED)))
    with ports.held() as port:
        config = Config(str(folder), lab.url, bot.token, port, secret=secrets.token_hex(), poll=poll, timeout=10)
        bridgelab.enrol(config, [pull.home.full_name])
        if not webhook:
            for hook in lab.do("GET", f"repos/{pull.home.full_name}/hooks"):
                lab.do("DELETE", f"repos/{pull.home.full_name}/hooks/{hook['id']}")
        with bridgelab.running(config):
            # One before: what is loaded once must not count.
            return [took(lab, pull, owner, config, number) for number in range(count + 1)][1:]


def took(lab: LabGitea, pull: PullRequest, owner: Person, config: Config, number: int) -> float:
    """Return the seconds from the request that makes a comment to the beginning of its run; wait for the run's end."""
    began = time.monotonic()
    lab.comment(pull, owner, "!testme")
    wait(config, lines=2 * number + 1)
    seconds = time.monotonic() - began
    wait(config, lines=2 * number + 2)
    until(
        lambda: final_statuses(config),
        lambda found: found > number,
        what="the final status",
        clock=SystemClock(),
        timeout=PATIENCE,
        successes=1,
    )
    return seconds


def final_statuses(config: Config) -> int:
    """Return how many the forge has."""
    with contextlib.closing(Database(config.database)) as database, database.reading() as tx:
        return int(tx.value("SELECT count(*) FROM outbox WHERE state = 'sent' AND key LIKE 'status:%:final'"))


def wait(config: Config, *, lines: int) -> None:
    """Wait until the runs have noted so many beginnings and ends."""
    until(
        lambda: config.journal.read_bytes().count(b"\n") if config.journal.exists() else 0,
        lambda found: found >= lines,
        what=f"{lines} lines of the runs' journal",
        clock=SystemClock(),
        timeout=PATIENCE,
        delay=0.005,
        successes=1,
    )


def furnished(lab: LabGitea, folder: Path) -> tuple[PullRequest, Person, Person]:
    """Make a repository with a pull request of its owner's, and the bot's user."""
    owner, bot = lab.person("owner"), lab.person("bot")
    home: Home = lab.repository(owner)
    lab.grant(home, bot, "admin")
    work = checkout(folder / "work")
    head = work.commit({"change": "a change\n"}, branch="change")
    work.push(lab.address(home, owner), "main", "change")
    return lab.pull(home, owner, head="change", sha=head), owner, bot


if __name__ == "__main__":
    for row in of_comments():
        sys.stdout.write(f"{row.row}\n")
