"""The only place that answers HTTP requests: pages and texts that change nothing, and the webhook (`hooks.py`).

Every answer has the same headers: no page loads, sends or frames anything but what is ours, and nothing has a cookie.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import jinja2
from flask import Flask, Response, render_template, request
from markupsafe import Markup
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

import recipeci
from recipeci.errors import HostError
from recipeci.host.clock import Clock
from recipeci.report import text
from recipeci.service import events, metrics, shown, standing
from recipeci.service.health import Health
from recipeci.service.hooks import Hook
from recipeci.service.metrics import Collected, Deliveries
from recipeci.service.setup import Bridge
from recipeci.service.standing import Standings
from recipeci.service.store import Database, Transaction, jobs, overview, repositories, requests
from recipeci.service.store.overview import Line

log = logging.getLogger(__name__)
ENDED = 30
"""So many of the requests that ended are listed."""
PAGES = importlib.resources.files("recipeci.service").joinpath("pages")
SCRIPT = PAGES.joinpath("live.js").read_text(encoding="utf-8")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; connect-src 'self'; "
        f"script-src 'sha256-{base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
WORDS = {
    400: "The request cannot be read.",
    404: "There is no such page.",
    405: "This address does not take that method.",
    413: "The body is too large.",
    500: "A bug of recipeci, see the log of serve.",
}


class Refused(Exception):
    """There is another answer than the page that was asked for: a status and a sentence of ours."""

    def __init__(self, status: int, words: str) -> None:
        """Keep both."""
        super().__init__(words)
        self.status = status
        self.words = words


class NumberConverter(BaseConverter):
    """Takes what can be a request's number: digits that SQLite has room for."""

    regex = "[1-9][0-9]{0,17}"

    def to_python(self, value: str) -> int:
        """Return the number."""
        return int(value)


def make_app(bridge: Bridge, *, database: Database, health: Health, clock: Clock) -> Flask:
    """Return what answers requests; nothing listens yet."""
    app = Flask("recipeci.service.webapp", static_folder=None, template_folder="pages")
    app.config["MAX_CONTENT_LENGTH"] = events.BODY_MOST
    app.jinja_env.undefined = jinja2.StrictUndefined
    app.jinja_env.finalize = _cleaned
    app.jinja_env.globals.update(base=urlsplit(bridge.url).path, script=Markup(SCRIPT))  # noqa: S704 - our own file
    deliveries = Deliveries()
    standings = Standings(database=database, health=health, clock=clock, show_private=bridge.show_private)
    collected = Collected(database=database, standings=standings, deliveries=deliveries, clock=clock)
    hook = Hook(database=database, clock=clock, secrets=bridge.webhook_secrets, deliveries=deliveries)
    _route(app, Views(bridge, database, clock, standings, collected), hook)
    app.register_error_handler(Refused, lambda e: _error(e.status, e.words))
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(HostError, _host_error)
    app.register_error_handler(Exception, _bug)
    app.after_request(_with_headers)
    return app


