"""Control (13): generic suites are skipped for local work alone, loudly, and never by the environment of a job."""

from __future__ import annotations

import dataclasses

import pytest
from lab.repository import Built

from e2e.program import Recipeci, for_recipe

pytestmark = pytest.mark.cell


@pytest.mark.parametrize("name", ["CCCI_SKIP_GENERIC", "CCCI_SKIP_GENERIC_DEPLOY"])
@pytest.mark.parametrize("starter", ["CI", "DRONE"])
def test_a_job_that_opts_out_is_refused_before_anything_is_done(
    name: str, starter: str, recipeci: Recipeci, custom_html: Built
) -> None:
    job = dataclasses.replace(recipeci, env={name: "1", starter: "true"})
    refused = job.run(*for_recipe("custom-html", source=custom_html.path, stages="install"))
    assert (refused.code, refused.out) == (2, "")
    assert f"{name} is for local work, and {starter} is set" in refused.err
    assert not refused.folder.exists()


def test_a_local_opt_out_has_no_level_and_skips_neither_measurements_nor_other_tiers(
    recipeci: Recipeci, custom_html: Built
) -> None:
    local = dataclasses.replace(recipeci, env={"CCCI_SKIP_GENERIC_DEPLOY": "1"})
    ended = local.run(*for_recipe("custom-html", source=custom_html.path))
    assert ended.code == 0, ended.out + ended.err
    assert (ended.report["verdict"], ended.report["level"]) == ("pass", None)
    assert "verdict   : pass (built-in abra; generic skipped; not asked for: " in ended.out
    assert "===== TIER: install (generic=skip, overlay=none) =====" in ended.out
    install, upgrade = ({suite["source"] for suite in tier["suites"]} for tier in ended.report["tiers"])
    assert (install, upgrade) == ({"harness"}, {"harness", "generic"})
    names = {test["name"] for suite in ended.report["tiers"][0]["suites"] for test in suite["tests"]}
    assert {"harness::serving", "harness::head"} <= names
