"""recipe.dockeryaml and miniabra.docker against Docker's own reading of the same words; no daemon is asked."""

from __future__ import annotations

import itertools
import string
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from miniabra.docker import printed as printed_for_miniabra
from recipeci.host import engine
from recipeci.host.command import LocalRunner
from recipeci.host.docker_cli import DockerCli
from recipeci.recipe.dockeryaml import printed, written

Reader = Callable[[str], object]
NUMBERS = """
0 1 -1 +1 +0 -0 00 007 -07 08 09.5 0_7 0o17 0O7 -0o17 0o8 0x1F 0X1F 0x_1F 0x 0x_ 0xg -0x1F 0b101 0B1 0b2 0b_ -0b11
1_000 1__0 _1 0_ 1. 1.0 1.10 .5 -.5 +.5 .5_ -.5_ -0.0 1.5_ 1_0.5 685_230.15 1e3 1e+3 1E3 1.5e-3 1e 1e+ .e3 1e400 -1e400
12345e67 1e21 1e-7 123456789.123 9223372036854775807 9223372036854775808 18446744073709551615 18446744073709551616
-9223372036854775808 -9223372036854775809 99999999999999999999999 0x1FFFFFFFFFFFFFFFFF 0x1p3 0x1.8 1.2.3 1-2 + . ..
1:30 22:22 80:80 1:99 190:20:30 12:30:45 12:30:45.5 8080:80/tcp
"""
OTHERS = """
true True TRUE tRUE false False FALSE null Null NULL nUll ~ ~x = == =x << <<< <x inf nan .x -x ?x :x
2024-02-30 2024-13-45 2020-99-99 2024-02-3x 2001-12-14t21:59:43.10-05:99
"""
WORDS = [*NUMBERS.split(), *OTHERS.split()]
"""Plain words on which YAML's versions and their parsers differ, or look as if they might."""
DATES = ["2024-01-01", "2024-1-1", "2024-02-29", "2001-12-14t21:59:43.10-05:00"]
SWITCHES = ["y", "Y", "n", "N", "yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF"]
GENERATED = ["".join(part) for size in (1, 2, 3) for part in itertools.product("0189_.-+:exob=<~yT", repeat=size)]
LONG = ["9" * 400, "1" * 5000, "0x" + "f" * 400, "1.5e" + "9" * 30]


@pytest.fixture(scope="module")
def docker() -> DockerCli:
    runner = LocalRunner()
    return DockerCli(engine.find(None, runner=runner).docker, runner=runner)


def printed_by(docker: DockerCli, folder: Path, text: str) -> str:
    """Return what Docker makes of a compose file with this at its end."""
    (folder / "compose.yml").write_text(f"version: '3.8'\nservices: {{app: {{image: x}}}}\n{text}", encoding="utf-8")
    return docker.stack_config([folder / "compose.yml"], env={})


def mapping_of(data: object, *keys: str) -> Mapping[str, Any]:
    """Return a mapping in a mapping."""
    for key in keys:
        assert isinstance(data, dict)
        data = data[key]
    assert isinstance(data, dict)
    return data


def kinds(values: Mapping[str, Any]) -> Mapping[str, tuple[bool, bool, Any]]:
    """Return the values so that a text, a truth value and a number are not equal; Docker has one kind of number."""
    return {key: (isinstance(value, str), isinstance(value, bool), value) for key, value in values.items()}


def test_a_word_that_somebody_wrote_is_what_docker_takes_it_for(docker: DockerCli, tmp_path: Path) -> None:
    text = "x-words:\n" + "".join(f"  k{number}: {word}\n" for number, word in enumerate(WORDS))
    shown = printed(printed_by(docker, tmp_path, text))
    assert kinds(mapping_of(written(text), "x-words")) == kinds(mapping_of(shown, "x-words"))


@pytest.mark.parametrize("read", [written, printed, printed_for_miniabra])
def test_what_only_some_versions_of_docker_take_for_a_date_or_a_truth_value_is_text(read: Reader) -> None:
    text = "words:\n" + "".join(f"- {word}\n" for word in [*DATES, *SWITCHES])
    assert mapping_of(read(text))["words"] == [*DATES, *SWITCHES]


@pytest.mark.parametrize("read", [printed, printed_for_miniabra])
@pytest.mark.parametrize(
    "texts", [[*WORDS, *DATES, *SWITCHES, "!x", ""], GENERATED, LONG], ids=["known", "generated", "long"]
)
def test_each_text_that_docker_prints_is_that_text(
    docker: DockerCli,
    tmp_path: Path,
    read: Reader,
    texts: Sequence[str],
) -> None:
    quoted = "x-texts:\n" + "".join(f"- '{text}'\n" for text in texts)
    assert mapping_of(read(printed_by(docker, tmp_path, quoted)))["x-texts"] == texts


def test_a_character_of_any_kind_that_docker_prints_is_that_character(docker: DockerCli, tmp_path: Path) -> None:
    texts = [
        f"a{character}b"
        for character in [*string.printable.replace("$", ""), *"\x00\x07\x7f\x85\xa0\u2028\ufeff\ue000é漢😀"]
    ]
    shown = printed_by(docker, tmp_path, yaml.safe_dump({"x-texts": texts}, default_style='"'))
    assert mapping_of(printed(shown))["x-texts"] == printed_for_miniabra(shown)["x-texts"] == texts


@pytest.mark.parametrize("read", [printed, printed_for_miniabra])
def test_a_key_that_would_merge_is_a_key_in_what_docker_prints(docker: DockerCli, tmp_path: Path, read: Reader) -> None:
    shown = printed_by(docker, tmp_path, 'x-env: {"<<": text, "=": other}\n')
    assert mapping_of(read(shown))["x-env"] == {"<<": "text", "=": "other"}


def test_a_key_that_merges_in_what_somebody_wrote_still_does(docker: DockerCli, tmp_path: Path) -> None:
    text = "x-a: &a {one: 1, two: 2}\nx-b: {<<: *a, two: 3}\nx-c: {<<: [*a, {four: <<}], five: [<<]}\n"
    shown = mapping_of(printed(printed_by(docker, tmp_path, text)))
    found = mapping_of(written(text))
    assert [found[key] for key in ("x-b", "x-c")] == [shown[key] for key in ("x-b", "x-c")]
    assert found["x-c"] == {"one": 1, "two": 2, "four": "<<", "five": ["<<"]}
