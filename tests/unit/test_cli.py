"""The program by its command line: a real process, its exit code, its one sentence, and nothing left behind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from recipeci import __version__, commands, parsing, service_commands, settings, usage

from unit.commandline import PROGRAM, run
from unit.processes import ended, environment

COMMANDS = "run, doctor, clean, check-config, serve, work, enroll, queue, cancel, rerun, sweep"


def sentence(short: Path, *options: str, env: Mapping[str, str] | None = None) -> str:
    """Return what the program says when it refuses: one sentence on stderr, perhaps a next step, nothing on stdout."""
    code, out, err = run(short, *options, env=env)
    assert (code, out) == (2, ""), err
    first, *more = err.splitlines()
    assert len(more) <= 1
    assert all(text.startswith("  → ") for text in more)
    assert first.startswith("recipeci: ")
    return first.removeprefix("recipeci: ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "no recipe is given"),
        ("run", "no recipe is given"),
        ("--recip x", "unknown option --recip; did you mean '--recipe'?"),
        ("run --recip x", "unknown option --recip; did you mean '--recipe'?"),
        ("--recipe=x --imagse y", "unknown option --imagse; did you mean '--images'?"),
        ("--recipe x --zzzzzz", "unknown option --zzzzzz"),
        ("-x", "unknown option -x"),
        ("--recipe", "--recipe requires a value"),
        ("--recipe x --ref", "--ref requires a value"),
        ("--recipe x --recipe y", "--recipe already given"),
        ("--recipe x --keep=1", "--keep does not take a value"),
        ("docter", "unknown command 'docter'; did you mean 'doctor'?"),
        ("custom-html", f"unknown command 'custom-html'; known: {COMMANDS}"),
        ("run custom-html", "unexpected 'custom-html'"),
        ("--recipe x more", f"unknown command 'more'; known: {COMMANDS}"),
        ("--keep clean", "--keep stands before the command"),
        ("--recipe x doctor", "--recipe stands before the command"),
        ("doctor --self", "unknown option --self; did you mean '--selftest'?"),
        ("doctor -v", "unknown option -v"),
        ("doctor word", "unexpected 'word'"),
        ("doctor --abra a b", "unexpected 'b'"),
        ("doctor --abra -x", "unknown option -x"),
        ("doctor --abra=", "--abra '' is empty, begins with a hyphen or has a space in it"),
        ("doctor --record x", "--record writes down what --abra checks: give both"),
        ("doctor --abra --record /", "--record / is there already"),
        ("doctor --abra --record none/x", "--record none/x: the folder that it is to be in is not there"),
        ("clean --recipe x", "unknown option --recipe"),
        ("check-config", "check-config needs a file"),
        ("check-config a b", "unexpected 'b'"),
        ("check-config -v", "unknown option -v"),
        ("--recipe ../x", "'../x' is not a recipe name: lower-case letters, digits and hyphens, 63 at most"),
        ("--recipe Nginx", "'Nginx' is not a recipe name: lower-case letters, digits and hyphens, 63 at most"),
        ("--recipe x --stages instal", "unknown stage 'instal'; did you mean 'install'?"),
        ("--recipe x --stages install,", "unknown stage ''; known: install, upgrade, backup, restore, custom"),
        ("--recipe x --stages xyz", "unknown stage 'xyz'; known: install, upgrade, backup, restore, custom"),
        ("--recipe x --pr seven", "--pr 'seven' is not the number of a pull request"),
        ("--recipe x --pr 0", "--pr '0' is not the number of a pull request"),
        ("--recipe x --pr ²", "--pr '²' is not the number of a pull request"),
        (
            "--recipe x --ref=--upload-pack=x",
            "--ref '--upload-pack=x' is empty, begins with a hyphen or has a space in it",
        ),
        ("--recipe x --source=-x", "--source '-x' is empty, begins with a hyphen or has a space in it"),
        ("--recipe x --base=-", "--base '-' is empty, begins with a hyphen or has a space in it"),
        ("--recipe x --proxy-image=-v", "--proxy-image '-v' is empty, begins with a hyphen or has a space in it"),
        (
            "--recipe x --code-source ./x",
            "--code-source takes the https:// address of a repository, without a user or a password, or `none`",
        ),
        (
            "--recipe x --code-source https://me:word@git.example.org/x",
            "--code-source takes the https:// address of a repository, without a user or a password, or `none`",
        ),
        ("--recipe x --code-source=-x", "--code-source '-x' is empty, begins with a hyphen or has a space in it"),
        ("--recipe x --clone-credential=", "--clone-credential requires a value"),
        ("--recipe x --images nowhere", "--images nowhere is no folder"),
        ("--recipe x --overlays nowhere", "--overlays nowhere is no folder"),
        ("--recipe x --out=", "--out requires a value"),
        ("--recipe x --stages restore", "restore needs a backup, and --stages leaves that out"),
        ("--recipe x --stages install,restore", "restore needs a backup, and --stages leaves that out"),
        ("--recipe x --allowlist=", "--allowlist requires a value"),
        ("--recipe x --plan --json", "--plan ends before there is a report for --json: give one of them"),
        ("--recipe x --dirty", "--dirty needs a local folder"),
        (
            "--recipe x --dirty --source . --ref 1.0.0",
            "--dirty tests uncommitted work, and --ref a commit: give one of them",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence_and_nothing_is_made(short: Path, options: str, said: str) -> None:
    assert sentence(short, *options.split()) == said


def test_an_abra_that_is_none_is_refused_before_anything_is_looked_at(short: Path) -> None:
    assert sentence(short, "doctor", "--abra", "nope").startswith(f"{short}/nope is not abra")


def test_a_value_that_is_empty_or_has_a_space_is_refused(short: Path) -> None:
    assert sentence(short, "--recipe", "x", "--out", "") == "--out needs a path"
    assert "is empty" in sentence(short, "--recipe", "x", "--ref", "")
    assert "has a space" in sentence(short, "--recipe", "x", "--ref", "main -x")
    assert "has a space" in sentence(short, "--recipe", "x", "--source", "a\nb")


@pytest.mark.parametrize("name", settings.FALLBACKS)
def test_a_variable_that_is_set_and_empty_is_refused(short: Path, name: str) -> None:
    options = () if name == "RECIPE" else ("--recipe", "x")
    assert sentence(short, *options, env={name: ""}) == f"the environment variable {name} is set and empty"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("RECIPE", "../x", "'../x' is not a recipe name"),
        ("PR", "x", "--pr 'x' is not the number"),
        ("STAGES", "instal", "unknown stage 'instal'"),
        ("REF", "-x", "--ref '-x' is empty, begins with a hyphen"),
    ],
)
def test_a_variable_is_checked_as_its_option_is(short: Path, variable: str, value: str, said: str) -> None:
    options = () if variable == "RECIPE" else ("--recipe", "x")
    assert sentence(short, *options, env={variable: value}).startswith(said)


def test_a_wrong_setting_names_file_and_near_key(short: Path) -> None:
    path = short / "s.yml"
    path.write_text("imges: /x")
    for options in (("--recipe", "x", "--config"), ("doctor", "--config"), ("clean", "--config"), ("check-config",)):
        said = sentence(short, *options, str(path))
        assert said == f"{path}: unknown key 'imges'; did you mean 'images'?"


def test_a_right_settings_file_is_said_to_be_to_any_user_on_any_machine(short: Path) -> None:
    path = short / "s.yml"
    path.write_text("images: ~/none\nauthors: {allowlist: /none}\ndocker: {proxy_image: traefik:v3.6}")
    # Without a mapping we are nobody, with no capability, and still own the files that root has.
    argv = ["unshare", "--user", "env", "-u", "HOME", str(PROGRAM), "check-config", str(path)]
    assert ended(argv, env=environment(), cwd=Path("/")) == (0, f"{path}: ok\n", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("runs: {keep_days: -1}", "runs.keep_days: -1 is less than the minimum of 0"),
        ("cache: var/cache", "cache: 'var/cache' does not fit: a path that begins with / or ~/"),
        ("cache: [", "is not YAML: "),
    ],
)
def test_a_settings_file_is_checked_by_the_schema(short: Path, text: str, said: str) -> None:
    path = short / "s.yml"
    path.write_text(text)
    assert said in sentence(short, "check-config", str(path))


def test_an_images_name_of_the_settings_is_checked_as_docker_reads_it(short: Path) -> None:
    path = short / "s.yml"
    path.write_text("docker: {bot_image: 'a:b:c'}")
    assert sentence(short, "check-config", str(path)).startswith("the setting docker.bot_image: ")


def test_a_job_skips_no_generic_suite_by_its_environment(short: Path) -> None:
    """Control 13."""
    for starter in settings.AUTOMATIC:
        said = sentence(short, "--recipe", "x", "--plan", env={starter: "true", "CCCI_SKIP_GENERIC_BACKUP": "1"})
        assert said.startswith(f"CCCI_SKIP_GENERIC_BACKUP is for local work, and {starter} is set")


def test_settings_that_were_named_must_be_there(short: Path) -> None:
    assert sentence(short, "--recipe", "x", "--config", "none.yml") == f"{short}/none.yml: No such file or directory"
    assert "none.yml" in sentence(short, "clean", env={"RECIPECI_CONFIG": str(short / "none.yml")})


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ("--help", usage.RUN),
        ("-h", usage.RUN),
        ("run --help", usage.RUN),
        ("--recipe x --help", usage.RUN),
        ("doctor --help", usage.DOCTOR),
        ("clean -h", usage.CLEAN),
        ("check-config --help", usage.CHECK_CONFIG),
        ("serve --help", usage.SERVE),
        ("work --help", usage.WORK),
        ("enroll -h", usage.ENROLL),
        ("queue --help", usage.QUEUE),
        ("cancel --help", usage.CANCEL),
        ("rerun --help", usage.RERUN),
        ("sweep --help", usage.SWEEP),
        ("sweep --version", f"recipeci {__version__}\n"),
        ("--version", f"recipeci {__version__}\n"),
        ("doctor --version", f"recipeci {__version__}\n"),
    ],
)
def test_help_and_version_are_all_that_is_printed(short: Path, options: str, shown: str) -> None:
    assert run(short, *options.split()) == (0, shown, "")


def test_completion_variables_of_a_shell_change_nothing(short: Path) -> None:
    assert sentence(short, env={"COMP_WORDS": "recipeci --", "COMP_CWORD": "1"}) == "no recipe is given"


def test_help_into_a_pipe_that_closes_is_quiet(short: Path) -> None:
    argv = ["sh", "-c", f"{PROGRAM} --help | true; exec 2>&1; {PROGRAM} --help >&-"]
    assert ended(argv, env=environment(), cwd=short) == (0, "", "")


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (commands.Main, usage.RUN),
        (commands.Doctor, usage.DOCTOR),
        (commands.Clean, usage.CLEAN),
        (commands.CheckConfig, usage.CHECK_CONFIG),
        *((command, command.HELP) for command in service_commands.COMMANDS),
    ],
)
def test_the_help_names_every_option_and_no_other(command: type[parsing.Command], text: str) -> None:
    names = {("-" if len(name) == 1 else "--") + name for name in command("recipeci")._switches_by_name}
    described = text.partition("\n\n")[2].partition("\n\n")[2].partition("Examples:")[0]
    assert set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", described)) == names


def test_the_help_fits_a_terminal_of_120_columns() -> None:
    texts = [usage.RUN, usage.DOCTOR, usage.CLEAN, usage.CHECK_CONFIG]
    texts += [command.HELP for command in service_commands.COMMANDS]
    assert max(len(line) for text in texts for line in text.splitlines()) <= 120


@pytest.mark.parametrize("command", service_commands.COMMANDS, ids=lambda command: command.__name__)
def test_a_command_of_the_service_has_an_example_and_its_exit_codes(command: type[parsing.Command]) -> None:
    examples, _, codes = command.HELP.partition("Examples:\n")[2].partition("\n\nExit codes: ")
    lines = examples.splitlines()
    assert lines
    for line in lines:
        words = line.strip().removeprefix("sudo ").split()
        assert words[0] == "recipeci"
        assert isinstance(commands.Main.read(words), command)
    documented = (Path(__file__).parents[2] / "docs" / "exit-codes.md").read_text()
    assert all(f"| {code} |" in documented for code in re.findall(r"\b\d+\b", codes))


def test_the_exit_codes_of_the_help_are_those_of_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "exit-codes.md").read_text()
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    in_help = {int(code) for code in re.findall(r"\b\d+\b", usage.EXIT_CODES)}
    assert in_help == documented == {0, 1, 2, 3, 4, 70, 129, 130, 142, 143}
