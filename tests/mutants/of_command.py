"""The mutants of what the bridge takes for a command; each with the tests that must turn red."""

from __future__ import annotations

from mutants.caught import Caught, of

COMMAND = "test_service_command*.py"

OF_COMMAND = (
    Caught(
        of(
            "command",
            "Markdown is searched",
            "(T9) a regular expression looks for lines instead of a parser for paragraphs",
            "for line in _lines(tokens))",
            "for line in (Line(text[at.end() :].partition('\\n')[0]) for at in PERHAPS.finditer(text)) if tokens)",
        ),
        COMMAND,
        "talk_about_a_command_is_none or property",
        least=60,
    ),
    Caught(
        of(
            "command",
            "quotes and lists count",
            "(T9) a paragraph counts wherever it is",
            " and token.level == 1:\n                yield from found",
            ":\n                yield from found",
        ),
        COMMAND,
        "talk_about_a_command_is_none or property",
        least=5,
    ),
    Caught(
        of(
            "command",
            "HTML elements are not followed",
            "(T9) what stands between two tags counts",
            "                self.elements.append(element)\n",
            "                pass\n",
        ),
        COMMAND,
        "talk_about_a_command_is_none or property",
        least=6,
    ),
    Caught(
        of(
            "command",
            "escapes and entities count",
            "what only looks like the word is the word",
            '.disable("text_join")',
            "",
        ),
        COMMAND,
        "talk_about_a_command_is_none or property",
        least=3,
    ),
    Caught(
        of(
            "command",
            "links and emphasis count",
            "a line inside a link is a line",
            "outside = [], depth == 0 and not",
            "outside = [], depth >= 0 and not",
        ),
        COMMAND,
        "talk_about_a_command_is_none or property",
        least=2,
    ),
    Caught(
        of(
            "command",
            "short shas count",
            "(T7) four digits name a commit",
            "case [sha] if FULL_SHA.match(sha)",
            "case [sha] if HEX.fullmatch(sha)",
        ),
        COMMAND,
        "stands_behind_the_word",
        least=5,
    ),
    Caught(
        of(
            "command",
            "the first of two counts",
            "two different commands are no question",
            "if len(said) > 1",
            "if len(said) > 9",
        ),
        COMMAND,
        "stands_behind_the_word",
        least=4,
    ),
    Caught(
        of(
            "command",
            "steps are not counted",
            "(T15) any Markdown is parsed to its end",
            "STEPS_MOST = 300_000",
            "STEPS_MOST = 10**12",
        ),
        COMMAND,
        "too_hard_to_parse and angles",
    ),
)
