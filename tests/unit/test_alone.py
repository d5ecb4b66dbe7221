"""service.alone: one of each for a database, whoever of root and the service's user comes first; through no link."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from recipeci.errors import HostError
from recipeci.host.owner import Owner
from recipeci.run import locks
from recipeci.service.alone import alone

from unit.nobody import NEEDS_ROOT, NOBODY, as_nobody, host

TAKEN = HostError("another one uses it")


@pytest.fixture
def database() -> Iterator[Path]:
    """A database's path, in a folder of nobody's."""
    with host() as folder:
        yield folder / "lib" / "recipeci.db"


def hold(database: Path) -> None:
    with alone(database, "serve", taken=TAKEN):
        pass


def test_there_is_one_at_a_time(tmp_path: Path) -> None:
    database = tmp_path / "db"
    with alone(database, "serve", taken=TAKEN):
        with pytest.raises(HostError, match="another one uses it"):
            hold(database)
        with alone(database, "sweep", taken=TAKEN):
            pass
    hold(database)


@NEEDS_ROOT
def test_what_root_did_once_by_hand_stands_in_nobodys_way(database: Path) -> None:
    hold(database)
    file = database.with_name("recipeci.db.serve")
    assert (file.stat().st_uid, file.stat().st_gid) == (NOBODY, NOBODY)
    as_nobody(lambda: hold(database))


@NEEDS_ROOT
def test_a_link_in_the_locks_place_is_not_followed(database: Path) -> None:
    made = database.parents[1] / "nologin"
    as_nobody(lambda: database.with_name("recipeci.db.serve").symlink_to(made))
    with pytest.raises(HostError, match=r"the lock .*/recipeci\.db\.serve cannot be had: Too many levels") as caught:
        hold(database)
    assert not made.exists()
    assert caught.value.hint.startswith("remove ")


@NEEDS_ROOT
def test_a_file_of_roots_in_the_locks_place_is_not_opened_with_roots_rights(database: Path) -> None:
    database.with_name("recipeci.db.serve").touch(mode=0o600)
    with pytest.raises(HostError, match="cannot be had: Permission denied"):
        hold(database)


@NEEDS_ROOT
def test_a_lock_that_was_made_as_root_would_lock_the_user_out(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control; and who meets such a one is told what to do."""
    monkeypatch.setattr(Owner, "is_another", property(lambda _: False))
    hold(database)

    def refused() -> None:
        with contextlib.suppress(PermissionError), locks.held_if_free(database.with_name("recipeci.db.serve")):
            raise AssertionError
        with pytest.raises(HostError, match="Permission denied"):
            hold(database)

    as_nobody(refused)
