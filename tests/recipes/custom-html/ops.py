"""Puts a page into the volume before each op, and spoils it between backup and restore."""

from __future__ import annotations

from recipeci.author import App

FOLDER = "/usr/share/nginx/html"


def pre_upgrade(app: App) -> None:
    put(app, "upgraded.html", "older than the upgrade")


def pre_backup(app: App) -> None:
    put(app, "kept.html", "as it was backed up")
    put(app, "deleted.html", "backed up, then deleted")


def pre_restore(app: App) -> None:
    put(app, "kept.html", "changed after the backup")
    app.exec("app", ["rm", f"{FOLDER}/deleted.html"])


def put(app: App, name: str, text: str) -> None:
    app.exec("app", ["tee", f"{FOLDER}/{name}"], input=text.encode())
