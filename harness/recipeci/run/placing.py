"""The only place that lays authors' files down for their child processes: copies that it can only read.

A repository's files come from git's objects at the commit under test, never from the working tree, which abra moves. An
overlay's come without `recipe.yml` and the files of its secrets: code of the repository runs as the same user.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from recipeci.errors import RecipeInvalid
from recipeci.host import temporary
from recipeci.host.clone import SUBMODULE, Clone
from recipeci.model import AuthorFile, Commit
from recipeci.recipe.metadata import FILE

GENERIC, OVERLAY, REPOSITORY = "generic", "recipeci", "repo"
TESTS = "tests"
"""The folder of a recipe's repository that may bring code."""
LEFT_BEHIND = ("__pycache__", ".git", FILE)


@dataclass(frozen=True)
class Placed:
    """One author's file as its child finds it: `name` is for people, `root` holds all that belongs to it."""

    source: str
    name: str
    file: Path
    root: Path
    origin: str
    """What `root` is a copy of."""

    def original(self, text: str) -> str:
        """Return a child's words with the paths that its author knows."""
        return text.replace(str(self.root), self.origin)


class Placing:
    """Lays down each source's files once, when one of them is first needed."""

    def __init__(
        self, folder: Path, *, overlay: Path | None, secrets: Collection[bytes], clone: Clone, target: Commit
    ) -> None:
        """Take a folder that the cell sees, where to copy to, and where from.

        Args:
            folder: is made, and emptied; the cell must only read it.
            overlay: the operator's folder for this recipe.
            secrets: what recipe.yml inserts; no file that holds one is copied.
            clone: the run's.
            target: the commit under test.
        """
        self._folder = folder
        self._overlay = overlay
        self._secrets = frozenset(secrets)
        self._clone = clone
        self._target = target
        self._done: set[str] = set()

    def lay_down(self, files: Iterable[AuthorFile]) -> None:
        """Have the files of these sources there; of one that is not among them `placed` speaks when it is its turn."""
        for file in files:
            with contextlib.suppress(RecipeInvalid):
                self.placed(file)

    def placed(self, file: AuthorFile) -> Placed:
        """Return where a file is, for its child.

        Raises RecipeInvalid if it is not there.
        """
        if file.source == GENERIC:
            return Placed(GENERIC, file.path.name, file.path, file.path.parent, GENERIC)
        root = self._folder / file.source
        if file.source == OVERLAY and self._overlay is not None:
            there, origin = root / file.path.relative_to(self._overlay), str(self._overlay)
            self._once(OVERLAY, root, self._copy_overlay)
        else:
            there, origin = root / file.path, TESTS
            root = root / TESTS
            self._once(REPOSITORY, root, self._copy_repository)
        if not there.is_file():
            raise RecipeInvalid(f"{file.path} is not among the files of {file.source}")
        return Placed(file.source, str(file.path), there, root, origin)

    def _once(self, source: str, root: Path, copy: Callable[[Path], None]) -> None:
        """Copy one source's files, if that has not been done."""
        if source in self._done:
            return
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        copy(root)
        _open_to_all([self._folder, root.parent, root, *root.rglob("*")])
        self._done.add(source)

    def _copy_overlay(self, root: Path) -> None:
        assert self._overlay is not None  # noqa: S101 - the caller has looked

        def unfit(folder: str, names: list[str]) -> list[str]:
            return [name for name in names if name in LEFT_BEHIND or self._is_secret(Path(folder) / name)]

        shutil.copytree(self._overlay, root, ignore=unfit, dirs_exist_ok=True)

    def _copy_repository(self, root: Path) -> None:
        """Let git write the files of `tests/`, through an index that is thrown away.

        Links that leave the tree are not written; one that leads to a file outside of `tests/` leads nowhere.
        """
        wanted = [
            entry.path
            for entry in self._clone.tree(self._target)
            if entry.path.startswith(f"{TESTS}/") and entry.mode != SUBMODULE and not entry.leaves_tree
        ]
        with temporary.folder(self._folder) as scratch:
            run, env = self._clone.repository.run, {"GIT_INDEX_FILE": f"{scratch}/index"}
            run(["read-tree", str(self._target)], env=env)
            paths = "".join(f"{path}\0" for path in wanted).encode()
            run(["checkout-index", "--quiet", "-z", "--stdin", f"--prefix={root.parent}/"], env=env, stdin=paths)

    def _is_secret(self, file: Path) -> bool:
        """Say whether a file holds exactly a value that recipe.yml inserts."""
        return file.is_file() and bool(self._secrets) and file.read_bytes() in self._secrets


def _open_to_all(paths: Iterable[Path]) -> None:
    """Let every user read, and nobody but us write, whatever our umask is."""
    for path in paths:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
