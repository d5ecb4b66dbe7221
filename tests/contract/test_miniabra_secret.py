"""miniabra's `app secret` commands: which secrets, how long, stored how, and what is printed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import miniabralab
import pytest
from miniabralab import DOMAIN, SAMPLE, STACK, Lab

GENERATE = ("app", "secret", "generate", DOMAIN, "-a", "-C", "-o", "-n")
CREATE = ("secret", "create")
PHRASE = re.compile(r"[a-z]{4}(-[a-z]{4}){5}")


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    made = miniabralab.make(tmp_path / "lab")
    made.new()
    made.docker.on("secret", "ls")
    made.docker.on("secret", "create")
    return made


def stored(lab: Lab) -> dict[str, str]:
    """Return what was stored: name to value."""
    return {call.args[2]: call.stdin for call in lab.docker.of(*CREATE)}


def test_a_length_gives_a_password_of_its_charset_and_none_gives_a_phrase(lab: Lab) -> None:
    lab.done(*GENERATE)
    values = stored(lab)
    assert set(values) == {f"{STACK}_key_v1", f"{STACK}_phrase_v1"}
    assert re.fullmatch(r"[0-9a-f]{43}", values[f"{STACK}_key_v1"])
    assert PHRASE.fullmatch(values[f"{STACK}_phrase_v1"])


def test_they_are_stored_from_standard_input_without_a_label(lab: Lab) -> None:
    lab.done(*GENERATE)
    assert [call.args for call in lab.docker.of(*CREATE)] == [
        ("secret", "create", f"{STACK}_key_v1", "-"),
        ("secret", "create", f"{STACK}_phrase_v1", "-"),
    ]


def test_no_two_are_the_same(lab: Lab) -> None:
    lab.done(*GENERATE)
    lab.done(*GENERATE)
    assert len({call.stdin for call in lab.docker.of(*CREATE)}) == 4


def test_a_modifier_of_a_line_that_is_commented_out_is_lost(lab: Lab) -> None:
    lab.env_file.write_text(
        lab.env_file.read_text().replace("SECRET_KEY", "#SECRET_KEY") + "SECRET_KEY_VERSION=v1\n",
    )
    lab.done(*GENERATE)
    assert PHRASE.fullmatch(stored(lab)[f"{STACK}_key_v1"])


def test_the_values_are_printed_in_a_table(lab: Lab) -> None:
    said = lab.done(*GENERATE).out
    assert all(f"┃ {value} " in said for value in stored(lab).values())


def test_with_m_the_values_are_json_and_nothing_else_is_on_stdout(lab: Lab) -> None:
    ended = lab.done(*GENERATE, "-m")
    rows = {row["NAME"]: row["VALUE"] for row in json.loads(ended.out)}
    assert rows == {name.split("_")[3]: value for name, value in stored(lab).items()}
    assert ended.err.startswith("WARN ")


def test_what_is_stored_already_is_left_alone(lab: Lab) -> None:
    lab.docker.on("secret", "ls", out=f"{STACK}_key_v1\n")
    assert "already exists" in lab.done(*GENERATE).out
    assert set(stored(lab)) == {f"{STACK}_phrase_v1"}


def test_what_is_not_to_be_generated_is_left_to_the_operator(lab: Lab) -> None:
    lab.env_file.write_text(lab.env_file.read_text().replace("PHRASE_VERSION=v1", "PHRASE_VERSION=v1 # generate=false"))
    lab.done(*GENERATE)
    assert set(stored(lab)) == {f"{STACK}_key_v1"}


def test_nothing_to_make_ends_with_1(lab: Lab) -> None:
    lab.docker.on("secret", "ls", out=f"{STACK}_key_v1\n{STACK}_phrase_v1\n")
    ended = lab.run(*GENERATE)
    assert (ended.code, ended.out.splitlines()[-1]) == (1, "WARN no secrets generated")


def test_one_secret_under_a_version_of_its_own(lab: Lab) -> None:
    lab.done("app", "secret", "generate", DOMAIN, "key", "v2", "-C", "-o", "-n")
    assert set(stored(lab)) == {f"{STACK}_key_v2"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("length=43", "length=many"), "key: invalid length many"),
        (("length=43", "length=0"), "key: invalid length 0"),
        (("SECRET_KEY_VERSION=v1", "SECRET_KEY_VERSION="), "missing version for secret? (key)"),
        (("SECRET_KEY_VERSION=v1", f"SECRET_KEY_VERSION={'v' * 64}"), "chars"),
    ],
)
def test_what_cannot_be_made_is_named(lab: Lab, change: tuple[str, str], reason: str) -> None:
    lab.env_file.write_text(lab.env_file.read_text().replace(*change))
    assert reason in lab.refused(*GENERATE)


@pytest.mark.parametrize("args", [("-n",), ("key", "-n"), ("key", "v1", "-a", "-n")])
def test_it_is_either_all_or_one_with_its_version(lab: Lab, args: tuple[str, ...]) -> None:
    assert "either" in lab.refused("app", "secret", "generate", DOMAIN, *args)


def test_an_unknown_secret_is_named(lab: Lab) -> None:
    assert lab.refused("app", "secret", "generate", DOMAIN, "no", "v1", "-C", "-o", "-n").startswith("no doesn't exist")


def test_a_secret_that_no_service_uses_is_not_made(lab: Lab) -> None:
    lab.checkout.git("checkout", "--quiet", "main")
    lab.checkout.replace("compose.yml", "secrets: [key, phrase]", "secrets: [key]")
    lab.done(*GENERATE)
    assert set(stored(lab)) == {f"{STACK}_key_v1"}


def test_without_chaos_the_checkout_moves_to_the_pin(lab: Lab) -> None:
    lab.checkout.git("checkout", "--quiet", "main")
    lab.done(*GENERATE)
    assert lab.checkout.head == lab.checkout.git("rev-parse", "main")
    lab.done(*(arg for arg in GENERATE if arg != "-C"))
    assert lab.checkout.git("describe", "--exact-match") == "1.10.0+2.0"


def test_insert_from_a_file_keeps_every_byte(lab: Lab) -> None:
    (lab.folder / "cert").write_text("one\ntwo\n")
    lab.done("app", "secret", "insert", DOMAIN, "key", "v1", str(lab.folder / "cert"), "-f", "-C", "-o", "-n")
    assert stored(lab) == {f"{STACK}_key_v1": "one\ntwo\n"}


def test_insert_trims_when_told(lab: Lab) -> None:
    lab.done("app", "secret", "insert", DOMAIN, "key", "v1", " x\n", "-t", "-C", "-o", "-n")
    assert stored(lab) == {f"{STACK}_key_v1": "x"}


def test_insert_of_what_is_there_says_already_exists(lab: Lab) -> None:
    exists = f"rpc error: code = AlreadyExists desc = secret {STACK}_key_v1 already exists"
    lab.docker.on("secret", "create", err=f"Error response from daemon: {exists}\n", code=1)
    assert lab.refused("app", "secret", "insert", DOMAIN, "key", "v1", "x", "-C", "-o", "-n") == exists


def test_insert_from_a_file_that_is_not_there(lab: Lab) -> None:
    assert "No such file" in lab.refused("app", "secret", "insert", DOMAIN, "key", "v1", "/no", "-f", "-C", "-o", "-n")


def test_list_says_what_is_on_the_server(lab: Lab) -> None:
    lab.docker.on("secret", "ls", out=f"{STACK}_key_v1\n")
    rows = json.loads(lab.done("app", "secret", "ls", DOMAIN, "-m", "-C", "-o", "-n").out)
    assert [(row["name"], row["version"], row["created on server"]) for row in rows] == [
        ("key", "v1", "true"),
        ("phrase", "v1", "false"),
    ]


def test_remove_all_removes_those_that_are_there(lab: Lab) -> None:
    lab.docker.on("secret", "ls", out=f"{STACK}_key_v1\nother\n")
    lab.docker.on("secret", "rm")
    lab.done("app", "secret", "rm", DOMAIN, "-a", "-C", "-o", "-n")
    assert [call.args[2] for call in lab.docker.of("secret", "rm")] == [f"{STACK}_key_v1"]


def test_remove_of_one_that_is_not_there_is_refused(lab: Lab) -> None:
    assert lab.refused("app", "secret", "rm", DOMAIN, "key", "-C", "-o", "-n") == "no secret key on server"


def test_modifiers_are_those_of_the_apps_env_not_of_the_sample(lab: Lab) -> None:
    lab.checkout.git("checkout", "--quiet", "main")
    lab.checkout.write(".env.sample", SAMPLE.replace("length=43", "length=10"))
    lab.done(*GENERATE)
    assert len(stored(lab)[f"{STACK}_key_v1"]) == 43
