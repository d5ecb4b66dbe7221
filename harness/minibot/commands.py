"""The only place that carries out a command: hooks around what restic does, stack by stack."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from minibot import labels, restic, say
from minibot.docker import Docker
from minibot.errors import Failed
from minibot.labels import Stack

ABOUT = Path("/backup")
"""Holds one file a stack that says what was saved: every snapshot has it, also that of a stack without volumes."""
LATEST = "latest"


@dataclass(frozen=True)
class Bot:
    """The bot for one app (`service`: its domain or its stack's name), or for all that are labelled (empty)."""

    docker: Docker
    service: str

    def create(self, *, retries: int, commands: bool) -> int:
        """Make a snapshot of each stack; 1 if a hook failed.

        A snapshot is made also when a hook failed or a path is not there, as the bot that it stands in for does it:
        what there is, is worth having. But a failed hook is never a success.
        """
        failed = 0
        for stack in self._enabled():
            failed += self._hooks(stack, labels.PRE, run=commands)
            try:
                self._save(stack, retries=retries)
            finally:  # what a pre-hook stopped must not stay so
                failed += self._hooks(stack, labels.POST, run=commands)
        say.info("backup finished" if not failed else "backup finished, with hooks that failed")
        return min(failed, 1)

    def restore(self, *, snapshot: str, target: str, volumes: Sequence[str], commands: bool) -> int:
        """Put one app's files back into its volumes, hooks around it; 1 if a hook failed.

        Raises Failed without an app: a restore of everything that runs is never meant.
        """
        if not self.service:
            raise Failed("restore: which app? give SERVICE")
        (stack,) = self._enabled()
        chosen = self._snapshot(snapshot)
        paths = stack.paths(only=volumes)
        if volumes and not paths:
            raise Failed(f"{stack.name} saves no volume {', '.join(volumes)}")
        failed = self._hooks(stack, labels.RESTORE_PRE, run=commands)
        say.info(f"restoring {stack.name} from snapshot {chosen}")
        if paths:
            restic.restore(chosen, list(map(str, paths)), target=target)
        failed += self._hooks(stack, labels.RESTORE_POST, run=commands)
        say.info("restore finished" if not failed else "restore finished, with hooks that failed")
        return min(failed, 1)

    def snapshots(self) -> int:
        """Print time and id of each snapshot; 1 if there is none."""
        found = restic.snapshots(tag=self._tag)
        for one in found:
            say.result(f"{one.time.partition('.')[0]} {one.id}")
        if not found:
            say.error(f"there is no snapshot of {self.service or 'anything'}")
        return int(not found)

    def ls(self, *, snapshot: str, path: str, everything: bool, timestamps: bool) -> int:
        """Print the paths of a snapshot, with `everything` also those in folders below."""
        for entry in restic.entries(self._snapshot(snapshot), path, recursive=everything):
            say.result(f"{entry['mtime']}\t{entry['path']}" if timestamps else str(entry["path"]))
        return 0

    @property
    def _tag(self) -> str:
        return self.service.replace(".", "_")

    def _enabled(self) -> tuple[Stack, ...]:
        found = labels.stacks(labels.services(self.docker.services()), wanted=self.service)
        if not found:
            raise Failed(f"{self.service or 'no stack'} has no service with the label {labels.SWITCH}=true")
        return found

    def _snapshot(self, wanted: str) -> str:
        """Return a snapshot of this app: the newest, or the one whose id begins so."""
        found = restic.snapshots(tag=self._tag)
        matching = [one.id for one in found if wanted == LATEST or one.id.startswith(wanted)]
        if not matching:
            raise Failed(f"there is no snapshot {wanted} of {self.service or 'anything'}")
        return matching[-1]

    def _save(self, stack: Stack, *, retries: int) -> None:
        """Have restic save what is there of a stack, and print its summary."""
        paths = [str(path) for path in map(Path, stack.paths()) if _is_there(path)]
        about = ABOUT / stack.name / "stack.json"
        about.parent.mkdir(parents=True, exist_ok=True)
        about.write_text(json.dumps({"stack": stack.name, "paths": paths}), encoding="utf-8")
        for left in reversed(range(max(retries, 1))):
            try:
                say.result(restic.backup([*paths, str(about)], tag=stack.name))
            except Failed as error:
                if not left:
                    raise
                say.error(f"{error}; once more")
            else:
                return

    def _hooks(self, stack: Stack, label: str, *, run: bool) -> int:
        """Run the hooks of a kind; return how many failed."""
        return sum(not self._hook(service, command, label) for service, command in stack.hooks(label) if run)

    def _hook(self, service: str, command: str, label: str) -> bool:
        """Run a hook in the running container of its service."""
        container = self.docker.container(service)
        if container is None:
            say.error(f"{label} of {service}: no container of it is running")
            return False
        say.info(f"{label} of {service}: {command}")
        ended = self.docker.run(container, ["/bin/sh", "-c", command])
        if ended.code:
            say.error(f"{label} of {service} ended with {ended.code}: {ended.out.strip()}")
        return not ended.code


def serve() -> int:
    """Make the repository, then wait until told to end: there is a container to run commands in as long."""
    restic.ensure_repository()
    say.info("ready")
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    return 0


def _is_there(path: Path) -> bool:
    """Return whether a path is there; one that is not is said, and no error (facts A-18)."""
    found = path.exists() or path.is_symlink()
    if not found:
        say.error(f"{path} does not exist")
    return found
