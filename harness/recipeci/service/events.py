"""The only place that reads what a webhook brings: headers and raw bytes become a comment, or are refused. Pure.

Nothing of a body is looked at before its signature is right, and of a right one nothing is believed but what is named
here: no address, no name of a recipe, no permission (threats T1, T4, T8, T12, T15). Gitea and Forgejo.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recipeci.errors import RecipeCIError, UsageError
from recipeci.model import FULL_SHA
from recipeci.service.model import Comment, User, Via

BODY_MOST = 1024 * 1024
"""Bytes; what brings the body here need not read more."""
DEPTH_MOST = 32
DIGITS_MOST = 20
"""Of a number: the forge's have 64 bits."""
NUMBER_MOST = 2**63 - 1
SIGNATURES: Mapping[str, re.Pattern[str]] = {
    "x-gitea-signature": re.compile(r"([0-9a-f]{64})\Z"),
    "x-forgejo-signature": re.compile(r"([0-9a-f]{64})\Z"),
    "x-hub-signature-256": re.compile(r"sha256=([0-9a-f]{64})\Z"),
}
"""The headers that hold a signature, and how: each that is there must be right."""
EVENTS = ("x-gitea-event", "x-forgejo-event")
COMMENT = "issue_comment"
"""The event of a comment under an issue or a pull request: of comments in a review it is another one."""
EVENT = re.compile(r"[a-z_]{1,40}\Z")
JSON = re.compile(r"application/json\s*(?:;\s*charset=\"?utf-8\"?\s*)?\Z", re.IGNORECASE)
STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?+|[\[\]{}]', re.DOTALL)
LOGIN = re.compile(r"[A-Za-z0-9._-]{1,255}\Z")
FULL_NAME = re.compile(r"[A-Za-z0-9._-]{1,255}/[A-Za-z0-9._-]{1,255}\Z")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)\Z", re.ASCII)


@dataclass(frozen=True)
class Ping:
    """The forge asks whether somebody is here."""


@dataclass(frozen=True)
class Ignored:
    """What the forge tells is genuine and none of our business; the reason is ours, with nothing of the body in it."""

    reason: str


class Refused(RecipeCIError):
    """What came is not taken; `status` is HTTP's. The message is constant: whoever sent it learns nothing by it."""

    exit_code = 2
    kind = "event"

    def __init__(self, message: str, *, status: int) -> None:
        """Keep the status."""
        super().__init__(message)
        self.status = status


def read(headers: Sequence[tuple[str, str]], body: bytes, *, secrets: Sequence[bytes]) -> Comment | Ping | Ignored:
    """Return what the forge tells.

    Args:
        headers: as they came, a name as often as it was there.
        body: as it came.
        secrets: a signature by any of them counts, so that one can be changed.

    Raises:
        Refused: it is not signed, or nothing that a forge would send.
        UsageError: there is no secret, or an empty one: then anybody could sign.
    """
    if not secrets or not all(secret.strip() for secret in secrets):
        raise UsageError("a webhook secret is missing or empty", hint="give one that nobody can guess")
    _check_form(headers, body)
    _check_signatures(headers, body, secrets)
    event = _event(headers)
    if event == "ping":
        return Ping()
    return _comment(_parsed(body)) if event == COMMENT else Ignored("it is no event of a comment")


def utc(text: object) -> str:
    """Return a time of the forge as `YYYY-MM-DDTHH:MM:SSZ`, whatever its zone is.

    Raises:
        ValueError: it is no time.
    """
    if not isinstance(text, str) or not TIME.match(text):
        raise ValueError("no ISO 8601 time with its zone")
    try:
        moment = datetime.datetime.fromisoformat(text).astimezone(datetime.UTC)
    except (ValueError, OverflowError) as e:
        raise ValueError("no time that there is in UTC") from e
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _check_form(headers: Sequence[tuple[str, str]], body: bytes) -> None:
    """Refuse what is too large, and what is not sent as JSON as it is."""
    if len(body) > BODY_MOST:
        raise Refused("the body is too large", status=413)
    if not JSON.match(_one(headers, "content-type", status=415) or ""):
        raise Refused("the content type must be application/json", status=415)
    if _one(headers, "content-encoding", status=415):
        raise Refused("the body must not be encoded", status=415)


def _check_signatures(headers: Sequence[tuple[str, str]], body: bytes, secrets: Sequence[bytes]) -> None:
    """Refuse a body that is not signed, or that has a signature that none of the secrets makes."""
    given = {name: value for name in SIGNATURES if (value := _one(headers, name, status=401)) is not None}
    if not given:
        raise Refused("there is no signature", status=401)
    wanted = [hmac.new(secret, body, hashlib.sha256).hexdigest().encode() for secret in secrets]
    for name, value in given.items():
        found = SIGNATURES[name].match(value)
        # Bytes: texts that are not ASCII cannot be compared. With all secrets, so that none is told by its time.
        if found is None or not any([hmac.compare_digest(found[1].encode(), one) for one in wanted]):  # noqa: C419
            raise Refused("the signature is wrong", status=401)


