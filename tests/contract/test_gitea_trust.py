"""Who may start a run, by the real Gitea: sixteen roles and some more, asked as `deciding` asks (threats T3).

Who has a name and what that user may do is one answer, whose number is compared with the comment's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import giteascene
import pytest
from giteascene import SCOPES, enrolled
from lab.gitea import Home, LabGitea, Person
from recipeci.service.forge import Gone, Permitted
from recipeci.service.gitea import Gitea
from recipeci.service.model import Permission, User

CODE_READ = {"repo.code": "read", "repo.issues": "write", "repo.pulls": "write"}
CODE_WRITE = {"repo.code": "write", "repo.issues": "read", "repo.pulls": "none"}
CODE_NONE = {"repo.code": "none", "repo.issues": "write", "repo.pulls": "write"}


@dataclass(frozen=True)
class House:
    """An organisation's repository, and the bot that administers it."""

    lab: LabGitea
    boss: Person
    organisation: str
    home: Home
    bot: Gitea
    bot_person: Person


@pytest.fixture(scope="module", params=["public", "private"])
def house(gitea: LabGitea, request: pytest.FixtureRequest) -> Iterator[House]:
    """Both kinds of repositories."""
    boss, bot = gitea.person("boss"), gitea.person("bot")
    organisation = gitea.organisation(boss)
    home = gitea.repository(boss, organisation=organisation, private=request.param == "private", auto_init=True)
    gitea.grant(home, bot, "admin")
    with giteascene.adapter(gitea, bot) as adapter:
        yield House(gitea, boss, organisation, home, adapter, bot)


def granted(permission: str) -> Callable[[House], Person]:
    """Return what makes a collaborator."""

    def make(house: House) -> Person:
        person = house.lab.person()
        house.lab.grant(house.home, person, permission)
        return person

    return make


def of_team(permission: str, *, here: bool = True, bot: bool = True, **more: object) -> Callable[[House], Person]:
    """Return what makes a member of a team, of this repository or of none, which the bot is in too or not."""

    def make(house: House) -> Person:
        person = house.lab.person()
        members = (person, house.bot_person) if bot else (person,)
        house.lab.team(house.organisation, permission, *members, of=house.home if here else None, **more)
        return person

    return make


def site_admin(house: House) -> Person:
    person = house.lab.person()
    house.lab.change(person, admin=True)
    return person


def restricted(house: House) -> Person:
    return house.lab.person(restricted=True)


def hidden(make: Callable[[House], Person]) -> Callable[[House], Person]:
    """Return what makes a person whose profile the bot cannot see, which is in nothing that this one is in."""

    def made(house: House) -> Person:
        person = make(house)
        house.lab.change(person, visibility="private")
        return person

    return made


def suspended(house: House) -> Person:
    person = granted("write")(house)
    house.lab.change(person, prohibit_login=True)
    return person


def revoked(house: House) -> Person:
    person = granted("write")(house)
    house.lab.revoke(house.home, person)
    return person


def asked(house: House, login: str) -> Permitted:
    """Ask as the bot."""
    return house.bot.permission(enrolled(house.lab, house.home), login)


READ_IF_PUBLIC = None
"""Read where everybody may read, else nothing: of teams that only read the forge does not say more."""
ROLES: dict[str, tuple[Callable[[House], Person], Permission | None]] = {
    "none": (lambda house: house.lab.person(), READ_IF_PUBLIC),
    "read": (granted("read"), Permission.READ),
    "triage": (of_team("write", units_map=CODE_READ), READ_IF_PUBLIC),
    "write": (granted("write"), Permission.WRITE),
    "admin": (granted("admin"), Permission.ADMIN),
    "owner": (lambda house: house.boss, Permission.OWNER),
    "only in the organisation": (of_team("write", here=False), READ_IF_PUBLIC),
    "team that reads": (of_team("read"), READ_IF_PUBLIC),
    "team that writes": (of_team("write"), Permission.WRITE),
    "team that writes, among others": (of_team("read", units_map=CODE_WRITE), Permission.WRITE),
    "team that writes, of which the bot may not know": (of_team("write", bot=False), READ_IF_PUBLIC),
    "team that writes no code": (of_team("write", units_map=CODE_NONE), READ_IF_PUBLIC),
    "team that administers": (of_team("admin", bot=False), Permission.OWNER),
    "collaborator, as the forge makes them": (granted("write"), Permission.WRITE),
    "the bot itself": (lambda house: house.bot_person, Permission.ADMIN),
    "administrator of the forge": (site_admin, Permission.OWNER),
    "restricted": (restricted, READ_IF_PUBLIC),
    "revoked": (revoked, READ_IF_PUBLIC),
    "hidden profile": (hidden(granted("write")), Permission.WRITE),
    "hidden profile, in a team that writes": (hidden(of_team("write")), Permission.WRITE),
    "hidden profile, without a right": (hidden(lambda house: house.lab.person()), READ_IF_PUBLIC),
    "suspended, which only the forge's administrator is told": (suspended, Permission.WRITE),
}


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_may(house: House, role: str) -> None:
    make, expected = ROLES[role]
    person = make(house)
    if expected is READ_IF_PUBLIC:
        expected = Permission.NONE if house.home.private else Permission.READ
    assert asked(house, person.login) == Permitted(User(person.id, person.login), expected)


