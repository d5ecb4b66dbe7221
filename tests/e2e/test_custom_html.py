"""The lab recipe custom-html, as `make demo` runs it, and its base rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lab import repository
from lab.repository import Built
from recipeci.model import Tier

from e2e import leftovers
from e2e.program import Recipeci, for_recipe

pytestmark = pytest.mark.cell
OVERLAYS = Path(__file__).parents[1] / "recipes"
SUMMARY = r"""
===== RUN SUMMARY =====
recipe    : custom-html   target {head}   base 1\.0\.0\+1\.22\.1 \(pinned\)
made by   : miniabra \S+ \(built in\), Traefik \S+ \(built in\), minibot \S+ \(built in\), Docker \S+.*
lint      : pass .*
install   : pass +\d+\.\d s +generic \d passed, .*
upgrade   : pass +\d+\.\d s +1\.0\.0\+1\.22\.1 → 1\.1\.0\+1\.26\.3, chaos-version {label} == head
backup    : pass +\d+\.\d s +snapshot [0-9a-f]{{8}}, 1 of 1 volumes
restore   : pass +\d+\.\d s +generic \d passed, .*
custom    : skip +structural: no custom tests
deploy-count = 1 \(expect 1\)
leftovers = 0
secrets   = 0/1 found in \d+ artifacts
verdict   : pass \(built-in abra\)   level 5   in \d+\.\d s   report: {report}
\Z"""


def test_the_head_passes_all_tiers_and_leaves_nothing(recipeci: Recipeci, custom_html: Built) -> None:
    before = leftovers.host()
    options = for_recipe("custom-html", source=custom_html.path, stages=",".join(Tier))
    ended = recipeci.run(*options, "--overlays", str(OVERLAYS))
    assert ended.code == 0, ended.out + ended.err
    words = {
        "head": custom_html.head,
        "label": custom_html.head[:8],
        "report": re.escape(f"{ended.folder}/report.json"),
    }
    assert re.search(SUMMARY.format(**words), ended.out), ended.out
    ran = re.findall(r"===== TIER: (\w+) \(generic=run, overlay=(\w+)\) =====", ended.out)
    assert ran == [("install", "recipeci"), ("upgrade", "recipeci"), ("backup", "none"), ("restore", "recipeci")]
    report = ended.report
    assert [(image["ref"]) for image in report["images"]] == ["nginx:1.22.1", "nginx:1.26.3"]
    assert report["identity"]["head"] == custom_html.head
    assert [(service["image_before"], service["image"]) for service in report["identity"]["services"]] == [
        ("nginx:1.22.1", "nginx:1.26.3")
    ]
    (canary,) = report["canary"]
    assert (canary["service"], canary["path"], canary["outcome"]) == ("app", "/usr/share/nginx/html", "pass")
    assert leftovers.host() == before


def test_an_install_alone_names_what_it_installed(recipeci: Recipeci, custom_html: Built) -> None:
    ended = recipeci.run(*for_recipe("custom-html", source=custom_html.path, stages="install"))
    assert ended.code == 0, ended.out + ended.err
    base, identity = ended.report["base"], ended.report["identity"]
    commit, label = (base["commit"], base["version"]) if base else (custom_html.head, custom_html.head[:8])
    assert (identity["head"], identity["chaos_version"]) == (commit, label)
    assert [service["image_before"] for service in identity["services"]] == [""]


def test_a_published_version_is_upgraded_from_the_one_below_it(recipeci: Recipeci, custom_html: Built) -> None:
    ended = recipeci.run(*for_recipe("custom-html", source=custom_html.path), "--ref", "1.0.0+1.22.1")
    assert ended.code == 0, ended.out + ended.err
    assert ended.report["target"]["commit"] == custom_html.tags["1.0.0+1.22.1"]
    assert ended.report["base"]["version"] == "0.9.0+1.22.1"


def test_control_1_a_base_of_the_same_commit_leaves_the_upgrade_unverified(
    recipeci: Recipeci, custom_html: Built
) -> None:
    same = ("--ref", "1.0.0+1.22.1", "--base", "1.0.0+1.22.1")
    ended = recipeci.run(*for_recipe("custom-html", source=custom_html.path), *same)
    upgrade = next(tier for tier in ended.report["tiers"] if tier["name"] == "upgrade")
    assert (ended.code, ended.report["verdict"], upgrade["outcome"]) == (1, "unverified", "unverified")
    assert "the same commit" in upgrade["reason"]
    assert ended.report["leftovers"] == []


def test_a_bare_repository_by_a_file_url(recipeci: Recipeci, folder: Path) -> None:
    bare = repository.build(Path(__file__).parents[1] / "lab" / "recipes" / "custom-html", folder / "b", bare=True)
    options = list(for_recipe("custom-html", source=bare.path, stages="install"))
    options[options.index(str(bare.path))] = bare.path.as_uri()
    ended = recipeci.run(*options)
    assert ended.code == 0, ended.out + ended.err
    assert ended.report["target"]["commit"] == bare.head
