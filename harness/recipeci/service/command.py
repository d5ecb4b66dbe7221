"""The only place that finds the command in a comment: a whole line of a plain paragraph, by CommonMark's rules. Pure.

Markdown is parsed, never searched (threats T9): what stands in quotes, lists, code, tables, headings, links or HTML is
talk about a command. The grammar is closed: whatever else stands behind the word is answered, never guessed at.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from recipeci.model import FULL_SHA, Tier
from recipeci.service.model import Cancel, Command, Help, Test, Unknown

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MOST_BYTES = 64 * 1024
"""A longer comment is a pasted log, and to parse it could take long: no command is looked for in it."""
STEPS = "steps"
STEPS_MOST = 300_000
"""Some Markdown takes minutes to parse: what takes more steps than this is not read. A page of prose takes 1000."""
STEP_CHARACTERS = 100
"""An HTML tag's end may be looked for to the end of the text: each so many characters of it are a step."""
PERHAPS = re.compile(r"^[ \t]*!testme", re.MULTILINE)
WORD = re.compile(r"!testme(?=$|[ \t!-,./:-@\[-^`{-~])")
"""The word and then its end: `!testmexyz`, `!testme-x` and look-alike letters make other words, `!testme;` does not."""
ODD_SPACE = re.compile(r"[\x0b\x0c\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
"""White space to Python, and so to the parser, but not to CommonMark."""
VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)
"""Elements that nothing is inside of."""
HTML_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
HTML_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)")
HEX = re.compile(r"[0-9a-fA-F]{4,64}")
DEEPEST = 100
"""Of more elements the ends are not looked for: all the rest counts as being in them."""
SIMPLE: Mapping[tuple[str, ...], Command] = {(): Test(), ("cancel",): Cancel(), ("help",): Help()}
DIFFERENT = "There are two different commands in this comment, and one alone counts"
NOTHING_ELSE = "Nothing else can stand behind `!testme`"
WHICH_COMMIT = "A commit is named by all of its 40 hex digits, in lower case"
WHICH_STAGES = f"`--stages` takes a list with commas and no spaces of {', '.join(Tier)}"
NO_BACKUP = "A restore needs a backup: `--stages backup,restore`"


def find(body: str) -> Command | None:
    """Return the command of a comment, None if it has none; equal ones count once, different ones are Unknown."""
    if is_too_long(body):
        return None
    text = ODD_SPACE.sub("\N{REPLACEMENT CHARACTER}", body.replace("\r\n", "\n").replace("\r", "\n"))
    if not PERHAPS.search(text):
        return None
    try:
        tokens = _parser().parse(text, {STEPS: 0})
    except TooHard:
        return None
    said = dict.fromkeys(_command(line) for line in _lines(tokens))
    return Unknown(DIFFERENT) if len(said) > 1 else next(iter(said), None)


def is_too_long(body: str) -> bool:
    """Say whether a comment is longer than any in which a command is looked for."""
    return len(body.encode(errors="replace")) > MOST_BYTES


class TooHard(Exception):
    """To parse the text takes too many steps."""


@dataclass(frozen=True)
class Line:
    """One line of a plain paragraph that begins with the word: what is behind it, None if that is no plain text."""

    rest: str | None


@dataclass
class Html:
    """The HTML elements that are open at some place of a comment; one that is never closed has all the rest in it."""

    elements: list[str] = field(default_factory=list)

    def feed(self, html: str) -> None:
        """Follow the tags in a piece of HTML."""
        for closing, name in HTML_TAG.findall(HTML_COMMENT.sub("", html)):
            element = name.lower()
            if len(self.elements) == DEEPEST:
                return
            if not closing and element not in VOID:
                self.elements.append(element)
            elif closing and element in self.elements:
                del self.elements[len(self.elements) - 1 - self.elements[::-1].index(element) :]


