"""service_settings: what each command of the service reads of the settings, and what it refuses before all else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from recipeci import schemas, service_settings, settings
from recipeci.errors import UsageError
from recipeci.service.setup import Bridge, Work
from recipeci.service.store import Database

from unit.servicehost import CREDENTIAL, ENV, FIRST, SECOND, TOKEN, Host

DOC = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_the_bridge_is_what_the_file_says_and_its_secrets_are_read(host: Host) -> None:
    host.data["abra"] = {"builtin_is_final": True}
    host.data["bridge"] |= {"listen": "[::1]:80", "poll_seconds": 5, "deadline_seconds": 600, "show_private": True}
    assert host.bridge() == Bridge(
        database=host.folder / "state" / "recipeci.db",
        forge="https://git.example.org",
        url="https://ci.example.org/recipeci",
        host="::1",
        port=80,
        token=TOKEN,
        webhook_secrets=(FIRST, SECOND),
        poll_seconds=5,
        deadline_seconds=600,
        show_private=True,
        builtin_is_final=True,
    )
    assert TOKEN not in repr(host.bridge())
    assert FIRST not in repr(host.bridge())


def test_what_the_file_does_not_say_has_the_documented_defaults(host: Host, tmp_path: Path) -> None:
    example = DOC.read_text().partition("```yaml\n")[2].partition("```")[0]
    documented = schemas.load_yaml(_written(tmp_path / "doc.yml", example), "settings")
    found = host.bridge()
    for name in ("poll_seconds", "deadline_seconds", "show_private"):
        assert getattr(found, name) == documented["bridge"][name]
    assert f"{found.host}:{found.port}" == documented["bridge"]["listen"]
    assert str(service_settings.DATABASE) == documented["database"]
    assert host.work().slots == documented["work"]["slots"]


def test_a_sweep_does_not_read_the_webhooks_secrets(host: Host) -> None:
    (host.folder / "webhook").unlink()
    assert host.bridge(with_webhooks=False).webhook_secrets == ()


def test_a_worker_reads_neither_the_token_nor_the_webhooks_secrets(host: Host) -> None:
    for name in ("token", "webhook"):
        (host.folder / name).unlink()
    assert host.work(env={**ENV, "SECRET": "x", "https_proxy": "http://p"}) == Work(
        database=host.folder / "state" / "recipeci.db",
        name="host-1",
        slots=1,
        runs=host.folder / "cache" / "runs" / "jobs",
        forge="https://git.example.org",
        credential=host.folder / "clone",
        config=host.folder / "s.yml",
        environment={"PATH": "/usr/bin", "HOME": "/home/me", "https_proxy": "http://p"},
    )


def test_a_worker_is_called_as_its_host(host: Host) -> None:
    host.data["work"] = {}
    assert (host.work().name, host.work().credential) == (os.uname().nodename, None)


def test_a_worker_without_the_forges_address_says_where_it_is_to_be_had(host: Host) -> None:
    del host.data["bridge"]
    with pytest.raises(
        UsageError, match=r"s\.yml: no section bridge:, whose forge is the one that recipeci work"
    ) as told:
        host.work()
    assert told.value.hint == "write the section as serve has it; of its files none is read"


@pytest.mark.parametrize("name", service_settings.FORGE_TOKENS)
def test_a_worker_with_a_forges_token_in_its_environment_is_refused(host: Host, name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is set, and a worker must have no token of a forge") as caught:
        host.work(env={**ENV, name: TOKEN})
    assert TOKEN not in f"{caught.value}{caught.value.hint}"


def test_a_path_may_begin_with_the_home_folder(host: Host) -> None:
    home = host.folder / "home"
    (home / "state").mkdir(parents=True)
    host.data["database"] = "~/state/db"
    said = host.said(env={**ENV, "HOME": str(home)})
    assert service_settings.work(said).database == home / "state" / "db"


def _removed(host: Host) -> None:
    del host.data["bridge"]


def _no_work(host: Host) -> None:
    del host.data["work"]


def _no_folder(host: Host) -> None:
    (host.folder / "state").rmdir()


WRONG: dict[str, tuple[Callable[[Host], None], str]] = {
    "no bridge": (_removed, r"s\.yml: no section bridge:, which recipeci serve needs"),
    "no work": (_no_work, r"s\.yml: no section work:, which recipeci work needs"),
    "no token": (lambda host: (host.folder / "token").unlink(), r"bridge\.token_file: .*/token: No such file"),
    "empty token": (lambda host: host.secret("token", " \n"), r"bridge\.token_file: .*/token is empty"),
    "open token": (lambda host: host.secret("token", TOKEN, mode=0o644), r"token is open to others \(mode 0644\)"),
    "short token": (lambda host: host.secret("token", "short"), r"token holds a secret of less than 16 characters"),
    "two tokens": (lambda host: host.secret("token", f"{TOKEN}\n{TOKEN}"), r"token has 2 lines, and one is needed"),
    "no webhook secret": (
        lambda host: (host.folder / "webhook").unlink(),
        r"bridge\.webhook_secret_file: .*/webhook: No such file",
    ),
    "empty webhook secret": (lambda host: host.secret("webhook", ""), r"webhook is empty"),
    "group may write": (lambda host: host.secret("webhook", FIRST, mode=0o660), r"open to others \(mode 0660\)"),
    "short webhook secret": (
        lambda host: host.secret("webhook", f"{FIRST}\nshort"),
        r"webhook holds a secret of less than 16",
    ),
    "open credential": (lambda host: host.secret("clone", CREDENTIAL, mode=0o604), r"clone_credential_file: .*open to"),
    "no credential": (lambda host: host.secret("clone", TOKEN), r"clone holds no address with a user and a token"),
    "no folder": (_no_folder, r"database: the folder .*/state is not there"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_one_sentence_and_nothing_is_made(host: Host, name: str) -> None:
    spoil, said = WRONG[name]
    spoil(host)
    host.said()
    before = sorted(host.folder.rglob("*"))
    with pytest.raises(UsageError, match=said) as caught:
        (host.bridge(), host.work())
    assert sorted(host.folder.rglob("*")) == before
    assert not [secret for secret in (TOKEN, FIRST, SECOND, CREDENTIAL) if secret in str(caught.value)]
    assert caught.value.hint or "lines" in str(caught.value)


@pytest.mark.parametrize(
    ("section", "key", "value", "said"),
    [
        ("bridge", "forge", "https://me:word@h", "bridge.forge: an address with a user name, password or token in it"),
        ("bridge", "forge", "https://h?token=word", "bridge.forge: an address with ? or # in it is not taken"),
        ("bridge", "forge", "http://git.example.org", "bridge.forge: over http:// everybody on the way could read"),
        ("bridge", "forge", "https://[h", "bridge.forge: over http:// everybody"),
        ("bridge", "forge", "git.example.org", "bridge.forge: 'git.example.org' does not fit: an address that begins"),
        ("bridge", "url", "https://me@h", "bridge.url: an address with a user name, password or token in it"),
        ("bridge", "url", "ftp://h", "bridge.url: 'ftp://h' does not fit: an address that begins with https:// or"),
        ("bridge", "listen", "8022", "bridge.listen: '8022' does not fit: a host and a port, such as 127.0.0.1:8022"),
        ("bridge", "listen", "::1:80", "bridge.listen: '::1:80' does not fit"),
        ("bridge", "listen", "h:65536", "bridge.listen: 'h:65536' does not fit"),
        ("bridge", "listen", "h:99999", "bridge.listen: 'h:99999' does not fit"),
        ("bridge", "poll_seconds", 0.5, "bridge.poll_seconds: 0.5 is less than the minimum of 1"),
        ("bridge", "deadline_seconds", 1, "bridge.deadline_seconds: 1 is less than the minimum of 60"),
        ("bridge", "token", "x", "bridge: unknown key 'token'; did you mean 'token_file'?"),
        ("work", "slots", 0, "work.slots: 0 is less than the minimum of 1"),
        ("work", "slots", 65, "work.slots: 65 is greater than the maximum of 64"),
        ("work", "name", "a/b", "work.name: 'a/b' does not fit: letters, digits, dots"),
        ("work", "name", "..", "work.name: '..' does not fit"),
    ],
)
def test_a_value_of_the_wrong_form_is_refused_wherever_the_file_is_read(
    host: Host, section: str, key: str, *, value: object, said: str
) -> None:
    host.data[section][key] = value
    (host.folder / "s.yml").write_text(yaml.safe_dump(host.data))
    for read in (settings.read, lambda file: settings.load(file, ENV)):
        with pytest.raises(UsageError) as caught:
            read(host.folder / "s.yml")
        assert said in str(caught.value)
        assert "word" not in f"{caught.value}{caught.value.hint}".replace("password", "")


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "localhost:65535", "[2001:db8::1]:8022", "0.0.0.0:80"])
def test_an_address_to_listen_at(host: Host, listen: str) -> None:
    host.data["bridge"]["listen"] = listen
    found = host.bridge()
    assert (f"[{found.host}]" if ":" in found.host else found.host, str(found.port)) == tuple(listen.rsplit(":", 1))


@pytest.mark.parametrize("missing", ["forge", "url", "token_file", "webhook_secret_file"])
def test_what_the_bridge_cannot_do_without_is_named(host: Host, missing: str) -> None:
    del host.data["bridge"][missing]
    with pytest.raises(UsageError, match=f"bridge: the key '{missing}' is missing: [A-Z]"):
        host.bridge()


def test_a_service_is_not_set_up_by_accident() -> None:
    with pytest.raises(UsageError, match="recipeci work needs a settings file"):
        service_settings.said(None, {"HOME": "/nowhere", "XDG_CONFIG_DIRS": "/nowhere"}, command="work")


def test_a_command_that_looks_makes_no_database(host: Host) -> None:
    with pytest.raises(UsageError, match=r"database: there is no .*/recipeci\.db"):
        service_settings.existing(host.said())
    Database(host.folder / "state" / "recipeci.db").close()
    assert service_settings.existing(host.said()) == host.folder / "state" / "recipeci.db"


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path
