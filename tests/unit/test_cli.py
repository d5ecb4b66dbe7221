"""The program by its command line: a real process, its exit code, its one sentence, and nothing left behind."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from recipeci import __version__, commands, parsing, settings, usage
from recipeci.errors import UsageError
from recipeci.model import Request, Settings, Tier

from unit.processes import ended, environment

PROGRAM = Path(sys.prefix) / "bin" / "recipeci"


def run(short: Path, *options: str, env: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Run the program in an empty folder with a home of its own; it must leave both as they were."""
    home = short / "home"
    home.mkdir(exist_ok=True)
    before = sorted(short.rglob("*"))
    done = ended([str(PROGRAM), *options], env=environment({"HOME": str(home), **(env or {})}), cwd=short)
    assert sorted(short.rglob("*")) == before
    return done


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
        ("custom-html", "unknown command 'custom-html'; known: run, doctor, clean, check-config"),
        ("run custom-html", "unexpected 'custom-html'"),
        ("--recipe x more", "unknown command 'more'; known: run, doctor, clean, check-config"),
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
    ],
)
def test_the_help_names_every_option_and_no_other(command: type[parsing.Command], text: str) -> None:
    names = {("-" if len(name) == 1 else "--") + name for name in command("recipeci")._switches_by_name}
    described = text.partition("\n\n")[2].partition("\n\n")[2].partition("Examples:")[0]
    assert set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", described)) == names


def test_the_help_fits_a_terminal_of_120_columns() -> None:
    assert max(map(len, usage.RUN.splitlines())) <= 120


def test_the_exit_codes_of_the_help_are_those_of_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "exit-codes.md").read_text()
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    in_help = {int(code) for code in re.findall(r"\b\d+\b", usage.EXIT_CODES)}
    assert in_help == documented == {0, 1, 2, 3, 4, 70, 129, 130, 142, 143}


def request(*options: str, config: Settings | None = None, env: Mapping[str, str] | None = None) -> Request:
    """Return what the program would run."""
    command = commands.Main.read(["recipeci", *options])
    assert isinstance(command, commands.Run)
    return command.request(config or Settings(), env or {})


def test_run_is_the_same_as_no_command(tmp_path: Path) -> None:
    options = ["--recipe", "x", "--stages", "upgrade,install", "--pr", "7", "--out", str(tmp_path), "-v", "--json"]
    assert request(*options) == request("run", *options)
    assert request(*options) == Request(
        "x", stages=(Tier.INSTALL, Tier.UPGRADE), pr=7, out=tmp_path, verbose=True, as_json=True
    )


def test_the_environment_is_read_where_the_option_is_absent() -> None:
    env = {"RECIPE": "x", "REF": "1.0.0", "PR": "7", "STAGES": "install"}
    assert request(env=env) == Request("x", ref="1.0.0", pr=7, stages=(Tier.INSTALL,))
    options = ["--recipe", "y", "--ref", "2.0.0", "--pr", "8", "--stages", "upgrade"]
    assert request(*options, env=env) == Request("y", ref="2.0.0", pr=8, stages=(Tier.UPGRADE,))


def test_an_option_wins_over_the_setting_and_the_setting_over_nothing(tmp_path: Path) -> None:
    images, overlays = tmp_path / "i", tmp_path / "o"
    images.mkdir()
    overlays.mkdir()
    config = Settings(images=images, overlays=overlays, proxy_image="p:1", bot_image="b:1")
    asked = request("--recipe", "x", config=config)
    assert (asked.images, asked.overlays, asked.proxy_image, asked.bot_image) == (images, overlays, "p:1", "b:1")
    asked = request("--recipe", "x", "--images", str(tmp_path), "--proxy-image", "q:1", config=config)
    assert (asked.images, asked.proxy_image) == (tmp_path, "q:1")


def test_the_allowlist_is_the_options_then_the_environments_then_the_settings() -> None:
    config, env = Settings(allowlist=Path("/set")), {settings.APPROVED: "/env"}
    assert request("--recipe", "x").allowlist is None
    assert request("--recipe", "x", config=config).allowlist == Path("/set")
    assert request("--recipe", "x", config=config, env=env).allowlist == Path("/env")
    assert request("--recipe", "x", "--allowlist", "/opt", config=config, env=env).allowlist == Path("/opt")
    with pytest.raises(UsageError, match="CCCI_REPO_LOCAL_APPROVED_FILE is set and empty"):
        request("--recipe", "x", config=config, env={settings.APPROVED: ""})


