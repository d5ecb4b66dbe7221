"""The only place that reads a clone of a recipe and moves its checkout.

Files are read from git's objects at a commit, never through the working tree, so that a link in the tree leads nowhere.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from recipeci.errors import CommandFailed, HostError, RecipeInvalid, UsageError
from recipeci.host import temporary
from recipeci.host.command import KEPT_BYTES, Runner
from recipeci.host.gitcall import Repository, Source
from recipeci.host.gitwords import NO_SUCH_COMMIT, explained, gigabytes, last_words
from recipeci.host.treelinks import leaves
from recipeci.model import Commit, Tag

KEEP = "refs/recipeci"
"""What is fetched or made beyond the source's branches is kept from removal under this name."""
READABLE = 256 * 1024
"""Bytes: no file that a recipe is judged by is larger."""
LISTING = KEPT_BYTES
"""Characters of a list of files or tags; a recipe has some dozens of them."""
IDENTITY = {"GIT_AUTHOR_NAME": "recipeci", "GIT_AUTHOR_EMAIL": "recipeci@localhost"} | {
    "GIT_COMMITTER_NAME": "recipeci",
    "GIT_COMMITTER_EMAIL": "recipeci@localhost",
}
LINK, SUBMODULE = "120000", "160000"
TREE_LINE = re.compile(
    r"(?P<mode>[0-7]{6}) (?:blob|commit) (?P<object>[0-9a-f]{40}) +(?P<size>[0-9]+|-)\t(?P<path>.+)", re.DOTALL
)


@dataclass(frozen=True)
class Entry:
    """One file of a commit's tree: path from the root, mode (`100644`, `120000` …), a link's own target, bytes."""

    path: str
    mode: str
    leads_to: str = ""
    size: int = 0
    leaves_tree: bool = False
    """Whether it is a link to something outside the tree (or into its `.git`), be it by way of other links."""


