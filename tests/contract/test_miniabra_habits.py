"""Each switch of miniabra changes what it says or does: a run that is green under both settings rests on neither."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import miniabralab
import pytest
from miniabra.habits import Habits
from miniabralab import DOMAIN, RECIPE, STACK, Lab

GENERATE = ("app", "secret", "generate", DOMAIN, "-a", "-C", "-o", "-n")
Seen = Callable[[Lab, str], object]


def bot_asked(lab: Lab, habits: str, *, code: int = 0) -> None:
    """Make the app, and declare a swarm with a backup bot that ends with a code."""
    lab.new(habits)
    lab.docker.on("service", "ls", out="backupbot_app\n")
    lab.docker.on("ps", out="c1\n")
    lab.docker.on("exec", code=code)


def backup_code_counts(lab: Lab, habits: str) -> object:
    bot_asked(lab, habits, code=1)
    return lab.run("app", "backup", "create", DOMAIN, "-C", "-o", "-n", habits=habits, terminal=True).code


def backup_is_asked_by_domain(lab: Lab, habits: str) -> object:
    bot_asked(lab, habits)
    lab.done("app", "backup", "create", DOMAIN, "-C", "-o", "-n", habits=habits, terminal=True)
    return lab.docker.of("exec")[0].args


def backup_takes_chaos(lab: Lab, habits: str) -> object:
    bot_asked(lab, habits)
    return lab.run("app", "restore", DOMAIN, "-C", "-o", "-n", habits=habits, terminal=True).code


def chaos_commit_is_pinned(lab: Lab, habits: str) -> object:
    lab.new(habits)
    lab.deployable()
    lab.deployed_with("-C", habits=habits)
    return lab.env_file.read_text()


def compose_environment_wins(lab: Lab, habits: str) -> object:
    lab.new(habits)
    lab.env_file.write_text(lab.env_file.read_text() + "FIXED=of the env\n")
    lab.deployable()
    return lab.deployed_with(habits=habits)["environment"]


def env_stack_name_wins(lab: Lab, habits: str) -> object:
    lab.new(habits)
    lab.env_file.write_text(lab.env_file.read_text() + "STACK_NAME=mine\n")
    lab.docker.on("service", "ls")
    lab.docker.on("stack", "rm")
    lab.docker.on("service", "ls", out="x\n")
    lab.done("app", "undeploy", DOMAIN, "-o", "-n", habits=habits)
    return lab.docker.of("stack", "rm")[0].args


def exports_win(lab: Lab, habits: str) -> object:
    lab.new(habits)
    lab.env_file.write_text(lab.env_file.read_text() + "CONF_VERSION=v7\n")
    lab.deployable()
    return lab.deployed_with(habits=habits)["environment"]


def generate_nothing_fails(lab: Lab, habits: str) -> object:
    lab.new(habits)
    lab.docker.on("secret", "ls", out=f"{STACK}_key_v1\n{STACK}_phrase_v1\n")
    return lab.run(*GENERATE, habits=habits).code


def labels_on_app_only(lab: Lab, habits: str) -> object:
    lab.new(habits)
    lab.deployable()
    lab.deployed_with(habits=habits)
    return list(lab.docker.of("stack", "deploy")[0].generated["services"])


def local_domains_unchecked(lab: Lab, habits: str) -> object:
    lab.new(habits)
    lab.deployable()
    return lab.run("app", "deploy", DOMAIN, "-C", "-c", "-o", "-n", habits=habits).code


def machine_logs_on_stderr(lab: Lab, habits: str) -> object:
    lab.new(habits)
    lab.docker.on("secret", "ls")
    lab.docker.on("secret", "create")
    return "WARN" in lab.done(*GENERATE, "-m", habits=habits).out


def new_chaos_moves_checkout(lab: Lab, habits: str) -> object:
    lab.done("app", "new", RECIPE, "-D", DOMAIN, "-C", "-o", "-n", habits=habits)
    return lab.checkout.head == lab.checkout.git("rev-parse", "main")


def new_fills_domain(lab: Lab, habits: str) -> object:
    lab.checkout.replace(".env.sample", "thing.example.com\n#", "example.org\n#")
    lab.checkout.commit(tag="1.11.0+2.0")
    lab.new(habits)
    return lab.env_file.read_text()


def quoted_exports_count(lab: Lab, habits: str) -> object:
    lab.new(habits)
    lab.deployable()
    return lab.deployed_with(habits=habits)["environment"]


def dirty_suffix_is_stripped(lab: Lab, habits: str) -> object:
    lab.new(habits)
    lab.env_file.write_text(lab.env_file.read_text().replace("thing:1.10.0+2.0", f"thing:{lab.checkout.head[:8]}+U"))
    return lab.run("app", "secret", "ls", DOMAIN, "-o", "-n", habits=habits).out


def generate_skips_existing(lab: Lab, habits: str) -> object:
    lab.new(habits)
    lab.docker.on("secret", "ls", out=f"{STACK}_key_v1\n")
    lab.docker.on("secret", "create")
    return lab.run(*GENERATE, habits=habits).code


def generated_json_is_a_list(lab: Lab, habits: str) -> object:
    lab.new(habits)
    lab.docker.on("secret", "ls")
    lab.docker.on("secret", "create")
    return type(json.loads(lab.done(*GENERATE, "-m", habits=habits).out))


def inserted_files_are_kept(lab: Lab, habits: str) -> object:
    lab.new(habits)
    (lab.folder / "value").write_text("pem\n")
    lab.docker.on("secret", "create")
    lab.done("app", "secret", "insert", DOMAIN, "key", "v1", str(lab.folder / "value"), "-f", "-C", habits=habits)
    return lab.docker.of("secret", "create")[0].stdin


def lint_row(lab: Lab, ref: str, habits: str) -> str:
    out = lab.done("recipe", "lint", RECIPE, "-C", "-n", habits=habits, terminal=True).out
    return next(line for line in out.splitlines() if ref in line)


def lint_errors_as_remembered(lab: Lab, habits: str) -> object:
    return lint_row(lab, "R012", habits)


def lint_network_rules_are_skipped(lab: Lab, habits: str) -> object:
    return lint_row(lab, "R006", habits)


def log_words_have_four_letters(lab: Lab, habits: str) -> object:
    return lab.done("app", "new", RECIPE, "-D", DOMAIN, "-o", "-n", habits=habits).out


def new_needs_domain(lab: Lab, habits: str) -> object:
    return lab.run("app", "new", RECIPE, "-o", "-n", habits=habits).code


def new_takes_only_server(lab: Lab, habits: str) -> object:
    return lab.run("app", "new", RECIPE, "-D", DOMAIN, "-o", "-n", habits=habits).code


def new_takes_version(lab: Lab, habits: str) -> object:
    lab.done("app", "new", RECIPE, "1.9.0+2.0", "-s", "default", "-D", DOMAIN, "-o", "-n", habits=habits)
    return lab.env_file.read_text()


def no_input_confirms_removal(lab: Lab, habits: str) -> object:
    lab.new(habits)
    lab.docker.on("volume", "ls")
    return lab.run("app", "volume", "rm", DOMAIN, "-n", habits=habits).code


def removed(lab: Lab, habits: str) -> Lab:
    lab.new(habits)
    lab.docker.on("service", "ls")
    lab.docker.on("secret", "ls", out=f"{STACK}_key_v1\n")
    lab.docker.on("volume", "ls", out=f"{STACK}_data\n")
    lab.docker.on("secret", "rm")
    lab.docker.on("volume", "rm")
    lab.done("app", "rm", DOMAIN, "-f", "-n", habits=habits)
    return lab


def rm_deletes_env(lab: Lab, habits: str) -> object:
    return removed(lab, habits).env_file.exists()


def rm_deletes_secrets(lab: Lab, habits: str) -> object:
    return removed(lab, habits).docker.of("secret", "rm")


def rm_deletes_volumes(lab: Lab, habits: str) -> object:
    return removed(lab, habits).docker.of("volume", "rm")


def secret_list_keys_have_spaces(lab: Lab, habits: str) -> object:
    lab.new(habits)
    lab.docker.on("secret", "ls")
    return lab.done("app", "secret", "ls", DOMAIN, "-m", "-C", habits=habits).out


def special_charset_has_symbols(lab: Lab, habits: str) -> object:
    lab.new(habits)
    old = "length=43 charset=hex"
    lab.env_file.write_text(lab.env_file.read_text().replace(old, "length=400 charset=special"))
    lab.docker.on("secret", "ls")
    lab.docker.on("secret", "create")
    lab.done(*GENERATE, habits=habits)
    return lab.docker.of("secret", "create", f"{STACK}_key_v1")[0].stdin.isalnum()


def rm_refuses_deployed(lab: Lab, habits: str) -> object:
    lab.new(habits)
    lab.docker.on("service", "ls", out="x\n")
    lab.docker.on("secret", "ls")
    lab.docker.on("volume", "ls")
    return lab.run("app", "rm", DOMAIN, "-n", habits=habits).code


def short_secrets_are_phrases(lab: Lab, habits: str) -> object:
    lab.new(habits)
    lab.docker.on("secret", "ls")
    lab.docker.on("secret", "create")
    lab.done(*GENERATE, habits=habits)
    return len(lab.docker.of("secret", "create", f"{STACK}_phrase_v1")[0].stdin)


def stack_name_is_trimmed(lab: Lab, habits: str) -> object:
    domain = "a" * 60
    lab.done("app", "new", RECIPE, "-D", domain, "-o", "-n", habits=habits)
    lab.docker.on("service", "ls", out="x\n")
    lab.docker.on("stack", "rm")
    lab.done("app", "undeploy", domain, "-o", "-n", habits=habits)
    return lab.docker.of("stack", "rm")[0].args


def undeploy_keeps_checkout(lab: Lab, habits: str) -> object:
    lab.new(habits)
    lab.checkout.git("checkout", "--quiet", "main")
    lab.docker.on("service", "ls", out="x\n")
    lab.docker.on("stack", "rm")
    lab.done("app", "undeploy", DOMAIN, "-o", "-n", habits=habits)
    return lab.checkout.head == lab.checkout.git("rev-parse", "main")


def unknown_charset_is_default(lab: Lab, habits: str) -> object:
    lab.new(habits)
    lab.env_file.write_text(lab.env_file.read_text().replace("charset=hex", "charset=odd"))
    lab.docker.on("secret", "ls")
    lab.docker.on("secret", "create")
    return lab.run(*GENERATE, habits=habits).code


def volume_in_use_fails(lab: Lab, habits: str) -> object:
    lab.new(habits)
    lab.docker.on("volume", "ls", out="data\n")
    lab.docker.on("volume", "rm", err="volume is in use", code=1)
    lab.run("app", "volume", "rm", DOMAIN, "-n", habits=habits)
    return len(lab.docker.of("volume", "rm")) > 1


SEEN: tuple[Seen, ...] = (
    backup_code_counts,
    backup_is_asked_by_domain,
    backup_takes_chaos,
    chaos_commit_is_pinned,
    compose_environment_wins,
    dirty_suffix_is_stripped,
    env_stack_name_wins,
    exports_win,
    generate_nothing_fails,
    generate_skips_existing,
    generated_json_is_a_list,
    inserted_files_are_kept,
    labels_on_app_only,
    lint_errors_as_remembered,
    lint_network_rules_are_skipped,
    local_domains_unchecked,
    log_words_have_four_letters,
    machine_logs_on_stderr,
    new_chaos_moves_checkout,
    new_fills_domain,
    new_needs_domain,
    new_takes_only_server,
    new_takes_version,
    no_input_confirms_removal,
    quoted_exports_count,
    rm_deletes_env,
    rm_deletes_secrets,
    rm_deletes_volumes,
    rm_refuses_deployed,
    secret_list_keys_have_spaces,
    short_secrets_are_phrases,
    special_charset_has_symbols,
    stack_name_is_trimmed,
    undeploy_keeps_checkout,
    unknown_charset_is_default,
    volume_in_use_fails,
)


@pytest.mark.parametrize("seen", SEEN, ids=lambda seen: seen.__name__)
def test_a_flipped_switch_is_seen(seen: Seen, tmp_path: Path) -> None:
    made = {habits: miniabralab.make(tmp_path / (habits or "default")) for habits in ("", seen.__name__)}
    believed, flipped = (seen(lab, habits) for habits, lab in made.items())
    assert believed != flipped


def test_every_switch_has_a_test() -> None:
    assert [seen.__name__ for seen in SEEN] == [field.name for field in dataclasses.fields(Habits)]
