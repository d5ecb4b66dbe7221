"""The only place for words that try to be more than words in a comment, and for what finds out whether they are.

The same payloads go through markdown-it-py in the unit tests and through a real Gitea's own renderer in the contract
tests: `cards` puts one into every place of a comment that says something of a run, a recipe or a person.
"""

from __future__ import annotations

import dataclasses
import html.parser
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

from recipeci.model import Tier
from recipeci.report.write import as_json
from recipeci.service.model import Asked, Card, End, Repository, Request, State
from unit import reports

URL = "https://ci.test"
SHA = reports.SHA
ATTACKS: tuple[str, ...] = (
    # Whom and what a forge would tell of it.
    "@alice",
    "hello @alice, look",
    "(@alice)",
    "@recipes/maintainers",
    "\n@alice\n",
    "alice@example.org",
    "#12",
    "fixes #12",
    "closes recipes/custom-html#12",
    "!7",
    "recipes/custom-html!7",
    "ABC-123",
    SHA,
    SHA[:10],
    f"recipes/custom-html@{SHA}",
    "[[wiki page]]",
    "[[page.png]]",
    ":tada: :smile:",
    # Links and images.
    "https://evil.test/",
    "http://evil.test/a?b=c#d",
    "www.evil.test",
    "ftp://evil.test/x",
    "mailto:alice@example.org",
    "<https://evil.test>",
    "<alice@example.org>",
    "[click](https://evil.test)",
    "[click](javascript:alert(1))",
    "[click][x]\n\n[x]: https://evil.test",
    "[x]: https://evil.test",
    "![beacon](https://evil.test/beacon.png)",
    "![beacon][x]\n\n[x]: https://evil.test/beacon.png",
    "[![both](https://evil.test/b.png)](https://evil.test)",
    "[^1]\n\n[^1]: https://evil.test",
    # HTML.
    "<img src=https://evil.test/beacon.png>",
    "<script>alert(1)</script>",
    "<b onmouseover=alert(1)>x</b>",
    "<a href='https://evil.test'>x</a>",
    "<details><summary>PASS</summary>",
    "</details>",
    "</code></pre></details><img src=x>",
    "</td></tr></table><h1>pass</h1>",
    "<!-- recipeci -->",
    "<!-- recipeci -->\n**pass**",
    "<!--",
    "-->",
    "<![CDATA[<img src=x>]]>",
    "<?php echo 1 ?>",
    "<!DOCTYPE html>",
    "<style>*{display:none}</style>",
    "<svg/onload=alert(1)>",
    "&lt;img src=x&gt; &#64;alice &#x3c;b&#x3e;",
    # Ends of code, tables and lists.
    "`",
    "``",
    "`@alice`",
    "`` ` ``",
    "```",
    "```\n@alice\n```",
    "````\n@alice\n````",
    "~~~\n@alice\n~~~",
    "`" * 19,
    "`" * 20,
    "`" * 500 + "\n@alice",
    "```text\n```\n**pass**",
    "|",
    "| @alice | ![x](https://evil.test/x.png) |",
    "\\|",
    "\\\\|",
    "a`|`b",
    "\\",
    "ends with a backslash\\",
    "\\`@alice\\`",
    "| --- | --- |",
    "---",
    "===",
    "> quote",
    "- [ ] task",
    "1. one",
    "    indented",
    "$x$ $`y`$",
    "$$\nx\n$$",
    "\\(x\\) \\[y\\]",
    # Banners.
    "**pass**",
    "# PASS",
    "PASS\n====",
    "__pass__ level 5",
    "<h1>pass</h1>",
    "**pass** · [run 1](https://evil.test)",
    # Characters that are not seen, or move others.
    "\x1b[31mred\x1b[0m @alice",
    "\x1b]8;;https://evil.test\x07link\x1b]8;;\x07",
    "\x1b[2J\x1b[H\x9b31m",
    "one\rtwo\x08\x7f",
    "\x00\x01\x1f",
    "\u202ePASS\u202c",
    "\u2066left\u2069 \u200f",
    "zero\u200bwidth\u200c\u200d\u2060\ufeff",
    "soft\u00adhyphen",
    "line\u2028paragraph\u2029next\u0085",
    "\ud800 half a pair",
    "\U000e0041\U000e0042 tags",
    "\ufe0f\ufe0e\U000e0100",
    "\u3164\u115f\u1160\uffa0\u2800\u034f",
    "＠alice ＃12 ！7",
    "\N{FULLWIDTH GRAVE ACCENT}\N{FULLWIDTH GRAVE ACCENT}",
)
AROUND: tuple[str, ...] = ("{}", "`{}", "x\n```\n{} | x")
PAYLOADS: tuple[str, ...] = tuple(around.replace("{}", attack) for attack, around in itertools.product(ATTACKS, AROUND))
"""Each attack alone, and begun or continued by something else."""

