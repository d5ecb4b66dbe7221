"""Asks the database directly: shared by the hooks and the suites of this overlay."""

from __future__ import annotations

from recipeci.author import App

DUMP = "/var/lib/postgresql/data/backup.sql"


def sql(app: App, statement: str) -> list[str]:
    """Run one statement in the database; return its rows, columns apart by `|`."""
    ask = ["psql", "--no-psqlrc", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", "--user", "notes"]
    return app.exec("db", [*ask, "--command", statement]).text.splitlines()


def notes(app: App) -> list[str]:
    """Return the texts of all notes, the oldest first."""
    return sql(app, "SELECT text FROM notes ORDER BY id")
