"""service.events: each value of an event has its kind and range, and only a new comment under a pull request counts."""

from __future__ import annotations

import pytest
from recipeci.service import events
from recipeci.service.events import Ignored
from recipeci.service.model import Comment

from unit.signed import BODY, COMMENT, PAYLOAD, SHA, changed, refused, told


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b'"x"',
        b"1",
        b"NaN",
        BODY[:100],
        BODY + b"{}",
        b"\xef\xbb\xbf" + BODY,
        BODY.decode().encode("utf-16"),
        BODY.decode().encode("utf-32-le"),
        BODY.replace(b"alice", b"al\xffice"),
        BODY.replace(b"alice", b"al\xed\xa0\x80ice"),
        BODY.replace(b"alice", b"al\x00ice"),
        BODY.replace(b'"id": 5', b'"id": 5, "id": 5'),
        BODY.replace(b'"id": 12', b'"id": 1, "\\u0069d": 12', 1),
        BODY.replace(b'"action"', b'"action": "deleted", "action"'),
        BODY.replace(b'"id": 5', b'"id": ' + b"9" * 5000),
        BODY.replace(b'"id": 5', b'"id": ' + b"9" * 21),
        BODY.replace(b'"id": 31', b'"id": ' + b"9" * 21),
        BODY.replace(b'"id": 31', b'"id": NaN'),
        BODY.replace(b'"id": 31', b'"id": -Infinity'),
        BODY.replace(b'"id": 5', b'"id": 05'),
        BODY.replace(b'"id": 5', b'"id": 0x5'),
        BODY.replace(b'"id": 5', b"'id': 5"),
        BODY.replace(b'"is_pull": true', b'"is_pull": true,'),
        b"[" * (events.BODY_MOST - 1),
        b'{"a":' * 200_000,
        b'"\\"' * 300_000,
    ],
    ids=lambda body: f"{bytes(body)[:20]!r} of {len(body)}",
)
def test_what_is_no_json_of_an_event_is_refused(body: bytes) -> None:
    assert refused(lambda: told(body)) == 400


@pytest.mark.parametrize(
    "path",
    [
        "action",
        "issue",
        "comment",
        "repository",
        "sender",
        "issue.number",
        "comment.id",
        "comment.user",
        "comment.user.id",
        "comment.user.login",
        "comment.body",
        "comment.created_at",
        "comment.updated_at",
        "repository.id",
        "repository.full_name",
        "sender.id",
        "pull_request.number",
    ],
)
@pytest.mark.parametrize("value", [..., None, True, 1.5, [], {}, "", "x\n"], ids=repr)
def test_a_value_that_is_missing_or_of_another_kind_is_no_comment(path: str, value: object) -> None:
    if path == "comment.body" and isinstance(value, str):
        assert isinstance(told(changed(path, value)), Comment)
    elif path == "action" and isinstance(value, str):
        assert told(changed(path, value)) == Ignored("the comment was not made now")
    else:
        assert refused(lambda: told(changed(path, value))) == 400


@pytest.mark.parametrize("path", ["repository.id", "comment.id", "issue.number", "pull_request.number"])
@pytest.mark.parametrize("value", [0, -1, 2**63, 10**19, "5", 5.0, True])
def test_a_number_out_of_range_is_refused(path: str, value: object) -> None:
    assert refused(lambda: told(changed(path, value))) == 400


@pytest.mark.parametrize("value", [2**63, "12", 12.0, True])
@pytest.mark.parametrize("path", ["comment.user.id", "sender.id"])
def test_a_users_number_out_of_range_is_refused(path: str, value: object) -> None:
    assert refused(lambda: told(changed(path, value))) == 400


def test_the_largest_numbers_of_the_forge_are_taken() -> None:
    found = told(changed("comment.id", 2**63 - 1))
    assert isinstance(found, Comment)
    assert found.id == 2**63 - 1


@pytest.mark.parametrize("number", [0, -1, -2])
@pytest.mark.parametrize("path", ["comment.user.id", "sender.id"])
def test_what_the_forge_itself_says_is_ignored(path: str, number: int) -> None:
    """Ghosts are -1, Gitea's own actions -2."""
    assert isinstance(told(changed(path, number)), Ignored)


@pytest.mark.parametrize("number", [1, 11, 13, 112, 120])
def test_a_sender_who_is_not_the_author_is_ignored(number: int) -> None:
    found = told(changed("sender.id", number))
    assert found == Ignored("the comment was made by no user, or in somebody else's name")


@pytest.mark.parametrize(
    "login", ["al ice", "../alice", "alice/x", "alice\n", "-oProxy;x", "a" * 256, "ａlice", "al\u202eice"]
)
def test_a_name_that_no_user_has_is_refused(login: str) -> None:
    assert refused(lambda: told(changed("comment.user.login", login))) == 400


@pytest.mark.parametrize("name", ["recipes", "a/b/c", "/b", "a/", "a b/c", "a/b\n", "https://x/y", "a/b?x", "a/%2e"])
def test_a_name_that_no_repository_has_is_refused(name: str) -> None:
    assert refused(lambda: told(changed("repository.full_name", name))) == 400


@pytest.mark.parametrize("action", ["edited", "deleted", "Created", "created ", "x"])
def test_only_a_comment_that_was_made_now_counts(action: str) -> None:
    assert told(changed("action", action)) == Ignored("the comment was not made now")


@pytest.mark.parametrize(
    "updated", ["2026-11-29T04:05:07+01:00", "2026-11-29T04:05:05+01:00", "2027-11-29T04:05:06+01:00"]
)
def test_an_edited_comment_is_ignored(updated: str) -> None:
    assert told(changed("comment.updated_at", updated)) == Ignored("the comment was edited")


