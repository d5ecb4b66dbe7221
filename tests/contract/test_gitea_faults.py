"""service.gitea against a forge that does not do what forges do: no answer but the expected one counts as one."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import struct
from collections.abc import Mapping

import pytest
from fakeforge import FakeForge, Handle, answer, says, serving
from forgecalls import CALLS, ERROR, GOOD, GOOD_USER, HTML, TOKEN, WRITES, adapted, goods, in_turn
from recipeci.errors import UsageError
from recipeci.host.clock import SystemClock
from recipeci.service.forge import ForgeRefused, ForgeUnavailable, Gone
from recipeci.service.forgehttp import ANSWER_BYTES
from recipeci.service.gitea import Gitea
from recipeci.service.model import User

SECONDS = 0.5
"""How long the adapter waits here for a whole answer."""
DRIPS = 100
"""More than anybody waits for: where the adapter is kept from running, the forge must not hang up before it."""


def silence(forge: FakeForge, _: socket.socket) -> None:
    """Say nothing for longer than the adapter waits."""
    forge.ended.wait(DRIPS * SECONDS / 5)


def reset(_: FakeForge, connection: socket.socket) -> None:
    """Reset the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang_up(_: FakeForge, __: socket.socket) -> None:
    """Close it, as for a connection that was kept for too long."""


def cut_off(_: FakeForge, connection: socket.socket) -> None:
    """Send less than was announced."""
    connection.sendall(answer("200 OK", b'{"id": 1', Content_Length="5000"))


def drip(forge: FakeForge, connection: socket.socket) -> None:
    """Send a byte now and then, each well within what a read may take; at last hang up."""
    connection.sendall(answer("200 OK", b"", Content_Length="5000"))
    for _ in range(DRIPS):
        if forge.ended.wait(SECONDS / 5):
            return
        connection.sendall(b" ")


