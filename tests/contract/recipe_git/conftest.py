"""A recipe with one commit and one published version."""

from __future__ import annotations

from pathlib import Path

import pytest

from recipe_git.made import Made


@pytest.fixture
def made(tmp_path: Path) -> Made:
    one = Made(tmp_path / "recipe")
    one.folder.mkdir()
    one.git("init", "--quiet", "-b", "main")
    one.write("compose.yml", "version: '3.8'\n")
    one.commit("first")
    one.git("tag", "-a", "1.0.0+1", "-m", "release")
    return one