def test_one_moment_written_in_two_zones_is_no_edit() -> None:
    assert told(changed("comment.updated_at", "2026-11-29T03:05:06Z")) == COMMENT


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2026-11-29T03:05:06Z", "2026-11-29T03:05:06Z"),
        ("2026-01-01T00:30:00+02:00", "2025-12-31T22:30:00Z"),
        ("2026-12-31T23:30:00-05:30", "2027-01-01T05:00:00Z"),
        ("2024-02-29T12:00:00.999999999Z", "2024-02-29T12:00:00Z"),
    ],
)
def test_times_are_utc(written: str, utc: str) -> None:
    assert events.utc(written) == utc
    found = told({**PAYLOAD, "comment": PAYLOAD["comment"] | {"created_at": written, "updated_at": written}})
    assert isinstance(found, Comment)
    assert found.created == utc


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-29",
        "2026-11-29T03:05:06",
        "2026-11-29 03:05:06Z",
        "2026-11-29T03:05Z",
        "2026-13-29T03:05:06Z",
        "2026-02-30T03:05:06Z",
        "2026-11-29T24:05:06Z",
        "2026-11-29T03:05:60Z",
        "2026-11-29T03:05:06+25:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "２０２６-11-29T03:05:06Z",
        "2026-11-29T03:05:06Z\n",
        "now",
        "",
    ],
)
def test_what_is_no_time_is_refused(time: str) -> None:
    with pytest.raises(ValueError, match="no "):
        events.utc(time)
    assert refused(lambda: told(changed("comment.created_at", time))) == 400
    assert refused(lambda: told(changed("comment.updated_at", time))) == 400


@pytest.mark.parametrize("is_pull", [True, False, None, ...])
@pytest.mark.parametrize("pull", [{}, {"merged": False}, None, ...])
def test_a_comment_is_under_a_pull_request_if_either_place_says_so(is_pull: object, pull: object) -> None:
    data = changed("is_pull", is_pull)
    if pull is ...:
        del data["issue"]["pull_request"]
    else:
        data["issue"]["pull_request"] = pull
    expected = COMMENT if is_pull is True or isinstance(pull, dict) else Ignored("the comment is under an issue")
    assert told(data) == expected


@pytest.mark.parametrize(
    ("path", "value"), [("is_pull", 1), ("is_pull", "true"), ("issue.pull_request", True), ("issue.pull_request", [])]
)
def test_what_says_so_in_another_way_is_refused(path: str, value: object) -> None:
    assert refused(lambda: told(changed(path, value))) == 400


@pytest.mark.parametrize(
    "sha",
    [
        ...,
        None,
        "",
        SHA[:7],
        SHA[:39],
        SHA + "0",
        SHA.upper(),
        "g" * 40,
        f"{SHA}\n",
        "0" * 64,
        5,
        ["x"],
        "refs/pull/7/head",
    ],
    ids=repr,
)
def test_a_head_that_is_not_40_digits_is_not_known(sha: object) -> None:
    found = told(changed("pull_request.head.sha", sha))
    assert isinstance(found, Comment)
    assert found.head is None


@pytest.mark.parametrize("path", ["pull_request", "pull_request.head"])
@pytest.mark.parametrize("value", [..., None])
def test_an_older_forge_does_not_name_the_head(path: str, value: object) -> None:
    found = told(changed(path, value))
    assert isinstance(found, Comment)
    assert found.head is None


@pytest.mark.parametrize("number", [8, 77, 0])
def test_the_head_of_another_pull_request_is_refused(number: int) -> None:
    assert refused(lambda: told(changed("pull_request.number", number))) == 400


@pytest.mark.parametrize("number", [1, 2])
def test_the_first_users_of_a_forge_are_users(number: int) -> None:
    user = {"id": number, "login": "alice"}
    found = told(PAYLOAD | {"sender": user, "comment": PAYLOAD["comment"] | {"user": user}})
    assert isinstance(found, Comment)
    assert found.author.id == number


def test_a_number_of_64_bits_is_taken_wherever_nobody_looks() -> None:
    assert told(PAYLOAD | {"new": 2**64 - 1}) == COMMENT


def test_keys_that_nobody_knows_are_left_alone() -> None:
    assert told(PAYLOAD | {"new": [{"a": 1.5e300, "b": -1}], "changes": None}) == COMMENT


@pytest.mark.parametrize("body", ["", "x" * 60_000, "\x00", "\U0001f600", "é" * 1000, "!testme"])
def test_a_comment_is_taken_as_its_author_wrote_it(body: str) -> None:
    found = told(changed("comment.body", body))
    assert isinstance(found, Comment)
    assert found.body == body


@pytest.mark.parametrize("half", [b"\\ud800", b"\\ud83d", b"\\udc00", b"\\udfff"])
def test_half_a_surrogate_pair_cannot_be_stored_and_is_refused(half: bytes) -> None:
    assert refused(lambda: told(BODY.replace(b"!testme", half))) == 400


@pytest.mark.parametrize("whole", [b"\\ud7ff", b"\\ue000"])
def test_the_characters_beside_those_of_the_pairs_are_taken(whole: bytes) -> None:
    assert isinstance(told(BODY.replace(b"!testme", whole)), Comment)


def test_a_whole_surrogate_pair_is_one_character() -> None:
    whole = told(BODY.replace(b"!testme\\r\\n", b"\\ud83d\\ude00"))
    assert isinstance(whole, Comment)
    assert whole.body == "\U0001f600"
