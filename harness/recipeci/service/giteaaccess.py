"""The only place that finds out on Gitea what a user may do in a repository.

About Gitea 1.26: `collaborators/USER/permission` tells what a user may do as owner, collaborator, member of a team that
administers, or administrator of the forge. Of a team whose units say that it may write it knows nothing: its members
can push, and count there as anybody else. So the repository's teams are asked about too, and who is in them. That is
told to the team's members and to owners of the organisation alone; to others nobody is in it. Both answers have the
user's number, also where the profile is private. A name that was given up is nobody's in the first, and no redirect.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from recipeci.service.forge import ForgeRefused, Gone, Permitted
from recipeci.service.forgehttp import ForgeHttp
from recipeci.service.gitealists import LOGIN, Where
from recipeci.service.model import Permission, User
from recipeci.service.shape import Shape

CODE = "repo.code"
NOT_ALLOWED = 405
"""What a repository that no organisation owns says to the question for its teams."""
FORBIDDEN = 403


@dataclass(frozen=True)
class Team:
    """A team that may write the repository's code, and does not administer it."""

    id: int
    name: str


def permission(http: ForgeHttp, where: Where, login: str) -> Permitted:
    """Return who has this name now, and what that user may do; NONE for whatever is not known."""
    own = _own(http, where, login)
    may_write = own.permission.may_write
    if may_write or not any(_is_in(http, team, own.user) for team in writing_teams(http, where)):
        return own
    return replace(own, permission=Permission.WRITE)


def writing_teams(http: ForgeHttp, where: Where) -> tuple[Team, ...]:
    """Return the teams whose members may write and are not told of by `permission` alone."""
    try:
        teams = http.get("repos", *where, "teams").shape.rows()
    except ForgeRefused as e:
        if e.status == NOT_ALLOWED:
            return ()
        raise
    return tuple(_writing(teams))


def _own(http: ForgeHttp, where: Where, login: str) -> Permitted:
    shape = http.get("repos", *where, "collaborators", login, "permission").shape
    user = User(shape["user"]["id"].number(), shape["user"]["login"].text(LOGIN))
    if user.login.casefold() != login.casefold():
        raise shape.wrong("another user's")
    return Permitted(user, _known(shape["permission"].text()))


def _writing(teams: Sequence[Shape]) -> Iterator[Team]:
    for team in teams:
        code = team["units_map"].maybe(CODE)
        if code is not None and _known(code.text()).may_write and not _known(team["permission"].text()).may_write:
            yield Team(team["id"].number(), team["name"].text(LOGIN))


def _is_in(http: ForgeHttp, team: Team, user: User) -> bool:
    """Say whether a user is in a team; where we may not know, nobody is."""
    try:
        member = http.get("teams", team.id, "members", user.login).shape
    except Gone:
        return False
    except ForgeRefused as e:
        if e.status == FORBIDDEN:
            return False
        raise
    return member["id"].number() == user.id


def _known(word: str) -> Permission:
    """Return a permission by the forge's word for it."""
    return Permission(word) if word in list(Permission) else Permission.NONE