def test_an_administrator_of_the_forge_is_told_who_is_suspended(house: House) -> None:
    person = suspended(house)
    with giteascene.adapter(house.lab, house.lab.root, *SCOPES) as adapter, pytest.raises(Gone, match="suspended"):
        adapter.permission(enrolled(house.lab, house.home), person.login)


def test_who_was_renamed_has_the_new_name_and_the_old_one_is_gone(house: House) -> None:
    before = granted("write")(house)
    after = house.lab.rename(before, house.lab.name("renamed"))
    with pytest.raises(Gone):
        asked(house, before.login)
    assert asked(house, after.login) == Permitted(User(before.id, after.login), Permission.WRITE)


def test_who_was_renamed_and_then_deleted_is_gone(house: House) -> None:
    before = granted("write")(house)
    house.lab.delete(house.lab.rename(before, house.lab.name("renamed")))
    with pytest.raises(Gone):
        asked(house, before.login)


@pytest.mark.parametrize("purge", [True, False])
def test_who_was_deleted_is_gone(house: House, *, purge: bool) -> None:
    person = granted("write")(house)
    house.lab.delete(person, purge=purge)
    with pytest.raises(Gone):
        asked(house, person.login)


@pytest.mark.parametrize("name", ["Ghost", "ghost", "gitea-actions"])
def test_the_forges_own_users_are_nobody(house: House, name: str) -> None:
    with pytest.raises(Gone):
        asked(house, name)


@pytest.mark.parametrize("visibility", ["public", "private"])
@pytest.mark.parametrize("how", ["deleted", "renamed"])
def test_a_name_that_was_given_to_somebody_else_is_another_number(house: House, how: str, visibility: str) -> None:
    old = granted("write")(house)
    if how == "deleted":
        house.lab.delete(old)
    else:
        house.lab.rename(old, house.lab.name("renamed"))
    new = house.lab.person(login=old.login)
    house.lab.change(new, visibility=visibility)
    found = asked(house, old.login)
    assert found.user.id == new.id != old.id
    assert not found.permission.may_write


def test_what_was_granted_since_counts_at_once_and_what_was_revoked_too(house: House) -> None:
    person = house.lab.person()
    for grant, expected in ((True, True), (False, False), (True, True)):
        (house.lab.grant if grant else house.lab.revoke)(house.home, person, *(["write"] if grant else []))
        assert asked(house, person.login).permission.may_write is expected


def test_a_team_that_loses_the_repository_loses_the_right(house: House) -> None:
    person = house.lab.person()
    team = house.lab.team(house.organisation, "write", person, house.bot_person, of=house.home)
    assert asked(house, person.login).permission.may_write
    house.lab.do("DELETE", f"teams/{team}/repos/{house.home.full_name}")
    assert not asked(house, person.login).permission.may_write


def test_who_leaves_a_team_loses_its_right(house: House) -> None:
    person = house.lab.person()
    team = house.lab.team(house.organisation, "write", person, house.bot_person, of=house.home)
    assert asked(house, person.login).permission.may_write
    house.lab.do("DELETE", f"teams/{team}/members/{person.login}")
    assert not asked(house, person.login).permission.may_write
