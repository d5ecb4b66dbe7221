"""service.card through the real Gitea's own renderer: words of runs, recipes and people stay words (threats S8)."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from lab.gitea import LabGitea
from lab.hostile_markdown import AROUND, ATTACKS, TAGS, URL, cards, wrong
from recipeci.service import card
from recipeci.service.decide import KNOWN
from recipeci.service.model import Card, Repository

WRAPPED = TAGS | {"div", "span"}
"""Gitea 1.26 puts blocks of code into boxes of its own."""
Render = Callable[[str], str]


@pytest.fixture(scope="session")
def render(gitea: LabGitea) -> Render:
    """What Gitea makes of a comment; a user alice is there to be mentioned."""
    owner = gitea.person("owner")
    gitea.known("alice")
    home = gitea.repository(owner)
    return lambda text: gitea.markdown(home, text)


@pytest.mark.parametrize("around", AROUND)
def test_no_words_become_anything_else_wherever_they_stand(render: Render, around: str) -> None:
    found = {}
    for attack in ATTACKS:
        words = around.replace("{}", attack)
        for number, one in enumerate(itertools.islice(cards(words), None if around == AROUND[0] else 1)):
            page = render(card.render(one, url=URL))
            if what := wrong(page, tags=WRAPPED):
                found[words, number] = what
            assert "<strong>" in page
    assert found == {}


def test_an_answer_is_shown_as_it_is_meant(render: Render) -> None:
    home = Repository(5, "a/b", "app", private=False, clone_url="", since="", cursor="")
    page = render(card.render(Card(home, 7, answer=f"What can be said here:\n\n{KNOWN}"), url=URL))
    assert wrong(page, tags=WRAPPED) == []
    assert "<li><code>!testme cancel</code>: ends what is queued or running here</li>" in page


def test_the_marker_is_not_seen(render: Render) -> None:
    assert render(f"{card.MARKER}\nhello").strip() == '<p dir="auto">hello</p>'


@pytest.mark.parametrize(
    "words",
    [
        "@alice",
        "#12",
        "https://evil.test/",
        "![beacon](https://evil.test/beacon.png)",
        "<img src=https://evil.test/beacon.png>",
        "[click](https://evil.test)",
        "</code></pre></details><img src=x>",
        "**pass**\n\n**pass**",
        "# PASS",
    ],
)
def test_the_same_words_by_themselves_are_found_to_be_active(render: Render, words: str) -> None:
    """The control: without it nobody knows that anything is looked for."""
    assert wrong(f"<strong>x</strong>{render(words)}", tags=WRAPPED)
