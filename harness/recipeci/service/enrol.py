"""The only place that enrols a repository, or removes it: refused before anything is changed, or so from now on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from recipeci.errors import HostError, UsageError
from recipeci.host.clock import Clock
from recipeci.model import RECIPE_NAME
from recipeci.service.forge import Forge, ForgeRefused, Found, Gone
from recipeci.service.model import Repository
from recipeci.service.setup import Bridge
from recipeci.service.store import Database, Transaction, inbox, outbox, repositories, requests

FULL_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9._-]+")

UNAUTHORIZED = 401
UNKNOWN = "bridge.token_file has a token that the forge does not know: make another one there"
SCOPES = "the token needs the scopes read:user, read:organization, write:issue and write:repository"


@dataclass(frozen=True)
class Wanted:
    """What may be enrolled: the repository as the forge shows it, its recipe, and whether it is to have a webhook."""

    found: Found
    recipe: str
    with_webhook: bool


@dataclass(frozen=True)
class Enrolled:
    """What came of it: the repository as it is stored, and its webhook, None where none was wanted.

    Attributes:
        was: how its recipe was called until now; empty if it was not enrolled.
    """

    repository: Repository
    webhook: int | None
    was: str


def wanted(full_name: str, recipe: str | None, *, forge: Forge, with_webhook: bool = True) -> Wanted:
    """Ask the forge for all that enrolling needs; nothing is changed, neither there nor here.

    Args:
        full_name: `OWNER/REPO`.
        recipe: the recipe that it holds; None: it is called as the repository.
        forge: the forge.
        with_webhook: whether it is to tell us of comments; without, they are found by polling.

    Raises:
        UsageError: there is no such repository, no recipe can be called so, or the token may not do all that is needed.
        HostError: the forge does not answer.
    """
    owner, name = _checked(full_name)
    recipe = _recipe(full_name, recipe or name)
    found = _found(forge, full_name)
    _refuse_what_is_lacking(forge, found.full_name, owner=owner, with_webhook=with_webhook)
    return Wanted(found, recipe, with_webhook)


def enrol(wanted: Wanted, *, bridge: Bridge, database: Database, forge: Forge, clock: Clock) -> Enrolled:
    """Enrol a repository, or bring its enrolment up to date: done twice it is there once.

    Args:
        wanted: what, as the forge allows it.
        bridge: our address, and the secret that its webhook gets.
        database: where it is stored. Comments count from now on; of one that is enrolled already, from when it was.
        forge: the forge.
        clock: the time.

    Raises:
        HostError: the forge does not answer.
    """
    stored, was = _stored(database, wanted, clock)
    webhook = _webhook(forge, stored.full_name, bridge) if wanted.with_webhook else None
    return Enrolled(stored, webhook, was)


@dataclass(frozen=True)
class Removed:
    """What came of it: the repository as it was, and why its webhook is still there; empty if it is not."""

    repository: Repository
    trouble: str


def remove(full_name: str, *, bridge: Bridge, database: Database, forge: Forge) -> Removed:
    """Have a repository be enrolled no more, and take its webhook away. What ran of it is still shown.

    Raises:
        UsageError: it is not enrolled, something of it is queued or runs, or its end is not shown on the forge yet.
    """
    with database.reading() as tx:
        home = _enrolled(tx, full_name)
    is_gone = _is_gone(forge, home)
    with database.writing() as tx:
        home = _enrolled(tx, full_name)
        _refuse_what_goes_on(tx, home)
        if not is_gone:
            _refuse_what_is_not_shown(tx, home)
        repositories.remove(tx, home.id)
        inbox.dropped(tx, repository=home.id, why="ignore: its repository was removed")
        outbox.dropped(tx, repository=home.id)
    try:
        now = forge.repository_by_number(home.id).full_name
        for number in forge.webhooks(now, bridge.webhook):
            forge.remove_webhook(now, number)
    except HostError as e:  # often it is removed because the forge has it no more
        return Removed(home, e.message)
    return Removed(home, "")


def _enrolled(tx: Transaction, full_name: str) -> Repository:
    """Return the enrolled repository of this name."""
    for home in repositories.enrolled(tx):
        if home.full_name.casefold() == full_name.casefold():
            return home
    raise UsageError(f"{full_name} is not enrolled", hint="recipeci enroll --list")


def _refuse_what_goes_on(tx: Transaction, home: Repository) -> None:
    """Refuse to remove a repository of which a run would have nobody to tell its end."""
    numbers = [str(request.id) for request in requests.still_open(tx) if request.repository == home.id]
    if numbers:
        what = f"run {numbers[0]} has" if len(numbers) == 1 else f"runs {', '.join(numbers)} have"
        raise UsageError(f"{home.full_name}: {what} not ended", hint=f"recipeci cancel {numbers[0]}")


def _is_gone(forge: Forge, home: Repository) -> bool:
    """Say whether the forge does not have a repository any more; if it does not say, it is not known to be gone."""
    try:
        forge.repository_by_number(home.id)
    except Gone:
        return True
    except HostError:
        return False
    return False


def _refuse_what_is_not_shown(tx: Transaction, home: Repository) -> None:
    """Refuse to remove a repository of which a commit would say for ever that its run goes on."""
    if numbers := outbox.ends_that_wait(tx, repository=home.id):
        msg = f"{home.full_name}: the forge does not show yet how run {numbers[0]} ended"
        raise UsageError(msg, hint="let recipeci serve send it, then say this again; /healthz tells what is in the way")


def _checked(full_name: str) -> tuple[str, str]:
    """Return owner and repository of a name."""
    if not FULL_NAME.fullmatch(full_name):
        msg = f"{full_name!r} is not the name of a repository on the forge"
        raise UsageError(msg, hint="write OWNER/REPO, or OWNER/REPO=RECIPE")
    owner, _, name = full_name.partition("/")
    return owner, name


def _recipe(full_name: str, recipe: str) -> str:
    """Return the recipe, if one can be called so."""
    if not RECIPE_NAME.match(recipe):
        msg = f"{recipe!r} is not a recipe name: lower-case letters, digits and hyphens"
        raise UsageError(msg, hint=f"write which recipe it holds: {full_name}=RECIPE")
    return recipe


def _found(forge: Forge, full_name: str) -> Found:
    """Return the repository as the forge shows it."""
    try:
        return forge.repository(full_name)
    except Gone as e:
        msg = f"there is no repository {full_name} on the forge that the token's user may see"
        raise UsageError(msg, hint="let that user administer the repository, or mend the name") from e
    except ForgeRefused as e:
        hint = UNKNOWN if e.status == UNAUTHORIZED else SCOPES
        raise UsageError(f"the forge does not show {full_name}: {e.message}", hint=hint) from e


def _refuse_what_is_lacking(forge: Forge, full_name: str, *, owner: str, with_webhook: bool) -> None:
    """Refuse a token that cannot do all that this repository will need of it."""
    if lacking := forge.permits(full_name, owner=owner, with_webhook=with_webhook):
        msg = f"the token of bridge.token_file may not do for {full_name}: {'; '.join(lacking)}"
        raise UsageError(msg, hint="make its user an administrator of the repository, and a token with these scopes")


def _stored(database: Database, wanted: Wanted, clock: Clock) -> tuple[Repository, str]:
    """Store the repository, and return it as it is stored, and its recipe until now; comments count from now on."""
    found, now = wanted.found, clock.now()
    new = Repository(found.id, found.full_name, wanted.recipe, found.private, found.clone_url, since=now, cursor=now)
    with database.writing() as tx:
        before = repositories.find(tx, found.id)
        repositories.enrol(tx, new)
        was = before.recipe if before is not None and before.is_enrolled else ""
        return repositories.find(tx, found.id) or new, was


def _webhook(forge: Forge, full_name: str, bridge: Bridge) -> int:
    """Have the repository tell us of comments, by one webhook that has our secret of now.

    A new one is made before the old ones go: what both tell is taken in once, and what none tells would be late.
    """
    old = forge.webhooks(full_name, bridge.webhook)
    number = forge.make_webhook(full_name, url=bridge.webhook, secret=bridge.webhook_secrets[0])
    for one in old:
        forge.remove_webhook(full_name, one)
    return number
