"""The layer table of docs/architecture.md, held by reading the imports of every module."""

from __future__ import annotations

import ast
import itertools
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

HARNESS = Path(__file__).parents[2] / "harness"
ROOMS: Mapping[str, int] = {
    "edge": 0,
    "service": 1,
    "run": 2,
    "contract": 2,
    "author": 3,
    "report": 3,
    "host": 4,
    "recipe": 4,
    "shared": 5,
}
"""Each room and its layer; a module may import its own room and the rooms of higher layers, never a neighbour's."""
EDGE = {
    "__main__",
    "checkup",
    "cli",
    "commands",
    "given",
    "parsing",
    "service_asking",
    "service_commands",
    "service_log",
    "service_serving",
    "service_settings",
    "service_working",
    "settings",
    "usage",
}
SHARED = {"__init__", "errors", "model", "namedpath", "op_state", "redact", "schemas"}
PURE = (
    "model",
    "op_state",
    "errors",
    "run.plan",
    "run.verdict",
    "run.agreement",
    "service.events",
    "service.decide",
    "service.command",
    "service.card",
    "service.judging",
    "service.statuses",
    "service.model",
)
"""These judge and plan: neither they nor what they import may touch the host."""
ACTING = {
    "asyncio",
    "ctypes",
    "docker",
    "httpx",
    "plumbum",
    "shutil",
    "signal",
    "socket",
    "subprocess",
    "tempfile",
    "time",
}
"""What no pure module may import: programs, sockets, files that are written, the time."""

Imports = Mapping[str, frozenset[str]]


def imports_of(package: Path) -> Imports:
    """Read, for each module of a package folder by its dotted name in it, what it imports, wherever in the file."""
    found = {}
    for file in sorted(package.rglob("*.py")):
        name = ".".join(file.relative_to(package).with_suffix("").parts).removesuffix(".__init__")
        found[name] = frozenset(_imported(ast.parse(file.read_text())))
    return found


def _imported(tree: ast.AST) -> Iterator[str]:
    """Yield `a.b` for `import a.b`, and both `a.b` and `a.b.c` for `from a.b import c`, which may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(module: str) -> str | None:
    """Return the room of a module by its name in the package, None if the table has none for it."""
    first = module.partition(".")[0]
    if first in EDGE:
        return "edge"
    if first in SHARED:
        return "shared"
    return first if first in ROOMS else None


def inside(imports: Imports, names: frozenset[str]) -> set[str]:
    """Return which modules of the package the imported names are."""
    return {
        name.removeprefix("recipeci.") for name in names if name.removeprefix("recipeci.") in imports and "." in name
    }


def crossings(imports: Imports) -> list[str]:
    """Return each import that the table does not allow, and each module that has no room."""
    found = []
    for module, names in imports.items():
        here = room_of(module)
        if here is None:
            found.append(f"{module}: no room of the table")
            continue
        for other in sorted(inside(imports, names)):
            there = room_of(other)
            if there not in (None, here) and ROOMS[str(there)] <= ROOMS[here]:
                found.append(f"{module} ({here}) imports {other} ({there})")
    return found


def reached(imports: Imports, start: str) -> set[str]:
    """Return the modules that importing one brings in, itself too."""
    seen, todo = set(), {start}
    while todo:
        module = todo.pop()
        seen.add(module)
        todo |= inside(imports, imports[module]) - seen
    return seen


def impurities(imports: Imports) -> list[str]:
    """Return what the pure modules reach and must not: the host's rooms, and libraries that act."""
    found = []
    for start in (name for name in PURE if name in imports):
        for module in sorted(reached(imports, start)):
            if room_of(module) == "host" and module != "host":
                found.append(f"{start} reaches {module}")
            acting = {name.partition(".")[0] for name in imports[module]} & ACTING
            found += [f"{start} reaches {name} in {module}" for name in sorted(acting)]
    return found


def package(folder: Path, files: Mapping[str, str]) -> Path:
    """Write a package of the given modules."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_every_import_of_the_harness_goes_to_a_room_further_right() -> None:
    assert crossings(imports_of(HARNESS / "recipeci")) == []


def test_planning_and_judging_touch_nothing() -> None:
    assert impurities(imports_of(HARNESS / "recipeci")) == []


@pytest.mark.parametrize(("one", "other"), list(itertools.permutations(("recipeci", "miniabra", "minibot"), 2)))
def test_the_packages_do_not_import_each_other(one: str, other: str) -> None:
    names = {name for imported in imports_of(HARNESS / one).values() for name in imported}
    assert [name for name in names if name.partition(".")[0] == other] == []


def test_the_bot_needs_no_package_but_pythons_own() -> None:
    roots = {name.partition(".")[0] for names in imports_of(HARNESS / "minibot").values() for name in names}
    assert roots - sys.stdlib_module_names == {"minibot"}


def test_what_runs_beside_an_authors_code_imports_only_what_all_share() -> None:
    imports = imports_of(HARNESS / "recipeci")
    beside = {module for module in imports if room_of(module) == "author"}
    brought = {other for module in beside for other in inside(imports, imports[module])}
    assert {module for module in brought if room_of(module) not in ("author", "shared")} == set()


@pytest.mark.parametrize(
    ("importer", "text", "crossing"),
    [
        ("host/git.py", "from recipeci.recipe import versions", "host.git (host) imports recipe.versions (recipe)"),
        ("model.py", "import recipeci.host.git", "model (shared) imports host.git (host)"),
        ("run/tiers.py", "def f():\n    from recipeci import cli", "run.tiers (run) imports cli (edge)"),
        ("misc.py", "", "misc: no room of the table"),
    ],
)
def test_a_crossing_is_found_wherever_it_is_written(tmp_path: Path, importer: str, text: str, crossing: str) -> None:
    files = {"cli.py": "", "host/git.py": "", "recipe/versions.py": ""}
    assert crossings(imports_of(package(tmp_path, files))) == []
    assert crossings(imports_of(package(tmp_path, files | {importer: text}))) == [crossing]


@pytest.mark.parametrize(
    ("files", "impurity"),
    [
        ({"run/plan.py": "from recipeci.host.git import Git"}, "run.plan reaches host.git"),
        ({"run/verdict.py": "import time"}, "run.verdict reaches time in run.verdict"),
        (
            {"run/plan.py": "from recipeci.run import base", "run/base.py": "import recipeci.host.git"},
            "run.plan reaches host.git",
        ),
    ],
)
def test_an_impurity_is_found_also_behind_another_module(tmp_path: Path, files: dict[str, str], impurity: str) -> None:
    assert impurities(imports_of(package(tmp_path, {"host/git.py": "", **files}))) == [impurity]
