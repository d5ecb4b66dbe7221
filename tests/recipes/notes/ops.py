"""Seeds notes and files before each op, and spoils them between backup and restore."""

from __future__ import annotations

from database import sql
from recipeci.author import App


def pre_upgrade(app: App) -> None:
    sql(app, "INSERT INTO notes (text) VALUES ('older than the upgrade')")


def pre_backup(app: App) -> None:
    sql(app, "INSERT INTO notes (text) VALUES ('to be changed'), ('to be deleted')")
    app.exec("app", ["tee", "/srv/uploads/kept.txt"], input=b"as it was backed up")


def pre_restore(app: App) -> None:
    sql(app, "UPDATE notes SET text = 'changed after the backup' WHERE text = 'to be changed'")
    sql(app, "DELETE FROM notes WHERE text = 'to be deleted'")
    sql(app, "INSERT INTO notes (text) VALUES ('written after the backup')")
    app.exec("app", ["rm", "/srv/uploads/kept.txt"])
