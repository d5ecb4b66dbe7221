"""host.abra against the real miniabra: what is asked of it, what becomes of its words, which program is taken."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import miniabralab
import pytest
from miniabralab import DOMAIN, RECIPE, STACK, Lab
from recipeci.errors import AbraFailed, CommandTimeout, UsageError
from recipeci.host.abra import Abra, AbraProgram, choose
from recipeci.host.command import Completed, LineSink, LocalRunner
from recipeci.model import Outcome, Program

CREATED = f"{STACK}_key_v1\n{STACK}_phrase_v1\n"


@dataclass(frozen=True)
class Run:
    """One call as the adapter made it."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    terminal: bool
    timeout: float


@dataclass
class Recording:
    """The real runner, with a note of each call."""

    calls: list[Run] = field(default_factory=list)
    runner: LocalRunner = field(default_factory=LocalRunner)

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: bytes = b"",
        ok: Collection[int] = (0,),
        terminal: bool = False,
        on_line: LineSink | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Completed:
        assert not pass_fds
        self.calls.append(Run(tuple(argv), dict(env or {}), terminal, timeout))
        return self.runner.run(
            argv, timeout=timeout, env=env, cwd=cwd, stdin=stdin, ok=ok, terminal=terminal, on_line=on_line
        )


@dataclass
class Driven:
    """An adapter of miniabra, and all that it showed."""

    lab: Lab
    recording: Recording
    lines: list[str]
    chosen: AbraProgram
    abra: Abra

    @property
    def last(self) -> tuple[str, ...]:
        """The arguments of the last call, without the program's own."""
        return self.recording.calls[-1].argv[len(self.chosen.argv) :]


@pytest.fixture
def driven(tmp_path: Path) -> Driven:
    lab = miniabralab.make(tmp_path / "lab")
    recording, lines, chosen = Recording(), list[str](), choose("builtin", None, runner=LocalRunner())
    abra = Abra(
        chosen,
        runner=recording,
        abra_dir=lab.abra_dir,
        docker_folder=lab.docker.folder,
        on_line=lines.append,
    )
    return Driven(lab, recording, lines, chosen, abra)


@pytest.fixture
def ready(driven: Driven) -> Driven:
    driven.abra.app_new(RECIPE, domain=DOMAIN, version=None, chaos=True)
    driven.lab.deployable()
    return driven


def program(folder: Path, script: str) -> AbraProgram:
    """A program that says it is abra, and does as told for every other command."""
    file = folder / "abra"
    file.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "abra version 0.13.0-beta-06a57de" && exit\n{script}\n')
    file.chmod(0o755)
    return choose(str(file), None, runner=LocalRunner())


def adapter(folder: Path, script: str, on_line: LineSink | None = None) -> Abra:
    return Abra(
        program(folder, script),
        runner=LocalRunner(),
        abra_dir=folder / "abra-dir",
        docker_folder=Path("/none"),
        on_line=on_line,
    )


def bot_answers(driven: Driven, *, code: int = 0) -> None:
    """Declare a swarm with a backup bot."""
    driven.lab.docker.on("service", "ls", out="backupbot_app\n")
    driven.lab.docker.on("ps", out="c1\n")
    driven.lab.docker.on("exec", out="said by the bot\n", code=code)


