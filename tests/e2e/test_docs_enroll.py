"""docs/enroll-recipe.md is followed word for word, on the lab's machine and with a real Gitea (e2e/site.py)."""

from __future__ import annotations

import pytest
from lab.gitea import PullRequest
from recipeci.service import card
from recipeci.service.decide import FORMS
from recipeci.service.statuses import STATES

from e2e.page import OUTPUT, Block
from e2e.program import LONGEST
from e2e.site import ENROLL, OWNER, RECIPE, Site, check_completeness, installed


@pytest.mark.cell
def test_the_maintainers_page_is_followed_word_for_word(site: Site) -> None:
    installed(site)
    site.follow(ENROLL, "Once")
    pull = site.village.pull("a change")
    site.comment(pull, "Looks good to me.\n\n!testme")
    site.says(pull, "**running**")
    site.shows(pull, "pending")
    compare(site, site.says(pull, "**pass**", timeout=LONGEST), "What comes back")
    site.shows(pull, "success", "pending")
    site.do("systemctl stop recipeci-work")
    each_comment(site, pull)
    somebody_elses(site)
    at_home(site, pull)
    check_completeness(site, ENROLL)


def compare(site: Site, said: str, part: str) -> None:
    """Hold a comment against the first block that shows one."""
    shown = next(block for block in ENROLL.blocks(part) if block.kind == OUTPUT)
    assert said.startswith(f"{card.MARKER}\n")
    assert Block(OUTPUT, site.here(shown.text), "").is_said_in(said) == [], said


def each_comment(site: Site, pull: PullRequest) -> None:
    """Say each of the page's commands once, while nothing is carried out; each run gets its one end."""
    said = [row[0].strip("`").replace("<40 hex digits>", pull.head) for row in ENROLL.table("Ask")]
    *tests, cancel, ask_for_help = said
    for number, words in enumerate(tests, start=2):
        site.comment(pull, words)
        site.runs(pull, number)
    site.comment(pull, cancel)
    site.says(pull, "**cancelled**")
    site.comment(pull, ask_for_help)
    site.says(pull, "What can be said here")
    site.comment(pull, f"> {tests[0]}\n\n`{tests[0]}`\n\n{tests[0]}xyz")
    site.comment(pull, cancel)
    site.says(pull, "Nothing is queued or running here.")
    site.runs(pull, 4)
    site.wait(lambda: ends(site, pull) == [["error"], ["error"], ["error"], ["success"]], what="one end of each run")


def ends(site: Site, pull: PullRequest) -> list[list[str]]:
    """Return the final statuses that each run has, newest run first."""
    shown = site.statuses(pull)
    runs = dict.fromkeys(of for _, of in sorted(shown, key=lambda one: -int(one[1].rpartition("/")[2])))
    return [[state for state, of in shown if of == run and state != "pending"] for run in runs]


def somebody_elses(site: Site) -> None:
    """A stranger starts nothing; of a stranger's pull request a commit must be named."""
    pull = site.village.pull("a stranger's change", by=site.village.stranger)
    site.comment(pull, "!testme", by=site.village.stranger)
    site.says(pull, "This needs a maintainer")
    site.comment(pull, "!testme")
    compare(site, site.says(pull, "must be named"), "Who, and which commit")
    site.comment(pull, f"!testme {pull.head}")
    site.says(pull, "**queued**")
    site.comment(pull, "!testme cancel")
    site.says(pull, "**cancelled**")


def at_home(site: Site, pull: PullRequest) -> None:
    """The commands for home plan a run here; test_readme.py carries such ones out."""
    part = "At home"
    site.done.add((ENROLL.name, part))
    (said,) = site.village.own_comments(pull)
    reproduce = said.partition("reproduce:")[2].partition("```text\n")[2].partition("\n")[0]
    site.do(f"mkdir /opt/clone && git clone -q {site.village.gitea.url}/{OWNER}/{RECIPE} /opt/clone/{RECIPE}")
    for command in (reproduce, *ENROLL.commands(part)):
        planned = site.do(f"cd /opt/clone && {command} --plan").out
        assert RECIPE in planned
    assert pull.head in site.do(f"{reproduce} --plan").out


# --- what can be known without a machine


def test_each_command_of_a_comment_is_in_the_page_as_the_bridge_tells_it() -> None:
    assert [(row[0].strip("`"), row[1]) for row in ENROLL.table("Ask")] == list(FORMS)


def test_each_end_is_in_the_page_with_its_status() -> None:
    told = {(row[0], end) for row in ENROLL.table("What comes back") for end in row[1].split(", ")}
    assert told == {(state, end.value) for end, state in STATES.items()} | {
        ("pending", "queued"),
        ("pending", "running"),
    }