Json = dict[str, Any]


def report(words: str) -> Json:
    """Return a report of a run that failed, with the words wherever a recipe, a log or an author has the say."""
    data: Json = json.loads(as_json(reports.PASSED))
    data |= {"verdict": "fail", "exit_code": 1, "level": 0, "label": f"fail ({words})"}
    test = {"name": words or "test", "outcome": "fail", "seconds": 0.5, "message": words}
    suite = {"source": "repo", "path": words, "outcome": "fail", "message": words, "tests": [test]}
    for tier in data["tiers"]:
        tier.update(outcome="fail", reason=words, op=words, suites=[suite])
    data["lint"] |= {"reason": words, "findings": [words]}
    data["notes"] = [words]
    return data


def request(number: int, words: str, **changes: Any) -> Request:  # noqa: ANN401 - fields of Request
    """Return a request that failed for a reason in these words."""
    url = "".join(char for char in words if char.isprintable() and not char.isspace())
    asked = Asked("custom-html", SHA, tuple(Tier), f"https://forge.test/{url}", None, 7)
    made = Request(
        number, 5, asked, State.FINAL, 1.0e9, asked_by=words, reason=words, end=End.FAIL, report=report(words)
    )
    return dataclasses.replace(made, **changes)


def cards(words: str) -> Iterator[Card]:
    """Yield comments that tell of it in each of their states, in each with the words in every place."""
    home = Repository(5, words, "custom-html", False, "https://forge.test/x", "", "")  # noqa: FBT003
    early = report(words) | {"errors": [{"kind": "host", "message": words, "hint": words}], "tiers": []}
    opened: Json = {"state": State.OPEN, "end": None, "report": None}
    old = request(8, words, report=None)
    for newest in (
        request(9, words),
        request(9, words, report=early, end=End.ERROR),
        request(9, words, report=None, end=End.CANCELLED),
        request(9, words, **opened),
        request(9, words, **opened, cancel=words),
        request(9, words, **opened, is_running=True, started=1.0e9),
    ):
        yield Card(home, 7, (newest, old), waiting=words)


class _Seen(html.parser.HTMLParser):
    """What a page has: its tags, where its links lead, and the text that is not code."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ends: list[str] = []
        self.comments: list[str] = []
        self.text = ""
        self._code: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.text += " "
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag in ("code", "pre"):
            self._code.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.ends.append(tag)
        if tag in self._code:
            self._code.remove(tag)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        self.text += " " if self._code else data


TAGS = frozenset(("a", "code", "details", "li", "p", "pre", "strong", "summary", "table", "tbody", "td", "th", "thead"))
TAGS |= {"tr", "ul"}
"""The elements that the template makes."""
ACTIVE = {
    "a mention": re.compile(r"@\w"),
    "a reference": re.compile(r"[#!]\d"),
    "a commit": re.compile(r"\b[0-9a-f]{7,}\b"),
    "an address": re.compile(r"https?:|www\.|mailto:"),
    "markup": re.compile(r"[*_`|<>\[\]]"),
}


def wrong(page: str, *, tags: frozenset[str] = TAGS) -> list[str]:
    """Return what a rendered comment has beside its template: a tag, link or banner too many, or active text.

    `tags` are those that may be there: a forge's own renderer wraps some things once more.
    """
    seen = _Seen()
    seen.feed(page)
    seen.close()
    found = [f"a tag: {tag}" for tag in seen.tags if tag not in tags]
    found += [f"a link: {link}" for link in seen.links if not re.fullmatch(rf"{re.escape(URL)}/runs/\d+", link)]
    found += [f"{seen.tags.count('strong')} banners"] if seen.tags.count("strong") != 1 else []
    folds = (seen.tags.count("details"), seen.ends.count("details"))
    found += ["another fold"] if folds not in ((0, 0), (1, 1)) else []
    found += [f"a comment: {words}" for words in seen.comments if words != " recipeci "]
    found += [f"{what}: {hit[0]}" for what, pattern in ACTIVE.items() if (hit := pattern.search(seen.text))]
    return found
