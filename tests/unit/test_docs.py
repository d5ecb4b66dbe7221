"""README.md and docs/: every link leads somewhere; every file, test, command and option that they name is there."""

from __future__ import annotations

import functools
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from recipeci.host.command import LocalRunner

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
TEST_FILE = re.compile(r"\b(test_\w+\.py)(?:::(test_\w+))?")
MISSPELT = {"test_instal.py"}
"""What testing.md shows as a mistake."""
OF_DOCKER = {"--privileged", "--pid", "--net", "--cgroupns"}
"""Options that cell.md names for what they do in a container."""
FOLDERS = ("tests/", "tools/", "bench/", "docs/", "harness/")
HARNESS = ROOT / "harness" / "recipeci"
ROOMS = tuple(f"{folder.name}/" for folder in HARNESS.iterdir() if folder.is_dir() and not folder.name.startswith("_"))
MADE_BY_THE_READER = re.compile(r"tests/(?:ops\.py|install_steps\.sh|test_<tier>\.py|custom/?)?\Z")
"""What a recipe's own repository may hold."""
OF_THE_SERVICE = ("serve", "work", "enroll", "queue", "cancel", "rerun", "sweep")
COMMANDS = {name: (name,) for name in ("doctor", "clean", "check-config", *OF_THE_SERVICE)}


def prose(text: str) -> str:
    """Return a page without its blocks."""
    return FENCE.sub("", text)


def anchors(text: str) -> set[str]:
    """Return the names by which headings of a page are linked to: lower case, hyphens for blanks, no marks."""
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in HEADING.findall(prose(text))}


