"""host.owner and the database: root that opens what a service's user owns does nothing that this user could not do.

A taken-over service can put anything into its own folder. Each test has a control in which the same was done as root.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from recipeci.errors import HostError, UsageError
from recipeci.host import owner
from recipeci.host.owner import Owner
from recipeci.service import worker
from recipeci.service.setup import Work
from recipeci.service.store import Database, database

from unit.nobody import NEEDS_ROOT, NOBODY, as_nobody, host

MAGIC = bytes.fromhex("d9d505f920a163d7")
PAGE, SECTOR = 4096, 512


@pytest.fixture
def there() -> Iterator[Path]:
    with host() as folder:
        yield folder


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the mistake that all of this is about."""
    monkeypatch.setattr(Owner, "is_another", property(lambda _: False))


def journal(file: Path, *, victim: Path) -> None:
    """Leave the journal of a transaction over several files that was cut short: whoever opens it removes `victim`."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as opened:
        opened.execute(f"PRAGMA user_version = {database.VERSION}")
    name, pages = bytes(victim), file.stat().st_size // PAGE
    header = (MAGIC + struct.pack(">IIIII", 0, 1, pages, SECTOR, PAGE)).ljust(SECTOR, b"\0")
    end = struct.pack(">I", 0x40000000 // PAGE + 1) + name + struct.pack(">II", len(name), sum(name)) + MAGIC
    file.with_name(f"{file.name}-journal").write_bytes(header + end)


def planted(there: Path) -> tuple[Path, Path]:
    """Have the service's user plant a journal in its database; return that, and the file of root's that it names."""
    file, victim = there / "lib" / "recipeci.db", there / "precious"
    victim.write_text("root's")
    victim.chmod(0o600)
    as_nobody(lambda: journal(file, victim=victim))
    return file, victim


@NEEDS_ROOT
def test_a_journal_of_the_services_user_removes_no_file_of_roots(there: Path) -> None:
    file, victim = planted(there)
    with pytest.raises(UsageError, match="unable to open database file"):
        Database(file)
    assert victim.read_text() == "root's"


@NEEDS_ROOT
@pytest.mark.usefixtures("as_root")
def test_opened_as_root_the_journal_removes_it(there: Path) -> None:
    """Negative control."""
    file, victim = planted(there)
    Database(file).close()
    assert not victim.exists()


@NEEDS_ROOT
def test_what_root_makes_there_is_the_users_who_goes_on_with_it(there: Path) -> None:
    file = there / "lib" / "recipeci.db"
    with contextlib.closing(Database(file)) as opened:
        with opened.writing() as tx:
            tx.change("INSERT INTO sweep (started, expected) VALUES (0, 0)")
        made = {found.name: (found.stat().st_uid, found.stat().st_gid) for found in (there / "lib").iterdir()}
        assert made == dict.fromkeys(("recipeci.db", "recipeci.db-wal", "recipeci.db-shm"), (NOBODY, NOBODY))
        as_nobody(lambda: Database(file).close())


@NEEDS_ROOT
def test_root_gives_up_what_it_may_do_with_files_in_this_thread_and_block_alone(there: Path) -> None:
    secret = there / "secret"
    secret.write_text("root's")
    secret.chmod(0o600)
    found = owner.of(there / "lib", what="database")
    elsewhere: list[str] = []
    given_up = threading.Event()
    thread = threading.Thread(target=lambda: elsewhere.append(secret.read_text() if given_up.wait(60) else ""))
    thread.start()
    with found.acting():
        for forbidden in (secret.read_text, (there / "made").touch, secret.unlink, lambda: secret.chmod(0o644)):
            with pytest.raises(PermissionError):
                forbidden()
        with pytest.raises(PermissionError):
            os.chown(there / "lib", 0, 0)
        given_up.set()
        thread.join()
    assert elsewhere == [secret.read_text()] == ["root's"]
    assert os.getgroups() == []


@NEEDS_ROOT
def test_root_is_back_whatever_happens_in_the_block(there: Path) -> None:
    found = owner.of(there / "lib", what="database")
    with pytest.raises(ZeroDivisionError), found.acting(), found.acting():
        _ = 1 / 0
    (there / "made").touch()
    assert (there / "made").stat().st_uid == 0


@NEEDS_ROOT
def test_in_a_transaction_only_the_database_is_the_users(there: Path) -> None:
    """What is brought in a transaction is read as root: the logs of runs."""
    with contextlib.closing(Database(there / "lib" / "recipeci.db")) as opened:
        for block in (opened.writing, opened.reading):
            with block():
                (there / block.__name__).touch()
                assert (there / block.__name__).stat().st_uid == 0


@NEEDS_ROOT
def test_a_database_that_is_a_link_is_refused_and_nothing_is_made(there: Path) -> None:
    file = there / "lib" / "recipeci.db"
    as_nobody(lambda: file.symlink_to(there / "made"))
    with pytest.raises(UsageError, match=r"database: .*/recipeci\.db is a link"):
        Database(file)
    assert not (there / "made").exists()


@NEEDS_ROOT
def test_a_link_that_is_put_there_after_the_look_leads_no_further_than_the_user(
    there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = there / "lib" / "recipeci.db"
    as_nobody(lambda: file.symlink_to(there / "made"))
    monkeypatch.setattr(Path, "is_symlink", lambda _: False)
    with pytest.raises(UsageError, match="unable to open database file"):
        Database(file)
    assert not (there / "made").exists()


@NEEDS_ROOT
@pytest.mark.usefixtures("as_root")
def test_as_root_it_would_lead_there(there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    file = there / "lib" / "recipeci.db"
    as_nobody(lambda: file.symlink_to(there / "made"))
    monkeypatch.setattr(Path, "is_symlink", lambda _: False)
    Database(file).close()
    assert (there / "made").exists()


@NEEDS_ROOT
def test_a_cache_folder_that_the_services_user_could_exchange_is_refused(there: Path) -> None:
    def work(runs: Path) -> Work:
        return Work(there / "lib" / "recipeci.db", "one", 1, runs, "https://h")

    worker.refuse_shared(work(there / "cache" / "runs" / "jobs"))
    (there / "lib" / "cache").mkdir()
    with pytest.raises(UsageError, match=r"the cache folder is below .*/lib, which is the database's user's"):
        worker.refuse_shared(work(there / "lib" / "cache" / "runs" / "jobs"))


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "link").symlink_to("lib")
    with pytest.raises(UsageError, match=r"database: .*/link is a link"):
        Database(tmp_path / "link" / "db")
    assert not list((tmp_path / "lib").iterdir())


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o1777])
def test_a_folder_that_others_may_write_in_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(UsageError, match="others than its owner may write in the folder"):
        Database(tmp_path / "db")
    assert not list(tmp_path.iterdir())
    tmp_path.chmod(0o755)
    Database(tmp_path / "db").close()


def test_a_path_that_cannot_be_a_database_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("no database" * 1000)
    for name in ("folder", "text", "text/db", "nowhere/db"):
        with pytest.raises(UsageError, match=r"^database: "):
            Database(tmp_path / name)


def test_a_database_that_is_locked_while_it_is_opened_is_the_hosts_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is over in a moment: who is started again on every code but 2 must be started again."""
    Database(tmp_path / "db").close()
    monkeypatch.setattr(database, "BUSY_MS", 10)
    with contextlib.closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(HostError, match="database is locked"):
            Database(tmp_path / "db")
    Database(tmp_path / "db").close()


def test_a_schema_of_somebody_elses_is_not_trusted(tmp_path: Path) -> None:
    with contextlib.closing(Database(tmp_path / "db")) as opened, opened.reading() as tx:
        assert tx.value("PRAGMA trusted_schema") == 0
