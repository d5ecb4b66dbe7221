"""Every command of the README's and the help's examples is run as it stands, on a recipe of the lab's.

What only a user's machine has is put in its place: the recipe NAME is custom-html, its folder ./NAME the lab's
repository, and where the forge would be asked, the same repository is given as `--source`. Without `--stages` two are
asked for: test_custom_html.py runs all of them, and what they print is compared with the README's picture of it.
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
from e2e.test_custom_html import SUMMARY

pytestmark = pytest.mark.cell
ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```\w*\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
LINES = [line.partition("  #")[0].strip() for block in BLOCKS for line in block.splitlines()]
ELSEWHERE = {
    "recipeci doctor --abra": "test_doctor_abra.py",
    "recipeci serve": "test_docs_operating.py",
    "recipeci work": "test_docs_operating.py",
    "recipeci enroll OWNER/REPO": "test_docs_operating.py",
}
"""Commands that take minutes or need a forge, and the test that runs them."""
COMMANDS = [line for line in LINES if line.startswith("recipeci ") and line not in ELSEWHERE]
EXAMPLES = [line.strip() for line in usage.RUN.partition("Examples:")[2].splitlines() if line.startswith("  recipeci ")]
TARGETS = [line.split()[1] for line in LINES if line.startswith("make ")]


@pytest.fixture
def yours(folder: Path) -> Path:
    """A folder with what a user has: an allowlist, and overlays with a suite and a hook."""
    overlay = folder / "yours" / "overlays" / "custom-html"
    overlay.mkdir(parents=True)
    (overlay / "test_install.py").write_text("def test_page(app):\n    assert app.get('/').status_code == 200\n")
    (overlay / "ops.py").write_text("def pre_upgrade(app):\n    app.exec('app', ['true'])\n")
    (folder / "yours" / "allowlist").write_text("custom-html\n")
    return folder / "yours"


def as_it_stands(line: str, built: Built, yours: Path) -> list[str]:
    """Return the options of a line, with the places that only a user's machine has filled in."""
    words = [word.replace("NAME", "custom-html") for word in shlex.split(line.partition(" > ")[0])[1:]]
    if "--recipe" not in words:
        return words
    here = {
        "./custom-html": str(built.path),
        "/tmp/custom-html": str(built.path),  # noqa: S108 - where README has one made
        "./images": str(IMAGES),
        "./overlays": str(yours / "overlays"),
        "./allowlist": str(yours / "allowlist"),
        "tests/lab/images": str(IMAGES),
    }
    words = [here.get(word, word) for word in words]
    missing = {"--source": str(built.path), "--images": str(IMAGES), "--abra": "builtin", "--stages": "install,upgrade"}
    return words + [word for option, value in missing.items() if option not in words for word in (option, value)]


@pytest.mark.parametrize("line", [*COMMANDS, *EXAMPLES])
def test_a_command_of_the_documentation_works(line: str, recipeci: Recipeci, custom_html: Built, yours: Path) -> None:
    options = as_it_stands(line, custom_html, yours)
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


def test_the_summary_of_the_readme_is_what_the_program_prints() -> None:
    """By the same pattern that test_custom_html.py holds against a run."""
    shown = "".join(f"\n{line.strip()}" for line in next(b for b in BLOCKS if "RUN SUMMARY" in b).splitlines()) + "\n"
    pattern = SUMMARY.format(head="50b52b8c…", label="50b52b8c", report="…/report.json")
    assert re.search(pattern, shown), shown


@pytest.mark.parametrize("file", ELSEWHERE.values())
def test_what_takes_minutes_is_run_by_another_test(file: str) -> None:
    assert (Path(__file__).parent / file).is_file()