@dataclass(frozen=True)
class Clone:
    """A private clone: where it came from, and `newest`, the head of its default branch."""

    repository: Repository
    source: Source
    newest: Commit

    @property
    def folder(self) -> Path:
        """The working tree."""
        return self.repository.folder

    def seen_by(self, runner: Runner) -> Clone:
        """Return it as the cell of `runner` sees it: git runs there, so that no planted link leads out."""
        return replace(self, repository=self.repository.seen_by(runner))

    def head(self) -> Commit:
        """Return the commit that is checked out (or would be)."""
        return Commit(self.repository.run(["rev-parse", "--verify", "HEAD^{commit}"]).out.strip())

    def tags(self) -> tuple[Tag, ...]:
        """Return all tags that stand for a commit, with that commit and their kind."""
        listed = self._listing(["for-each-ref", "--format=%(objecttype) %(refname)", "refs/tags"], what="tags")
        rows = [line.split(" ", 1) for line in listed.splitlines()]
        commits = self._commits([ref for _, ref in rows])
        return tuple(
            Tag(ref.removeprefix("refs/tags/"), Commit(sha), annotated=kind == "tag")
            for (kind, ref), sha in zip(rows, commits, strict=True)
            if sha
        )

    def reachable_tags(self, commit: Commit) -> tuple[str, ...]:
        """Return the names of the tags of this commit and of all that came before it."""
        args = ["for-each-ref", "--format=%(refname:strip=2)", f"--merged={commit}", "refs/tags"]
        return tuple(self.repository.run(args).out.splitlines())

    def branch(self, name: str) -> Commit | None:
        """Return the head of one of the source's branches, or None if it has no branch of that name."""
        ref = f"refs/remotes/origin/{name}"
        if self.repository.run(["check-ref-format", ref], ok=(0, 1)).code:
            return None
        (sha,) = self._commits([ref])
        return Commit(sha) if sha else None

    def starting_with(self, digits: str) -> tuple[Commit, ...]:
        """Return the commits whose sha starts with these digits (4 at least)."""
        found = self.repository.run(["rev-parse", f"--disambiguate={digits}"]).out.split()
        return tuple(Commit(sha) for sha, commit in zip(found, self._commits(found), strict=True) if sha == commit)

    def get(self, commit: Commit) -> None:
        """Have this commit, by asking the source for it if no branch and no tag brought it.

        Raises UsageError if the source has no such commit, HostError if it cannot be reached any more.
        """
        if self._commits([str(commit)]) == (str(commit),):
            return
        try:
            self.repository.ask(self.source, ["fetch", "--quiet", "--no-tags", "origin", f"{commit}:{KEEP}/{commit}"])
        except CommandFailed as error:
            if not NO_SUCH_COMMIT.search(error.err):
                raise explained(error, self.source, most_bytes=self._most_bytes) from error
            msg = f"{self.source.where} has no commit {commit}"
            raise UsageError(msg, hint="check the sha; a force push may have removed it") from error
        if self._commits([str(commit)]) != (str(commit),):
            raise UsageError(f"{commit} is no commit of {self.source.where}", hint="give a commit's full sha")

    def tree(self, commit: Commit) -> tuple[Entry, ...]:
        """Return every file of a commit, links with their targets.

        Raises RecipeInvalid if there are too many to be a recipe.
        """
        listed = self._listing(["ls-tree", "-r", "-l", "-z", "--full-tree", str(commit)], what="files")
        entries = tuple(self._entry(row) for row in listed.rstrip("\n").split("\0") if row)
        links = {entry.path: entry.leads_to for entry in entries if entry.mode == LINK}
        return tuple(replace(entry, leaves_tree=entry.path in links and leaves(entry.path, links)) for entry in entries)

    def read(self, commit: Commit, path: str) -> str:
        """Return the text of a file of a commit; a link is followed inside the tree only.

        Raises RecipeInvalid if it is not there, leads out of the tree, is no file, or is larger than READABLE bytes.
        """
        plain = posixpath.normpath(path)
        if "\n" in plain or plain.startswith(("/", "../")):
            raise RecipeInvalid(f"{path!r} is no path of a file in a recipe")
        asked = f"{commit}:{plain}\n".encode()
        size = self._batch("--batch-check", asked).split()
        if len(size) != 3 or size[1] != "blob":  # noqa: PLR2004 - object, type, size
            raise RecipeInvalid(f"{path} is not in {commit}, or is no file that can be read inside it")
        if int(size[2]) > READABLE:
            raise RecipeInvalid(f"{path} is larger than {READABLE // 1024} KiB")
        return self._batch("--batch", asked).partition("\n")[2][:-1]

    def checkout(self, commit: Commit) -> None:
        """Check out exactly this commit, over whatever another program left, and assert it.

        Raises RecipeInvalid if the tree holds a submodule or a link that leaves it, or takes more space than a source
        may; HostError if HEAD is another.
        """
        entries = self.tree(commit)
        if sum(entry.size for entry in entries) > self._most_bytes:
            raise RecipeInvalid(f"the files of {commit} take more than {gigabytes(self._most_bytes)}")
        for entry in entries:
            if entry.mode == SUBMODULE:
                raise RecipeInvalid(f"{entry.path} is a submodule: what it would bring is not part of the commit")
            if entry.leaves_tree:
                raise RecipeInvalid(f"{entry.path} is a link that leaves the recipe: {entry.leads_to}")
        self.repository.run(["checkout", "--quiet", "--force", "--detach", str(commit), "--"])
        if (head := self.head()) != commit:
            raise HostError(f"{self.folder} should be at {commit} and is at {head}")

    def changes(self) -> tuple[str, ...]:
        """Return the paths in which the working tree differs from HEAD, files that are not tracked included."""
        args = ["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=none"]
        return tuple(row[3:] for row in self.repository.run(args).out.rstrip("\n").split("\0") if row)

    def uncommitted(self) -> Commit:
        """Commit the uncommitted work of a local source here, on top of its HEAD, and return the commit.

        All that git would add is taken: changed, removed and new files, those not that `.gitignore` names. The same
        work gives the same commit; no uncommitted work gives HEAD itself. The source is only read.

        Raises UsageError if the source is not a folder with a working tree, or holds what git cannot add.
        """
        if not self._has_work_tree:
            raise UsageError(f"{self.source.where} has no working tree", hint="--dirty needs --source FOLDER")
        tree = self._tree_of(Path(self.source.where))
        if tree == self._out(["rev-parse", f"{self.newest}^{{tree}}"]):
            return self.newest
        when = {name: self._out(["log", "-1", "--format=%ct +0000", str(self.newest)]) for name in _DATES}
        args = ["commit-tree", "-p", str(self.newest), "-m", "uncommitted work", tree]
        made = self.repository.run(args, env={**IDENTITY, **when}).out.strip()
        self.repository.run(["update-ref", f"{KEEP}/uncommitted", made])
        return Commit(made)

    def uncommitted_paths(self) -> tuple[str, ...]:
        """Return the files that `uncommitted` would take; none of a source without a working tree.

        Raises UsageError if the source holds what git cannot add.
        """
        if not self._has_work_tree:
            return ()
        tree = self._tree_of(Path(self.source.where))
        args = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", str(self.newest), tree]
        return tuple(path for path in self._listing(args, what="changed files").rstrip("\n").split("\0") if path)

    @property
    def _has_work_tree(self) -> bool:
        return self.source.local and (Path(self.source.where) / ".git").exists()

    def _tree_of(self, folder: Path) -> str:
        """Write a working tree's files as a tree of this clone; raises UsageError with git's words if it cannot."""
        try:
            return self._written(folder)
        except CommandFailed as error:
            raise UsageError(f"the uncommitted work of {folder} cannot be taken: {last_words(error.err)}") from error

    def _written(self, folder: Path) -> str:
        """Go through an index that is thrown away."""
        with temporary.folder(self.folder / ".git") as scratch:
            env = {"GIT_INDEX_FILE": f"{scratch}/index", "GIT_WORK_TREE": str(folder)}
            self.repository.run(["read-tree", str(self.newest)], env=env)
            excluded = folder / ".git" / "info" / "exclude"
            option = ["-c", f"core.excludesFile={excluded}"] if excluded.is_file() else []
            # From the top of the tree: without a folder of its own git stays where it was started, which is `/`.
            self.repository.run([*option, "-C", str(folder), "add", "--all", "--", "."], env=env)
            return self.repository.run(["write-tree"], env=env).out.strip()

    @property
    def _most_bytes(self) -> int:
        return self.repository.git.most_bytes

    def _entry(self, row: str) -> Entry:
        """Make an entry of a line of `ls-tree`, reading a link's target."""
        found = TREE_LINE.fullmatch(row)
        if found is None:
            raise HostError(f"git listed a file in a form that is not known: {row[:80]!r}")
        # To the byte: the name that a link leads to may itself end a line.
        target = self.repository.run(["cat-file", "blob", found["object"]]).out if found["mode"] == LINK else ""
        return Entry(found["path"], found["mode"], target, 0 if found["size"] == "-" else int(found["size"]))

    def _listing(self, args: Sequence[str], *, what: str) -> str:
        """Return what a command lists, all of it.

        Raises RecipeInvalid if there is so much that a part may not have been kept: it would pass for absent.
        """
        listed = self.repository.run(args).out
        if len(listed) > LISTING:
            raise RecipeInvalid(f"{self.source.where} has too many {what} to be a recipe's")
        return listed

    def _commits(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the commit that each name stands for, or an empty text where it stands for none."""
        asked = "".join(f"{name}^{{commit}}\n" for name in names).encode()
        answers = self._batch("--batch-check", asked, follow=False).splitlines()
        return tuple(answer.split()[0] if answer.split()[1:2] == ["commit"] else "" for answer in answers)

    def _batch(self, how: str, asked: bytes, *, follow: bool = True) -> str:
        """Ask for objects by name."""
        links = ["--follow-symlinks"] if follow else []
        return self.repository.run(["cat-file", how, *links], stdin=asked).out

    def _out(self, args: Sequence[str]) -> str:
        """Return what a command prints, without its end of line."""
        return self.repository.run(args).out.removesuffix("\n")


_DATES = ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE")
