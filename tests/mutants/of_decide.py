"""The mutants of what the bridge decides about a comment; each with the tests that must turn red."""

from __future__ import annotations

from mutants.caught import Caught, of

DECIDE = "test_service_decide*.py"

OF_DECIDE = (
    Caught(
        of(
            "decide",
            "numbers are not compared",
            "(T3) who has the name now is who commented",
            "facts.named is None or facts.named.id != comment.author.id:",
            "facts.named is None:",
        ),
        DECIDE,
        "name_is_not_his or property or matrix",
        least=70,
    ),
    Caught(
        of(
            "decide",
            "whoever may read may start runs",
            "(T3) the permission is asked for and any is enough",
            "    if facts.permission.may_write:\n",
            "    if facts.permission is not Permission.NONE:\n",
        ),
        DECIDE,
        "may_not_write or matrix or property",
        least=10,
    ),
    Caught(
        of(
            "decide",
            "the head of now is tested",
            "(T6) the commit that the event names is not looked at",
            "sha = command.sha or comment.head or pull.head",
            "sha = command.sha or pull.head",
        ),
        DECIDE,
        "has_moved_since or matrix or property",
        least=8,
    ),
    Caught(
        of(
            "decide",
            "the event is believed",
            "(T6) what the event names runs, whether or not it was the head before the comment",
            'return "" if facts.was_head else unsure',
            'return ""',
        ),
        DECIDE,
        "has_moved_since or matrix or property",
        least=8,
    ),
    Caught(
        of(
            "decide",
            "any named commit is tested",
            "a commit that is not the head runs if it is named",
            'return "" if command.sha == pull.head else',
            'return "" if command.sha else',
        ),
        DECIDE,
        "named_commit or matrix or property",
        least=10,
    ),
    Caught(
        of(
            "decide",
            "authors are not asked about",
            "(T7) the commit of a stranger need not be named",
            "    if not facts.author.may_write:\n",
            "    if facts.author is None:\n",
        ),
        DECIDE,
        "author_without_permission or matrix or property",
        least=10,
    ),
    Caught(
        of(
            "decide",
            "a push that nobody knows of was before",
            "where the forge does not say when, it counts as long ago",
            "    if facts.last_push is None:\n        return unsure\n",
            '    if facts.last_push is None:\n        return ""\n',
        ),
        DECIDE,
        "when_it_was_said or matrix",
        least=2,
    ),
    Caught(
        of(
            "decide",
            "there is no margin",
            "by polling a push in the second of the comment counts as before it",
            "MARGIN = datetime.timedelta(seconds=1)",
            "MARGIN = datetime.timedelta(seconds=0)",
        ),
        DECIDE,
        "when_it_was_said or matrix",
        least=2,
    ),
    Caught(
        of(
            "decide",
            "times that cannot be compared are in order",
            "an odd answer about the push counts as long ago",
            "    except (ValueError, TypeError):\n        return True",
            "    except (ValueError, TypeError):\n        return False",
        ),
        DECIDE,
        "when_it_was_said or matrix",
        least=3,
    ),
    Caught(
        of(
            "decide",
            "closed ones are tested",
            "(T10) whether it is open is not asked",
            "    if not facts.pull.is_open:\n",
            "    if facts.pull.is_open is None:\n",
        ),
        DECIDE,
        "closed or matrix",
        least=3,
    ),
    Caught(
        of(
            "decide",
            "we answer ourselves",
            "(T9) our own words are commands",
            "comment.author.id == facts.myself.id:",
            "comment.author.id == facts.myself.login:",
        ),
        DECIDE,
        "our_own_words",
        least=10,
    ),
    Caught(
        of(
            "decide",
            "an old cancel ends all",
            "what was asked for later ends too",
            " if (request.comment or 0) < comment.id)",
            ")",
        ),
        DECIDE,
        "cancel",
    ),
    Caught(
        of(
            "decide",
            "the queue has no end",
            "(T11) however many wait",
            "facts.queued >= QUEUE_MOST",
            "facts.queued < 0",
        ),
        DECIDE,
        "full_queue or matrix",
        least=2,
    ),
    Caught(
        of(
            "decide",
            "a later cancel is forgotten",
            "a wish that reaches us after the comment that cancels it begins",
            "    if facts.cancelled_by is not None:\n",
            "    if facts.cancelled_by == 0:\n",
        ),
        DECIDE,
        "newer_comment_cancelled or matrix",
        least=3,
    ),
)