def _event(headers: Sequence[tuple[str, str]]) -> str:
    """Return the name of the event: one, though both kinds of forges name it."""
    names = {value for name in EVENTS if (value := _one(headers, name, status=400)) is not None}
    if len(names) != 1 or not all(EVENT.match(name) for name in names):
        raise Refused("it must be one event", status=400)
    return names.pop()


def _one(headers: Sequence[tuple[str, str]], name: str, *, status: int) -> str | None:
    """Return the value of a header, None if it is not there; twice is refused, since others may take the other one."""
    values = [value for key, value in headers if key.lower() == name]
    if len(values) > 1:
        raise Refused("a header is there twice", status=status)
    return values[0] if values else None


def _parsed(body: bytes) -> Mapping[str, Any]:
    """Return the body as JSON: an object, no deeper and with no longer numbers than a forge's, no key twice."""
    try:
        text = body.decode("utf-8")
        _check_depth(text)
        data = json.loads(text, object_pairs_hook=_object, parse_int=_integer, parse_constant=_constant)
    except (ValueError, RecursionError) as e:
        raise Refused("the body is not the JSON of an event", status=400) from e
    return _mapping(data)


def _check_depth(text: str) -> None:
    """Refuse nesting before a parser meets it that calls itself."""
    depth = 0
    for found in STRING_OR_BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if depth > DEPTH_MOST:
            raise ValueError("too deep")


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        raise ValueError("a key is there twice")
    return data


def _integer(text: str) -> int:
    if len(text) > DIGITS_MOST:
        raise ValueError("a number is too long")
    return int(text)


def _constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _comment(data: Mapping[str, Any]) -> Comment | Ignored:
    """Return the comment that was made under a pull request, or why there is none."""
    if _text(data.get("action")) != "created":
        return Ignored("the comment was not made now")
    issue, comment = _mapping(data.get("issue")), _mapping(data.get("comment"))
    if not _of_pull(data, issue):
        return Ignored("the comment is under an issue")
    author, sender = _user(comment.get("user")), _user(data.get("sender"))
    if author is None or sender is None or author.id != sender.id:
        return Ignored("the comment was made by no user, or in somebody else's name")
    created = _time(comment.get("created_at"))
    if created != _time(comment.get("updated_at")):
        return Ignored("the comment was edited")
    repository, pull = _mapping(data.get("repository")), _number(issue.get("number"))
    return Comment(
        repository=_number(repository.get("id")),
        repository_name=_matching(FULL_NAME, repository.get("full_name")),
        id=_number(comment.get("id")),
        pull=pull,
        author=author,
        body=_text(comment.get("body")),
        created=created,
        via=Via.WEBHOOK,
        head=_head(data.get("pull_request"), pull=pull),
    )


def _of_pull(data: Mapping[str, Any], issue: Mapping[str, Any]) -> bool:
    """Say whether the comment is under a pull request: newer forges say so in one place, older ones in the other."""
    is_pull, pull = data.get("is_pull"), issue.get("pull_request")
    if not isinstance(is_pull, bool | None) or (pull is not None and not isinstance(pull, dict)):
        raise _malformed()
    return bool(is_pull) or pull is not None


def _user(data: object) -> User | None:
    """Return a user; the forge's own (ghosts, its actions) have no positive number, and are None."""
    user = _mapping(data)
    number = user.get("id")
    if type(number) is int and number <= 0:
        return None
    return User(_number(number), _matching(LOGIN, user.get("login")))


def _head(data: object, *, pull: int) -> str | None:
    """Return the head that the event names, None if it names none by 40 digits."""
    if data is None:
        return None
    named = _mapping(data)
    if _number(named.get("number")) != pull:
        raise _malformed()
    head = named.get("head")
    sha = head.get("sha") if isinstance(head, dict) else None
    return sha if isinstance(sha, str) and FULL_SHA.match(sha) else None


def _mapping(data: object) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        raise _malformed()
    return data


def _number(data: object) -> int:
    """Return one of the forge's numbers; True is none, though it is an int to Python."""
    if type(data) is not int or not 1 <= data <= NUMBER_MOST:
        raise _malformed()
    return data


def _text(data: object) -> str:
    """Return a text that can be stored: half of a surrogate pair cannot."""
    if not isinstance(data, str) or (not data.isascii() and any("\ud800" <= char <= "\udfff" for char in data)):
        raise _malformed()
    return data


def _matching(pattern: re.Pattern[str], data: object) -> str:
    if not isinstance(data, str) or not pattern.match(data):
        raise _malformed()
    return data


def _time(data: object) -> str:
    try:
        return utc(data)
    except ValueError as e:
        raise _malformed() from e


def _malformed() -> Refused:
    return Refused("the body is not that of a comment's event", status=400)
