"""The only place that finds the files of authors: overlays of the operator, and `tests/` of the recipe's repository.

Nothing of them is run or imported here. What will not be used is named with the reason, so that nothing is silent.
"""

from __future__ import annotations

import ast
import difflib
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from recipeci.errors import UsageError
from recipeci.model import AuthorFile, LeftOut, Tier
from recipeci.recipe import overlooked
from recipeci.recipe.authorfiles import CUSTOM, HOOK, HOOKS, INSTALL_STEPS, OPS, SUITES, is_suite
from recipeci.recipe.metadata import FILE

OPERATOR, REPOSITORY = "recipeci", "repo"
NEVER_READ = f"a {FILE} of the recipe's own repository is never read"
NO_FILE = "a link, not a file"
OF_NO_TIER = "the test file of no tier"
KNOWN_HOOKS = f"hooks: {', '.join(f'{HOOK}{op}' for op in OPS)}"
ALWAYS_TRUE = "assertion is always true"
"""How Python warns of `assert (condition, "words")`."""
TESTS = PurePosixPath("tests")
"""The folder of a recipe's repository in which its authors' files are."""


@dataclass(frozen=True)
class Brought:
    """What one author brought: the files to use, suites by their tier; and those that are not used, with the reason."""

    suites: Mapping[Tier, tuple[AuthorFile, ...]] = field(default_factory=dict)
    hooks: tuple[AuthorFile, ...] = ()
    install_steps: tuple[AuthorFile, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def overlay_folder(overlays: Path | None, *, recipe: str) -> Path:
    """Return the folder of the operator's overlay of a recipe; it need not be there.

    Raises UsageError if `overlays` is no folder.
    """
    if overlays is None:
        return Path("/nonexistent")
    if not overlays.is_dir():
        raise UsageError(f"{overlays}: there is no such folder of overlays", hint="--overlays DIR, or leave it out")
    return overlays / recipe


def of_operator(folder: Path) -> Brought:
    """Return what the operator's overlay of a recipe brings: all of it is used.

    Raises UsageError for a file that would be mistaken: a test file of no tier, a hook of no op, one that Python cannot
    read, and what nothing would use (recipe/overlooked.py).
    """
    tests = sorted(path for path in folder.glob("*.py") if is_suite(path))
    custom = sorted((folder / CUSTOM).rglob("*.py"))
    hooks = sorted(folder.glob(HOOKS))
    for path in tests:
        _check_name(path)
    parsed = {path: _parsed(path) for path in (*tests, *custom, *hooks)}
    for path in hooks:
        _check_hooks(path, parsed[path])
    overlooked.refuse(folder, parsed=parsed)
    suites: dict[Tier, tuple[AuthorFile, ...]] = {SUITES[path.name]: (AuthorFile(OPERATOR, path),) for path in tests}
    if ours := tuple(AuthorFile(OPERATOR, path) for path in custom if is_suite(path)):
        suites[Tier.CUSTOM] = ours
    steps = tuple(AuthorFile(OPERATOR, path) for path in (folder / INSTALL_STEPS,) if path.is_file())
    return Brought(suites, tuple(AuthorFile(OPERATOR, path) for path in hooks), steps)


def of_repository(files: Iterable[str], *, others: Iterable[str] = (), refusal: str) -> Brought:
    """Return what the recipe's own repository brings.

    A syntax error in it is not looked for: it makes the suite fail, since the code is not the caller's.

    Args:
        files: the ordinary files of the target's tree, from its root.
        others: its links.
        refusal: why none of its code may run (recipe/allowlist.py); empty if it may.
    """
    paths = sorted(PurePosixPath(name) for name in files)
    left_out = [LeftOut(str(path), NEVER_READ) for path in paths if _is_recipe_yml(path)]
    left_out += [LeftOut(name, NO_FILE) for name in sorted(others) if _is_code(PurePosixPath(name))]
    code = [path for path in paths if _is_code(path)]
    if refusal:
        return Brought(left_out=(*left_out, *(LeftOut(str(path), refusal) for path in code)))
    left_out += [LeftOut(str(path), OF_NO_TIER) for path in code if _is_of_no_tier(path)]
    return Brought(_suites(code), _named(code, HOOKS), _named(code, INSTALL_STEPS), tuple(left_out))


def is_custom_suite(path: str) -> bool:
    """Return whether a file of the repository is one of its custom tests."""
    found = PurePosixPath(path)
    return found.is_relative_to(TESTS / CUSTOM) and is_suite(found)


def _suites(code: Iterable[PurePosixPath]) -> dict[Tier, tuple[AuthorFile, ...]]:
    """Sort the suites of the repository by their tier."""
    found: dict[Tier, tuple[AuthorFile, ...]] = {}
    for path in code:
        tier = Tier.CUSTOM if is_custom_suite(str(path)) else SUITES.get(path.name) if path.parent == TESTS else None
        if tier:
            found[tier] = (*found.get(tier, ()), AuthorFile(REPOSITORY, Path(path)))
    return found


def _named(code: Iterable[PurePosixPath], name: str) -> tuple[AuthorFile, ...]:
    """Return the file of this name in the repository's `tests/`, if it is there."""
    return tuple(AuthorFile(REPOSITORY, Path(path)) for path in code if path == TESTS / name)


def _is_recipe_yml(path: PurePosixPath) -> bool:
    """Return whether somebody may take the file for what the operator's overlay says."""
    return path.name == FILE and path.parent in (PurePosixPath(), TESTS)


def _is_code(path: PurePosixPath) -> bool:
    """Return whether the file is code that its author may want to be run: suites, hooks, and what they import."""
    return path.is_relative_to(TESTS) and (path.suffix == ".py" or path == TESTS / INSTALL_STEPS)


def _is_of_no_tier(path: PurePosixPath) -> bool:
    """Return whether the file is a suite that no tier would run."""
    return path.parent == TESTS and is_suite(path) and path.name not in SUITES


def _check_name(path: Path) -> None:
    """Refuse a test file that belongs to no tier: it would never run and nobody would notice."""
    if path.name in SUITES:
        return
    near = difflib.get_close_matches(path.stem.removeprefix("test_").removesuffix("_test"), SUITES.values(), n=1)
    hint = f"did you mean test_{near[0]}.py?" if near else f"tests of no tier go to {CUSTOM}/"
    raise UsageError(f"{path} is {OF_NO_TIER}", hint=hint)


def _check_hooks(path: Path, tree: ast.Module) -> None:
    """Refuse a hook that belongs to no op, for the same reason, and a file of functions of which none is a hook."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    imported = [alias for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    names = [*(node.name for node in functions), *(alias.asname or alias.name for alias in imported)]
    if functions and not any(name.startswith(HOOK) or name == "*" for name in names):
        raise UsageError(f"{path} has no hook: none of its functions is called", hint=KNOWN_HOOKS)
    for node in functions:
        if node.name.startswith(HOOK):
            _check_hook(node, f"{path}:{node.lineno}: {node.name}")


def _check_hook(node: ast.FunctionDef | ast.AsyncFunctionDef, where: str) -> None:
    """Refuse a hook that would not be called, or of which a call would run nothing."""
    if node.name.removeprefix(HOOK) not in OPS:
        raise UsageError(f"{where} is the hook of no op", hint=KNOWN_HOOKS)
    if isinstance(node, ast.AsyncFunctionDef):
        raise UsageError(f"{where} is `async`: nothing of it would be run", hint=f"def {node.name}(app)")


def _parsed(path: Path) -> ast.Module:
    """Return a file as Python reads it, or refuse one that it cannot read; nothing of it is run."""
    try:
        source = path.read_bytes()
        with warnings.catch_warnings():
            warnings.filterwarnings("error", ALWAYS_TRUE, SyntaxWarning)
            compile(source, str(path), "exec", dont_inherit=True)  # finds more than parsing: `return` in no function
        return ast.parse(source)
    except SyntaxError as error:
        raise UsageError(f"{path}:{error.lineno}: {error.msg}") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
