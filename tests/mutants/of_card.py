"""The mutants of the one comment; each with the tests that must turn red."""

from __future__ import annotations

from mutants.caught import Caught, of

CARD = "test_service_card*.py"

OF_CARD = (
    Caught(
        of("harmless", "backticks stay", "(S8) inline code can be ended from inside", """.replace("`", "'")""", ""),
        CARD,
        "words_stay_words",
        least=10,
    ),
    Caught(
        of(
            "harmless",
            "bars stay",
            "(S8) a cell can be ended from inside",
            '.replace("|", "\\N{BOX DRAWINGS LIGHT VERTICAL}")',
            "",
        ),
        CARD,
        "one_cell",
        least=2,
    ),
    Caught(
        of(
            "harmless",
            "every fence has three",
            "(S8) a fence can be ended from inside",
            '    marks = "`" * max(3, 1 +',
            '    marks = "`" * min(3, 1000 +',
        ),
        CARD,
        "words_stay_words",
        least=5,
    ),
    Caught(
        of(
            "harmless",
            "nothing is cleaned",
            "(S7) control characters stay",
            '    return COMMENT.sub("< ", escaped)\n',
            "    return words\n",
        ),
        CARD,
        "shown_or_taken_away",
        least=7,
    ),
    Caught(
        of(
            "harmless",
            "all words are simple",
            "(S8) words of others are put beside ours",
            "    return words if simple else code(words, most=most)\n",
            "    return words\n",
        ),
        CARD,
        "words_stay_words",
        least=10,
    ),
    Caught(
        of(
            "card",
            "logs have no limit",
            "the forge does not take the comment",
            "    room = MOST - ",
            "    room = 10**9 - ",
        ),
        CARD,
        "long_logs or words0 or words1",
        least=3,
    ),
)
