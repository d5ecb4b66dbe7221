"""service.gitea and answers that are not of the shape that was expected: never the good answer, and no default."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from fakeforge import says, serving
from forgecalls import (
    CALLS,
    CREATED,
    GOOD,
    GOOD_PULL,
    GOOD_REPOSITORY,
    GOOD_USER,
    HOME,
    SHA,
    adapted,
    goods,
    in_pages,
    in_turn,
)
from recipeci.service.forge import ForgeUnavailable, Found, Gone, Listing, OwnComment, Permitted
from recipeci.service.model import Comment, Permission, Pull, User, Via

FREE = ("clone_url", "body", "context", "target_url", "user.login")
"""Not looked at, or any text is good."""


def damaged(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield an answer with each of its parts missing, null, or of another kind."""
    others: tuple[object, ...] = (None, True, -7, 2**70, "\n?", [], {}, [[]])
    for other in others:
        if type(other) is not type(value) or other in (-7, 2**70, "\n?"):
            yield f"{path} is {other!r}", other
    if isinstance(value, dict):
        for name, part in value.items():
            yield f"{path}.{name} is missing", {key: one for key, one in value.items() if key != name}
            for where, one in damaged(part, f"{path}.{name}"):
                yield where, {**value, name: one}
    if isinstance(value, list):
        for where, one in damaged(value[0], f"{path}[0]"):
            yield where, [one]


@pytest.mark.parametrize("call", GOOD)
def test_the_good_answer_is_one(call: str) -> None:
    with serving(in_pages(call, GOOD[call])) as forge, adapted(forge) as gitea:
        said = CALLS[call](gitea)
    expected = {
        "myself": User(2, "ann"),
        "repository": Found(1, "org/app", private=False, clone_url=f"{forge.url}/org/app.git"),
        "repository_by_number": Found(1, "org/app", private=False, clone_url=f"{forge.url}/org/app.git"),
        "permission": Permitted(User(2, "ann"), Permission.WRITE),
        "pull": Pull(7, User(2, "ann"), SHA, f"{forge.url}/ann/app.git", is_open=True),
        "last_push": "2026-01-01T00:00:00Z",
        "was_head": True,
        "comments": Listing(
            (Comment(1, "org/app", 5, 7, User(2, "ann"), "!testme", "2026-01-01T00:00:00Z", Via.POLL),),
            "2026-01-01T00:00:00Z",
        ),
        "own_comments": (OwnComment(5, "<!-- x -->\nhello"),),
        "shows_status": True,
        "webhooks": (4,),
        "make_comment": 5,
        "make_webhook": 5,
    }
    assert said == expected.get(call)


@pytest.mark.parametrize("call", GOOD)
def test_the_good_answer_with_another_status_is_none(call: str) -> None:
    status = "200 OK" if call in CREATED else "203 Non-Authoritative Information"
    with (
        serving(says(status, json.dumps(GOOD[call]).encode())) as forge,
        adapted(forge) as gitea,
        pytest.raises(ForgeUnavailable),
    ):
        CALLS[call](gitea)


@pytest.mark.parametrize(
    ("call", "other"),
    [
        ("repository_by_number", {**GOOD_REPOSITORY, "id": 2}),
        ("pull", {**GOOD_PULL, "number": 8}),
        ("permission", {"permission": "owner", "user": {"id": 2, "login": "bob"}}),
    ],
)
def test_an_answer_about_something_else_is_none(call: str, other: dict[str, object]) -> None:
    with (
        serving(goods(call, other)) as forge,
        adapted(forge) as gitea,
        pytest.raises(ForgeUnavailable, match="another"),
    ):
        CALLS[call](gitea)


@pytest.mark.parametrize(("number", "expected"), [(2, Permission.WRITE), (3, Permission.READ)])
def test_who_is_in_a_team_is_known_by_the_number(number: int, expected: Permission) -> None:
    """The name may be given to somebody else between two answers."""
    team = {"id": 6, "name": "devs", "permission": "read", "units_map": {"repo.code": "write"}}
    answers = [GOOD_USER, {"permission": "read", "user": GOOD_USER}, [team], {"id": number, "login": "ann"}]
    handles = [goods("permission", answer) for answer in answers]
    with serving(in_turn(*handles)) as forge, adapted(forge) as gitea:
        assert CALLS["permission"](gitea) == Permitted(User(2, "ann"), expected)


@pytest.mark.parametrize("call", GOOD)
def test_an_answer_with_one_part_wrong_is_never_the_good_one(call: str) -> None:
    """It is no answer, or says less: no right, no head, no comment, nothing found."""
    wrong = []
    with serving(in_pages(call, GOOD[call])) as forge, adapted(forge) as gitea:
        for where, value in damaged(GOOD[call]):
            forge.handle = in_pages(call, value)
            try:
                said = CALLS[call](gitea)
            except ForgeUnavailable:
                continue
            if not less(said) and not any(f".{name} is " in where for name in FREE):
                wrong.append((where, said))
    assert wrong == []


def less(said: object) -> bool:
    """Say whether an answer allows nothing that the good one does not."""
    match said:
        case Found():
            return said.private
        case Pull():
            return said.head_url is None or said.head == ""
        case Listing():
            return said.comments == ()
        case Permitted():
            return said.permission is Permission.NONE
        case _:
            return said in (None, False, ())


@pytest.mark.parametrize("login", ["Ghost", "@alice@there.example", "../admin", ""])
def test_the_author_of_a_pull_request_can_be_nobody_who_can_be_asked_about(login: str) -> None:
    author = {"id": -1, "login": login}
    with serving(goods("pull", {**GOOD_PULL, "user": author})) as forge, adapted(forge) as gitea:
        assert CALLS["pull"](gitea).author == User(-1, login)  # type: ignore[attr-defined]
        if login != "Ghost":
            with pytest.raises(Gone):
                gitea.permission(HOME, login)