class TestCommands:
    def test_every_call_is_offline_and_asks_nothing(self, ready: Driven) -> None:
        ready.abra.app_deploy(DOMAIN, version=None, chaos=True, timeout=60)
        ready.lab.docker.on("service", "ls", out="x\n")
        ready.lab.docker.on("stack", "rm")
        ready.abra.app_undeploy(DOMAIN)
        ready.abra.recipe_lint(RECIPE)
        assert len(ready.recording.calls) == 4
        assert all({"-o", "-n"} <= set(call.argv) for call in ready.recording.calls)

    def test_the_environment_is_abras_own(self, ready: Driven) -> None:
        (call,) = ready.recording.calls
        assert set(call.env) == {"ABRA_DIR", "HOME", "PATH", "LC_ALL", "LANG", "TERM"}
        assert call.env["ABRA_DIR"] == str(ready.lab.abra_dir)
        assert call.env["HOME"] == str(ready.lab.folder)
        assert call.env["PATH"].split(":")[0] == str(ready.lab.docker.folder)
        assert call.env["LC_ALL"] == "C"

    def test_a_version_is_deployed_pinned(self, ready: Driven) -> None:
        ready.abra.app_deploy(DOMAIN, version="1.9.0+2.0", chaos=False, timeout=60)
        assert ready.last == ("app", "deploy", DOMAIN, "1.9.0+2.0", "-f", "-c", "-D", "-o", "-n")
        assert ready.lab.checkout.git("describe", "--exact-match") == "1.9.0+2.0"

    def test_a_commit_is_deployed_by_chaos(self, ready: Driven) -> None:
        ready.lab.checkout.git("checkout", "--quiet", "main")
        ready.abra.app_deploy(DOMAIN, version=None, chaos=True, timeout=60)
        assert ready.last == ("app", "deploy", DOMAIN, "-C", "-c", "-D", "-o", "-n")
        labels = ready.lab.docker.of("stack", "deploy")[0].generated["services"]["app"]["deploy"]["labels"]
        assert labels[f"coop-cloud.{STACK}.chaos-version"] == ready.lab.checkout.head[:8]

    @pytest.mark.parametrize(("version", "chaos"), [("1.9.0+2.0", True), (None, False)])
    def test_a_deployment_is_one_or_the_other(self, ready: Driven, version: str | None, *, chaos: bool) -> None:
        with pytest.raises(ValueError, match="either a version or chaos"):
            ready.abra.app_deploy(DOMAIN, version=version, chaos=chaos, timeout=60)

    def test_news_are_counted_by_domain_failed_ones_too(self, driven: Driven) -> None:
        driven.abra.app_new(RECIPE, domain=DOMAIN, version=None, chaos=True)
        driven.abra.app_new(RECIPE, domain=f"other.{DOMAIN}", version="1.9.0+2.0", chaos=False)
        with pytest.raises(AbraFailed, match="already exists"):
            driven.abra.app_new(RECIPE, domain=DOMAIN, version=None, chaos=True)
        assert (driven.abra.deploys(DOMAIN), driven.abra.deploys(f"other.{DOMAIN}")) == (2, 1)
        assert driven.abra.deploys("none") == 0
        assert driven.abra.env_file(DOMAIN) == driven.lab.env_file

    def test_lint_is_read_from_a_terminal(self, driven: Driven) -> None:
        table = driven.abra.recipe_lint(RECIPE)
        assert driven.recording.calls[-1].terminal
        assert (len(table.rows), table.outcome) == (16, Outcome.PASS)

    def test_lint_of_another_table_is_unverified(self, tmp_path: Path) -> None:
        assert adapter(tmp_path, "echo all is well").recipe_lint(RECIPE).outcome is Outcome.UNVERIFIED

    def test_volumes_and_app_are_removed(self, ready: Driven) -> None:
        ready.lab.docker.on("volume", "ls", out="data\n")
        ready.lab.docker.on("volume", "rm")
        ready.lab.docker.on("secret", "rm")
        ready.abra.app_volume_remove(DOMAIN)
        ready.abra.app_remove(DOMAIN)
        assert not ready.lab.env_file.exists()

    def test_backup_and_restore_run_on_a_terminal_and_by_chaos(self, ready: Driven) -> None:
        bot_answers(ready)
        ready.abra.app_backup_create(DOMAIN, timeout=70)
        assert ready.last == ("app", "backup", "create", DOMAIN, "-C", "-o", "-n")
        assert (ready.recording.calls[-1].terminal, ready.recording.calls[-1].timeout) == (True, 70)
        assert ready.abra.app_backup_snapshots(DOMAIN) == "said by the bot\n"
        assert ready.last == ("app", "backup", "snapshots", DOMAIN, "-C", "-o", "-n")
        ready.abra.app_restore(DOMAIN, timeout=80)
        assert " ".join(ready.last) == f"app restore {DOMAIN} -C -o -n"
        assert (ready.recording.calls[-1].terminal, ready.recording.calls[-1].timeout) == (True, 80)
        assert [call.args[-2:] for call in ready.lab.docker.of("exec")] == [
            ("backup", "create"),
            ("backup", "snapshots"),
            ("backup", "restore"),
        ]

    def test_a_bot_that_fails_is_a_failure_and_nothing_is_tried_twice(self, ready: Driven) -> None:
        bot_answers(ready, code=1)
        with pytest.raises(AbraFailed, match="backup restore: exit status 1"):
            ready.abra.app_restore(DOMAIN, timeout=60)
        assert len(ready.lab.docker.of("exec")) == 1

    def test_an_abra_that_knows_no_chaos_at_a_restore_is_asked_without(self, tmp_path: Path) -> None:
        script = f"""echo "$@" >> {tmp_path}/asked
        case "$*" in *-C*) echo "Error: unknown shorthand flag: 'C' in -C" >&2; echo usage >&2; exit 1;; esac"""
        adapter(tmp_path, script).app_restore(DOMAIN, timeout=60)
        asked = (tmp_path / "asked").read_text().splitlines()
        assert asked == [f"app restore {DOMAIN} -C -o -n", f"app restore {DOMAIN} -o -n"]

    def test_a_secret_is_inserted_from_a_file(self, ready: Driven) -> None:
        (ready.lab.folder / "cert").write_text("pem\n")
        ready.lab.docker.on("secret", "create")
        ready.abra.app_secret_insert(DOMAIN, name="key", version="v2", file=ready.lab.folder / "cert")
        assert ready.lab.docker.of("secret", "create", f"{STACK}_key_v2")[0].stdin == "pem\n"