def drip_head(forge: FakeForge, connection: socket.socket) -> None:
    """Never come to the end of the headers."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-It: ")
    for _ in range(DRIPS):
        if forge.ended.wait(SECONDS / 5):
            return
        connection.sendall(b"x")


def huge(_: FakeForge, connection: socket.socket) -> None:
    """Send more than is read."""
    connection.sendall(answer("200 OK", b'"' + b"x" * (ANSWER_BYTES + 1) + b'"'))


FAULTS: Mapping[str, Handle] = {
    "500": says("500 Internal Server Error", ERROR),
    "502 HTML": says("502 Bad Gateway", HTML, Content_Type="text/html"),
    "503": says("503 Service Unavailable", b""),
    "429": says("429 Too Many Requests", ERROR),
    "408": says("408 Request Timeout", ERROR),
    "404 of a proxy": says("404 Not Found", b"404 page not found\n", Content_Type="text/plain"),
    "404 empty": says("404 Not Found", b""),
    "reset": reset,
    "hang up": hang_up,
    "truncated JSON": says("200 OK", b'{"id": 1, "login": "an'),
    "cut off": cut_off,
    "no HTTP": lambda _, connection: connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "empty 200": says("200 OK", b""),
    "204": says("204 No Content"),
    "202": says("202 Accepted", b"{}"),
    "200 with an error": says("200 OK", ERROR),
    "200 HTML": says("200 OK", HTML, Content_Type="text/html"),
    "a number": says("200 OK", b"3"),
    "a text": says("200 OK", b'"yes"'),
    "deep": says("200 OK", b"[" * 200_000),
    "gzip that is none": says("200 OK", b'{"id": 1}', Content_Encoding="gzip"),
    "not UTF-8": says("200 OK", b'{"id": 1, "login": "\xff"}'),
}
SLOW: Mapping[str, Handle] = {"silence": silence, "slow drip": drip, "slow head": drip_head}
REFUSALS = ("400 Bad Request", "401 Unauthorized", "403 Forbidden", "409 Conflict", "422 Unprocessable", "423 Locked")
REDIRECTS = ("301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect")


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_answer_is_never_taken_for_one(fault: str) -> None:
    with serving(FAULTS[fault]) as forge, adapted(forge) as gitea:
        for name, call in CALLS.items():
            if (fault, name) not in (("204", "remove_webhook"), ("204", "remove_comment")):
                with pytest.raises(ForgeUnavailable):
                    call(gitea)


@pytest.mark.parametrize("fault", SLOW)
@pytest.mark.parametrize("call", ["myself", "comments", "make_comment"])
def test_what_takes_too_long_is_no_answer_whatever_keeps_coming(fault: str, call: str) -> None:
    with (
        serving(SLOW[fault]) as forge,
        adapted(forge, seconds=SECONDS) as gitea,
        pytest.raises(ForgeUnavailable, match="no answer in time"),
    ):
        CALLS[call](gitea)
    assert len(forge.asked) <= 1  # none where the time was over before the request was out, or the forge had read it


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", REFUSALS)
def test_a_no_is_a_no(status: str, call: str) -> None:
    with (
        serving(says(status, ERROR)) as forge,
        adapted(forge) as gitea,
        pytest.raises(ForgeRefused, match="it is so") as caught,
    ):
        CALLS[call](gitea)
    assert (caught.value.status, type(caught.value)) == (int(status[:3]), ForgeRefused)
    assert len(forge.asked) == 1


@pytest.mark.parametrize("call", [call for call in CALLS if not call.startswith("remove_")])
def test_what_the_api_itself_does_not_find_is_gone(call: str) -> None:
    with serving(says("404 Not Found", ERROR)) as forge, adapted(forge) as gitea, pytest.raises(Gone):
        CALLS[call](gitea)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", REDIRECTS)
def test_no_redirect_is_followed_and_no_token_goes_elsewhere(status: str, call: str) -> None:
    with (
        serving(says("200 OK", json.dumps(GOOD.get(call)).encode())) as elsewhere,
        serving(says(status, b"", Location=f"{elsewhere.url}/api/v1/user")) as forge,
        adapted(forge) as gitea,
        pytest.raises(ForgeRefused) as caught,
    ):
        CALLS[call](gitea)
    assert isinstance(caught.value, Gone) is (call == "permission")
    assert elsewhere.asked == []
    assert len(forge.asked) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("Fri, 15 Jan 2027 08:01:00 GMT", 60.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("999999999", 3600.0),
        ("Fri, 15 Jan 2127 08:01:00 GMT", 3600.0),
        ("soon", 0.0),
        ("-5", 0.0),
        ("1e9", 0.0),
        ("", 0.0),
    ],
)
@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_how_long_the_forge_wants_to_be_left_alone(status: str, header: str, seconds: float) -> None:
    with (
        serving(says(status, ERROR, Retry_After=header)) as forge,
        adapted(forge) as gitea,
        pytest.raises(ForgeUnavailable) as caught,
    ):
        gitea.myself()
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(("fault", "times"), [("reset", 2), ("hang up", 2), ("500", 1), ("cut off", 2)])
def test_only_a_connection_that_ended_is_tried_again_and_once(fault: str, times: int) -> None:
    with serving(FAULTS[fault]) as forge, adapted(forge) as gitea, pytest.raises(ForgeUnavailable):
        gitea.myself()
    assert len(forge.asked) == times


@pytest.mark.parametrize("call", WRITES)
@pytest.mark.parametrize("fault", ["reset", "hang up", "500", "cut off"])
def test_what_changes_something_is_never_sent_twice(fault: str, call: str) -> None:
    with serving(FAULTS[fault]) as forge, adapted(forge) as gitea, pytest.raises(ForgeUnavailable):
        CALLS[call](gitea)
    assert len(forge.asked) == 1


def test_a_read_after_a_reset_gets_its_answer() -> None:
    with serving(in_turn(reset, goods("myself", GOOD_USER))) as forge, adapted(forge) as gitea:
        assert gitea.myself() == User(2, "ann")


def test_a_connection_is_used_again_and_one_that_was_closed_is_not() -> None:
    def twice(_: FakeForge, connection: socket.socket) -> None:
        body = json.dumps(GOOD_USER).encode()
        connection.sendall(answer("200 OK", body, Connection="keep-alive"))
        assert connection.recv(65536).startswith(b"GET /api/v1/user ")
        connection.sendall(answer("200 OK", body, Connection="keep-alive"))

    with serving(twice) as forge, adapted(forge) as gitea:
        for _ in range(2):
            assert (gitea.myself(), gitea.myself()) == (User(2, "ann"), User(2, "ann"))
    assert [asked.target for asked in forge.asked] == ["/api/v1/user", "/api/v1/user"]


def test_an_answer_that_is_longer_than_anybody_reads_is_none() -> None:
    for call in ("myself", "pull", "make_comment", "permission"):
        with serving(huge) as forge, adapted(forge) as gitea, pytest.raises(ForgeUnavailable, match="longer than"):
            CALLS[call](gitea)


def test_a_packed_answer_is_not_asked_for_and_none_that_unpacks_to_much_is_read() -> None:
    bomb = gzip.compress(b'"' + b"x" * (ANSWER_BYTES * 4) + b'"')
    with (
        serving(says("200 OK", bomb, Content_Encoding="gzip")) as forge,
        adapted(forge) as gitea,
        pytest.raises(ForgeUnavailable),
    ):
        gitea.myself()
    assert forge.asked[0].headers["accept-encoding"] == "identity"


def test_the_token_is_in_the_header_and_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(says("500 Oh", f'{{"message": "{TOKEN}"}}'.encode())) as forge, adapted(forge) as gitea:
        for call in CALLS.values():
            with pytest.raises(ForgeUnavailable):
                call(gitea)
        assert TOKEN not in repr(gitea) + repr(vars(gitea))
    assert {asked.headers["authorization"] for asked in forge.asked} == {f"token {TOKEN}"}
    assert not any(TOKEN in asked.target or TOKEN.encode() in asked.body for asked in forge.asked)
    assert caplog.text
    assert "authorization" not in caplog.text.lower()


@pytest.mark.parametrize(
    "url", ["", "git.example.org", "ftp://x", "https://", "https://u:p@x", "https://x?y", "https://x/\n"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match=r"bridge\.forge"):
        Gitea(url, TOKEN, clock=SystemClock())


@pytest.mark.parametrize("token", ["", "two words", "line\n", "ü"])
def test_a_token_that_cannot_be_sent_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(UsageError, match=r"bridge\.token") as caught:
        Gitea("https://x", token, clock=SystemClock())
    assert not token or token not in str(caught.value)


def test_a_forge_that_wants_to_be_left_alone_is_asked_nothing_until_then() -> None:
    with serving(says("429 Too Many Requests", ERROR, Retry_After="3600")) as forge, adapted(forge) as gitea:
        for _ in range(3):
            with pytest.raises(ForgeUnavailable) as caught:
                gitea.myself()
            assert caught.value.retry_after > 3500
        assert len(forge.asked) == 1
