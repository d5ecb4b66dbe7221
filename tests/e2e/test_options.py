"""What the options of a run do, each as a user would see it."""

from __future__ import annotations

import dataclasses
import json
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
from lab.repository import Built

from e2e import leftovers
from e2e.program import IMAGES, Recipeci, for_recipe
from e2e.running import wait_for

pytestmark = pytest.mark.cell


def test_plan_prints_what_would_be_done_and_does_none_of_it(recipeci: Recipeci, custom_html: Built) -> None:
    before = sorted(recipeci.folder.rglob("*"))
    options = for_recipe("custom-html", source=custom_html.path)
    ended = recipeci.start_as_is(*options, "--plan", folder=recipeci.folder / "r").end()
    assert ended.code == 0, ended.err
    assert ended.out.startswith("checkout ")  # what may take long is shown as in a run
    assert f"target    : {custom_html.head} (own version 1.1.0+1.26.3)" in ended.out
    assert f"base      : 1.0.0+1.22.1 {custom_html.tags['1.0.0+1.22.1']} (pinned)" in ended.out
    assert sorted(recipeci.folder.rglob("*")) == before


@pytest.mark.parametrize(("images", "code"), [("empty", 0), ("nowhere", 2)])
def test_plan_looks_at_the_form_of_settings_and_not_at_what_only_a_run_needs(
    recipeci: Recipeci, custom_html: Built, folder: Path, images: str, code: int
) -> None:
    (folder / "empty").mkdir()
    config = folder / "settings.yml"
    config.write_text(
        f"images: {folder}/{images}\nabra: {{program: /bin/true}}\n"
        "docker: {prefix: /nope}\nruns: {min_free_gb: 1000000}\n"
    )
    options = ("--recipe", "custom-html", "--source", str(custom_html.path), "--config", str(config), "--plan")
    ended = recipeci.start_as_is(*options, folder=folder / "r").end()
    assert ended.code == code, ended.err
    assert ("the setting images:" in ended.err) is bool(code)


def test_uncommitted_work_is_tested_and_said_to_be_none_that_others_have(
    recipeci: Recipeci, custom_html: Built
) -> None:
    conf = custom_html.path / "nginx_default.conf"
    conf.write_text(conf.read_text().replace("listen 80;", "listen 80;\n    add_header X-Work uncommitted;"))
    exports = custom_html.path / "abra.sh"
    exports.write_text(exports.read_text().replace("VERSION=v2", "VERSION=v3"))
    ended = recipeci.run(*for_recipe("custom-html", source=custom_html.path), "--dirty")
    assert ended.code == 0, ended.out + ended.err
    target = ended.report["target"]
    assert target["uncommitted"]
    assert target["commit"] != custom_html.head
    assert f"target {target['commit']} (uncommitted)" in ended.out
    assert ended.report["identity"]["chaos_version"] == target["commit"][:8]


def test_json_is_all_that_is_on_stdout(recipeci: Recipeci, custom_html: Built) -> None:
    ended = recipeci.run(*for_recipe("custom-html", source=custom_html.path, stages="install"), "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out) == ended.report
    assert "===== RUN SUMMARY =====" in ended.err


def test_the_environment_says_what_the_options_do_not(recipeci: Recipeci, custom_html: Built) -> None:
    env = {"RECIPE": "custom-html", "REF": "1.0.0+1.22.1", "STAGES": "install", "PR": "7"}
    options = ("--source", str(custom_html.path), "--images", str(IMAGES), "--abra", "builtin")
    ended = dataclasses.replace(recipeci, env=env).run(*options)
    assert ended.code == 0, ended.out + ended.err
    report = ended.report
    assert (report["recipe"], report["target"]["version"], report["pr"]) == ("custom-html", "1.0.0+1.22.1", 7)
    assert [tier["name"] for tier in report["tiers"]] == ["install"]
    assert "7" not in report["domain"].partition(".")[2]


def test_an_app_can_be_backed_up_without_an_upgrade(recipeci: Recipeci, custom_html: Built) -> None:
    options = for_recipe("custom-html", source=custom_html.path, stages="install,backup")
    ended = recipeci.run(*options)
    assert (ended.code, ended.report["verdict"]) == (0, "pass"), ended.out
    assert [tier["outcome"] for tier in ended.report["tiers"]] == ["pass", "pass"]
    assert ended.report["base"] is None


def test_an_install_that_was_not_asked_for_is_shown_if_it_is_why_the_run_is_red(
    recipeci: Recipeci, custom_html: Built
) -> None:
    overlay = recipeci.folder / "overlays" / "custom-html" / "recipe.yml"
    overlay.parent.mkdir(parents=True)
    overlay.write_text("timeouts: {deploy: 1}\n")  # less than a deployment must be stable for
    options = for_recipe("custom-html", source=custom_html.path, stages="upgrade")
    ended = recipeci.run(*options, "--overlays", str(recipeci.folder / "overlays"))
    assert (ended.code, ended.report["verdict"]) == (1, "fail"), ended.out
    tiers = {tier["name"]: (tier["outcome"], tier["reason"]) for tier in ended.report["tiers"]}
    assert tiers["upgrade"] == ("unverified", "install did not pass")
    assert tiers["install"][0] == "fail"
    assert "deployment" in tiers["install"][1]


def test_keep_leaves_the_app_up_until_ctrl_c_and_nothing_after_it(recipeci: Recipeci, custom_html: Built) -> None:
    options = for_recipe("custom-html", source=custom_html.path, stages="install")
    running = recipeci.start(*options, "--keep")
    said = dict(line.split(": ", 1) for line in wait_for(running, "until Ctrl-C").splitlines() if ": " in line)
    commands = [shlex.split(said[word]) for word in ("look", "ask")]
    look, ask = (subprocess.run(argv, check=False, capture_output=True, text=True) for argv in commands)
    assert (look.returncode, ask.returncode, ask.stderr) == (0, 0, ""), (look.stderr, ask.stderr)
    assert ("_app " in look.stdout, "<h1>Welcome" in ask.stdout) == (True, True), (look.stdout, ask.stdout)
    running.signal(signal.SIGINT)
    wait_for(running, "teardown")
    running.signal(signal.SIGINT)
    ended = running.end()
    assert "cleaning up, please wait" in ended.err
    assert (ended.code, ended.report["verdict"], ended.report["errors"]) == (0, "pass", []), ended.out + ended.err
    assert ended.report["leftovers"] == [], ended.out
    assert [tier["outcome"] for tier in ended.report["tiers"]] == ["pass"]
    assert leftovers.cgroups_of(ended.report["run_id"]) == []


def test_verbose_shows_every_command_and_the_log_has_them_anyway(recipeci: Recipeci, custom_html: Built) -> None:
    options = for_recipe("custom-html", source=custom_html.path, stages="install")
    quiet, loud = recipeci.run(*options, out="quiet"), recipeci.run(*options, "-v", out="loud")
    assert [run.code for run in (quiet, loud)] == [0, 0]
    shown = [" app new custom-html " in run.out + run.err for run in (quiet, loud)]
    logged = [" app new custom-html " in (run.folder / "run.log").read_text() for run in (quiet, loud)]
    assert (shown, logged) == ([False, True], [True, True])
