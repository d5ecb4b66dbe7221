"""The only place that reads what lint judges from a clone: the files' names, and the texts of those that matter."""

from __future__ import annotations

from recipeci.errors import RecipeInvalid
from recipeci.host.clone import SUBMODULE, Clone
from recipeci.model import Commit
from recipeci.recipe.lint import SAMPLE, RecipeTree, wanted


def recipe_tree(clone: Clone, commit: Commit) -> RecipeTree:
    """Return a commit's files as lint judges them; a file that cannot be read is absent."""
    entries = clone.tree(commit)
    sample = _texts(clone, commit, (SAMPLE,))
    return RecipeTree(
        paths=frozenset(entry.path for entry in entries),
        texts=sample | _texts(clone, commit, wanted(sample.get(SAMPLE, ""))),
        leaving={entry.path: entry.leads_to for entry in entries if entry.leaves_tree},
        submodules=tuple(entry.path for entry in entries if entry.mode == SUBMODULE),
    )


def _texts(clone: Clone, commit: Commit, paths: tuple[str, ...]) -> dict[str, str]:
    """Return the texts of those files that can be read."""
    found: dict[str, str] = {}
    for path in paths:
        try:
            found[path] = clone.read(commit, path)
        except RecipeInvalid:
            continue  # lint says that it is missing
    return found
