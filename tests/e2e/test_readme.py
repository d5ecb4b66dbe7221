"""Every command of the README's and the help's examples is run as it stands, on a recipe of the lab's.

What only a user's machine has is put in its place: the recipe NAME is custom-html, its folder ./NAME the lab's
repository, and where the forge would be asked, the same repository is given as `--source`.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from lab.repository import Built
from recipeci import usage
from recipeci.host.command import BASE_ENV, LocalRunner

from e2e.program import IMAGES, Recipeci

pytestmark = pytest.mark.cell
ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```\w*\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
LINES = [line.partition("  #")[0].strip() for block in BLOCKS for line in block.splitlines()]
COMMANDS = [line for line in LINES if line.startswith("recipeci ") and "│" not in line]
EXAMPLES = [line.strip() for line in usage.RUN.partition("Examples:")[2].splitlines() if line.startswith("  recipeci ")]
TARGETS = [line.split()[1] for line in LINES if line.startswith("make ")]


def as_it_stands(line: str, built: Built) -> list[str]:
    """Return the options of a line, with the places that only a user's machine has filled in."""
    words = [word.replace("NAME", "custom-html") for word in shlex.split(line.partition(" > ")[0])[1:]]
    if "--recipe" not in words:
        return words
    here = {
        "./custom-html": str(built.path),
        "/tmp/custom-html": str(built.path),  # noqa: S108 - where README has one made
        "./images": str(IMAGES),
        "tests/lab/images": str(IMAGES),
        "1.1.0+1.26.3": "1.0.0+1.22.1",
    }
    words = [here.get(word, word) for word in words]
    missing = {"--source": str(built.path), "--images": str(IMAGES), "--abra": "builtin", "--stages": "install,upgrade"}
    return words + [word for option, value in missing.items() if option not in words for word in (option, value)]


@pytest.mark.parametrize("line", [*COMMANDS, *EXAMPLES])
def test_a_command_of_the_documentation_works(line: str, recipeci: Recipeci, custom_html: Built) -> None:
    options = as_it_stands(line, custom_html)
    if "--out" in options:
        options[options.index("--out") + 1] = str(recipeci.folder / "r")
    ended = recipeci.start_as_is(*options, folder=recipeci.folder / "r").end()
    assert ended.code == 0, ended.out + ended.err


def test_the_documentation_has_commands() -> None:
    assert len(COMMANDS) >= 5
    assert len(EXAMPLES) >= 4
    assert {"demo", "test"} <= set(TARGETS)


@pytest.mark.parametrize("target", dict.fromkeys(TARGETS))
def test_a_make_target_of_the_documentation_is_there(target: str) -> None:
    LocalRunner().run(["make", "--dry-run", target], timeout=30, cwd=ROOT, env={**BASE_ENV, "HOME": "/root"})
