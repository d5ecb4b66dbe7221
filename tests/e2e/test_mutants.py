"""Each mutant through the whole program: the rule that it breaks turns the run red, by its own name.

Without the mutation the same run is green: test_custom_html.py.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from lab import repository
from lab.repository import Built
from mutants import catalogue
from mutants.mutant import Mutant

from e2e import expectation
from e2e.program import STAGES, Ended, Recipeci, for_recipe
from e2e.test_canaries import CANARIES, options_of, source_of

pytestmark = pytest.mark.cell
Run = Callable[..., Ended]


@pytest.fixture
def run(recipeci: Recipeci, custom_html: Built, folder: Path) -> Run:
    """Run a mutant on the head of custom-html; stages are install,upgrade if none are given."""

    def one(mutant: Mutant, *, stages: str = STAGES) -> Ended:
        mutated = dataclasses.replace(recipeci, python_path=(mutant.make(folder / "mutant"),))
        return mutated.run(*for_recipe("custom-html", source=custom_html.path, stages=stages))

    return one


def tier(report: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(tier for tier in report["tiers"] if tier["name"] == name)
    return found


def failed(report: Mapping[str, Any], name: str) -> dict[str, str]:
    """Return the tests of a tier that did not pass, with their messages."""
    tests = [test for suite in tier(report, name)["suites"] for test in suite["tests"]]
    return {test["name"]: test["message"] for test in tests if test["outcome"] != "pass"}


def test_control_2_a_head_that_is_not_checked_out_fails_by_the_chaos_version(run: Run, custom_html: Built) -> None:
    ended = run(catalogue.NOT_CHECKED_OUT)
    assert (ended.code, tier(ended.report, "upgrade")["outcome"]) == (1, "fail"), ended.out
    base, head = custom_html.tags["1.0.0+1.22.1"][:8], custom_html.head[:8]
    assert failed(ended.report, "upgrade")["harness::chaos-version"] == f"chaos-version is {base}, not {head}"
    assert ended.report["leftovers"] == []


def test_control_3_a_sha_that_is_exchanged_between_checkout_and_deploy_fails(run: Run, custom_html: Built) -> None:
    ended = run(catalogue.EXCHANGED_SHA)
    assert (ended.code, tier(ended.report, "upgrade")["outcome"]) == (1, "fail"), ended.out
    wrong = failed(ended.report, "upgrade")
    assert wrong["harness::head"] == f"checked out is {custom_html.head}, not {'0' * 40}"
    assert wrong["harness::chaos-version"] == f"chaos-version is {custom_html.head[:8]}, not 00000000"
    assert ended.report["leftovers"] == []


def test_an_upgrade_that_begins_at_the_target_fails_before_it_begins(run: Run, custom_html: Built) -> None:
    ended = run(catalogue.BEGINS_AT_THE_TARGET)
    assert ended.code == 1, ended.out
    assert [tier["outcome"] for tier in ended.report["tiers"]] == ["fail", "unverified"]
    assert failed(ended.report, "install") == {
        "harness::head": f"checked out is {custom_html.head}, not {custom_html.tags['1.0.0+1.22.1']}",
        "harness::version": "version is 1.1.0+1.26.3, not 1.0.0+1.22.1",
    }


def test_control_8_a_volume_that_is_left_is_exit_4(run: Run) -> None:
    ended = run(catalogue.LEAVES_A_VOLUME)
    assert ended.code == 4, ended.out
    assert [tier["outcome"] for tier in ended.report["tiers"]] == ["pass", "pass"]
    stack = ended.report["domain"].replace(".", "_")
    assert {"kind": "volume", "name": f"{stack}_content"} in ended.report["leftovers"]
    assert f"volume {stack}_content" in ended.out


def test_control_9_a_second_app_new_is_a_deploy_count_of_2(run: Run) -> None:
    ended = run(catalogue.TWO_APPS)
    assert (ended.code, ended.report["deploys"], ended.report["verdict"]) == (1, 2, "fail"), ended.out
    assert [tier["outcome"] for tier in ended.report["tiers"]] == ["pass", "pass"]
    assert "deploy-count = 2 (expect 1)" in ended.out


def test_control_4_10_a_redactor_that_does_nothing_is_found_by_the_scan(recipeci: Recipeci, folder: Path) -> None:
    canary = CANARIES / "tells-secret"
    source = repository.build(canary, folder / "canary").path
    overlay = folder / "overlays" / "canary" / "recipe.yml"
    overlay.parent.mkdir(parents=True)
    overlay.write_text(yaml.safe_dump(dict(expectation.read(canary).overlay)))
    mutated = dataclasses.replace(recipeci, python_path=(catalogue.MASKS_NOTHING.make(folder / "mutant"),))
    ended = mutated.run(*for_recipe("canary", source=source), "--overlays", str(folder / "overlays"))
    assert [tier["outcome"] for tier in ended.report["tiers"]] == ["pass", "pass"], ended.out
    assert (ended.code, ended.report["verdict"]) == (1, "fail"), ended.out
    scan = ended.report["secrets"]
    assert (scan["known"], scan["found"]) == (1, 1)
    of_log, of_report = sorted(where for where in scan["where"] if "junit" not in where)[::-1]
    assert re.fullmatch(r"token in run\.log \(lines? \d.*\)", of_log), of_log
    assert of_report == "token in report.json"
    withheld, _, _ = (ended.folder / "run.log").read_text().partition("\n")
    assert withheld == of_log.replace("token in run.log", "withheld: it held the secret token")
    assert "withheld: it held the secret token" in ended.report["notes"]
    assert "secrets   = 1/1 found in 4 artifacts: token in " in ended.out


def test_generic_suites_that_were_planned_and_are_not_run_are_missed(run: Run) -> None:
    ended = run(catalogue.NO_GENERIC_SUITES, stages="install")
    install = tier(ended.report, "install")
    assert (ended.code, ended.report["verdict"], install["outcome"]) == (1, "unverified", "unverified"), ended.out
    assert install["reason"] == "planned and not run: generic test_install.py"


def test_a_volume_without_a_word_of_the_data_canary_is_missed(run: Run) -> None:
    ended = run(catalogue.NO_MARKERS, stages="install,backup")
    assert [tier["outcome"] for tier in ended.report["tiers"]] == ["pass", "unverified"], ended.out
    assert (ended.code, ended.report["verdict"], ended.report["canary"]) == (1, "unverified", [])
    assert tier(ended.report, "backup")["reason"] == "not measured: canary app:/usr/share/nginx/html"


def test_a_restore_of_another_snapshot_than_was_measured_is_seen(run: Run) -> None:
    ended = run(catalogue.BACKS_UP_TWICE, stages="install,backup,restore")
    assert [tier["outcome"] for tier in ended.report["tiers"]] == ["pass", "pass", "fail"], ended.out
    (name, message), *others = failed(ended.report, "restore").items()
    assert (ended.code, name, others) == (1, "harness::newest snapshot", [])
    assert message.startswith("the newest snapshot is ")


CAUGHT = [
    (catalogue.SEES_MARKERS, "anonymous-volume", "upgrade: 'pass', expected 'fail'"),
    (catalogue.HOOKS_IGNORED, "half-a-dump", "backup: 'pass', expected 'fail'"),
    (catalogue.EXIT_CODE_ALONE, "unproven-suites", "suites: none is .*custom/test_only_skips"),
    (catalogue.NO_SEPARATE_COLLECTION, "unproven-suites", "suites: none is .*custom/test_drops_its_failure"),
    (catalogue.EVERYTHING_ALLOWED, "repo-not-allowed", "install: 'unverified', expected 'pass'"),
    (catalogue.EXEC_NEVER_FAILS, "unchecked-exec", "install: 'pass', expected 'fail'"),
    (catalogue.FINDS_NO_PIECES, "secret-in-pieces", "verdict: 'pass', expected 'fail'"),
]
"""Each mutant with the canary that catches it, and what of that canary is not as expected then."""


@pytest.mark.parametrize(("mutant", "canary", "difference"), CAUGHT, ids=[mutant.name for mutant, *_ in CAUGHT])
def test_the_canary_of_a_check_catches_its_mutant(
    mutant: Mutant, canary: str, difference: str, recipeci: Recipeci, folder: Path
) -> None:
    """The canary's own run, by the harness itself, is in test_canaries.py."""
    expected = expectation.read(CANARIES / canary)
    mutated = dataclasses.replace(recipeci, env=expected.env, python_path=(mutant.make(folder / "mutant"),))
    with source_of(canary, expected, folder) as source:
        ended = mutated.run(*options_of(canary, expected, folder, source=source, package=recipeci.package))
    found = expected.differences(ended.report, code=ended.code)
    assert [words for words in found if re.match(difference, words)], found
    assert ended.report["errors"] == [], ended.out
