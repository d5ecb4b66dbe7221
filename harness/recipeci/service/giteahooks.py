"""The only place that knows Gitea's webhooks, and how to ask what a token may do without doing anything.

Each probe asks for something that cannot be done: of a thing that is not there, or with a body that is none. A forge
that does not let us says 403 before it looks at that; one that does says 404 or 422 (Gitea 1.26).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from recipeci.service import giteaaccess
from recipeci.service.forge import ForgeRefused, Gone
from recipeci.service.forgehttp import NOT_FOUND, ForgeHttp
from recipeci.service.giteaaccess import Team
from recipeci.service.gitealists import Where, pages

EVENTS = ("pull_request_comment",)
NOWHERE = 2**53 - 1
"""A number that no issue, comment or webhook has, and that JSON can hold."""
NO_COMMIT = "0" * 40
NO_STATE = ("no", "text")
"""What the forge cannot read. A status of a commit that is not there is a 500 (Gitea 1.26), which says nothing."""
FORBIDDEN, UNREADABLE = (401, 403), 422


def lacking(http: ForgeHttp, where: Where, *, owner: str, with_webhook: bool) -> tuple[str, ...]:
    """Return what the token may not do of what a repository needs of it."""
    repo = ("repos", *where)
    probes: dict[str, Callable[[], object]] = {
        "read users (scope read:user)": lambda: http.get("users", owner),
        "ask who may write (administrator of the repository, scope read:repository)": lambda: http.get(
            *repo, "collaborators", owner, "permission"
        ),
        "read comments (scope read:issue)": lambda: http.get(*repo, "issues", "comments", query={"limit": 1}),
        "comment (scope write:issue)": lambda: http.patch(*repo, "issues", "comments", NOWHERE, fields={"body": "-"}),
        "set commit statuses (write permission, scope write:repository)": lambda: http.post(
            *repo, "statuses", NO_COMMIT, fields={"state": NO_STATE}
        ),
    }
    if with_webhook:
        probes["make webhooks (administrator of the repository, scope write:repository)"] = lambda: http.patch(
            *repo, "hooks", NOWHERE, fields={}
        )
    lacks = [what for what, probe in probes.items() if not _may(probe)]
    return tuple(lacks or _unknown_teams(http, where))


def _unknown_teams(http: ForgeHttp, where: Where) -> Iterator[str]:
    """Yield what is lacking to know who is in a team that may write: nobody of it could start a run."""
    for team in giteaaccess.writing_teams(http, where):
        if not _may_see(http, team):
            who = "its member, or owner of the organisation, scope read:organization"
            yield f"ask who is in the team {team.name}, which may write ({who})"


def _may_see(http: ForgeHttp, team: Team) -> bool:
    try:
        http.get("teams", team.id)
    except ForgeRefused as e:
        if e.status in (*FORBIDDEN, NOT_FOUND):
            return False
        raise
    return True


def _may(probe: Callable[[], object]) -> bool:
    """Try what cannot come to anything; say whether only that hindered it."""
    try:
        probe()
    except Gone:
        return True
    except ForgeRefused as e:
        if e.status in FORBIDDEN:
            return False
        if e.status != UNREADABLE:
            raise
    return True


def to(http: ForgeHttp, where: Where, url: str) -> tuple[int, ...]:
    """Return the numbers of the webhooks to an address."""
    found = (row for page in pages(http, "repos", *where, "hooks") for row in page)
    return tuple(row["id"].number() for row in found if row["config"]["url"].text() == url)


def make(http: ForgeHttp, where: Where, *, url: str, secret: str) -> int:
    """Make a webhook. Its secret cannot be changed later, nor read (Gitea 1.26): another secret is another webhook."""
    fields = {
        "type": "gitea",
        "config": {"url": url, "content_type": "json", "secret": secret},
        "events": list(EVENTS),
        "active": True,
    }
    return http.post("repos", *where, "hooks", fields=fields).shape["id"].number()


def remove(http: ForgeHttp, where: Where, number: int) -> None:
    """Take a webhook away."""
    with contextlib.suppress(Gone):
        http.delete("repos", *where, "hooks", number)
