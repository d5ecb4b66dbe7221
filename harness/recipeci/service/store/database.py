"""The only place that opens the service's database: SQLite with a write-ahead log, and one schema.

SQLite opens files in every statement, and does what it finds in them: a journal names files that are removed. So each
statement has the rights of the user whose folder it is, also where we are root (`host.owner`).
"""

from __future__ import annotations

import contextlib
import importlib.resources
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from recipeci.errors import HostError, UsageError, WaitFailed
from recipeci.host import owner
from recipeci.host.clock import Clock, SystemClock, until
from recipeci.host.owner import Owner

VERSION = 1
"""Of the schema. A newer one is refused; an older one is brought here by MIGRATIONS, a step a version."""
MIGRATIONS: tuple[str, ...] = ("schema.sql",)
"""The file N-1 leads from version N-1 to N; 0 is an empty database."""
BUSY_MS = 10_000
"""How long a transaction waits for another process's."""
AGAIN_SECONDS = 0.01
WRITE_AHEAD = "PRAGMA journal_mode = WAL"
NOT_OURS = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})
"""What opening says of a path that no other moment will make right."""
PRIMARY = 0xFF
"""The part of SQLite's code that says which kind of trouble it is."""

Row = sqlite3.Row


class Database:
    """The database file; each thread has a connection of its own. All that is written is written in `writing`."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it, and bring its schema to VERSION.

        Raises:
            UsageError: the folder is not there, a link, or open to others; the file is a link, cannot be written, or is
                no database of ours.
            HostError: it cannot be had now (locked for BUSY_MS, no space), or root cannot be given up.
        """
        self.path = path
        self._owner = owner.of(path.parent, what="database")
        self._threads = threading.local()
        self._all: list[sqlite3.Connection] = []
        if path.is_symlink():
            raise UsageError(f"database: {path} is a link", hint="write the path of the file itself")
        try:
            self._migrate()
        except sqlite3.DatabaseError as e:
            self.close()
            if e.sqlite_errorcode & PRIMARY not in NOT_OURS:
                raise self._trouble(e) from e
            raise UsageError(f"database: {path}: {e}", hint="give the path of a file that can be written") from e

    @contextlib.contextmanager
    def writing(self) -> Iterator[Transaction]:
        """Run a block as one transaction, alone from its first line on; all of it is durable at its end, or none.

        Raises:
            HostError: the database cannot be written (no space, gone, locked for BUSY_MS).
        """
        try:
            with self._alone() as tx:
                yield tx
        except sqlite3.DatabaseError as e:
            raise self._trouble(e) from e

    @contextlib.contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Run a block that sees one state of the database and writes nothing."""
        try:
            connection = self._begun("BEGIN")
            try:
                yield Transaction(connection, self._owner)
            finally:
                with self._owner.acting():
                    connection.rollback()
        except sqlite3.DatabaseError as e:
            raise self._trouble(e) from e

    def changes(self) -> int:
        """Return a number that is another one whenever another connection has committed: asking costs microseconds.

        Raises:
            HostError: the database cannot be read.
        """
        try:
            with self._owner.acting():
                (version,) = self._connection().execute("PRAGMA data_version").fetchone()
        except sqlite3.OperationalError as e:
            raise HostError(f"the database {self.path}: {e}") from e
        return int(version)

    def backup(self, to: Path) -> None:
        """Write a copy of one state of it, while others go on writing; it is the same user's."""
        with self._owner.acting(), contextlib.closing(sqlite3.connect(to)) as copy:
            self._connection().backup(copy)

    def close(self) -> None:
        """Close every thread's connection; none of them may be in use."""
        with self._owner.acting():
            while self._all:
                self._all.pop().close()
        self._threads = threading.local()

    def _trouble(self, error: sqlite3.DatabaseError) -> Exception:
        """Return what an error of SQLite's means: the host's fault, unless a statement is wrong, which is ours."""
        if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
            return error
        return HostError(
            f"the database {self.path}: {error}",
            hint="is there space? A damaged file: docs/operating.md, Back up and restore",
        )

    @contextlib.contextmanager
    def _alone(self) -> Iterator[Transaction]:
        """Run a block as one transaction; what SQLite says of it is not yet ours."""
        connection = self._begun("BEGIN IMMEDIATE")
        try:
            yield Transaction(connection, self._owner)
            with self._owner.acting():
                connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error), self._owner.acting():  # the first error is the one to be told
                connection.rollback()
            raise

    def _begun(self, statement: str) -> sqlite3.Connection:
        """Return this thread's connection, in a transaction."""
        with self._owner.acting():
            connection = self._connection()
            connection.execute(statement)
        return connection

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._threads, "connection", None)
        if found is None:
            found = self._threads.connection = self._opened()
            self._all.append(found)
        return found

    def _opened(self) -> sqlite3.Connection:
        """Open a connection whose commits survive a power cut; what a schema of others' brings is not trusted."""
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        with contextlib.ExitStack() as failing:
            failing.callback(connection.close)
            self._set_up(connection)
            failing.pop_all()
        return connection

    @staticmethod
    def _set_up(connection: sqlite3.Connection) -> None:
        """Have a connection lock, wait and keep as all others do."""
        connection.row_factory = sqlite3.Row
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        connection.execute("PRAGMA trusted_schema = OFF")
        write_ahead(connection, clock=SystemClock())
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    def _migrate(self) -> None:
        with self._alone() as tx:
            for step in MIGRATIONS[self._found_version(tx) :]:
                _execute_all(tx, step)
            tx.change(f"PRAGMA user_version = {VERSION}")

    def _found_version(self, tx: Transaction) -> int:
        """Return the version of the schema that is there; 0: none yet."""
        found = int(tx.value("PRAGMA user_version"))
        if found > VERSION:
            msg = f"database: {self.path} is of schema {found}, and this recipeci knows up to {VERSION}"
            raise UsageError(msg, hint="run the recipeci that wrote it, or a newer one")
        if found == 0 and tx.value("SELECT count(*) FROM sqlite_master"):
            raise UsageError(f"database: {self.path} is a database of something else", hint="give another path")
        return found