class TestWords:
    def test_output_is_shown_as_it_comes(self, ready: Driven) -> None:
        ready.abra.app_deploy(DOMAIN, version=None, chaos=True, timeout=60)
        assert ready.lines[-1].startswith("INFO deploying thing ")

    def test_the_fata_line_is_the_reason(self, ready: Driven) -> None:
        ready.lab.docker.on("secret", "ls")
        with pytest.raises(AbraFailed) as caught:
            ready.abra.app_deploy(DOMAIN, version=None, chaos=True, timeout=60)
        assert caught.value.reason == "secret not generated: key"
        assert str(caught.value) == f"abra app deploy {DOMAIN}: secret not generated: key"

    @pytest.mark.parametrize(
        ("script", "reason"),
        [
            ("echo FATA one; echo later; echo warned >&2; exit 1", "one"),
            ("echo FATA one >&2; exit 1", "one"),
            ("echo FATA one; echo FATA two; exit 1", "two"),
            ("echo only this; exit 1", "only this"),
            ("exit 1", "it gave no reason"),
        ],
    )
    def test_the_reason_is_found_on_either_stream(self, tmp_path: Path, script: str, reason: str) -> None:
        with pytest.raises(AbraFailed) as caught:
            adapter(tmp_path, script).app_undeploy(DOMAIN)
        assert caught.value.reason == reason

    def test_a_deployment_that_takes_too_long_is_a_timeout(self, tmp_path: Path) -> None:
        seconds = 10.0  # in less a busy machine may not come to the first word
        with pytest.raises(CommandTimeout) as caught:
            adapter(tmp_path, "echo began; sleep 600").app_deploy(DOMAIN, version=None, chaos=True, timeout=seconds)
        assert caught.value.out == "began\n"


VALUE = "a-value-that-nobody-may-see"


