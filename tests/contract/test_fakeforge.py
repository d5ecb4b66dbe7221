"""The double of the forge beside the real Gitea: to the same questions about the same things it gives the same answers.

What it writes of a thing is less, but nothing that the real one does not write, and nothing in another way.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import queue
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from giteascene import SECONDS, scene
from lab.fakeforge import client
from lab.fakeforge.client import FakeForge
from lab.gitea import LabGitea
from recipeci.service import events

Fields = Mapping[str, Any] | None
SECRET = "a secret of webhooks"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)")
SAME = (
    "visibility",
    "state",
    "status",
    "permission",
    "type",
    "context",
    "description",
    "target_url",
    "number",
    "login",
    "full_name",
)
"""What must be the same word, where both have it."""
SAID = "what do you *think* of <this> & that?"


@dataclass
class Side:
    """One of the two forges, with the same people and things in it."""

    url: str
    token: str
    names: Mapping[str, str]
    head: str
    told: queue.SimpleQueue[tuple[dict[str, str], bytes]] = field(default_factory=queue.SimpleQueue)

    def ask(
        self, method: str, path: str, fields: Mapping[str, Any] | None = None, *, token: str = ""
    ) -> httpx.Response:
        """Ask as the bot, or with another token."""
        where = path.format(head=self.head, **self.names)
        headers = {"Authorization": f"token {token or self.token}"}
        url = f"{self.url}/api/v1/{where}"
        return httpx.request(method, url, json=fields, headers=headers, trust_env=False, timeout=SECONDS)


@pytest.fixture(scope="module")
def sides(gitea: LabGitea, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Side, Side]]:
    """The real one and the double: a pull request with a comment, a push and a status."""
    folder = tmp_path_factory.mktemp("double")
    with client.running(folder) as double, _listening() as one, _listening() as other:
        real, names = _real(gitea, folder, one[0])
        fake = _double(double, names, other[0])
        real.told, fake.told = one[1], other[1]
        for side in (real, fake):
            assert side.ask("POST", "repos/{home}/issues/{pull}/comments", {"body": SAID}).status_code == 201
            status = {"state": "pending", "context": "c", "description": "d", "target_url": "https://ci.test/runs/1"}
            assert side.ask("POST", "repos/{home}/statuses/{head}", status).status_code == 201
        yield real, fake


QUESTIONS = {
    "who we are": ("GET", "user"),
    "a user": ("GET", "users/{owner}"),
    "a user in capitals": ("GET", "users/{OWNER}"),
    "a user whose profile is hidden": ("GET", "users/{hidden}"),
    "nobody": ("GET", "users/nobody-is-called-so"),
    "a repository": ("GET", "repos/{home}"),
    "no repository": ("GET", "repos/{owner}/nothing"),
    "a repository by number": ("GET", "repositories/{number}"),
    "no number": ("GET", "repositories/999999"),
    "an owner's permission": ("GET", "repos/{home}/collaborators/{owner}/permission"),
    "a writer's permission": ("GET", "repos/{home}/collaborators/{contributor}/permission"),
    "a permission of who is hidden": ("GET", "repos/{home}/collaborators/{hidden}/permission"),
    "nobody's permission": ("GET", "repos/{home}/collaborators/nobody-is-called-so/permission"),
    "teams": ("GET", "repos/{home}/teams"),
    "a pull request": ("GET", "repos/{home}/pulls/{pull}"),
    "no pull request": ("GET", "repos/{home}/pulls/999"),
    "an issue is no pull request": ("GET", "repos/{home}/pulls/{issue}"),
    "a timeline": ("GET", "repos/{home}/issues/{pull}/timeline"),
    "a page of a timeline": ("GET", "repos/{home}/issues/{pull}/timeline?page=2&limit=1"),
    "all comments": ("GET", "repos/{home}/issues/comments"),
    "all comments since": ("GET", "repos/{home}/issues/comments?since=2020-01-01T00:00:00Z&limit=1"),
    "comments since later": ("GET", "repos/{home}/issues/comments?since=2090-01-01T00:00:00Z"),
    "comments of a pull request": ("GET", "repos/{home}/issues/{pull}/comments"),
    "comments of none": ("GET", "repos/{home}/issues/999/comments"),
    "statuses": ("GET", "repos/{home}/statuses/{head}"),
    "statuses of none": ("GET", "repos/{home}/statuses/" + "0" * 40),
    "webhooks": ("GET", "repos/{home}/hooks"),
    "no such path": ("GET", "repos/{home}/issues/{pull}/nothing"),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_same_question_has_the_same_answer(sides: tuple[Side, Side], question: str) -> None:
    real, fake = (side.ask(*QUESTIONS[question]) for side in sides)
    assert fake.status_code == real.status_code, (real.text, fake.text)
    assert fake.headers.get("x-total-count") == real.headers.get("x-total-count")
    if real.is_success:
        assert differences(fake.json(), real.json()) == []


DEEDS: dict[str, tuple[str, str, Fields]] = {
    "comment on nothing": ("POST", "repos/{home}/issues/999/comments", {"body": "x"}),
    "comment without words": ("POST", "repos/{home}/issues/{pull}/comments", {}),
    "edit nothing": ("PATCH", "repos/{home}/issues/comments/999999", {"body": "x"}),
    "remove nothing": ("DELETE", "repos/{home}/issues/comments/999999", None),
    "a status of no commit": ("POST", "repos/{home}/statuses/" + "0" * 40, {"state": "pending", "context": "c"}),
    "a status that is no text": ("POST", "repos/{home}/statuses/{head}", {"state": ["no", "text"]}),
    "change no webhook": ("PATCH", "repos/{home}/hooks/999999", {}),
    "remove no webhook": ("DELETE", "repos/{home}/hooks/999999", None),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_what_cannot_be_done_is_refused_in_the_same_way(sides: tuple[Side, Side], deed: str) -> None:
    real, fake = (side.ask(*DEEDS[deed]) for side in sides)
    assert (fake.status_code, bool(fake.json().get("message"))) == (real.status_code, bool(real.json().get("message")))


@pytest.mark.parametrize("path", ["user", "repos/{home}", "repos/{home}/collaborators/{owner}/permission"])
def test_a_wrong_token_is_refused_in_the_same_way(sides: tuple[Side, Side], path: str) -> None:
    real, fake = (side.ask("GET", path, token="0" * 40) for side in sides)
    assert fake.status_code == real.status_code


def test_our_comment_can_be_edited_and_removed(sides: tuple[Side, Side]) -> None:
    answers = []
    for side in sides:
        made = side.ask("POST", "repos/{home}/issues/{pull}/comments", {"body": "mine"}).json()
        answers.append(side.ask("PATCH", f"repos/{{home}}/issues/comments/{made['id']}", {"body": "mine, too"}))
        removed = side.ask("DELETE", f"repos/{{home}}/issues/comments/{made['id']}")
        assert (removed.status_code, removed.content) == (204, b"")
    assert [answer.status_code for answer in answers] == [200, 200]
    assert differences(answers[1].json(), answers[0].json()) == []


def test_our_comment_can_be_removed_once(sides: tuple[Side, Side]) -> None:
    answers = []
    for side in sides:
        made = side.ask("POST", "repos/{home}/issues/{pull}/comments", {"body": "mine"}).json()
        where = f"repos/{{home}}/issues/comments/{made['id']}"
        answers.append([side.ask("DELETE", where).status_code for _ in range(2)])
    assert answers == [[204, 404], [204, 404]]


def test_a_comment_is_told_of_in_the_same_way(sides: tuple[Side, Side]) -> None:
    told = [first_told(side) for side in sides]
    (real_headers, real), (fake_headers, fake) = told
    names = [name for name in fake_headers if name.startswith("X-")]
    assert [name for name in names if name not in real_headers] == []
    for name in ("Content-Type", "X-Gitea-Event", "X-Gitea-Event-Type"):
        assert fake_headers[name] == real_headers[name]
    assert differences(json.loads(fake), json.loads(real)) == []
    assert fake[:14] == real[:14] == b'{\n  "action": '  # indented, as Go does it
    assert rb"\u003cthis\u003e \u0026 that" in fake
    assert rb"\u003cthis\u003e \u0026 that" in real
    read = [events.read(list(headers.items()), body, secrets=[SECRET.encode()]) for headers, body in told]
    assert [type(event).__name__ for event in read] == ["Comment", "Comment"]


def first_told(side: Side) -> tuple[dict[str, str], bytes]:
    """Return what was told of the comment that both have; a forge may tell of later ones before it."""
    while True:
        headers, body = side.told.get(timeout=SECONDS)
        if rb"\u003cthis\u003e" in body:
            return headers, body


def differences(fake: Any, real: Any, where: str = "") -> list[str]:  # noqa: ANN401 - JSON
    """Return what the double says that the real one does not, or in another way."""
    if isinstance(fake, dict) and isinstance(real, dict):
        missing = [f"{where}.{name} is not there" for name in fake if name not in real]
        both = [(name, fake[name], real[name]) for name in fake if name in real]
        other = [f"{where}.{name}: {one!r}, {two!r}" for name, one, two in both if name in SAME and one != two]
        return (
            missing + other + [words for name, one, two in both for words in differences(one, two, f"{where}.{name}")]
        )
    if isinstance(fake, list) and isinstance(real, list):
        if len(fake) != len(real):
            return [f"{where}: {len(fake)} and not {len(real)}"]
        return [words for one, two in zip(fake, real, strict=True) for words in differences(one, two, f"{where}[]")]
    if type(fake) is not type(real):
        return [f"{where}: {fake!r}, {real!r}"]
    is_time = isinstance(fake, str) and TIME.fullmatch(fake) is not None
    return [] if not is_time or TIME.fullmatch(real) else [f"{where}: {fake!r}, {real!r}"]


def _real(lab: LabGitea, folder: Path, address: str) -> tuple[Side, dict[str, str]]:
    made = scene(lab, folder)
    issue = lab.do("POST", f"repos/{made.home.full_name}/issues", by=made.owner, fields={"title": "an issue"})
    config = {"url": address, "content_type": "json", "secret": SECRET}
    hook = {"type": "gitea", "config": config, "events": ["pull_request_comment"], "active": True}
    lab.do("POST", f"repos/{made.home.full_name}/hooks", fields=hook)
    hidden = lab.person("hidden")
    lab.grant(made.home, hidden, "write")
    lab.change(hidden, visibility="private")
    names = {
        "hidden": hidden.login,
        "home": made.home.full_name,
        "owner": made.owner.login,
        "OWNER": made.owner.login.upper(),
        "bot": made.bot.login,
        "contributor": made.contributor.login,
        "number": str(made.home.id),
        "pull": str(made.pull.number),
        "issue": str(issue["number"]),
    }
    return Side(lab.url, lab.token(made.bot.login, "all"), names, made.pull.head), names


def _double(double: FakeForge, names: Mapping[str, str], address: str) -> Side:
    for who in ("owner", "contributor", "hidden"):
        double.do("add_user", login=names[who])
    double.do("add_user", login=names["bot"], token="t")
    home = double.do("add_repository", owner=names["owner"], name=names["home"].partition("/")[2])["id"]
    double.do("permit", repository=home, login=names["bot"], permission="admin")
    for who in ("contributor", "hidden"):
        double.do("permit", repository=home, login=names[who], permission="write")
    double.do("hide", login=names["hidden"])
    pull = double.do("add_issue", repository=home, author=names["contributor"])
    double.do("add_issue", repository=home, author=names["owner"], pull=False)
    double.do("add_hook", repository=home, url=address, secret=SECRET, events=["pull_request_comment"])
    return Side(double.url, "t", {**names, "number": str(home)}, pull["head"])


@contextlib.contextmanager
def _listening() -> Iterator[tuple[str, queue.SimpleQueue[tuple[dict[str, str], bytes]]]]:
    """Take webhooks; yield the address, and what came."""
    told: queue.SimpleQueue[tuple[dict[str, str], bytes]] = queue.SimpleQueue()

    class Ear(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.put((dict(self.headers.items()), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ear) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hooks", told
        finally:
            server.shutdown()
            thread.join()
