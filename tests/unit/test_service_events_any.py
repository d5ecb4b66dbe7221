"""service.events: whatever stands in a body or its headers, it is read or refused, and nothing unsigned is read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from recipeci.service.events import Ignored, Refused
from recipeci.service.model import Comment

from unit.signed import BODY, PROPERTY, Headers, changed, gitea, read, refused, told

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)
PATHS = [
    "action",
    "issue",
    "issue.number",
    "issue.pull_request",
    "comment",
    "comment.id",
    "comment.user",
    "comment.user.id",
]
PATHS += [
    "comment.user.login",
    "comment.body",
    "comment.created_at",
    "repository",
    "repository.id",
    "repository.full_name",
]
PATHS += ["sender", "sender.id", "is_pull", "pull_request", "pull_request.head", "pull_request.head.sha"]


@PROPERTY
@given(path=st.sampled_from(PATHS), value=TREES)
def test_property_whatever_stands_in_a_place_is_a_comment_or_nothing_or_refused(path: str, value: object) -> None:
    try:
        found = told(changed(path, value))
    except Refused:
        assert refused(lambda: told(changed(path, value))) == 400
        return
    assert isinstance(found, Comment | Ignored)
    if isinstance(found, Comment):
        found.body.encode()
        assert (found.repository, found.id, found.pull, found.author.id) == (
            changed(path, value)["repository"]["id"],
            changed(path, value)["comment"]["id"],
            changed(path, value)["issue"]["number"],
            changed(path, value)["sender"]["id"],
        )


@PROPERTY
@given(body=st.binary(max_size=200) | st.text('[]{}"\\,:0a', max_size=200).map(str.encode))
def test_property_whatever_is_signed_is_read_or_refused(body: bytes) -> None:
    assert refused(lambda: told(body)) == 400


@PROPERTY
@given(at=st.integers(0, len(BODY) - 1), bit=st.integers(0, 7))
def test_property_one_bit_of_the_body_is_a_wrong_signature(at: int, bit: int) -> None:
    body = bytearray(BODY)
    body[at] ^= 1 << bit
    assert refused(lambda: read(gitea(BODY), bytes(body))) == 401


@PROPERTY
@given(headers=st.lists(st.tuples(st.sampled_from([name for name, _ in gitea(b"")]), st.text(max_size=80))))
def test_property_whatever_the_headers_are_nothing_unsigned_is_read(headers: Headers) -> None:
    assert refused(lambda: read(headers, BODY)) in (400, 401, 415)