def dead_links(page: Path, text: str) -> Iterator[str]:
    """Yield what a page links to and is not there; addresses of other machines are not asked."""
    for link in LINK.findall(prose(text)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = page if not name else (page.parent / name).resolve()
        if not target.exists() or (
            anchor and anchor not in anchors(text if target == page else target.read_text(encoding="utf-8"))
        ):
            yield link


def missing_files(text: str) -> Iterator[str]:
    """Yield the files of the repository that a page names in backticks and that are not there."""
    for span in SPAN.findall(prose(text)):
        path = span.split()[0].rstrip(":")
        if not re.fullmatch(r"[\w./-]+", path) or MADE_BY_THE_READER.match(path):
            continue
        if path.startswith(FOLDERS) and not (ROOT / path).exists():
            yield path
        module = HARNESS / path.removesuffix(".py")
        is_room = path.startswith(ROOMS) and PurePosixPath(path).suffix in {"", ".py"}
        if is_room and not (module.is_dir() or module.with_suffix(".py").is_file()):
            yield path


@functools.cache
def all_tests() -> frozenset[str]:
    """Return `file` and `file::test` of every test of ours."""
    every = (ROOT / "tests").rglob("test_*.py")
    files = [path for path in every if "recipes" not in path.relative_to(ROOT).parts]
    names = {
        f"{path.name}::{name}"
        for path in files
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    return frozenset({path.name for path in files} | names)


def missing_tests(text: str) -> Iterator[str]:
    """Yield the tests that a page names and that are not there."""
    for span in SPAN.findall(prose(text)):
        for file, test in TEST_FILE.findall(span):
            whole = f"{file}::{test}" if test else file
            if whole not in all_tests() | MISSPELT and not MADE_BY_THE_READER.match(span) and not is_an_authors(span):
                yield whole


def is_an_authors(span: str) -> bool:
    """Say whether a name is one of those that a recipe's authors may give: `test_install.py`."""
    return re.fullmatch(r"(?:\S*/)?test_(?:install|upgrade|backup|restore|<tier>)\.py", span) is not None


@functools.cache
def options_of(*command: str) -> frozenset[str]:
    """Return the options that a command's own `--help` names."""
    argv = [sys.executable, "-m", "recipeci", *command, "--help"]
    return frozenset(OPTION.findall(LocalRunner().run(argv, timeout=60).out.partition("Examples:")[0]))


def command_lines(text: str) -> Iterator[list[str]]:
    """Yield the words of every line of a block, and of every span, that runs the program or make."""
    blocks = [body.replace("\\\n", " ") for _, body in FENCE.findall(text)]
    lines = [line.partition("  #")[0].partition(" | ")[0].strip(" │") for body in blocks for line in body.splitlines()]
    for line in (*lines, *SPAN.findall(prose(text))):
        words = re.sub(r"^.venv/bin/", "", line.strip())
        if re.match(r"(?:recipeci|make|doctor) ", words):
            yield shlex.split(words.replace("[", "").replace("]", ""))


def wrong_commands(text: str) -> Iterator[str]:
    """Yield the commands, targets and options of a page that there are not."""
    for program, *words in command_lines(text):
        if program == "make":
            targets = [word for word in words if re.fullmatch(r"[a-z-]+", word)]
            yield from (f"make {word}" for word in targets if word not in make_targets())
            continue
        command = COMMANDS.get(program if program == "doctor" else words[0], ())
        given = {option for word in words for option in OPTION.findall(word) if word.startswith("-")}
        yield from (f"recipeci {' '.join([*command, option])}" for option in sorted(given - options_of(*command)))
    known = options_of() | options_of("doctor") | options_of("clean") | OF_DOCKER
    known = known.union(*map(options_of, OF_THE_SERVICE))
    for span in SPAN.findall(prose(text)):
        if span.startswith("--") and (option := OPTION.findall(span)[0]) not in known:
            yield option


@functools.cache
def make_targets() -> frozenset[str]:
    """Return the Makefile's targets."""
    return frozenset(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(dead_links(page, page.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_and_test_that_is_named_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [*missing_files(text), *missing_tests(text)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_that_is_named_is_there(page: Path) -> None:
    assert list(wrong_commands(page.read_text(encoding="utf-8"))) == []


def test_every_page_is_reached_from_the_readme() -> None:
    seen, todo = set(), {ROOT / "README.md"}
    while todo:
        page = todo.pop()
        seen.add(page)
        links = {(page.parent / link.partition("#")[0]).resolve() for link in LINK.findall(page.read_text())}
        todo |= {target for target in links if target in PAGES} - seen
    assert set(PAGES) - seen == set()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 130


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[x](docs/none.md)", ["docs/none.md"]),
        ("[x](docs/cell.md#no-such-part)", ["docs/cell.md#no-such-part"]),
        ("[x](#nowhere)\n# Somewhere", ["#nowhere"]),
        ("[x](docs/cell.md#cgroup-v2) [y](https://example.org/none) [z](#some-where)\n## Some, where", []),
    ],
)
def test_a_dead_link_is_found(text: str, wrong: list[str]) -> None:
    assert list(dead_links(ROOT / "README.md", text)) == wrong


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("`tests/nothing/` and `run/nothing.py`", ["tests/nothing/", "run/nothing.py"]),
        ("`tests/unit/test_docs.py`, `run/plan`, `host/command.py: until`", []),
        ("`test_docs.py::test_that_there_is_not`", ["test_docs.py::test_that_there_is_not"]),
        ("`test_nothing.py`", ["test_nothing.py"]),
        ("`test_docs.py::test_a_dead_link_is_found` and `tests/ops.py` and `test_install.py`", []),
    ],
)
def test_a_file_or_test_that_is_not_there_is_found(text: str, wrong: list[str]) -> None:
    assert [*missing_files(text), *missing_tests(text)] == wrong


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("`--no-such-option`", ["--no-such-option"]),
        ("`recipeci clean --keep`", ["recipeci clean --keep"]),
        ("```\nrecipeci --recipe x --nothing\n```\n", ["recipeci --nothing"]),
        ("```\n.venv/bin/recipeci --recipe x \\\n  --nothing\n```\n", ["recipeci --nothing"]),
        ("```\nmake nothing   # words\n```\n", ["make nothing"]),
        ("`recipeci doctor --abra [PATH]`, `doctor --selftest`, `--images DIR`, `make contract ABRA=PATH`", []),
    ],
)
def test_a_command_or_option_that_is_not_there_is_found(text: str, wrong: list[str]) -> None:
    assert list(wrong_commands(text)) == wrong
