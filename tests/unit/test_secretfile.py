"""host.secretfile, host.credential: a file with a secret is the operator's alone, and what it holds is not repeated."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from recipeci.errors import UsageError
from recipeci.host import credential, secretfile

SECRET = "0123456789abcdef-very-secret"


def written(folder: Path, text: str | bytes, *, mode: int = 0o600) -> Path:
    file = folder / "secret"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    file.chmod(mode)
    return file


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o440, 0o640])
def test_a_secret_of_the_operators_alone_is_read(tmp_path: Path, mode: int) -> None:
    assert secretfile.line("x", written(tmp_path, f"\n{SECRET}\n\n", mode=mode)) == SECRET


def test_several_are_read_in_their_order(tmp_path: Path) -> None:
    assert secretfile.lines("x", written(tmp_path, f"{SECRET}1\r\n{SECRET}2\n")) == (f"{SECRET}1", f"{SECRET}2")


def test_a_link_to_one_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(written(tmp_path, SECRET))
    assert secretfile.line("x", tmp_path / "link") == SECRET


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        (SECRET, 0o604, "is open to others (mode 0604)"),
        (SECRET, 0o644, "is open to others (mode 0644)"),
        (SECRET, 0o601, "is open to others (mode 0601)"),
        (SECRET, 0o620, "is open to others (mode 0620)"),
        ("", 0o600, "is empty"),
        (" \n\t\n", 0o600, "is empty"),
        (SECRET[:15], 0o600, "holds a secret of less than 16 characters"),
        (f"{SECRET}\n{SECRET}", 0o600, "has 2 lines, and one is needed"),
        (f"two words {SECRET}", 0o600, "has a blank or a control character in a secret"),
        (f"{SECRET}\x00{SECRET}", 0o600, "has a blank or a control character in a secret"),
        (b"\xff\xfe" + SECRET.encode(), 0o600, "is no text in UTF-8"),
        (SECRET * 3000, 0o600, "is larger than 64 KiB, which no secret is"),
    ],
)
def test_what_is_no_secret_is_one_sentence(tmp_path: Path, text: str | bytes, mode: int, said: str) -> None:
    file = written(tmp_path, text, mode=mode)
    with pytest.raises(UsageError) as caught:
        secretfile.line("bridge.token_file", file)
    assert str(caught.value) == f"bridge.token_file: {file} {said}"
    assert SECRET not in f"{caught.value}{caught.value.hint}"


def test_what_is_not_there_or_no_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"x: .*/none: No such file or directory"):
        secretfile.line("x", tmp_path / "none")
    with pytest.raises(UsageError, match="is no file"):
        secretfile.line("x", tmp_path)
    os.mkfifo(tmp_path / "pipe", 0o600)  # nobody writes into it, and we do not wait
    with pytest.raises(UsageError, match="is no file"):
        secretfile.line("x", tmp_path / "pipe")


@pytest.mark.parametrize(
    ("line", "origin", "user", "token"),
    [
        (f"https://me:{SECRET}@git.example.org", "https://git.example.org", "me", SECRET),
        (f"https://me:{SECRET}@GIT.example.org:3000/", "https://git.example.org:3000", "me", SECRET),
        (f"http://me:{SECRET}@127.0.0.1:3000", "http://127.0.0.1:3000", "me", SECRET),
        (f"https://me%40home:{SECRET}%2F%25@h", "https://h", "me@home", f"{SECRET}/%"),
    ],
)
def test_a_credential_is_read(tmp_path: Path, line: str, origin: str, user: str, token: str) -> None:
    assert credential.read("x", written(tmp_path, line)) == credential.Credential(origin, user, token)


@pytest.mark.parametrize(
    "line",
    [
        SECRET,
        f"https://git.example.org/{SECRET}",
        f"https://{SECRET}@git.example.org",
        f"https://:{SECRET}@git.example.org",
        f"https://me:{SECRET}@",
        f"http://me:{SECRET}@git.example.org",
        f"ssh://me:{SECRET}@git.example.org",
        f"https://me:{SECRET}@git.example.org/one/repository",
        f"https://me:{SECRET}@git.example.org?x",
        f"https://me:{SECRET}%0Ahost=evil@git.example.org",
        f"https://me:{SECRET}@[git",
    ],
)
def test_a_line_that_is_no_credential_is_refused_and_not_repeated(tmp_path: Path, line: str) -> None:
    with pytest.raises(UsageError, match="holds no address with a user and a token") as caught:
        credential.read("--clone-credential", written(tmp_path, line))
    assert SECRET not in f"{caught.value}{caught.value.hint}"


def test_a_short_token_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has less than 16 characters"):
        credential.read("x", written(tmp_path, "https://me:short@git.example.org"))


@pytest.mark.parametrize(
    ("url", "is_for"),
    [
        ("https://git.example.org/a/b.git", True),
        ("https://GIT.example.org:443/a", True),
        ("http://git.example.org/a", False),
        ("https://git.example.org:8443/a", False),
        ("https://git.example.org.evil.test/a", False),
        ("https://evil.test/https://git.example.org", False),
    ],
)
def test_it_is_for_one_host(url: str, *, is_for: bool) -> None:
    assert credential.Credential("https://git.example.org", "me", SECRET).is_for(url) is is_for


def test_it_is_not_shown_by_accident() -> None:
    assert SECRET not in repr(credential.Credential("https://git.example.org", "me", SECRET))
