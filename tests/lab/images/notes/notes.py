#!/usr/bin/python3
"""A small web application that keeps notes in PostgreSQL and files in a folder.

GET /                 200 and how many notes there are
GET /notes            the notes as JSON
POST /notes           the body becomes a note: 201
DELETE /notes         all of them go, for who sends `Authorization: Bearer <admin_token>`
GET /uploads/NAME     a file
PUT /uploads/NAME     the body becomes a file: 201

Without its database, or without its folder, it answers 500.
"""

from __future__ import annotations

import http.server
import json
import logging
import os
import re
import signal
import sys
import threading
from pathlib import Path
from typing import Any, TypeAlias

import psycopg2  # type: ignore[import-untyped, import-not-found, unused-ignore]

VERSION = os.environ["NOTES_VERSION"]
MIGRATIONS = Path("/usr/local/share/notes/migrations")
UPLOADS = Path("/srv/uploads")
SECRETS = Path("/run/secrets")
UPLOAD = re.compile(r"/uploads/([a-z0-9][a-z0-9.-]*)\Z")
NOT_FOUND = (404, "there is no such page\n")
Answer: TypeAlias = tuple[int, Any]
Connection: TypeAlias = Any  # psycopg2 brings no types
Cursor: TypeAlias = Any
log = logging.getLogger("notes")


def secret(name: str) -> str:
    return (SECRETS / name).read_text().strip()


def order(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


class Database:
    """One connection, made anew when it is lost; what it connects to is brought up to this version."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.connection: Connection = None

    def run(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        """Run a statement in a transaction of its own and return its rows."""
        with self.lock:
            try:
                return self._run(statement, values)
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                self.connection = None  # a restart or a restore of the database ends connections: once more
                return self._run(statement, values)

    def _run(self, statement: str, values: tuple[str, ...]) -> list[tuple[Any, ...]]:
        if self.connection is None or self.connection.closed:
            self.connection = self._connect()
        with self.connection, self.connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall()) if cursor.description else []

    def _connect(self) -> Connection:
        connection = psycopg2.connect(
            host=os.environ["DB_HOST"],
            dbname=os.environ["DB_NAME"],
            user=os.environ["DB_USER"],
            password=secret("db_password"),
            connect_timeout=5,
        )
        with connection, connection.cursor() as cursor:
            self._migrate(cursor)
        return connection

    def _migrate(self, cursor: Cursor) -> None:
        cursor.execute("SELECT pg_advisory_xact_lock(1)")  # two tasks may start at once
        cursor.execute("CREATE TABLE IF NOT EXISTS migrations (version text PRIMARY KEY)")
        cursor.execute("SELECT version FROM migrations")
        done = {version for (version,) in cursor.fetchall()}
        for file in sorted(MIGRATIONS.glob("*.sql"), key=lambda file: order(file.stem)):
            if file.stem not in done:
                cursor.execute(file.read_text())
                cursor.execute("INSERT INTO migrations VALUES (%s)", (file.stem,))
                log.info("the database is now of version %s", file.stem)


DATABASE = Database()


class Handler(http.server.BaseHTTPRequestHandler):
    """Each method returns a code and what is said: text, or what becomes JSON."""

    def respond(self) -> None:
        """Answer 500, with the reason in the log, where the database or the folder is away."""
        try:
            code, said = getattr(self, self.command.lower())()
        except (psycopg2.Error, OSError) as error:
            log.error("the notes cannot be reached: %s", error)  # noqa: TRY400 - its words say it all
            code, said = 500, "the notes cannot be reached\n"
        kind, text = ("text/plain", said) if isinstance(said, str) else ("application/json", json.dumps(said))
        self.send_response(code)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = do_PUT = do_DELETE = respond  # noqa: N815 - http.server's names

    def get(self) -> Answer:
        if self.path == "/":
            ((count,),) = DATABASE.run("SELECT count(*) FROM notes")
            return 200, f"notes {VERSION}: {count} notes\n"
        if self.path == "/notes":
            return 200, [row for (row,) in DATABASE.run("SELECT row_to_json(notes) FROM notes ORDER BY id")]
        file = self.upload()
        return (200, file.read_text()) if file and file.exists() else NOT_FOUND

    def post(self) -> Answer:
        if self.path != "/notes":
            return NOT_FOUND
        DATABASE.run("INSERT INTO notes (text) VALUES (%s)", self.body().decode())
        return 201, "noted\n"

    def put(self) -> Answer:
        file = self.upload()
        if not file:
            return NOT_FOUND
        file.write_bytes(self.body())
        return 201, "kept\n"

    def delete(self) -> Answer:
        if self.path != "/notes":
            return NOT_FOUND
        if self.headers["Authorization"] != f"Bearer {secret('admin_token')}":
            return 403, "only with the admin's token\n"
        DATABASE.run("DELETE FROM notes")
        return 200, "all notes are gone\n"

    def upload(self) -> Path | None:
        """Return the file that the path names, or None if it names none."""
        match = UPLOAD.match(self.path)
        return UPLOADS / match.group(1) if match else None

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        log.info(format, *args)


def main() -> None:
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="notes: %(message)s")
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # process 1 of a container ignores it otherwise
    http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()


if __name__ == "__main__":
    main()
