"""docs/operating.md is followed word for word, on the lab's machine and with a real Gitea (e2e/site.py).

Numbers of runs are those of the test's own runs; between the page's commands people do what they would on a forge.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from lab import demo_bridge
from lab.gitea import PullRequest
from lab.giteaserver import PASSWORD
from recipeci.service.model import Status
from recipeci.service.store import inbox, outbox, overview, repositories, requests
from unit import weblab

from e2e import page
from e2e.page import OUTPUT, SHELL, Page
from e2e.program import LONGEST
from e2e.site import ENROLL, EXAMPLES, OPERATING, SETTINGS, TOKEN, Site, check_completeness, installed, scopes


@pytest.mark.cell
def test_the_operators_page_is_followed_word_for_word(site: Site) -> None:
    installed(site)
    sweep(site)
    pull = stop_in_the_middle(site)
    watch_it(site, pull)
    restore(site)
    lose_everything(site, pull)
    change_secrets(site, pull)
    slots(site)
    remove(site)
    check_completeness(site, OPERATING)


def sweep(site: Site) -> None:
    """The newest published version runs, for real."""
    site.follow(OPERATING, "Sweeps and cleaning")
    if shutil.which("systemd-analyze"):
        site.do("systemd-analyze verify /etc/systemd/system/recipeci-*")
    assert "\n[1/1] example/custom-html 1.0.0+1.22.1: pass (" in site.machine.log("recipeci-sweep")


def stop_in_the_middle(site: Site) -> PullRequest:
    """What runs when the worker is stopped is torn down, given out once more, and has one final status in the end."""
    pull = site.village.pull("stopped in the middle")
    site.comment(pull, "Fine.\n\n!testme --stages install")
    site.says(pull, "**running**")
    site.follow(OPERATING, "Stop, upgrade")
    assert ": the worker was stopped" in site.machine.log("recipeci-work")
    site.wait_until_it_serves()
    site.says(pull, "**pass**", timeout=LONGEST)
    (number,) = site.runs(pull, 1)
    site.shows(pull, "success", "pending")
    assert f"run {number}: attempt 1 is lost" in site.machine.log("recipeci-serve")
    return pull


def watch_it(site: Site, pull: PullRequest) -> None:
    """One run is cancelled, another one made once more; `12` of the page is one of each."""
    site.do("systemctl stop recipeci-work")
    (ended,) = site.runs(pull, 1)
    site.comment(pull, "!testme")
    site.says(pull, "**queued**")
    queued, _ = site.runs(pull, 2)
    part = "Watch"
    site.done.add((OPERATING.name, part))
    for line in OPERATING.commands(part):
        number = ended if line.startswith("recipeci rerun ") else queued
        said = site.do(re.sub(r"\b12\b", str(number), line)).out
        assert said or line.startswith("journalctl"), line
    site.wait(lambda: len(site.queue()) == 1, what="the cancelled run's end")
    (again,) = (one["id"] for one in site.queue())
    site.do(f"recipeci cancel {again}")
    site.wait(lambda: site.queue() == [], what="an empty queue")
    site.do("systemctl start recipeci-work")
    health, metrics = site.get("/healthz").json(), site.get("/metrics").text
    parts = {name for row in OPERATING.table("Watch", 0) for name in re.findall(r"`(\w+)`", row[0])}
    assert {one["name"] for one in health["parts"]} == parts
    assert set(re.findall(r"^(\w+?)(?:\{.*\})? ", metrics, re.MULTILINE)) == {
        name for row in OPERATING.table("Watch", 2) for name in re.findall(r"`(\w+)`", row[0])
    }
    for path in ("/", f"/runs/{ended}"):
        assert site.get(path).status_code == 200


def restore(site: Site) -> None:
    """What was asked for after the backup is asked for again, once, and is shown in the same comment."""
    pull = site.village.pull("asked for after the backup")
    backup, restored = OPERATING.blocks("Back up and restore")
    site.done.add((OPERATING.name, "Back up and restore"))
    site.do(backup.text)
    site.do("systemctl stop recipeci-work")
    site.comment(pull, "!testme")
    site.says(pull, "**queued**")
    (first,) = site.runs(pull, 1)
    site.do(f"recipeci cancel {first}")
    site.says(pull, "**cancelled**")
    site.shows(pull, "error", "pending")  # what waits to be sent would be gone with the database
    site.do(restored.text)
    site.wait_until_it_serves()
    site.says(pull, "**running**")
    site.comment(pull, "!testme cancel")
    site.says(pull, "**cancelled**")
    site.shows(pull, "error", "pending", "error", "pending")
    assert site.queue() == []


def lose_everything(site: Site, pull: PullRequest) -> None:
    """With an empty database comments from before count nothing, and the one comment is found again."""
    (before,) = site.village.own_comments(pull)
    site.do("systemctl stop recipeci-work recipeci-serve && rm /var/lib/recipeci/*")
    site.do("systemctl start recipeci-serve recipeci-work && recipeci enroll example/custom-html")
    site.wait_until_it_serves()
    site.comment(pull, "!testme help")
    assert site.says(pull, "What can be said here") != before
    assert site.queue() == []


def change_secrets(site: Site, pull: PullRequest) -> None:
    """A delivery signed by the new secret is taken, one webhook is there, and both secrets were good meanwhile."""
    old = site.machine.read("/etc/recipeci/webhook")
    site.follow(OPERATING, "Change the webhook secret")
    new = site.machine.read("/etc/recipeci/webhook")
    assert len(new.splitlines()) == 1
    assert new != old
    site.wait_until_it_serves()
    assert len(site.hooks()) == 1
    site.comment(pull, "!testme help")
    site.wait(lambda: taken(site) >= 1, what="the webhook's delivery")
    token = site.machine.read(TOKEN).strip()
    site.machine.write(TOKEN, f"{site.village.token()}\n")
    site.follow(OPERATING, "Change the token")
    forget(site, token)
    site.wait_until_it_serves()
    site.comment(pull, "!testme help me")
    site.says(pull, "Nothing else can stand behind")


def taken(site: Site) -> int:
    """Return how many deliveries were taken since the bridge was started.

    One is known already if its comment was listed before it came; its signature was looked at all the same.
    """
    metrics = site.get("/metrics").text
    found = re.findall(r'^recipeci_webhooks_total\{result="(?:taken|known)"\} (\d+)', metrics, re.MULTILINE)
    assert len(found) == len(("taken", "known"))
    return sum(map(int, found))


def forget(site: Site, token: str) -> None:
    """Delete a token on the forge."""
    gitea, login = site.village.gitea, site.village.bot.login
    tokens = gitea.do("GET", f"users/{login}/tokens", auth=(login, PASSWORD))
    (number,) = (one["id"] for one in tokens if token.endswith(one["token_last_eight"]))
    gitea.do("DELETE", f"users/{login}/tokens/{number}", auth=(login, PASSWORD))


def slots(site: Site) -> None:
    site.machine.write(SETTINGS, site.machine.read(SETTINGS).replace("slots: 1", "slots: 2"))
    site.follow(OPERATING, "More slots")
    site.wait(lambda: "slots: 2" in site.do("recipeci queue").out, what="a worker with two slots")


def remove(site: Site) -> None:
    site.follow(OPERATING, "Remove a repository")
    assert site.do("recipeci enroll --list").out == ""
    assert site.hooks() == []


# --- controls


@pytest.mark.cell
@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("-m 600 -o recipeci /dev/null /etc/recipeci/token", "-m 644 /dev/null /etc/recipeci/token", "open to others"),
        ("| `write:issue` |", "| `read:issue` |", "comment (scope write:issue)"),
        ("recipe custom-html; webhook", "recipe our-website; webhook", "recipe our-website; webhook"),
    ],
)
def test_a_mistake_in_the_page_is_found(site: Site, right: str, wrong: str, said: str) -> None:
    with pytest.raises(AssertionError) as caught:
        installed(site, operating=OPERATING.with_mistake(right, wrong))
    assert said in str(caught.value)
    site.machine.do("systemctl stop recipeci-serve; systemctl stop recipeci-work")


# --- what can be known without a machine


def test_the_bot_of_the_page_has_the_scopes_that_the_lab_gives_its_own() -> None:
    assert sorted(scopes(OPERATING)) == sorted(demo_bridge.SCOPES)


def test_each_alert_is_in_the_page_in_the_words_in_which_it_is_told(tmp_path: Path) -> None:
    told = {numberless(words) for row in OPERATING.table("Watch", 1) for words in re.findall("`(.+?)`", row[0])}
    assert told == {numberless(words) for words in alerts(tmp_path)}


def numberless(words: str) -> str:
    return re.sub(r"\d+", "N", words)


def alerts(folder: Path) -> set[str]:
    """Have everything go wrong that an operator is told of; return the words."""
    said: set[str] = set()
    for is_status in (False, True):
        (folder / str(is_status)).mkdir()
        with weblab.lab(folder / str(is_status)) as here:
            said |= alerts_of(here, is_status=is_status)
    return said


def alerts_of(here: weblab.Lab, *, is_status: bool) -> set[str]:
    """Have a run wait, a comment be given up, and an effect be late and then be given up."""
    home, later = here.enrol(), here.now + 301
    number = here.open(home)
    status = Status(weblab.SHA, "pending", "recipeci/fountain", "run 1 is queued", "https://ci.test/runs/1")
    with here.database.writing() as tx:
        requests.attempt(tx, number, after=0)
        requests.submitted(tx, number, attempt=1)
        requests.waits(tx, number, why="no worker has been seen lately")
        weblab.take(tx, home, 55, now=here.now)
        if is_status:
            outbox.status(tx, status, repository=home.id, request=number, final=False, now=here.now)
        else:
            outbox.card(tx, repository=home.id, pull=3, now=here.now)
        repositories.gone(tx, home.id, now=here.now)
        said = {alert.what for alert in overview.alerts(tx, now=later)}
        inbox.given_up(tx, weblab.comment(home, 55), why="the forge did not answer", now=here.now)
        for effect in outbox.due(tx, now=later):
            outbox.given_up(tx, effect, why="403", now=here.now)
        return said | {alert.what for alert in overview.alerts(tx, now=later)}


@pytest.mark.parametrize("read", [OPERATING, ENROLL], ids=lambda read: read.name)
def test_each_block_is_something_to_do_to_write_or_to_compare(read: Page) -> None:
    found = page.blocks(read.text)
    assert len(found) == read.text.count("\n```") / 2
    assert {block.kind for block in found if not block.name} <= {SHELL, OUTPUT, *EXAMPLES}
    assert found[0].kind == SHELL
