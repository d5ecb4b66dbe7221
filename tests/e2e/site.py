"""The only place for what the pages about the bridge are followed on: people on a forge, and an operator's machine.

In the place of what only an operator has stands what the lab has: addresses, and for the real abra and a registry the
built-in one and the lab's images. `make setup` was done; units are started by the lab's init, since no test can have
systemd as its first process: its own verifier reads them where there is one.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from lab import repository
from lab.checkouts import Checkout
from lab.gitea import Home, LabGitea, Person, PullRequest
from lab.machine.running import Machine
from recipeci.host.clock import SystemClock, until
from recipeci.host.command import Completed

from e2e import page
from e2e.page import OUTPUT, SHELL, Block, Page
from e2e.program import IMAGES

OPERATING, ENROLL = Page.read("operating.md"), Page.read("enroll-recipe.md")
RECIPE, OWNER, MAINTAINER, BOT = "custom-html", "example", "alice", "recipeci-bot"
FORGE, SITE, LISTEN, TOKEN = (
    "https://git.example.org",
    "https://ci.example.org",
    "127.0.0.1:8022",
    "/etc/recipeci/token",
)
SETTINGS = "/etc/xdg/recipeci/settings.yml"
OF_THE_LAB = f"images: {IMAGES}\nabra: {{program: builtin, builtin_is_final: true}}\n"
EXAMPLES = ("nginx",)
"""Kinds of blocks that are neither done nor written."""
LOOKS = "recipeci queue\n"
SOON = 180.0


LAB = Path(__file__).parents[1] / "lab" / "recipes"


@dataclass(frozen=True)
class Village:
    """People on the forge, and the repositories of the pages, as they are before any bridge."""

    gitea: LabGitea
    maintainer: Person
    stranger: Person
    bot: Person
    home: Home
    work: Checkout

    def pull(self, text: str, *, by: Person | None = None) -> PullRequest:
        """Open a pull request with a change of its own, from a fork where the author may not write."""
        author, name = by or self.maintainer, self.gitea.name("change")
        self.work.git("checkout", "--quiet", "main")
        sha = self.work.commit({"README.md": f"{text}\n"}, branch=name)
        head, target = name, self.home
        if by is not None:
            target = self.gitea.fork(self.home, by)
            head = f"{by.login}:{name}"
        self.work.push(self.gitea.address(target, author), name)
        made = self.gitea.pull(self.home, author, head=head, sha=sha)
        self._let_time_pass(made)
        return made

    def _let_time_pass(self, pull: PullRequest) -> None:
        """Have a head be two minutes old, so that whoever comments now has seen it; its row comes a little later."""
        path = f"repos/{self.home.full_name}/issues/{pull.number}/timeline"
        rows: list[int] = []

        def pushed() -> bool:
            rows[:] = [row["id"] for row in self.gitea.do("GET", path) if row["type"] == "pull_push"]
            return bool(rows)

        until(pushed, bool, what="the row of a push", clock=SystemClock(), timeout=SOON, delay=0.1, successes=1)
        for row in rows:
            self.gitea.backdate("comment", row, seconds=120)

    def token(self, of: Page = OPERATING) -> str:
        """Make a token with the scopes of the page and no others."""
        return self.gitea.token(self.bot.login, *scopes(of))

    def own_comments(self, pull: PullRequest) -> list[str]:
        """Return what the bridge has said under a pull request."""
        said = self.gitea.comments(pull)
        return [one["body"] for one in said if one["user"]["login"] == self.bot.login]


def village(gitea: LabGitea, folder: Path) -> Village:
    """Make the people of the pages, and their repositories."""
    boss, maintainer, bot = gitea.person("boss"), gitea.known(MAINTAINER), gitea.known(BOT)
    gitea.do("POST", "orgs", by=boss, fields={"username": OWNER})
    team = gitea.team(OWNER, "write", maintainer, bot)
    built = repository.build(LAB / RECIPE, folder / RECIPE)
    work = Checkout(built.path)
    homes = [gitea.repository(boss, organisation=OWNER, name=name) for name in (RECIPE, "our-website")]
    for home in homes:
        gitea.grant(home, bot, "admin")
        gitea.do("PUT", f"teams/{team}/repos/{home.full_name}")
        work.push(gitea.address(home, boss), "main", "--tags")
    return Village(gitea, maintainer, gitea.person("stranger"), bot, homes[0], work)


@dataclass
class Site:
    """The machine, and how the pages are read on it.

    Attributes:
        machine: the machine.
        village: the forge.
        port: where the bridge listens after each start: one that is held (lab/ports.py).
        done: the parts of pages that were followed.
    """

    machine: Machine
    village: Village
    port: int
    done: set[tuple[str, str]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """The bridge's address."""
        return f"http://127.0.0.1:{self.port}"

    def here(self, text: str) -> str:
        """Return a text of a page with this machine's addresses."""
        ours = {FORGE: self.village.gitea.url, SITE: self.url, LISTEN: f"127.0.0.1:{self.port}"}
        for theirs, own in ours.items():
            text = text.replace(theirs, own)
        return text

    def follow(self, of: Page, part: str) -> None:
        """Write the files of a part, and type its commands."""
        self.done.add((of.name, part))
        for block, shown in page.pairs(of.blocks(part)):
            if block.kind == SHELL:
                self._type(block, shown)
            elif block.kind not in EXAMPLES:
                self.machine.write(block.name, self.here(block.text))

    def _type(self, block: Block, shown: Block | None) -> None:
        """Type the commands of a block; what only looks may have to look again."""
        expected = Block(OUTPUT, self.here(shown.text) if shown else "", "")
        if block.text == LOOKS:
            self.wait(lambda: not expected.is_said_in(self.do(block.text).out), what=f"{block.text}: {expected.text}")
            return
        printed = self.do(block.text).out
        missing = expected.is_said_in(printed)
        assert missing == [], f"not printed: {missing}\n{printed}"

    def do(self, commands: str) -> Completed:
        """Type commands; each must end well."""
        ended = self.machine.do(self.here(commands))
        assert ended.code == 0, f"{commands}\n{ended.out}\n{ended.err}\n{self.machine.evidence()}"
        return ended

    def get(self, path: str) -> httpx.Response:
        """Ask for a page of the bridge."""
        return httpx.get(f"{self.url}{path}", trust_env=False, timeout=120)

    def queue(self) -> list[dict[str, Any]]:
        """Return what has not ended."""
        return list(json.loads(self.do("recipeci queue --json").out)["requests"])

    def comment(self, pull: PullRequest, body: str, *, by: Person | None = None) -> None:
        """Say something under a pull request."""
        self.village.gitea.comment(pull, by or self.village.maintainer, body)

    def hooks(self) -> list[int]:
        """Return the webhooks of the recipe's repository that lead here."""
        found = self.village.gitea.do("GET", f"repos/{self.village.home.full_name}/hooks")
        return [hook["id"] for hook in found if hook["config"]["url"] == f"{self.url}/hooks/gitea"]

    def wait(self, ready: Callable[[], object], *, what: str, timeout: float = SOON) -> None:
        """Wait until something is so."""
        until(lambda: bool(ready()), bool, what=what, clock=SystemClock(), timeout=timeout, delay=0.2, successes=1)

    def wait_until_it_serves(self) -> None:
        """Wait until every part of the bridge has answered."""

        def well() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return self.get("/healthz").status_code == 200
            return False

        self.wait(well, what="the bridge")

    def says(self, pull: PullRequest, words: str, *, timeout: float = SOON) -> str:
        """Wait until the one comment under a pull request has these words; return it."""
        self.wait(
            lambda: any(words in body for body in self.village.own_comments(pull)),
            what=f"{words!r} in the comment",
            timeout=timeout,
        )
        (only,) = self.village.own_comments(pull)
        return only

    def statuses(self, pull: PullRequest) -> list[tuple[str, str]]:
        """Return the statuses of a pull request's first head, newest first: state and address."""
        found = self.village.gitea.statuses(self.village.home, pull.head)
        assert {one["context"] for one in found} <= {f"recipeci/{RECIPE}"}
        return [(one["status"], one["target_url"]) for one in found]

    def shows(self, pull: PullRequest, *states: str) -> None:
        """Wait until a pull request's first head has had these statuses, newest first, and no others."""
        until(
            lambda: [state for state, _ in self.statuses(pull)],
            lambda seen: seen == list(states),
            what=f"statuses {states}",
            clock=SystemClock(),
            timeout=SOON,
            delay=0.2,
            successes=1,
        )

    def runs(self, pull: PullRequest, number: int) -> list[int]:
        """Wait until so many runs have a status there; return them, newest first."""
        self.wait(lambda: len(self._runs(pull)) == number, what=f"{number} runs")
        return self._runs(pull)

    def _runs(self, pull: PullRequest) -> list[int]:
        return list(dict.fromkeys(int(address.rpartition("/")[2]) for _, address in self.statuses(pull)))


def installed(site: Site, *, operating: Page = OPERATING) -> None:
    """Follow what stands before the bridge is there, and start it."""
    site.follow(operating, "Install")
    site.machine.write(TOKEN, f"{site.village.token(operating)}\n")
    site.machine.write(SETTINGS, site.machine.read(SETTINGS) + OF_THE_LAB)
    site.follow(operating, "First start")
    site.wait_until_it_serves()


def scopes(of: Page) -> list[str]:
    """Return the scopes that the operator's page names."""
    return [row[0].strip("`") for row in of.table("Install")]


def check_completeness(site: Site, of: Page) -> None:
    """Every part that has commands was followed."""
    assert {part for name, part in site.done if name == of.name} == {part for part in of.parts if of.commands(part)}
