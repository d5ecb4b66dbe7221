"""The only place that makes recipe repositories: a folder with a `history.yml` becomes a git repository.

`history.yml` tells a recipe's life step by step. Each step starts from the tree of the step before:

    about: one sentence that says what this recipe shows
    steps:
      - message: "feat: first version"     # the commit's message
        lay: [../base, 1.0.0+1.22.1]       # folders laid over the tree, beside history.yml or relative to it
        remove: [release/next]             # files that go
        edit:                              # replacements; `old` must be there exactly once
          - {in: compose.yml, old: "nginx:1.22.1", new: "nginx:1.26.3"}
        tag: 1.0.0+1.22.1                  # an annotated tag; `lightweight: 1.0.0+1.22.1` makes the other kind

Author and dates are fixed, so the same folder always gives the same shas.

    python -m lab.repository [--bare] FOLDER INTO      # in tests/: prints the head's sha
"""

from __future__ import annotations

import argparse
import datetime
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from recipeci.host.command import PATH, LocalRunner, Runner

HISTORY = "history.yml"
BRANCH = "main"
FIRST_DAY = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
AUTHOR = {"NAME": "Lab", "EMAIL": "lab@example.org"}
GIT_TIMEOUT = 180.0


@dataclass(frozen=True)
class Edit:
    """One replacement in one file; `old` must be there exactly once."""

    file: str
    old: str
    new: str

    def apply(self, tree: Path) -> None:
        """Replace, or raise ValueError if `old` is there another number of times."""
        path = tree / self.file
        text = path.read_text()
        if (found := text.count(self.old)) != 1:
            msg = f"{self.file}: {self.old!r} is there {found} times, not once"
            raise ValueError(msg)
        path.write_text(text.replace(self.old, self.new))


@dataclass(frozen=True)
class Step:
    """One commit: what changes since the step before, its message, and the tag that it gets."""

    message: str
    lay: tuple[Path, ...] = ()
    remove: tuple[str, ...] = ()
    edit: tuple[Edit, ...] = ()
    tag: str = ""
    annotated: bool = True

    def __post_init__(self) -> None:
        """Refuse a step that changes nothing."""
        if not (self.lay or self.remove or self.edit):
            msg = f"step {self.message!r} changes nothing"
            raise ValueError(msg)

    def apply(self, tree: Path) -> None:
        """Make the tree of this step from that of the one before."""
        for folder in self.lay:
            shutil.copytree(folder, tree, dirs_exist_ok=True)
        for name in self.remove:
            (tree / name).unlink()
        for edit in self.edit:
            edit.apply(tree)


@dataclass(frozen=True)
class History:
    """A recipe's life: what it shows, and its commits in order."""

    about: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Built:
    """A repository that was made: its path, its commits in order, and the commit of each tag."""

    path: Path
    commits: tuple[str, ...]
    tags: Mapping[str, str]

    @property
    def head(self) -> str:
        """The newest commit's full sha."""
        return self.commits[-1]


def read(folder: Path) -> History:
    """Read FOLDER/history.yml.

    Raises:
        ValueError: a key is unknown or missing, or a folder to lay is not there; the file is named.
    """
    file = folder / HISTORY
    try:
        data = _only(yaml.safe_load(file.read_text()), {"about", "steps"})
        return History(data["about"], tuple(_step(entry, folder) for entry in data["steps"]))
    except (KeyError, TypeError, ValueError) as error:
        msg = f"{file}: {error}"
        raise ValueError(msg) from error


def build(folder: Path, into: Path, *, bare: bool = False, runner: Runner | None = None) -> Built:
    """Make the repository of FOLDER at INTO, which must not be there yet; with a work tree unless `bare`."""
    history = read(folder)
    runner = runner or LocalRunner()
    tree = into.with_name(f"{into.name}.tree") if bare else into
    tree.mkdir(parents=True)
    _git(runner, tree, "init", "--quiet", f"--initial-branch={BRANCH}", day=0)
    commits, tags = [], {}
    for day, step in enumerate(history.steps):
        commits.append(_commit(runner, tree, step, day=day))
        if step.tag:
            tags[step.tag] = commits[-1]
    if bare:
        _git(runner, tree, "clone", "--quiet", "--bare", "--no-hardlinks", str(tree), str(into), day=0)
        shutil.rmtree(tree)
    return Built(into, tuple(commits), tags)


def _step(entry: Mapping[str, Any], folder: Path) -> Step:
    """Read one entry of `steps`."""
    entry = _only(entry, {"message", "lay", "remove", "edit", "tag", "lightweight"})
    lay = tuple((folder / name).resolve() for name in entry.get("lay", ()))
    if missing := [str(path) for path in lay if not path.is_dir()]:
        msg = f"no such folder: {', '.join(missing)}"
        raise ValueError(msg)
    edits = tuple(_edit(edit) for edit in entry.get("edit", ()))
    tag = str(entry.get("tag", entry.get("lightweight", "")))
    return Step(entry["message"], lay, tuple(entry.get("remove", ())), edits, tag, annotated="tag" in entry)


def _edit(entry: Mapping[str, Any]) -> Edit:
    """Read one entry of `edit`."""
    entry = _only(entry, {"in", "old", "new"})
    return Edit(file=entry["in"], old=entry["old"], new=entry["new"])


def _only(data: Mapping[str, Any], known: set[str]) -> Mapping[str, Any]:
    """Return the mapping, or raise ValueError with the keys that nobody knows."""
    if unknown := set(data) - known:
        msg = f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}"
        raise ValueError(msg)
    return data


def _commit(runner: Runner, tree: Path, step: Step, *, day: int) -> str:
    """Commit one step and tag it; return the commit's sha."""
    step.apply(tree)
    # Laid files keep their times, so one of the same size and second as before would pass for unchanged.
    _git(runner, tree, "read-tree", "--empty", day=day)
    _git(runner, tree, "add", "--all", day=day)
    _git(runner, tree, "commit", "--quiet", "--message", step.message, day=day)
    if step.tag:
        kind = ("--annotate", "--message", f"chore: publish {step.tag}") if step.annotated else ()
        _git(runner, tree, "tag", *kind, step.tag, day=day)
    return _git(runner, tree, "rev-parse", "HEAD", day=day).strip()


def _git(runner: Runner, tree: Path, *arguments: str, day: int) -> str:
    """Run git with no configuration but ours, on the given day of the recipe's life."""
    date = (FIRST_DAY + datetime.timedelta(days=day)).isoformat()
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in AUTHOR.items()}
    when = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    none = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
    env = {"PATH": PATH, **who, **when, **none}
    return runner.run(["git", *arguments], timeout=GIT_TIMEOUT, env=env, cwd=tree).out


def main(arguments: Sequence[str] | None = None) -> None:
    """Build one repository from the command line."""
    parser = argparse.ArgumentParser(prog="python -m lab.repository", description=__doc__.partition("\n")[0])
    parser.add_argument("--bare", action="store_true", help="without a work tree")
    parser.add_argument("folder", type=Path, help="where history.yml is")
    parser.add_argument("into", type=Path, help="the repository to make; must not be there yet")
    asked = parser.parse_args(arguments)
    print(build(asked.folder, asked.into.absolute(), bare=asked.bare).head)  # noqa: T201 - what the caller asked for


if __name__ == "__main__":
    main()