@functools.cache
def _parser() -> MarkdownIt:
    """Return the parser: CommonMark with tables, in which a character that was written as an escape or entity shows.

    It is used once before any other thread can have it: it completes its tables of rules while it is first used.
    """
    from markdown_it import MarkdownIt  # noqa: PLC0415 - `--help` does without

    parser = MarkdownIt("commonmark").enable("table").disable("text_join")
    for rule in list(parser.block.ruler.__rules__):
        parser.block.ruler.at(rule.name, _counted(rule.fn), {"alt": rule.alt})
    for tag in [rule for rule in parser.inline.ruler.__rules__ if rule.name == "html_inline"]:
        parser.inline.ruler.at(tag.name, _counted(tag.fn, characters=True))
    parser.parse("used once", {STEPS: 0})
    return parser


def _counted(rule: Callable[..., bool], *, characters: bool = False) -> Callable[..., bool]:
    """Return a rule of the parser that counts how often it is tried, each parse for itself."""

    def counted(state: Any, *place: Any) -> bool:  # noqa: ANN401 - each kind of rule has its own
        left = len(state.src) - state.pos if characters and state.src.startswith("<", state.pos) else 0
        state.env[STEPS] += 1 + left // STEP_CHARACTERS
        if state.env[STEPS] > STEPS_MOST:
            raise TooHard
        return rule(state, *place)

    return counted


def _lines(tokens: Sequence[Token]) -> Iterator[Line]:
    """Yield the lines that begin with the word, in paragraphs that are in nothing else."""
    html, before = Html(), ""
    for token in tokens:
        if token.type == "html_block":
            html.feed(token.content)
        elif token.type == "inline":
            found = list(_of_inline(token.children or [], html))
            # An inline token is one level below its paragraph; in a quote or a list it is deeper.
            if before == "paragraph_open" and token.level == 1:
                yield from found
        before = token.type


def _of_inline(children: Sequence[Token], html: Html) -> Iterator[Line]:
    """Yield the lines that begin with the word and begin outside links, emphasis and HTML."""
    line: list[Token] = []
    depth, outside = 0, not html.elements
    for child in children:
        if child.type in ("softbreak", "hardbreak"):
            yield from _line(line if outside else [])
            line, outside = [], depth == 0 and not html.elements
            continue
        line.append(child)
        depth += child.nesting
        if child.type == "html_inline":
            html.feed(child.content)
    yield from _line(line if outside else [])


def _line(tokens: Sequence[Token]) -> Iterator[Line]:
    """Yield the line if it begins with the word."""
    if not tokens or tokens[0].type != "text":
        return
    text = tokens[0].content.strip(" \t")
    if found := WORD.match(text):
        yield Line(text[found.end() :] if len(tokens) == 1 else None)


def _command(line: Line) -> Command:
    """Return what a line says."""
    if line.rest is None or line.rest[:1] not in ("", " ", "\t"):
        return Unknown(NOTHING_ELSE)
    words = tuple(line.rest.split())
    if words in SIMPLE:
        return SIMPLE[words]
    match words:
        case [sha] if FULL_SHA.match(sha):
            return Test(sha)
        case ["--stages", stages]:
            return _test(None, stages)
        case [sha, "--stages", stages] | ["--stages", stages, sha] if FULL_SHA.match(sha):
            return _test(sha, stages)
        case _:
            return Unknown(_wrong(words))


def _test(sha: str | None, stages: str) -> Command:
    """Return the run of some stages, in the order of the tiers; each can be named once."""
    names = stages.split(",")
    if not set(names) <= set(Tier) or len(set(names)) < len(names):
        return Unknown(WHICH_STAGES)
    if Tier.RESTORE in names and Tier.BACKUP not in names:
        return Unknown(NO_BACKUP)
    return Test(sha, tuple(tier for tier in Tier if tier in names))


def _wrong(words: Sequence[str]) -> str:
    """Say what is wrong with words that are no command, without a word of theirs."""
    if any(HEX.fullmatch(word) and not FULL_SHA.match(word) for word in words):
        return WHICH_COMMIT
    return WHICH_STAGES if any(word.startswith("--stages") for word in words) else NOTHING_ELSE
