"""recipe.metadata: recipe.yml of the operator's overlay."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from recipeci import schemas
from recipeci.errors import UsageError
from recipeci.model import Tier
from recipeci.recipe.metadata import HttpExpectation, RecipeMeta, Screenshot, Timeouts, load

FULL = """\
http:          {path: /login, accept: [200, 401], host: null}
probes:        []
timeouts:      {deploy: 900, upgrade: 901.5, backup: 301, restore: 302, suite: 303}
deadline:      3601
env:           {KEY: value, NUMBER: 5, EMPTY: ""}
env_base:      {OLD: "1"}
env_head:      {NEW: "2"}
extra_domains: {SANDBOX_DOMAIN: sandbox}
secrets:       {smtp_password: {value: x}, cert: {file: cert.pem}}
base:          {from: 1.0.0, version: null}
skip:          {restore: it has no state}
skip_generic:  {backup: slow}
backup:        {undeclared: {cache: made again}}
canary:        {skip: {"app:/srv/cache": made again}}
network:       false
screenshot:    {path: /home, wait: "#main", mask: [.clock]}
"""


def written(folder: Path, text: str) -> Path:
    (folder / "recipe.yml").write_text(text, encoding="utf-8")
    return folder


def test_without_a_file_there_are_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path) == load(tmp_path / "no-such-folder") == RecipeMeta()
    assert RecipeMeta().http == HttpExpectation(path="/", accept=(200,), host="")
    assert RecipeMeta().timeouts == Timeouts(600, 600, 300, 300, 300, deadline=3600)


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert load(written(tmp_path, "# nothing yet\n")) == RecipeMeta()


def test_every_key(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_bytes(b"-----BEGIN\n")
    meta = load(written(tmp_path, FULL))
    assert meta == RecipeMeta(
        http=HttpExpectation("/login", (200, 401)),
        timeouts=Timeouts(900, 901.5, 301, 302, 303, 3601),
        env={"KEY": "value", "NUMBER": "5", "EMPTY": ""},
        env_base={"OLD": "1"},
        env_head={"NEW": "2"},
        extra_domains={"SANDBOX_DOMAIN": "sandbox"},
        secrets={"smtp_password": b"x", "cert": b"-----BEGIN\n"},
        base_from="1.0.0",
        skip={Tier.RESTORE: "it has no state"},
        skip_generic={Tier.BACKUP: "slow"},
        backup_undeclared={"cache": "made again"},
        canary_skip={"app:/srv/cache": "made again"},
        screenshot=Screenshot("/home", "#main", (".clock",)),
    )
    assert "BEGIN" not in repr(meta), "a secret in a repr ends in a log"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("skip_genric: {backup: x}", r"unknown key 'skip_genric'; did you mean 'skip_generic'\?"),
        ("timeouts: {deploys: 5}", r"timeouts: unknown key 'deploys'; did you mean 'deploy'\?"),
        ("http: {paths: /}", r"http: unknown key 'paths'; did you mean 'path'\?"),
        ("timeouts: {deploy: 5m}", "timeouts.deploy: needs a number, not the text '5m'"),
        ("timeouts: {deploy: 0}", "timeouts.deploy"),
        ("deadline: 100000", "deadline"),
        ("http: {accept: []}", "http.accept"),
        ("http: {accept: [42]}", r"http.accept\[0\]: 42"),
        ("http: {accept: [404]}", "http.accept: a 404 never counts"),
        ("http: {accept: [200, 404]}", "http.accept: a 404 never counts"),
        ("http: {accept: 401}", r"http.accept: needs a list: \[401\]"),
        ("secrets: {a: {value: [hunter2]}}", r"secrets.a.value: needs text, not a list\Z"),
        ("http: {path: login}", "http.path: 'login' does not fit: a path that begins with / and has no white space"),
        ("http: {host: 'a b'}", "http.host"),
        ("probes: [{tcp: 64738, service: app}]", "probes are not available yet"),
        ("probes: [22]", "probes are not available yet"),
        ("probes: {tcp: 22}", "probes: needs a list"),
        ("skip: {install: why}", "skip: unknown key 'install'"),
        ("skip: {restore: ' '}", "skip.restore"),
        ("skip: {restore: null}", "skip.restore"),
        ("skip: [restore]", "skip"),
        ("env: {KEY: true}", "env.KEY: needs text or a whole number, not true or false"),
        ("env: {KEY: [1]}", "env.KEY"),
        ('env: {KEY: "a\\nb"}', "env.KEY"),
        ("env: {1KEY: a}", "env"),
        ("env: {DOMAIN: x.org}", "env.DOMAIN: this key is the run's own"),
        ("env_head: {STACK_NAME: x}", "env_head.STACK_NAME: this key is the run's own"),
        ("extra_domains: {DOMAIN: www}", "extra_domains.DOMAIN: this key is the run's own"),
        ("extra_domains: {X: 'a b'}", "extra_domains.X"),
        ("secrets: {a: {}}", "secrets.a: give either value or file"),
        ("secrets: {a: {value: x, file: y}}", "secrets.a: give either value or file"),
        ("secrets: {a: {file: nosuch}}", "secrets.a: nosuch: No such file"),
        ("secrets: {a: {file: ../../etc/passwd}}", r"secrets.a: ../../etc/passwd is not beside recipe\.yml"),
        ("secrets: {a: {file: /etc/passwd}}", "is not beside"),
        ("base: {version: main}", "base.version: 'main' is no version"),
        ("base: {from: ''}", "base.from"),
        ("canary: {skip: {/srv: why}}", "canary.skip"),
        ('secrets: {a: {file: "a\\0b"}}', "secrets.a.file: a NUL character"),
        ("secrets: {a: {file: " + "x" * 300 + "}}", "secrets.a: x{100}…: File name too long"),
        ("secrets: {a: {file: loop}}", "secrets.a: loop: Too many levels of symbolic links"),
        ('secrets: {a: {value: "\\ud800"}}', r"secrets.a.value: the half of a character \(\\ud800\)"),
        ('probes: [{tcp: 1, service: "a\\0"}]', r"probes\[0\].service: a NUL character"),
        ('backup: {undeclared: {"a\\0": why}}', r"backup.undeclared: the key 'a\\x00' has a NUL character"),
        ("deadline: .nan", "deadline: nan is no number to count with"),
        ("deadline: .inf", "deadline: inf is no number to count with"),
        ("timeouts: {upgrade: .nan}", "timeouts.upgrade: nan is no number"),
        ("env: {KEY: " + "x" * 131067 + "}", "env.KEY: KEY has 131071 bytes"),
        ("env: {" + ", ".join(f"K{i}: {'x' * 100000}" for i in range(6)) + "}", "env: its variables have 6000.. bytes"),
        ("network: true", "network: true is not available yet"),
        ("network: yes please", "network"),
        ("a: b: c", "is not YAML"),
        ("- a", "needs a mapping"),
        ("skip: {restore: a}\nskip: {backup: b}", "the key 'skip' is there twice"),
    ],
)
def test_what_is_refused_and_how(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UsageError, match=sentence) as caught:
        load(written(tmp_path, text))
    assert str(tmp_path / "recipe.yml") in caught.value.message
    assert "\n" not in caught.value.message


def test_a_secrets_value_is_not_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(written(tmp_path, "secrets: {a: {value: hunter2, file: y}}"))
    assert "hunter2" not in caught.value.message


DOC = Path(__file__).parents[2] / "docs" / "recipe-yml.md"


def test_the_files_in_the_documentation_are_read_and_name_every_key(tmp_path: Path) -> None:
    shown = re.findall(r"```yaml\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "cert.pem").write_text("x")
    meta = load(written(tmp_path, "".join(shown)))
    assert meta.timeouts == Timeouts()
    assert meta.base_from == "1.0.0"
    named = set(schemas.load_yaml(tmp_path / "recipe.yml", "recipe"))
    assert named == set(schemas.load("recipe")["properties"])