class Transaction:
    """What can be done inside `writing` and `reading`: statements with values, never values in statements."""

    def __init__(self, connection: sqlite3.Connection, owner: Owner) -> None:
        """Take a connection whose transaction has begun, and whose folder it is in."""
        self._connection = connection
        self._owner = owner

    def all(self, statement: str, *values: Any) -> list[Row]:  # noqa: ANN401 - what SQLite stores
        """Return all rows."""
        with self._owner.acting():
            return self._connection.execute(statement, values).fetchall()

    def one(self, statement: str, *values: Any) -> Row | None:  # noqa: ANN401
        """Return the first row, or None."""
        with self._owner.acting():
            row: Row | None = self._connection.execute(statement, values).fetchone()
        return row

    def value(self, statement: str, *values: Any) -> Any:  # noqa: ANN401
        """Return the first column of the first row, None if there is no row."""
        row = self.one(statement, *values)
        return None if row is None else row[0]

    def change(self, statement: str, *values: Any) -> int:  # noqa: ANN401
        """Write; return how many rows it was."""
        with self._owner.acting():
            return self._connection.execute(statement, values).rowcount

    def insert(self, statement: str, *values: Any) -> int:  # noqa: ANN401
        """Insert a row; return its number."""
        with self._owner.acting():
            number = self._connection.execute(statement, values).lastrowid
        return int(number or 0)


def write_ahead(connection: sqlite3.Connection, *, clock: Clock) -> None:
    """Have a connection write into a log first. A new file is switched to that once, for all.

    For this alone SQLite does not heed the busy timeout: of two that open a new file at once, one was refused at once.

    Raises:
        sqlite3.OperationalError: somebody else is in the way, for BUSY_MS.
    """

    def is_switched() -> bool:
        try:
            connection.execute(WRITE_AHEAD)
        except sqlite3.OperationalError as e:
            if e.sqlite_errorcode & PRIMARY != sqlite3.SQLITE_BUSY:
                raise
            return False
        return True

    try:
        until(
            is_switched,
            bool,
            what="the database's log",
            clock=clock,
            timeout=BUSY_MS / 1000,
            delay=AGAIN_SECONDS,
            successes=1,
        )
    except WaitFailed:
        connection.execute(WRITE_AHEAD)  # the reason is SQLite's to tell


def _execute_all(tx: Transaction, file: str) -> None:
    """Run a file's statements inside the transaction that has begun (`executescript` would end it)."""
    text = importlib.resources.files(__package__).joinpath(file).read_text(encoding="utf-8")
    for statement in _statements(text):
        tx.change(statement)


def _statements(text: str) -> Sequence[str]:
    """Take a file apart at the semicolons that end statements."""
    found, rest = [], ""
    for line in text.splitlines(keepends=True):
        rest += line.partition("--")[0] + "\n"
        if sqlite3.complete_statement(rest):
            found.append(rest)
            rest = ""
    return found
