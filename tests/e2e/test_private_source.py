"""A private repository through the whole program: what it is cloned by is in nothing that a run shows or keeps."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from lab import forge
from lab.repository import Built
from recipeci.host.command import BASE_ENV, LocalRunner

from e2e.program import Recipeci, for_recipe

pytestmark = pytest.mark.cell
USER, TOKEN = "reader", "zq9-a-token-that-may-only-read"
FORMS = (TOKEN.encode(), base64.b64encode(f"{USER}:{TOKEN}".encode()))
SUITE = '''\
"""Looks for a word in all that a suite can see of its cell: processes, files of the run, its own environment."""

import os
from pathlib import Path

WORD = {reversed!r}[::-1].encode()
FOLDER = {folder!r}


def held(path):
    try:
        return WORD in path.read_bytes()
    except OSError:
        return False


def test_the_word_is_nowhere():
    files = [path for path in Path(FOLDER).rglob("*") if path.is_file()]
    assert any(path.name == "HEAD" for path in files), "the clone is seen"
    processes = [path / name for path in Path("/proc").glob("[0-9]*") for name in ("environ", "cmdline")]
    assert processes
    assert [path for path in (*files, *processes) if held(path)] == []
    assert WORD not in repr(os.environ).encode()
'''


def argument_holders() -> list[str]:
    """Return the command lines on this machine that hold the token."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
        except OSError:  # it has ended
            continue
        found += [words.decode(errors="replace")] if any(form in words for form in FORMS) else []
    return found


def test_the_clones_credential_is_in_no_artifact_no_argument_and_not_in_the_cell(
    recipeci: Recipeci, custom_html: Built
) -> None:
    folder = recipeci.folder
    served = folder / "forge" / "custom-html.git"
    LocalRunner().run(
        ["git", "clone", "--quiet", "--mirror", str(custom_html.path), str(served)], timeout=60, env=dict(BASE_ENV)
    )
    overlay = folder / "overlays" / "custom-html" / "test_install.py"
    overlay.parent.mkdir(parents=True)
    overlay.write_text(SUITE.format(reversed=TOKEN[::-1], folder=str(folder / "r" / "cell")))
    credential = folder / "credential"
    shown: list[list[str]] = []
    with forge.private(served.parent, login=f"{USER}:{TOKEN}", shown=lambda: shown.append(argument_holders())) as url:
        credential.write_text(f"http://{USER}:{TOKEN}@{url.removeprefix('http://')}\n")
        credential.chmod(0o600)
        options = (*for_recipe("custom-html", source=f"{url}/custom-html.git", stages="install"), "--verbose")
        given = (
            "--ref",
            custom_html.head,
            "--overlays",
            str(overlay.parents[1]),
            "--clone-credential",
            str(credential),
        )
        ended = recipeci.run(*options, *given)
    assert ended.code == 0, ended.out
    assert shown, "the forge was shown it"
    assert [words for words in shown if words] == []
    (suite,) = (suite for suite in ended.report["tiers"][0]["suites"] if suite["source"] == "recipeci")
    assert suite["outcome"] == "pass"
    assert ended.report["secrets"]["known"] >= 1
    assert ended.report["secrets"]["found"] == 0
    said = f"{ended.out}{ended.err}".encode()
    kept = [file for file in ended.folder.rglob("*") if file.is_file()]
    assert kept
    assert [form for form in FORMS if form in said] == []
    assert [str(file) for file in kept if any(form in file.read_bytes() for form in FORMS)] == []


def test_without_it_the_source_wants_a_password(recipeci: Recipeci, custom_html: Built) -> None:
    served = recipeci.folder / "forge" / "custom-html.git"
    LocalRunner().run(
        ["git", "clone", "--quiet", "--mirror", str(custom_html.path), str(served)], timeout=60, env=dict(BASE_ENV)
    )
    with forge.private(served.parent, login=f"{USER}:{TOKEN}", shown=lambda: None) as url:
        ended = recipeci.run(*for_recipe("custom-html", source=f"{url}/custom-html.git"))
    assert ended.code == 3
    assert "wants a password" in ended.err
    assert "--clone-credential FILE" in ended.err
