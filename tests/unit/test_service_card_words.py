"""service.harmless: whatever the words that a comment has to repeat try, they stay words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lab.hostile_markdown import AROUND, ATTACKS, PAYLOADS, SHA, URL, cards, wrong
from recipeci.service import card, harmless

from unit.cards import PROPERTY, html, markdown


@pytest.mark.parametrize("attack", range(len(ATTACKS)), ids=lambda number: ascii(ATTACKS[number])[:40])
def test_words_stay_words(attack: int) -> None:
    alone, *begun = PAYLOADS[attack * len(AROUND) : (attack + 1) * len(AROUND)]
    for one in (*cards(alone), *(next(iter(cards(words))) for words in begun)):
        shown = card.render(one, url=URL)
        assert wrong(html(shown)) == []
        assert shown.count(card.MARKER) == 1
        assert all(char.isprintable() or char in "\n\t" for char in shown)
        shown.encode()


def test_there_are_enough_payloads() -> None:
    assert len(PAYLOADS) >= 200


TEXT = st.text(st.sampled_from("`|\\@#!*_[]()<>-~$:&;\n\r\t aX0\x1b\u202e\u200b") | st.characters(), max_size=60)


@PROPERTY
@given(words=TEXT)
def test_property_any_words_are_harmless(words: str) -> None:
    for one in cards(words):
        shown = card.render(one, url=URL)
        assert wrong(html(shown)) == []
        assert shown.count(card.MARKER) == 1


@PROPERTY
@given(words=TEXT, most=st.integers(80, 400))
def test_property_a_fence_holds_its_words_and_ends(words: str, most: int) -> None:
    shown = harmless.fence(words, most=most)
    assert len(shown) <= most
    tokens = markdown().parse(f"{shown}\n\nafter")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]


@PROPERTY
@given(words=TEXT, most=st.integers(1, 60))
def test_property_inline_code_is_one_piece_of_code_and_no_longer(words: str, most: int) -> None:
    shown = harmless.code(words, most=most)
    assert len(shown) <= most + 2
    (inline,) = [t for t in markdown().parse(f"x {shown} y") if t.type == "inline"]
    assert [child.type for child in inline.children or []] == (["text", "code_inline", "text"] if shown else ["text"])


@pytest.mark.parametrize(
    "words",
    [
        "superseded by run 12",
        "no host is there",
        "(built-in abra)",
        "the engine's answer, it says, is odd.",
        "it took 10800 s",
    ],
)
def test_simple_words_are_left_as_they_are(words: str) -> None:
    assert harmless.plain(words) == words


@pytest.mark.parametrize(
    "words",
    [
        "run #12",
        "@alice",
        "a_b_c",
        "see x.org",
        "ABC-12",
        "1234567 x",
        "deadbeef",
        "a:b",
        "a  b",
        " a",
        "a\n",
        "- a",
        "é",
        "a/b",
        "x" * 301,
    ],
)
def test_words_that_a_forge_could_make_something_of_are_code(words: str) -> None:
    assert harmless.plain(words).startswith("`")


@pytest.mark.parametrize(("length", "shown"), [(300, "x" * 300), (301, "x" * 299 + "…"), (5000, "x" * 299 + "…")])
def test_long_words_are_cut(length: int, shown: str) -> None:
    assert harmless.code("x" * length) == f"`{shown}`"
    assert harmless.plain("x" * length) == (shown if length == 300 else f"`{shown}`")
    assert harmless.code(f"{' ' * 2000}x{' ' * 2000}") == "`x`"


@pytest.mark.parametrize("run", [1, 2, 3, 4, 19, 20, 21, 500])
def test_a_fence_is_longer_than_any_backticks_in_it_and_those_are_not_many(run: int) -> None:
    shown = harmless.fence(f"a\n{'`' * run}\nb", most=2000)
    kept = "`" * run if run < 20 else "`" * 19 + "…"
    marks = "`" * max(3, min(run, 19) + 1)
    assert shown == f"{marks}text\na\n{kept}\nb\n{marks}"


def test_of_a_long_text_the_first_third_and_the_last_two_are_kept() -> None:
    text = "".join(f"{n:03}," for n in range(1000))
    note = "\n… 4000 characters in all, the middle is left out …\n"
    assert harmless.shortened(text, most=300 + len(note)) == text[:100] + note + text[-200:]
    assert harmless.shortened(text, most=4000) == text
    assert len(harmless.shortened(text, most=3999)) == 3999
    assert len(harmless.shortened(text, most=10)) == 10


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u200bb\u3164", "a\\u200bb\\u3164"),
        ("a\ufe0fb", "ab"),
        ("a\r\nb\rc\td", "a\nb\\rc\td"),
        ("<!-- x --><!---->", "< !-- x -->< !---->"),
    ],
)
def test_what_is_not_seen_is_shown_or_taken_away(words: str, shown: str) -> None:
    assert harmless.clean(words) == shown


@pytest.mark.parametrize(
    ("page", "what"),
    [
        ("<strong>fail</strong><p>@alice</p>", "a mention: @a"),
        ("<strong>fail</strong><p>see #12</p>", "a reference: #1"),
        ("<strong>fail</strong><p>!7</p>", "a reference: !7"),
        (f"<strong>fail</strong><p>{SHA}</p>", f"a commit: {SHA}"),
        ("<strong>fail</strong><p>www.evil.test</p>", "an address: www."),
        ("<strong>fail</strong><img src='https://evil.test/x'>", "a tag: img"),
        ("<strong>fail</strong><img src='https://evil.test/x'>", "a link: https://evil.test/x"),
        ("<strong>fail</strong><a href='https://ci.test/runs/12/../x'>x</a>", "a link: https://ci.test/runs/12/../x"),
        ("<strong>fail</strong><strong>pass</strong>", "2 banners"),
        ("<p>x</p>", "0 banners"),
        ("<strong>fail</strong><details></details><details></details>", "another fold"),
        ("<strong>fail</strong></details>", "another fold"),
        ("<strong>fail</strong><!-- recipeci --><!-- x -->", "a comment:  x "),
        ("<strong>fail</strong>| x", "markup: |"),
    ],
)
def test_what_is_active_is_found(page: str, what: str) -> None:
    """The negative control of the tests above: their finder finds."""
    assert what in wrong(page)
    assert wrong("<!-- recipeci --><strong>fail</strong><p><code>@alice #12 www.x</code></p>") == []


@pytest.mark.parametrize("payload", ATTACKS[:40], ids=lambda words: ascii(words)[:40])
def test_the_same_words_outside_code_are_found(payload: str) -> None:
    """Of what aims at Markdown nearly all does something: the payloads are no straw men."""
    harmful = wrong(html(f"**fail**: {payload}"))
    assert harmful or payload in {"ABC-123", ":tada: :smile:", "ftp://evil.test/x"}
