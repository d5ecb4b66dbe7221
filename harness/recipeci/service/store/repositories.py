"""The only place that reads and writes the table of enrolled repositories."""

from __future__ import annotations

from recipeci.service.model import Repository
from recipeci.service.store.database import Row, Transaction


def enrol(tx: Transaction, repository: Repository) -> None:
    """Add a repository, or give the one of its number a new name, recipe or address; when it was enrolled stays.

    Of one that was removed comments count from now on.
    """
    tx.change(
        """INSERT INTO repository (id, full_name, recipe, private, clone_url, since, cursor)
           VALUES (?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (id) DO UPDATE SET full_name = excluded.full_name, recipe = excluded.recipe,
               private = excluded.private, clone_url = excluded.clone_url,
               since = iif(enrolled, since, excluded.since), cursor = iif(enrolled, cursor, excluded.cursor),
               enrolled = 1, gone = NULL""",
        repository.id,
        repository.full_name,
        repository.recipe,
        repository.private,
        repository.clone_url,
        repository.since,
        repository.cursor,
    )


def enrolled(tx: Transaction) -> tuple[Repository, ...]:
    """Return all, by name."""
    rows = tx.all("SELECT * FROM repository WHERE enrolled = 1 ORDER BY full_name")
    return tuple(_repository(row) for row in rows)


def removed(tx: Transaction) -> tuple[Repository, ...]:
    """Return those that are enrolled no more, by name."""
    rows = tx.all("SELECT * FROM repository WHERE enrolled = 0 ORDER BY full_name")
    return tuple(_repository(row) for row in rows)


def gone(tx: Transaction, number: int, *, now: float) -> None:
    """Note that the forge does not have a repository any more: nobody sees what we know of it."""
    tx.change("UPDATE repository SET gone = coalesce(gone, ?), private = 1 WHERE id = ?", now, number)


def remove(tx: Transaction, number: int) -> None:
    """Have a repository be enrolled no more."""
    tx.change("UPDATE repository SET enrolled = 0 WHERE id = ?", number)


def find(tx: Transaction, number: int) -> Repository | None:
    """Return the repository of the forge's number, None if it never was enrolled."""
    row = tx.one("SELECT * FROM repository WHERE id = ?", number)
    return None if row is None else _repository(row)


def seen(tx: Transaction, number: int, *, full_name: str, private: bool, clone_url: str) -> None:
    """Note what the forge calls a repository now, whether strangers may see it, and where it is cloned from."""
    tx.change(
        "UPDATE repository SET full_name = ?, private = ?, clone_url = ?, gone = NULL WHERE id = ?",
        full_name,
        private,
        clone_url,
        number,
    )


def listed(tx: Transaction, number: int, *, cursor: str) -> None:
    """Note up to when comments were listed; it never goes back."""
    tx.change("UPDATE repository SET cursor = max(cursor, ?) WHERE id = ?", cursor, number)


def _repository(row: Row) -> Repository:
    return Repository(
        id=row["id"],
        full_name=row["full_name"],
        recipe=row["recipe"],
        private=bool(row["private"]),
        clone_url=row["clone_url"],
        since=row["since"],
        cursor=row["cursor"],
        is_enrolled=bool(row["enrolled"]),
        is_gone=row["gone"] is not None,
    )
