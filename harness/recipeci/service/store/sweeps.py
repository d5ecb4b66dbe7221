"""The only place that reads and writes sweeps: all newest versions at once, and what became of them the last time."""

from __future__ import annotations

from recipeci.service.model import End
from recipeci.service.store import overview
from recipeci.service.store.database import Transaction
from recipeci.service.store.overview import Line

VERDICTS = (End.PASS, End.FAIL, End.UNVERIFIED)
"""The ends that say something of the recipe."""


def open_one(tx: Transaction, *, expected: int, now: float) -> int:
    """Note that a sweep begins, and how many runs it is to have; return its number."""
    return tx.insert("INSERT INTO sweep (started, expected) VALUES (?, ?)", now, expected)


def lines(tx: Transaction, sweep: int) -> tuple[Line, ...]:
    """Return the requests of a sweep, as a list shows them."""
    return overview.of_sweep(tx, sweep)


def verdicts_before(tx: Transaction, sweep: int) -> dict[int, End]:
    """Return of each repository the newest verdict that an earlier sweep had, if one had any."""
    marks = ", ".join("?" for _ in VERDICTS)
    rows = tx.all(
        f"""SELECT repository, outcome FROM request WHERE id IN
            (SELECT max(id) FROM request WHERE sweep < ? AND outcome IN ({marks}) GROUP BY repository)""",  # noqa: S608
        sweep,
        *(end.value for end in VERDICTS),
    )
    return {row["repository"]: End(row["outcome"]) for row in rows}


def last_move(tx: Transaction) -> tuple[float, float]:
    """Return when anything in the whole queue last began and last ended."""
    row = tx.one("SELECT coalesce(max(started), 0) AS began, coalesce(max(ended), 0) AS ended FROM request")
    return (0.0, 0.0) if row is None else (row["began"], row["ended"])
