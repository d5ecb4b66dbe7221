"""The mutants of what the bridge reads of a webhook; each with the tests that must turn red."""

from __future__ import annotations

from mutants.caught import Caught, of

EVENTS = "test_service_events*.py"

OF_EVENTS = (
    Caught(
        of(
            "events",
            "a signature is compared after parsing",
            "who has not signed a body learns what is wrong with it",
            "    _check_signatures(headers, body, secrets)\n    event",
            "    _parsed(body)\n    _check_signatures(headers, body, secrets)\n    event",
        ),
        EVENTS,
        "not_told_to_who_has_not_signed",
        least=7,
    ),
    Caught(
        of(
            "events",
            "every signature is right",
            "(T1) the comparison of digests says yes",
            "any([hmac.compare_digest(found[1].encode(), one) for one in wanted])",
            "any([True for one in wanted])",
        ),
        EVENTS,
        "signature or signed",
        least=15,
    ),
    Caught(
        of(
            "events",
            "one right signature is enough",
            "of several signatures only the first is compared",
            "    for name, value in given.items():\n",
            "    for name, value in list(given.items())[:1]:\n",
        ),
        EVENTS,
        "wrong_signature",
        least=2,
    ),
    Caught(
        of(
            "events",
            "of two headers the first counts",
            "a header that is there twice is taken",
            "    if len(values) > 1:\n",
            "    if len(values) > 100:\n",
        ),
        EVENTS,
        "wrong_signature or name_one_event or plain_json",
        least=4,
    ),
    Caught(
        of(
            "events",
            "an empty secret is one",
            "anybody can sign with the secret that was not set",
            "    if not secrets or not all(secret.strip() for secret in secrets):\n",
            "    if not secrets:\n",
        ),
        EVENTS,
        "without_a_secret",
        least=3,
    ),
    Caught(
        of(
            "events",
            "the sender is not compared",
            "(T4) whoever sends, the comment is its author's",
            " or author.id != sender.id:",
            ":",
        ),
        EVENTS,
        "sender_who_is_not_the_author",
        least=5,
    ),
    Caught(
        of(
            "events",
            "edited comments count",
            "(T8) when a comment was changed is not looked at",
            '    if created != _time(comment.get("updated_at")):\n',
            '    if not _time(comment.get("updated_at")):\n',
        ),
        EVENTS,
        "edited_comment",
        least=3,
    ),
    Caught(
        of(
            "events",
            "of two equal keys the last counts",
            "(T15) as json.loads does it",
            "    if len(data) < len(pairs):\n",
            "    if len(data) > len(pairs):\n",
        ),
        EVENTS,
        "no_json_of_an_event",
        least=3,
    ),
    Caught(
        of("events", "any depth is taken", "(T15) nesting is left to the parser", "        _check_depth(text)\n", ""),
        EVENTS,
        "as_deep_as_an_event",
    ),
    Caught(
        of(
            "events",
            "true is a number",
            "as it is to Python",
            "    if type(data) is not int or not 1",
            "    if not isinstance(data, int) or not 1",
        ),
        EVENTS,
        "out_of_range or another_kind",
        least=5,
    ),
    Caught(
        of(
            "events",
            "any head is one",
            "(T7) what the event names as head need not have 40 digits",
            "isinstance(sha, str) and FULL_SHA.match(sha) else",
            "isinstance(sha, str) else",
        ),
        EVENTS,
        "head_that_is_not_40_digits",
        least=5,
    ),
)
