"""The only place that finds what an operator's overlay holds and no run would use, though its author meant it to be.

That is a test which nothing collects, a hook which nothing calls, a known file in the wrong place or with nearly its
name. Modules and data in folders of their own are the overlay's affair: what a test imports or reads is used.
"""

from __future__ import annotations

import ast
import difflib
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from recipeci.errors import UsageError
from recipeci.recipe.authorfiles import CUSTOM, HOOK, HOOKS, INSTALL_STEPS, OPS, SUITES, is_suite
from recipeci.recipe.metadata import FILE

READ = (FILE, INSTALL_STEPS)
"""Files that are read in one place alone, whatever a test may do."""
ALIKE = 0.9
"""One letter more or less, another hyphen or another form of `.yml`; a test's own `data.yml` is far from it."""
PASSED_BY = "__pycache__"
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """A Python file of an overlay."""

    path: Path
    tree: ast.Module

    @property
    def name(self) -> str:
        """What others import it by."""
        return self.path.parent.name if self.path.stem == "__init__" else self.path.stem


def refuse(folder: Path, *, parsed: Mapping[Path, ast.Module]) -> None:
    """Refuse what would be overlooked.

    Raises UsageError naming the file, and what it may have been meant for.

    Args:
        folder: a recipe's overlay; it need not be there.
        parsed: those of its files that have been read already.
    """
    found = sorted({*folder.rglob("*"), *parsed})
    paths = [path for path in found if not _is_passed_by(path.relative_to(folder).parts)]
    for path in paths:
        _refuse_unread(path, folder)
        _refuse_linked(path, folder)
    modules = [Module(path, parsed.get(path) or _tree(path)) for path in paths if _is_python(path)]
    for module in modules:
        others = [other for other in modules if other is not module]
        _refuse_tests(module, others, folder)
        _refuse_hooks(module, others, folder)


def _refuse_unread(path: Path, folder: Path) -> None:
    """Refuse a known file of another folder's, and one that has nearly a known name where that is looked for."""
    if path.parent != folder and path.name in READ:
        raise UsageError(f"{path} is never read", hint=f"it is read as {folder / path.name}")
    if path.parent != folder or path.name in READ or path.suffix not in (".yml", ".yaml", ".sh"):
        return
    if near := difflib.get_close_matches(path.name.lower(), READ, n=1, cutoff=ALIKE):
        raise UsageError(f"{path} is never read", hint=f"did you mean {near[0]}?")


def _refuse_linked(path: Path, folder: Path) -> None:
    """Refuse custom tests behind a link to a folder: links are not followed to look for tests."""
    if path.is_relative_to(folder / CUSTOM) and path != folder / CUSTOM and path.is_symlink():
        for suite in filter(is_suite, sorted(path.rglob("*.py")) if path.is_dir() else ()):
            raise UsageError(f"{suite} is never run: {path.name} is a link to a folder", hint="copy the folder")


def _refuse_tests(module: Module, others: Iterable[Module], folder: Path) -> None:
    """Refuse a test file where none is looked for, and tests in what is no test file; what is imported has its use."""
    path = module.path
    if (path.parent == folder or path.is_relative_to(folder / CUSTOM)) and is_suite(path):
        return
    if module.name in _imported(others):
        return
    if is_suite(path):
        raise UsageError(f"{path} is a test file that no tier runs", hint=_place(path, folder))
    for node in _tests(module.tree.body):
        said = f"{path}:{node.lineno}: {node.name} is never run: {path.name} is no test file"
        raise UsageError(f"{said}, and no other file imports it", hint=_test_file(path, folder))


def _refuse_hooks(module: Module, others: Iterable[Module], folder: Path) -> None:
    """Refuse hooks outside of ops.py that it cannot have, since nothing imports them that it may import itself."""
    others = [other for other in others if not is_suite(other.path)]
    is_called = any(other.path == folder / HOOKS for other in others) and module.name in _imported(others)
    if module.path == folder / HOOKS or is_called:
        return
    for node in module.tree.body:
        if isinstance(node, Function) and node.name in {f"{HOOK}{op}" for op in OPS}:
            said = f"{module.path}:{node.lineno}: {node.name} is never called: {folder / HOOKS} has no such hook"
            raise UsageError(said, hint=f"hooks belong into {folder / HOOKS}")


def _place(path: Path, folder: Path) -> str:
    """Return where a test file was perhaps meant to be."""
    if difflib.get_close_matches(path.relative_to(folder).parts[0].lower(), [CUSTOM], n=1):
        return f"did you mean {CUSTOM}/?"
    return f"it is run as {folder / path.name}" if path.name in SUITES else f"tests of no tier go to {CUSTOM}/"


def _test_file(path: Path, folder: Path) -> str:
    """Return how a file of tests was perhaps meant to be called."""
    name = path.stem.lower().removeprefix("tests").removeprefix("test").lstrip("-_")
    near = difflib.get_close_matches(name, SUITES.values(), n=1) if path.parent == folder else []
    return f"did you mean test_{near[0]}.py?" if near else f"did you mean {CUSTOM}/test_{name}.py?"


def _imported(modules: Iterable[Module]) -> set[str]:
    """Return all names that stand in imports, a package's and those in it alike."""
    return {part for module in modules for node in ast.walk(module.tree) for part in _names(node)}


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            yield from alias.name.split(".")
    if isinstance(node, ast.ImportFrom):
        yield from (node.module or "").split(".")


def _tests(body: Iterable[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    """Yield what pytest would collect in a test file; a fixture may be called `test_user`."""
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test") and any(_tests(node.body)):
            yield node
        if isinstance(node, Function) and node.name.startswith("test_") and not _is_fixture(node):
            yield node


def _is_fixture(node: Function) -> bool:
    return any("fixture" in ast.unparse(decorator) for decorator in node.decorator_list)


def _is_passed_by(parts: Iterable[str]) -> bool:
    """Return whether it is in a folder of git's, of an editor's or of Python's."""
    return any(part.startswith(".") or part == PASSED_BY for part in parts)


def _is_python(path: Path) -> bool:
    return path.suffix == ".py" and path.is_file()


def _tree(path: Path) -> ast.Module:
    """Return a module as Python reads it; of one that it cannot read, nothing: whoever imports it will be told."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError):
            return ast.Module([], [])
