"""The service's commands by the command line: real processes, one sentence for what is wrong, and nothing made."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from unit.commandline import PROGRAM, without_root
from unit.processes import ended, environment
from unit.servicehost import ENV, Host, run, sentence


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("enroll", "enroll needs a repository"),
        ("cancel", "cancel needs the number of a run"),
        ("rerun", "rerun needs the number of a run"),
        ("cancel 1 2", "unexpected '2'"),
        ("queue 1", "unexpected '1'"),
        ("serve now", "unexpected 'now'"),
        ("work -v", "unknown option -v"),
        ("enrol a/b", "unknown command 'enrol'; did you mean 'enroll'?"),
        ("queue --jsn", "unknown option --jsn; did you mean '--json'?"),
        ("queue --json=1", "--json does not take a value"),
        ("cancel x", "'x' is not the number of a run"),
        ("cancel 0", "'0' is not the number of a run"),
        ("rerun ²", "'²' is not the number of a run"),
        ("rerun 9223372036854775808", "'9223372036854775808' is not the number of a run"),
        ("enroll web", "'web' is not the name of a repository on the forge"),
        ("enroll ../web", "'../web' is not the name of a repository on the forge"),
        ("enroll coop/web/x", "'coop/web/x' is not the name of a repository on the forge"),
        ("enroll coop/web=", "'' is not a recipe name: lower-case letters, digits and hyphens"),
        ("enroll coop/web=../x", "'../x' is not a recipe name: lower-case letters, digits and hyphens"),
        ("enroll coop/Web", "'Web' is not a recipe name: lower-case letters, digits and hyphens"),
        ("enroll --remove", "enroll needs a repository"),
        ("enroll --list coop/web", "unexpected 'coop/web'"),
        (
            "enroll --list --remove coop/web",
            "--no-webhook, --remove and --list are different things: give one of them",
        ),
    ],
)
def test_what_is_given_wrong_is_one_sentence(host: Host, options: str, said: str) -> None:
    assert sentence(host, *options.split()) == said


EACH = ("serve", "work", "enroll coop/web", "queue", "cancel 1", "rerun 1", "sweep")


@pytest.mark.parametrize("command", EACH)
def test_without_a_settings_file_no_command_does_anything(host: Host, command: str) -> None:
    assert (
        sentence(host, *command.split(), config=False) == f"recipeci {command.partition(' ')[0]} needs a settings file"
    )


@pytest.mark.parametrize("command", EACH)
def test_a_wrong_key_is_named_with_the_nearest(host: Host, command: str) -> None:
    host.data["bridge"]["tokenfile"] = "/x"
    host.write()
    assert sentence(host, *command.split()).endswith(
        "s.yml: bridge: unknown key 'tokenfile'; did you mean 'token_file'?"
    )


@pytest.mark.parametrize("command", ["serve", "enroll coop/web", "sweep"])
def test_a_token_that_others_can_read_is_refused_before_anything_is_made(host: Host, command: str) -> None:
    (host.folder / "token").chmod(0o644)
    assert sentence(host, *command.split()).endswith("/token is open to others (mode 0644)")


@pytest.mark.parametrize(("command", "section"), [("serve", "bridge"), ("rerun 1", "bridge"), ("work", "work")])
def test_a_section_that_is_missing_is_named(host: Host, command: str, section: str) -> None:
    del host.data[section]
    host.write()
    assert f"no section {section}:, which recipeci {command.partition(' ')[0]} needs" in sentence(
        host, *command.split()
    )


@pytest.mark.parametrize("options", ["queue 1", "queue --jsn", "clean --plan", "doctor --x", "sweep x"])
def test_what_is_given_wrong_to_a_command_leads_to_its_own_help(host: Host, options: str) -> None:
    code, _, err = run(host, *options.split(), config=False)
    assert (code, err.splitlines()[-1]) == (2, f"  → recipeci {options.partition(' ')[0]} --help")


NEED_A_DATABASE = ("queue", "cancel 1", "rerun 1", "sweep", "enroll --list", "enroll --remove coop/web")


@pytest.mark.parametrize("command", NEED_A_DATABASE)
def test_what_needs_a_database_makes_none(host: Host, command: str) -> None:
    assert sentence(host, *command.split()) == f"database: there is no {host.folder}/state/recipeci.db"


def test_a_database_of_a_newer_recipeci_is_refused(host: Host) -> None:
    database = host.folder / "state" / "recipeci.db"
    with contextlib.closing(sqlite3.connect(database)) as made:
        made.execute("PRAGMA user_version = 99")
    for command in ("queue", "serve", "cancel 1"):
        code, _, err = run(host, *command.split())
        assert code == 2
        assert "recipeci.db is of schema 99, and this recipeci knows up to 1" in err


def test_a_folder_that_cannot_be_written_is_refused(host: Host) -> None:
    """As a user who is not root: what the folder's mode says counts for him."""
    (host.folder / "state").chmod(0o555)
    code, out, err = ended(
        without_root(str(PROGRAM), "queue", "--config", str(host.folder / "s.yml")), env=environment(ENV)
    )
    (host.folder / "state").chmod(0o755)
    assert (code, out) == (2, "")
    assert err.startswith(f"recipeci: database: the folder {host.folder}/state cannot be written\n")


def test_a_worker_that_is_not_root_says_which_command_to_use(host: Host) -> None:
    """In a user namespace in which we own the files and are still not root."""
    host.data |= {"abra": {"program": "builtin", "builtin_is_final": True}}
    host.write()
    argv = without_root(str(PROGRAM), "work", "--config", str(host.folder / "s.yml"))
    code, out, err = ended(argv, env=environment(ENV))
    assert (code, out) == (3, "")
    assert err.splitlines() == [
        "recipeci: a worker's runs make swarms of their own, which needs root",
        f"  → sudo {PROGRAM} work --config {host.folder}/s.yml",
    ]


def test_a_worker_refuses_the_built_in_abra_unless_its_verdicts_count(host: Host) -> None:
    host.data["abra"] = {"program": "builtin"}
    host.write()
    said = sentence(host, "work")
    assert said == "there is no abra, and a worker does not use the built-in one: its verdicts would not count"


def test_a_cache_folder_with_a_long_path_is_refused_before_any_run(host: Host) -> None:
    host.data["cache"] = f"/var/cache/{'x' * 42}"
    host.write()
    said = sentence(host, "work")
    assert said == f"/var/cache/{'x' * 42}/runs/jobs is 2 bytes too long for the path of a socket in a run's folder"


def test_a_worker_with_a_forges_token_in_its_environment_is_refused(host: Host) -> None:
    argv = [str(PROGRAM), "work", "--config", str(host.folder / "s.yml")]
    code, _, err = ended(argv, env=environment({**ENV, "GITEA_TOKEN": "very-secret-token"}))
    assert code == 2
    assert "GITEA_TOKEN is set, and a worker must have no token of a forge" in err
    assert "very-secret" not in err


def test_settings_of_a_service_are_checked_without_looking_at_the_files_named(host: Host) -> None:
    for name in ("token", "webhook", "clone"):
        (host.folder / name).unlink()
    config = host.folder / "s.yml"
    assert run(host, "check-config", str(config), config=False) == (0, f"{config}: ok\n", "")
