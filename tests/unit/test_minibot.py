"""The bot's own reading of labels and of Docker's frames; what needs Docker is in tests/contract."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import pytest
from minibot import docker, labels
from minibot.labels import VOLUMES, Service, Stack

ON = {"backupbot.backup": "true"}


def spec(name: str, own: Mapping[str, str], *volumes: str, stack: str = "one_test") -> dict[str, Any]:
    """Return a service as Docker's API has it."""
    mounts = [{"Type": "volume", "Source": volume, "Target": "/x"} for volume in volumes]
    mounts += [{"Type": "volume", "Target": "/anonymous"}, {"Type": "bind", "Source": "/etc", "Target": "/y"}]
    namespace = {labels.STACK_LABEL: stack} if stack else {}
    task = {"ContainerSpec": {"Image": "x:1", "Mounts": mounts}}
    return {"Spec": {"Name": name, "Labels": {**own, **namespace}, "TaskTemplate": task}}


def only(*raw: dict[str, Any], wanted: str = "") -> Stack:
    (stack,) = labels.stacks(labels.services(raw), wanted=wanted)
    return stack


def paths(*parts: str) -> tuple[PurePosixPath, ...]:
    return tuple(VOLUMES / part for part in parts)


def test_one_switch_saves_every_named_volume_of_the_stack() -> None:
    stack = only(spec("one_test_app", ON, "one_test_content"), spec("one_test_db", {}, "one_test_data"))
    assert stack.paths() == paths("one_test_content/_data", "one_test_data/_data")


def test_an_app_is_named_by_its_domain_or_by_its_stack_and_others_are_left_alone() -> None:
    raw = spec("one_test_app", ON, "a"), spec("two_test_app", ON, "b", stack="two_test"), spec("proxy", ON, stack="")
    assert [stack.name for stack in labels.stacks(labels.services(raw), wanted="")] == ["one_test", "two_test"]
    assert only(*raw, wanted="two.test").name == "two_test"
    assert only(*raw, wanted="one_test").name == "one_test"
    assert labels.stacks(labels.services(raw), wanted="one") == ()


@pytest.mark.parametrize("value", ["false", "", "yes"])
def test_a_stack_without_a_true_switch_is_not_saved(value: str) -> None:
    assert labels.stacks(labels.services([spec("a", {"backupbot.backup": value}, "v")]), wanted="") == ()


def test_a_volume_is_left_out_or_limited_by_the_label_of_any_service() -> None:
    app = ON | {"backupbot.backup.volumes.data.path": " dump.sql, sub/dir "}
    stack = only(
        spec("one_test_app", app, "one_test_content"),
        spec("one_test_db", {"backupbot.backup.volumes.content": "False"}, "one_test_data"),
    )
    assert stack.paths() == paths("one_test_data/_data/dump.sql", "one_test_data/_data/sub/dir")


def test_the_first_generation_s_path_is_not_read() -> None:
    stack = only(spec("one_test_app", ON | {"backupbot.backup.path": "/x/y"}, "one_test_content"))
    assert stack.paths() == paths("one_test_content/_data")


@pytest.mark.parametrize("path", ["/etc", "../../two_test_data/_data", "a/../../x"])
def test_a_path_out_of_its_volume_saves_nothing(path: str) -> None:
    stack = only(spec("one_test_app", ON | {"backupbot.backup.volumes.content.path": path}, "one_test_content"))
    assert stack.paths() == ()


@pytest.mark.parametrize("name", ["content", "one_test_content"])
def test_a_restore_may_be_of_one_volume_by_either_name(name: str) -> None:
    stack = only(spec("one_test_app", ON, "one_test_content", "one_test_data"))
    assert stack.paths(only=[name]) == paths("one_test_content/_data")


def test_hooks_are_those_of_every_service_by_name() -> None:
    stack = only(
        spec("one_test_db", {labels.PRE: "dump"}), spec("one_test_app", ON | {labels.PRE: "x", labels.POST: ""})
    )
    assert stack.hooks(labels.PRE) == (("one_test_app", "x"), ("one_test_db", "dump"))
    assert stack.hooks(labels.POST) == ()


def test_a_service_without_mounts_has_no_volumes() -> None:
    raw = {"Spec": {"Name": "s", "Labels": {labels.STACK_LABEL: "t"}, "TaskTemplate": {"ContainerSpec": {}}}}
    assert labels.services([raw]) == (Service("s", "t", {labels.STACK_LABEL: "t"}, ()),)


def test_what_a_command_printed_is_put_together_from_frames() -> None:
    def frame(stream: int, data: bytes) -> bytes:
        return struct.pack(">BxxxL", stream, len(data)) + data

    assert docker.text(frame(1, b"one\n") + frame(2, b"tw\xff") + frame(1, b"")) == "one\ntw�"
    assert docker.text(b"") == ""
