"""The backup of docs/operating.md is followed as root, over what a taken-over service may leave in its folder.

Each test has a control in which the page's precaution is left out. That all of it works: test_docs_operating.py.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from recipeci.host.command import BASE_ENV, Completed, LocalRunner
from unit.nobody import NEEDS_ROOT, NOBODY, as_nobody, host
from unit.test_owner import planted

from e2e.site import OPERATING

AS_THE_USER = "setpriv --reuid recipeci --regid recipeci --clear-groups --no-new-privs"
pytestmark = NEEDS_ROOT


@pytest.fixture
def there() -> Iterator[Path]:
    with host() as folder:
        (folder / "backups").mkdir(mode=0o700)
        yield folder


def follow(there: Path, block: int, *, without: str = "") -> Completed:
    """Do what a block says, in folders of the test and with its user; `without`: a precaution is forgotten."""
    text = OPERATING.blocks("Back up and restore")[block].text
    assert without in text
    for old, new in {
        without or "\0": "",
        "/var/lib/recipeci": f"{there}/lib",
        "/var/backups": f"{there}/backups",
        "--reuid recipeci --regid recipeci": f"--reuid {NOBODY} --regid {NOBODY}",
        "-o recipeci -g recipeci": f"-o {NOBODY} -g {NOBODY}",
        "systemctl": "true",
    }.items():
        text = text.replace(old, new)
    return LocalRunner().run(
        ["/bin/bash", "-euo", "pipefail", "-c", text], timeout=60, env=BASE_ENV, cwd=there, ok=range(256)
    )


def rows(file: Path) -> list[tuple[str]]:
    with contextlib.closing(sqlite3.connect(file)) as opened:
        return opened.execute("SELECT word FROM words").fetchall()


def test_what_was_written_last_is_in_the_copy_which_is_roots(there: Path) -> None:
    file, copy = there / "lib" / "recipeci.db", there / "backups" / "recipeci.db"
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as opened:
        opened.execute("PRAGMA journal_mode = wal")
        opened.execute("CREATE TABLE words (word)")
        opened.execute("INSERT INTO words VALUES ('last')")
        for path in (there / "lib").iterdir():
            path.chmod(0o666)
        done = follow(there, 0)
    assert done.code == 0, done.err
    assert (copy.stat().st_uid, copy.stat().st_mode & 0o777) == (0, 0o600)
    assert rows(copy) == [("last",)]


@pytest.mark.parametrize("without", ["", AS_THE_USER])
def test_a_journal_of_the_services_user_removes_no_file_of_roots(there: Path, without: str) -> None:
    _, victim = planted(there)
    older = there / "backups" / "recipeci.db"
    older.write_text("older")
    done = follow(there, 0, without=without)
    assert victim.exists() is not bool(without)
    assert without or (done.code, older.read_text()) == (1, "older")


@pytest.mark.parametrize("without", ["", " -T"])
def test_a_copy_that_is_restored_follows_no_link_to_a_folder(there: Path, without: str) -> None:
    file, elsewhere = there / "lib" / "recipeci.db", there / "elsewhere"
    (there / "backups" / "recipeci.db").write_text("copy")
    elsewhere.mkdir()
    as_nobody(lambda: file.symlink_to(elsewhere))
    as_nobody(file.with_name("recipeci.db-journal").touch)
    assert follow(there, 1, without=without).code == 0
    assert [*elsewhere.iterdir()] == ([elsewhere / "recipeci.db"] if without else [])
    assert without or (file.is_symlink(), file.read_text(), file.stat().st_uid) == (False, "copy", NOBODY)
    assert [path.name for path in (there / "lib").iterdir()] == ["recipeci.db"]
