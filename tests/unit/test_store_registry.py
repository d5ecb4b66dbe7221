"""host.store.registry and pulling: what a registry's answer means for a run; the registries are servers on loopback."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from recipeci.errors import HostError
from recipeci.host.clock import SystemClock
from recipeci.host.store import registry
from recipeci.host.store.layout import Layout
from recipeci.host.store.pulling import Pull, Pulling
from recipeci.host.store.reference import Reference
from recipeci.host.store.registry import Answer, Found, Registries

from unit.processes import SECONDS

DIGEST = "sha256:" + "d" * 64
OTHER = "sha256:" + "e" * 64
ID = "1" * 64


@dataclass
class Fake:
    """A registry that answers what was declared, by path; another path is 500. It wants a token if it has one."""

    answers: Mapping[str, tuple[int, Mapping[str, str]]]
    token: str = ""
    asked: list[str] = field(default_factory=list)
    port: int = 0

    def ref(self, name: str) -> Reference:
        return Reference.parse(f"127.0.0.1:{self.port}/{name}")


def handler(fake: Fake) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            fake.asked.append(self.path)
            if fake.token and self.headers.get("Authorization") != f"Bearer {fake.token}":
                realm = f"http://127.0.0.1:{fake.port}/token"
                self.answer(401, {"WWW-Authenticate": f'Bearer realm="{realm}",service="s",scope="repository:a:pull"'})
                return
            self.answer(*fake.answers.get(self.path, (500, {})))

        def do_GET(self) -> None:
            fake.asked.append(self.path)
            body = json.dumps({"token": fake.token} if "scope=repository" in self.path else {}).encode()
            self.answer(200, {"Content-Length": str(len(body))})
            self.wfile.write(body)

        def answer(self, status: int, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@contextlib.contextmanager
def serving(fake: Fake) -> Iterator[Fake]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(fake)) as server:
        fake.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield fake
        server.shutdown()
        thread.join()


HAS = {"/v2/a/manifests/1": (200, {"Docker-Content-Digest": DIGEST})}


@pytest.mark.parametrize("token", ["", "t0ken"])
def test_a_digest_is_found_also_where_a_token_for_nobody_is_wanted(token: str) -> None:
    with serving(Fake(HAS, token=token)) as fake:
        assert Registries(seconds=SECONDS).ask(fake.ref("a:1")) == Answer(Found.YES, digest=DIGEST)


@pytest.mark.parametrize(
    ("status", "found"),
    [(404, Found.NO), (403, Found.NO), (429, Found.BUSY), (500, Found.BUSY), (503, Found.BUSY), (200, Found.BUSY)],
)
def test_what_an_answer_without_a_digest_means(status: int, found: Found) -> None:
    with serving(Fake({"/v2/a/manifests/1": (status, {})})) as fake:
        assert Registries(seconds=SECONDS).ask(fake.ref("a:1")) == Answer(found, reason=f"it answered {status}")


def test_a_registry_that_wants_a_login_has_no_such_image_for_us() -> None:
    with serving(Fake({"/v2/a/manifests/1": (401, {"WWW-Authenticate": 'Basic realm="x"'})})) as fake:
        assert Registries(seconds=SECONDS).ask(fake.ref("a:1")).found is Found.NO


def test_a_digest_is_asked_for_by_itself() -> None:
    with serving(Fake({f"/v2/a/manifests/{DIGEST}": (200, {"Docker-Content-Digest": DIGEST})})) as fake:
        assert Registries(seconds=SECONDS).ask(fake.ref(f"a@{DIGEST}")).found is Found.YES


def test_one_that_never_answers_is_waited_for_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        registries = Registries(seconds=0.2)
        ref = Reference.parse(f"127.0.0.1:{server.getsockname()[1]}/a:1")
        first = registries.ask(ref)
        assert first.found is Found.SILENT
        assert registries.ask(Reference.parse(f"{ref.registry}/b:2")) is first  # its answer is kept, not asked for


def test_the_time_for_an_answer_is_bounded_from_outside() -> None:
    """As of a resolver whose packets vanish: it heeds no timeout of ours."""
    answered = threading.Event()
    assert registry._within(0.01, lambda: answered.wait(SECONDS)) is None
    answered.set()
    assert registry._within(SECONDS, lambda: "an answer") == "an answer"


@pytest.mark.parametrize("host", ["127.0.0.1:1", "127.0.0.1:99999", "no-such-host.invalid"])
def test_one_that_is_not_there_is_silent(host: str) -> None:
    assert Registries().ask(Reference.parse(f"{host}/a:1")).found is Found.SILENT


@dataclass
class Declared(Registries):
    """A registry of one answer."""

    answer: Answer | None

    def ask(self, ref: Reference) -> Answer:
        assert self.answer is not None, f"{ref} must not be asked for"
        return self.answer


def store(tmp_path: Path, *names: str, days: int = 0) -> Layout:
    """A store with one image of these names, which came so many days ago."""
    images = tmp_path / "image" / "overlay2"
    (images / "imagedb/content/sha256").mkdir(parents=True)
    (images / "repositories.json").write_text(json.dumps({"Repositories": {"a": dict.fromkeys(names, f"sha256:{ID}")}}))
    config = images / "imagedb/content/sha256" / ID
    config.write_text("{}")
    then = config.stat().st_mtime - days * 86400 - 60
    os.utime(config, (then, then))
    return Layout(tmp_path)


def decide(layout: Layout, answer: Answer | None, *, name: str = "a:1") -> tuple[Pull | None, list[str]]:
    said: list[str] = []
    pulling = Pulling(layout, Declared(answer), SystemClock())
    return pulling.decide(Reference.parse(name), say=said.append), said


YES = Answer(Found.YES, digest=DIGEST)
SILENT = Answer(Found.SILENT, reason="why")


def test_what_the_registry_has_otherwise_is_pulled(tmp_path: Path) -> None:
    a = Reference.parse("a:1")
    assert decide(Layout(tmp_path / "empty"), YES) == (Pull(a, DIGEST), [])
    assert decide(store(tmp_path, "a:1", f"a@{OTHER}"), YES) == (Pull(a, DIGEST), [])


def test_what_the_registry_has_too_is_not_pulled(tmp_path: Path) -> None:
    assert decide(store(tmp_path, "a:1", f"a@{DIGEST}"), YES) == (None, [])


def test_a_digest_that_the_store_has_is_not_asked_for(tmp_path: Path) -> None:
    assert decide(store(tmp_path, f"a@{DIGEST}"), None, name=f"a:1@{DIGEST}") == (None, [])


@pytest.mark.parametrize(("days", "age"), [(0, "from today"), (1, "1 day old"), (40, "40 days old")])
def test_the_age_of_what_could_not_be_compared_is_told(tmp_path: Path, days: int, age: str) -> None:
    pull, said = decide(store(tmp_path, "a:1", days=days), SILENT)
    assert (pull, said) == (None, [f"image a:1: its registry does not answer (why); the store's is used, {age}"])


def test_a_busy_registry_is_as_good_as_none(tmp_path: Path) -> None:
    busy = Answer(Found.BUSY, reason="it answered 429")
    assert decide(store(tmp_path, "a:1"), busy)[0] is None
    with pytest.raises(
        HostError, match=r"image unavailable: a:1: docker\.io gave an error \(it answered 429\) and the"
    ):
        decide(Layout(tmp_path / "empty"), busy)


def test_what_the_registry_does_not_know_is_unavailable_whatever_the_store_has(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="image unavailable: a:1: its registry has no such image"):
        decide(store(tmp_path, "a:1"), Answer(Found.NO, reason="it answered 404"))