@dataclass(frozen=True)
class Views:
    """The pages.

    Attributes:
        bridge: what may be shown, and where the forge is.
        database: what is shown.
        clock: the time.
        standings: how the bridge stands.
        collected: the metrics.
    """

    bridge: Bridge
    database: Database
    clock: Clock
    standings: Standings
    collected: Collected

    def queue(self) -> str:
        """Show what is queued, what ended, who works, and what is wrong."""
        now, stands = self.clock.epoch(), self.standings.now()
        with self.database.reading() as tx:
            still_open, ended = overview.still_open(tx), overview.ended_last(tx, most=ENDED)
            workers = jobs.workers(tx)
        rows = shown.rows(still_open, show_private=self.bridge.show_private, now=now)
        return render_template(
            "queue.html",
            running=[row for row in rows if row.state == shown.RUNNING],
            waiting=[row for row in rows if row.state == shown.QUEUED],
            ended=shown.rows(ended, show_private=self.bridge.show_private, now=now),
            workers=[{**worker, "seen": shown.moment(worker["seen"], now=now)} for worker in workers],
            troubles=shown.troubles(stands, now=now),
        )

    def run(self, number: int) -> str:
        """Show one request: how it stands, its report's essentials, and what its run has printed so far."""
        with self.database.reading() as tx:
            line, found = overview.line(tx, number), requests.find(tx, number)
            home = None if found is None else repositories.find(tx, found.repository)
            if line is None or found is None or home is None:
                raise Refused(404, f"There is no run {number}.")
            part, printed = self._printed(tx, line)
        page = shown.page(
            found,
            home,
            line,
            log=shown.log(found.attempts, part, printed),
            forge=self.bridge.forge,
            show_private=self.bridge.show_private,
            now=self.clock.epoch(),
        )
        return render_template("run.html", page=page)

    def log(self, number: int) -> Response:
        """Give what a run has printed after a part, and the number of the last part, as text."""
        after = request.args.get("after", "0")
        if not re.fullmatch(r"[0-9]{1,18}", after):
            raise Refused(400, "after is the number of a part of the log.")
        with self.database.reading() as tx:
            line = self._public(tx, number)
            part, printed = _log(tx, line, after=int(after))
        response = _text(text.clean(printed))
        response.headers["Recipeci-Part"] = str(part)
        response.headers["Recipeci-Attempt"] = str(line.attempts)
        response.headers["Recipeci-State"] = shown.state(line)
        return response

    def report(self, number: int) -> Response:
        """Give a request's report as it came."""
        with self.database.reading() as tx:
            self._public(tx, number)
            found = requests.find(tx, number)
        if found is None or found.report is None:
            raise Refused(404, f"Run {number} has no report.")
        return _json(found.report)

    def healthz(self) -> Response:
        """Say whether the bridge works: 200 only if everything that it needs answers."""
        stands = self.standings.now()
        response = _json(standing.as_json(stands, version=recipeci.__version__))
        response.status_code = 200 if stands.is_well else 503
        return response

    def metrics(self) -> Response:
        """Give the metrics."""
        body, content_type = metrics.page(self.collected, accept=request.headers.get("Accept", ""))
        return Response(body, content_type=content_type)

    def style(self) -> Response:
        """Give the one style sheet."""
        response = Response(PAGES.joinpath("style.css").read_bytes(), content_type="text/css; charset=utf-8")
        response.headers["Cache-Control"] = "max-age=300"
        return response

    def _public(self, tx: Transaction, number: int) -> Line:
        """Return a request of which strangers may see everything."""
        line = overview.line(tx, number)
        if line is None:
            raise Refused(404, f"There is no run {number}.")
        if self._is_hidden(line):
            raise Refused(403, f"The repository of run {number} is private: what it holds is not shown here.")
        return line

    def _printed(self, tx: Transaction, line: Line) -> tuple[int, str]:
        """Return what a run has printed; of a hidden one it is not even read."""
        return (0, "") if self._is_hidden(line) else _log(tx, line)

    def _is_hidden(self, line: Line) -> bool:
        return shown.is_hidden(line, show_private=self.bridge.show_private)


def _log(tx: Transaction, line: Line, *, after: int = 0) -> tuple[int, str]:
    """Return what a request's newest run has printed after a part, and the last part's number.

    One that goes on after its request was given up is shown no more: at its end nobody looks for secrets in it for us.
    """
    key = f"{line.id}.{line.attempts}"
    if line.end is not None and key in jobs.beats(tx):
        return (1, "" if after else jobs.WITHHELD)
    return jobs.log(tx, key, after=after)


def _route(app: Flask, views: Views, hook: Hook) -> None:
    """Give each page its address, with or without a slash at its end; an address with two of them is none."""
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.url_map.converters["number"] = NumberConverter
    pages: Mapping[str, Callable[..., str | Response]] = {
        "/": views.queue,
        "/runs/<number:number>": views.run,
        "/runs/<number:number>/log": views.log,
        "/runs/<number:number>/report.json": views.report,
        "/healthz": views.healthz,
        "/metrics": views.metrics,
        "/style.css": views.style,
    }
    for rule, view in pages.items():
        app.add_url_rule(rule, rule, view, methods=["GET"], provide_automatic_options=False)
    app.add_url_rule("/hooks/gitea", "hook", hook, methods=["POST"], provide_automatic_options=False)


def _cleaned(value: object) -> object:
    """Return what a page is given without characters that hide, reorder or are none; what is markup is ours."""
    return text.clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _with_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _text(words: str, status: int = 200) -> Response:
    return Response(words, status=status, content_type="text/plain; charset=utf-8")


def _json(data: object) -> Response:
    """Return JSON in ASCII alone: what a report holds may be no valid text."""
    return Response(json.dumps(data, indent=2) + "\n", content_type="application/json")


def _error(status: int, words: str) -> Response:
    """Return an error as a page where a page is asked for, else as a line of text."""
    if "text/html" in request.headers.get("Accept", ""):
        return Response(render_template("error.html", status=status, words=words), status=status)
    return _text(f"{words}\n", status)


def _http_error(error: HTTPException) -> Response:
    """Return what Flask refuses, in our own words: its own ones repeat what was asked for."""
    status = error.code or 500
    response = _error(status, WORDS.get(status, "The request is refused."))
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def _host_error(error: HostError) -> Response:
    log.warning("%s: %s", request.path, error.message)
    return _error(503, "The database does not answer. See /healthz.")


def _bug(error: Exception) -> Response:
    log.error("%s: a bug of recipeci", request.path, exc_info=error)
    return _error(500, WORDS[500])
