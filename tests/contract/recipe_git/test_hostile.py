"""host.gitcall against hostile repositories and machines: each leaves a mark if what it brings is run."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from recipeci.errors import CommandFailed, HostError, UsageError
from recipeci.host.command import PATH
from recipeci.host.gitcall import Git, Source
from recipeci.model import Commit

from recipe_git.made import ENV, Made, cloned, runner


def test_nothing_that_a_repository_brings_is_run(made: Made, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    made.write(".gitattributes", "* filter=evil diff=evil merge=evil text eol=lf\n")
    made.write("embedded/HEAD", "ref: refs/heads/main\n")
    made.write("embedded/config", f"[core]\n\tbare = true\n\tfsmonitor = touch {mark}\n")
    made.write("embedded/objects/x", "")
    made.write("embedded/refs/x", "")
    for name in ("post-checkout", "pre-commit", "post-merge", "reference-transaction", "post-index-change"):
        made.write(f"hooks/{name}", f"#!/bin/sh\ntouch {mark}\n")
        (made.folder / "hooks" / name).chmod(0o755)
    wanted = made.commit("evil")
    made.git("config", "uploadpack.packObjectsHook", f"touch {mark}; :")
    made.git("config", "core.hooksPath", "hooks")
    found = cloned(made, tmp_path / "clone")
    planted = Made(found.folder)
    evil = {
        "core.fsmonitor": f"touch {mark}",
        "core.hooksPath": "hooks",
        "filter.evil.clean": f"touch {mark}; cat",
        "filter.evil.smudge": f"touch {mark}; cat",
        "filter.evil.process": f"touch {mark}",
        "core.sshCommand": f"touch {mark}",
        "remote.origin.uploadpack": f"touch {mark}; git-upload-pack",
    }
    for key, value in evil.items():
        planted.git("config", key, value)
    found.checkout(wanted)
    (found.folder / "compose.yml").write_text("edited")
    assert found.changes() == ("compose.yml",)
    found.checkout(wanted)
    with pytest.raises(UsageError):
        found.get(Commit("e" * 40))
    assert not mark.exists()
    for key, value in evil.items():  # the control: git on its own runs them
        planted.git("config", key, value)
    (found.folder / "compose.yml").write_text("edited")
    runner.run(["git", "status"], timeout=120, env=ENV, cwd=found.folder, ok=(0, 128))
    assert mark.exists()


def test_only_a_change_of_somebody_elses_is_said_to_be_one(
    made: Made, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="recipeci")
    found = cloned(made, tmp_path / "clone")
    found.checkout(found.newest)
    assert "changed it" not in caplog.text
    Made(found.folder).git("config", "core.hooksPath", "hooks")
    found.checkout(found.newest)
    assert "/.git/config: a program in the cell changed it; git reads it as it was when we cloned" in caplog.text


def test_a_planted_file_does_not_move_the_repository(made: Made, tmp_path: Path) -> None:
    made.write(".gitattributes", "* filter=evil\n")
    wanted = made.commit("attributes")
    found = cloned(made, tmp_path / "clone")
    found.checkout(wanted)
    mark = tmp_path / "mark"
    made.git("clone", "--quiet", ".", str(tmp_path / "other"))
    Made(tmp_path / "other").git("config", "filter.evil.clean", f"touch {mark}; cat")
    (found.folder / ".git/commondir").write_text(str(tmp_path / "other/.git"))
    (found.folder / "compose.yml").write_text("edited")
    assert found.changes() == ("compose.yml",)
    assert not mark.exists()
    runner.run(["git", "status"], timeout=120, env=ENV, cwd=found.folder, ok=(0, 128))
    assert mark.exists(), "the control: git on its own follows it"


def test_the_callers_environment_decides_nothing(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"GIT_DIR": "/nonexistent", "GIT_WORK_TREE": "/", "GIT_TRACE": str(tmp_path / "trace")}.items():
        monkeypatch.setenv(name, value)
    assert str(cloned(made, tmp_path / "clone").newest) == made.git("rev-parse", "main")
    assert not (tmp_path / "trace").exists()


def test_git_speaks_only_the_protocol_of_the_source(made: Made, tmp_path: Path) -> None:
    git, args = Git(runner), ["clone", "--no-local", str(made.folder)]
    with pytest.raises(HostError, match="transport 'file' not allowed"):
        git.run([*args, str(tmp_path / "none")])
    with pytest.raises(HostError, match="transport 'file' not allowed"):
        git.ask(Source("https://forge.invalid/x", local=False), [*args, str(tmp_path / "other")])
    git.ask(Source(str(made.folder), local=True), [*args, str(tmp_path / "its-own")])


def test_no_configuration_lets_git_speak_when_it_is_not_asked_to(made: Made, tmp_path: Path) -> None:
    args = ["-c", "protocol.file.allow=always", "clone", "--no-local", str(made.folder), str(tmp_path / "clone")]
    with pytest.raises(CommandFailed, match="transport 'file' not allowed"):
        Git(runner).run(args)


def test_a_configuration_in_the_home_folder_is_not_read(made: Made, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    (tmp_path / ".gitconfig").write_text(f"[alias]\n\tevil = !touch {mark}\n")
    home, evil = {"HOME": str(tmp_path)}, ["evil"]
    with pytest.raises(CommandFailed, match="'evil' is not a git command"):
        Git(runner).run(evil, env=home)
    with pytest.raises(CommandFailed, match="'evil' is not a git command"):
        Git(runner).ask(Source(str(made.folder), local=True), evil, env=home)
    assert not mark.exists()
    runner.run(["git", *evil], timeout=30, env={**home, "PATH": PATH})
    assert mark.exists(), "the control: git on its own reads it"