def test_code_of_a_folder_and_skips_are_asked_for_and_never_there_by_themselves() -> None:
    asked = request("--recipe", "x")
    assert (asked.allow_local_code, asked.skip_generic) == (False, {})
    asked = request("--recipe", "x", "--allow-local-code", env={"CCCI_SKIP_GENERIC_BACKUP": "yes"})
    assert (asked.allow_local_code, asked.skip_generic) == (True, {Tier.BACKUP: "CCCI_SKIP_GENERIC_BACKUP is set"})


@pytest.mark.parametrize(
    ("name", "config"),
    [("images", Settings(images=Path("/nope"))), ("overlays", Settings(overlays=Path("/nope")))],
)
def test_a_folder_of_the_settings_must_be_there_too_unless_an_option_names_another(
    name: str, config: Settings, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=f"the setting {name}: /nope is no folder"):
        request("--recipe", "x", config=config)
    assert request("--recipe", "x", f"--{name}", str(tmp_path), config=config).recipe == "x"


def test_paths_do_not_depend_on_where_we_are_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    asked = request("--recipe", "x", "--images", "images", "--out", "out")
    assert (asked.images, asked.out) == (tmp_path / "images", tmp_path / "out")


def test_a_stage_counts_once() -> None:
    assert request("--recipe", "x", "--stages", "install, install").stages == (Tier.INSTALL,)


def test_dirty_contradicts_a_ref_of_the_environment_too() -> None:
    assert request("--recipe", "x", "--dirty", "--source", ".").dirty
    with pytest.raises(UsageError, match="give one of them"):
        request("--recipe", "x", "--dirty", "--source", ".", env={"REF": "1.0.0"})


def without_root(*argv: str) -> list[str]:
    """Return a command that runs in a user namespace in which it is not root."""
    unshare = shutil.which("unshare")
    assert unshare is not None
    return [unshare, "--user", "--map-user=1000", "--", *argv]


def test_without_root_one_line_says_which_command_to_use(short: Path) -> None:
    code, out, err = ended(
        without_root(str(PROGRAM), "--recipe", "x", "--ref", "1.0.0+1"), env=environment({"HOME": str(short)})
    )
    assert (code, out) == (3, "")
    assert err.splitlines() == [
        "recipeci: a run makes a swarm of its own, which needs root",
        f"  → sudo {PROGRAM} --recipe x --ref 1.0.0+1",
    ]
    assert list(short.iterdir()) == []


def test_clean_with_nothing_to_do_says_so(short: Path) -> None:
    run(short, "clean")  # the cgroup directories of other tests' cells are the machine's, not the cache folder's
    assert run(short, "clean") == (0, "nothing to clean\n", "")


def bug(short: Path, text: str) -> tuple[int, str, str]:
    """Run the door around a command that has a bug."""
    code = f"""
import sys
from recipeci import cli, commands
class Broken(commands.Clean):
    def do(self):
        {text}
commands.Main.subcommand("clean", Broken)
sys.argv = ["recipeci", "clean"]
sys.exit(cli.main())
"""
    return ended([sys.executable, "-c", code], env=environment({"HOME": str(short)}))


def test_a_bug_is_70_with_its_traceback_where_there_is_no_log(short: Path) -> None:
    code, out, err = bug(short, 'raise KeyError("x")')
    assert (code, out) == (70, "")
    assert "Traceback (most recent call last)" in err
    assert err.splitlines()[-2:] == ["recipeci: a bug of recipeci: KeyError: 'x'", "  → please report it"]


def test_a_bug_that_is_in_a_log_says_where_and_nothing_more(short: Path) -> None:
    code, out, err = bug(short, 'e = KeyError("x"); e.add_note("the traceback is in /r/run.log"); raise e')
    assert (code, out) == (70, "")
    assert err.splitlines() == [
        "recipeci: a bug of recipeci: KeyError: 'x'",
        "  → the traceback is in /r/run.log; please report it",
    ]


@pytest.mark.parametrize("error", ["OSError(22, 'Invalid argument')", "BrokenPipeError(32, 'Broken pipe')"])
def test_an_error_of_the_system_in_a_run_is_never_taken_for_a_closed_pipe(short: Path, error: str) -> None:
    code, _, err = bug(short, f"raise {error}")
    assert (code, err.splitlines()[-1]) == (70, "  → please report it")


def test_a_code_is_kept_when_the_reader_went_away(short: Path) -> None:
    code, _, err = bug(short, 'print("x" * 100000, file=open("/dev/full", "w")); return 1')
    assert code == 70, err
    code, _, err = ended(
        ["sh", "-c", f"trap '' PIPE; ({PROGRAM} clean --config none.yml; echo $? >&2) | true"],
        env=environment({"HOME": str(short)}),
        cwd=short,
    )
    assert err.splitlines()[-1] == "2"
