"""The only place that finds the files of authors: overlays of the operator, and `tests/` of the recipe's repository.

Nothing of them is run or imported here. What will not be used is named with the reason, so that nothing is silent.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from recipeci.errors import UsageError
from recipeci.model import LeftOut, Tier
from recipeci.recipe.metadata import FILE

NOT_YET = "suites of authors are not run yet"
NOT_ALLOWED = "recipe code is not run: not on the allowlist"
NEVER_READ = f"a {FILE} of the recipe's own repository is never read"
SUITES = {f"test_{tier}.py": tier for tier in Tier if tier is not Tier.CUSTOM}
HOOKS = "ops.py"
CUSTOM = "custom"


@dataclass(frozen=True)
class Overlay:
    """The operator's files for one recipe: their folder, and what there is beside `recipe.yml`."""

    folder: Path
    suites: tuple[Path, ...] = ()
    hooks: tuple[Path, ...] = ()

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """All of it, as long as suites and hooks of authors are not run."""
        return tuple(LeftOut(str(path), NOT_YET) for path in (*self.suites, *self.hooks))


def overlay(overlays: Path | None, *, recipe: str) -> Overlay:
    """Find the operator's overlay of a recipe; there need be none.

    Args:
        overlays: the folder of all overlays, or None if the operator has none.
        recipe: the folder's name in it.

    Raises UsageError if `overlays` is no folder, and for a file that would be mistaken: a test file of no tier, or one
    with a syntax error.
    """
    if overlays is None:
        return Overlay(Path("/nonexistent"))
    if not overlays.is_dir():
        raise UsageError(f"{overlays}: there is no such folder of overlays", hint="--overlays DIR, or leave it out")
    folder = overlays / recipe
    tests = sorted(path for path in folder.glob("test_*.py"))
    for path in tests:
        _check_name(path)
    custom = sorted((folder / CUSTOM).rglob("*.py"))
    hooks = sorted(folder.glob(HOOKS))
    for path in (*tests, *custom, *hooks):
        _check_syntax(path)
    return Overlay(folder, suites=(*tests, *(path for path in custom if _is_suite(path))), hooks=tuple(hooks))


def of_repository(paths: Iterable[str]) -> tuple[LeftOut, ...]:
    """Name every file of the recipe's own repository that authors may have meant to be used, with the reason.

    `paths` are those of the target's tree, from its root.
    """
    return tuple(LeftOut(path, reason) for path in sorted(paths) if (reason := _why_not(PurePosixPath(path))))


def _why_not(path: PurePosixPath) -> str:
    """Return why a file of the repository is not used, or nothing if it is an ordinary one."""
    if path.name == FILE and len(path.parts) <= 2:  # noqa: PLR2004 - at the root or in tests/
        return NEVER_READ
    return NOT_ALLOWED if path.parts[0] == "tests" and len(path.parts) > 1 else ""


def _is_suite(path: Path) -> bool:
    """Return whether pytest would collect the file."""
    return path.name.startswith("test_") or path.name.endswith("_test.py")


def _check_name(path: Path) -> None:
    """Refuse a test file that belongs to no tier: it would never run and nobody would notice."""
    if path.name in SUITES:
        return
    near = difflib.get_close_matches(path.stem.removeprefix("test_"), SUITES.values(), n=1)
    hint = f"did you mean test_{near[0]}.py?" if near else f"tests of no tier go to {CUSTOM}/"
    raise UsageError(f"{path} is the test file of no tier", hint=hint)


def _check_syntax(path: Path) -> None:
    """Refuse a file that Python cannot read; compiling runs nothing of it."""
    try:
        compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise UsageError(f"{path}:{error.lineno}: {error.msg}") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
