"""The only place that reads and writes the inbox: comments with a command, each once by repository and number."""

from __future__ import annotations

from recipeci.service import backoff
from recipeci.service.model import Comment, User, Via
from recipeci.service.store.database import Row, Transaction


def take(tx: Transaction, comment: Comment, *, now: float) -> bool:
    """Put a comment into the inbox; False if it is there already, however it came."""
    taken = tx.change(
        """INSERT INTO comment (repository, id, pull, author_id, author_login, body, created, head, via, received, due)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (repository, id) DO NOTHING""",
        comment.repository,
        comment.id,
        comment.pull,
        comment.author.id,
        comment.author.login,
        comment.body,
        comment.created,
        comment.head,
        comment.via.value,
        now,
        now,
    )
    return taken == 1


def has(tx: Transaction, comment: Comment) -> bool:
    """Say whether a comment is in the inbox."""
    found = tx.one("SELECT 1 FROM comment WHERE repository = ? AND id = ?", comment.repository, comment.id)
    return found is not None


def due(tx: Transaction, *, now: float) -> tuple[Comment, ...]:
    """Return the comments to be decided now: of each pull request the oldest that waits, if its time has come.

    A time that is further away than any pause was stored by a clock that has been set back since.
    """
    rows = tx.all(
        """SELECT comment.*, repository.full_name FROM comment JOIN repository ON repository.id = comment.repository
           WHERE state = 'new' AND (due <= ? OR due > ?) AND comment.id = (SELECT min(c.id) FROM comment AS c
               WHERE c.repository = comment.repository AND c.pull = comment.pull AND c.state = 'new')
           ORDER BY received""",
        now,
        now + backoff.MOST_SECONDS,
    )
    return tuple(_comment(row) for row in rows)


def is_new(tx: Transaction, comment: Comment) -> bool:
    """Say whether nobody has decided about it yet."""
    found = tx.value("SELECT state FROM comment WHERE repository = ? AND id = ?", comment.repository, comment.id)
    return bool(found == "new")


def decided(tx: Transaction, comment: Comment, *, decision: str, cancels: bool = False) -> bool:
    """Note what was decided; False if somebody else has decided before, and then nothing may follow from it."""
    changed = tx.change(
        """UPDATE comment SET state = 'decided', decision = ?, cancels = ?
           WHERE repository = ? AND id = ? AND state = 'new'""",
        decision,
        cancels,
        comment.repository,
        comment.id,
    )
    return changed == 1


def cancelled_by(tx: Transaction, comment: Comment) -> int | None:
    """Return the newest comment under the pull request that cancels what was asked for before, if newer than this."""
    found = tx.value(
        "SELECT max(id) FROM comment WHERE repository = ? AND pull = ? AND id > ? AND cancels = 1",
        comment.repository,
        comment.pull,
        comment.id,
    )
    return None if found is None else int(found)


def postponed(tx: Transaction, comment: Comment, *, due: float, why: str) -> int:
    """Note that the forge did not answer, and when to ask again; return how often it was asked."""
    tx.change(
        """UPDATE comment SET attempts = attempts + 1, due = ?, decision = ?
           WHERE repository = ? AND id = ? AND state = 'new'""",
        due,
        why,
        comment.repository,
        comment.id,
    )
    found = tx.value("SELECT attempts FROM comment WHERE repository = ? AND id = ?", comment.repository, comment.id)
    return int(found)


def attempts(tx: Transaction, comment: Comment) -> int:
    """Return how often the forge was asked about it in vain."""
    found = tx.value("SELECT attempts FROM comment WHERE repository = ? AND id = ?", comment.repository, comment.id)
    return int(found or 0)


def failed(tx: Transaction, comment: Comment, *, now: float) -> float:
    """Return when the forge was asked about it in vain for the first time, which is noted if it is now."""
    where = (comment.repository, comment.id)
    tx.change("UPDATE comment SET failed = coalesce(failed, ?) WHERE repository = ? AND id = ?", now, *where)
    return float(tx.value("SELECT failed FROM comment WHERE repository = ? AND id = ?", *where))


def given_up(tx: Transaction, comment: Comment, *, why: str, now: float) -> None:
    """Note that nothing will follow from it: the forge did not answer for too long."""
    tx.change(
        """UPDATE comment SET state = 'given up', decision = ?, given_up = ?
           WHERE repository = ? AND id = ? AND state = 'new'""",
        why,
        now,
        comment.repository,
        comment.id,
    )


def dropped(tx: Transaction, *, repository: int, why: str) -> None:
    """Note that nothing will follow from what waits or was given up of a repository."""
    tx.change(
        """UPDATE comment SET state = 'decided', decision = ?
           WHERE repository = ? AND state IN ('new', 'given up')""",
        why,
        repository,
    )


def _comment(row: Row) -> Comment:
    return Comment(
        repository=row["repository"],
        repository_name=row["full_name"],
        id=row["id"],
        pull=row["pull"],
        author=User(row["author_id"], row["author_login"]),
        body=row["body"],
        created=row["created"],
        via=Via(row["via"]),
        head=row["head"],
    )
