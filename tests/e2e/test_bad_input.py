"""What the caller gives wrong: the exit code, one sentence, and nothing left, not even a run folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lab.repository import Built

from e2e.program import IMAGES, Recipeci

LONG_NAME = "x" * 60


def options_of(text: str, *, built: Built, folder: Path) -> list[str]:
    """Return a case's options, with the places that only the test knows filled in."""
    words = {"SOURCE": str(built.path), "FOLDER": str(folder), "HEAD": built.head, "IMAGES": str(IMAGES)}
    return [re.sub("|".join(words), lambda found: words[found[0]], word) for word in text.split()]


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ("--recipe ../x", 2, "'../x' is not a recipe name"),
        ("--recipe custom-html --source FOLDER/nowhere", 3, "FOLDER/nowhere"),
        ("--recipe custom-html --source FOLDER", 3, "FOLDER.*(no|not a) (git )?repository"),
        ("--recipe custom-html --source https://127.0.0.1:9/x.git", 3, "127.0.0.1"),
        ("--recipe custom-html --source SOURCE --ref 50b52b8c", 2, "50b52b8c.*full"),
        ("--recipe custom-html --source SOURCE --ref main", 2, "main.*HEAD"),
        (f"--recipe custom-html --source SOURCE --ref {'0' * 40}", 3, "0000"),
        ("--recipe custom-html --source SOURCE --ref 7.0.0+1.22.1", 2, r"7\.0\.0\+1\.22\.1"),
        ("--recipe custom-html --source SOURCE --base 7.0.0+1.22.1", 2, r"7\.0\.0\+1\.22\.1"),
        ("--recipe custom-html --source SOURCE --stages install,upgrad", 2, "upgrad.*upgrade"),
        ("--recipe custom-html --source SOURCE --images FOLDER/nowhere", 2, "FOLDER/nowhere"),
        ("--recipe custom-html --source SOURCE --images IMAGES --abra /bin/true", 2, "/bin/true.*abra"),
        ("--recipe custom-html --source SOURCE --config FOLDER/nowhere.yml", 2, "FOLDER/nowhere.yml"),
        (f"--recipe custom-html --source SOURCE --out FOLDER/{LONG_NAME}/{LONG_NAME}", 2, "too long"),
    ],
)
def test_bad_input_is_answered_by_one_sentence(
    *, text: str, code: int, sentence: str, recipeci: Recipeci, custom_html: Built, folder: Path
) -> None:
    before = sorted(folder.rglob("*"))
    options = options_of(text, built=custom_html, folder=folder)
    own_out = () if "--out" in options else ("--out", str(folder / "r"))
    ended = recipeci.start_as_is(*options, *own_out, folder=folder / "r").end(timeout=60)
    assert ended.code == code, ended.out + ended.err
    expected = options_of(sentence, built=custom_html, folder=folder)
    said = ended.out + ended.err
    assert re.search(" ".join(expected), said), said
    assert "Traceback" not in said
    assert sorted(folder.rglob("*")) == before