class TestSecretsAreSeenByNobody:
    def test_values_are_in_no_line_and_no_log(self, ready: Driven, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        ready.lab.docker.on("secret", "ls")
        ready.lab.docker.on("secret", "create")
        ready.lines.clear()
        ready.abra.app_secret_generate(DOMAIN)
        values = [call.stdin for call in ready.lab.docker.of("secret", "create")]
        assert len(values) == 2
        assert ready.lines == []
        assert not any(value in caplog.text for value in values)

    def test_one_can_be_made_by_name(self, ready: Driven) -> None:
        ready.lab.docker.on("secret", "ls")
        ready.lab.docker.on("secret", "create")
        ready.abra.app_secret_generate(DOMAIN, name="key", version="v1")
        (made,) = ready.lab.docker.of("secret", "create")
        assert any(word.endswith("_key_v1") for word in made.args), made.args

    def test_the_same_program_does_show_what_another_command_prints(self, tmp_path: Path) -> None:
        lines: list[str] = []
        adapter(tmp_path, f"echo {VALUE}", lines.append).app_undeploy(DOMAIN)
        assert lines == [VALUE]

    @pytest.mark.parametrize(
        "command",
        [
            lambda abra: abra.app_secret_generate(DOMAIN),
            lambda abra: abra.app_secret_insert(DOMAIN, name="key", version="v1", file=Path("/x")),
        ],
        ids=["generate", "insert"],
    )
    @pytest.mark.parametrize("script", [f"echo {VALUE}; echo FATA broken; exit 1", f"echo {VALUE} >&2; exit 1"])
    def test_values_are_in_no_error(
        self, tmp_path: Path, command: Callable[[Abra], None], script: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        with pytest.raises(AbraFailed) as caught:
            command(adapter(tmp_path, script))
        error = caught.value
        assert VALUE not in f"{error!r} {error.out} {error.err} {error.message} {caplog.text}"
        assert error.__context__ is None


class TestChoose:
    def test_builtin_is_miniabra_and_says_so(self) -> None:
        chosen = choose("builtin", None, runner=LocalRunner())
        assert chosen.program == Program("miniabra", "0.1.0", built_in=True)
        assert all(folder.is_dir() for folder in chosen.read_only)

    def test_a_path_is_taken_if_it_says_it_is_abra(self, tmp_path: Path) -> None:
        chosen = program(tmp_path, "exit 1")
        assert chosen.program == Program("abra", "0.13.0-beta-06a57de")
        assert chosen.argv == (str(tmp_path / "abra"),)
        assert chosen.read_only == (tmp_path / "abra",)

    def test_of_a_link_its_file_is_started_and_seen_and_no_folder(self, tmp_path: Path) -> None:
        real, home = tmp_path / "real", tmp_path / "home"
        real.mkdir()
        home.mkdir()
        program(real, "exit 1")
        (home / "middle").symlink_to("../real/abra")
        (home / "abra").symlink_to("middle")
        chosen = choose(str(home / "abra"), None, runner=LocalRunner())
        assert chosen.argv == (str(real / "abra"),)
        assert chosen.read_only == (real / "abra",)

    def test_a_given_program_that_does_not_work_where_it_runs_is_named(self, tmp_path: Path) -> None:
        adapted = adapter(tmp_path, "exit 1")
        adapted.require()
        (tmp_path / "abra").write_text(f"#!/bin/sh\n. {tmp_path}/gone\n")
        with pytest.raises(UsageError, match="abra does not run in a cell, which sees this file and nothing beside"):
            adapted.require()

    def test_a_wrapper_around_miniabra_is_built_in(self, tmp_path: Path) -> None:
        (tmp_path / "abra").write_text('#!/bin/sh\necho "abra version 0.1.0-miniabra"\n')
        (tmp_path / "abra").chmod(0o755)
        assert choose(str(tmp_path / "abra"), None, runner=LocalRunner()).program.built_in

    def test_what_is_asked_for_wins_over_the_setting_and_that_over_the_path(self, tmp_path: Path) -> None:
        folders = [tmp_path / name for name in ("asked", "setting", "found")]
        for folder in folders:
            folder.mkdir()
            program(folder, "exit 1")
        asked, setting, found = (str(folder / "abra") for folder in folders)
        path = str(tmp_path / "found")
        runner = LocalRunner()
        assert choose(asked, setting, runner=runner, path=path).argv == (asked,)
        assert choose(None, setting, runner=runner, path=path).argv == (setting,)
        assert choose(None, None, runner=runner, path=path).argv == (found,)
        assert choose("builtin", setting, runner=runner, path=path).program.built_in
        assert choose(None, None, runner=runner, path=str(tmp_path)).program.built_in

    @pytest.mark.parametrize(
        ("script", "mode"),
        [
            ("#!/bin/sh\necho 'another program 1.0'\n", 0o755),
            ("#!/bin/sh\necho 'abra version 1'; exit 1\n", 0o755),
            ("#!/bin/sh\necho 'abra version 1'\n", 0o644),
            ("no program at all", 0o755),
            ("#!/no/such/interpreter\n", 0o755),
        ],
    )
    def test_what_is_not_abra_is_refused_by_its_path(self, tmp_path: Path, script: str, mode: int) -> None:
        file = tmp_path / "abra"
        file.write_text(script)
        file.chmod(mode)
        with pytest.raises(UsageError, match=f"{file} is not abra") as caught:
            choose(str(file), None, runner=LocalRunner())
        assert caught.value.exit_code == 2

    def test_what_is_not_there_is_refused_by_its_path(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=f"{tmp_path}/none is not abra"):
            choose(str(tmp_path / "none"), None, runner=LocalRunner())
