"""The only place that runs git: nothing but our own configuration and environment decides what it does.

No hooks, no file-system monitor, no filters or LFS, no submodules, no credential helper, no prompt, no protocol but
the one that the source needs, a deadline for every call, and a size beyond which nothing is fetched. A command on a
clone is given its folders and the configuration that the clone was made with, so that neither a planted `.git/config`
nor a bare repository inside the tree is read.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from recipeci.errors import OpFailed
from recipeci.host.below import Below
from recipeci.host.command import BASE_ENV, PATH, Completed, Runner, program
from recipeci.host.credential import Credential

log = logging.getLogger(__name__)

LOCAL_SECONDS = 60.0
FETCH_SECONDS = 300.0
MOST_BYTES = 2_000_000_000
"""What one call may bring from a source, compressed, and what the files of a commit may take."""
_LIMITED = 'trap "" XFSZ; ulimit -f "$0" && exec "$@"'
"""sh: be the program `$@`, which can write no file of more than `$0` blocks. It is told so, not killed: a git that is
killed does not say why."""
_BLOCK = 512
SETTINGS: Mapping[str, str] = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "core.sshCommand": "false",
    "core.editor": "false",
    "core.quotePath": "false",
    "credential.helper": "",
    "safe.bareRepository": "explicit",
    "protocol.allow": "never",
    "transfer.fsckObjects": "true",  # what is checked comes as one file, whose size the kernel can limit
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "commit.gpgSign": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "http.lowSpeedLimit": "1",  # a source that sends nothing for so many seconds is given up
    "http.lowSpeedTime": "30",
}
ENV: Mapping[str, str] = {
    **BASE_ENV,
    "LC_ALL": "C",
    "LANGUAGE": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_CONFIG_COUNT": str(len(SETTINGS)),
    **{f"GIT_CONFIG_KEY_{number}": key for number, key in enumerate(SETTINGS)},
    **{f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(SETTINGS.values())},
}
"""All that git's children see. SETTINGS are in it and not in the arguments, so that a logged command can be read."""
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
AUTHORITIES = ("GIT_SSL_CAINFO", "SSL_CERT_FILE", "NIX_SSL_CERT_FILE", "CURL_CA_BUNDLE")
"""Names by which a machine says which certificates it trusts; git knows the first."""


@dataclass(frozen=True)
class Source:
    """Where a recipe is cloned from: an https URL, or a folder of this machine. `recipe` is set if a forge was asked.

    Made by `host.git.source_of`.
    """

    where: str
    local: bool
    recipe: str = ""

    @property
    def scheme(self) -> str:
        """The one protocol that git may use for it."""
        return "file" if self.local else self.where.partition(":")[0]


@dataclass(frozen=True)
class Git:
    """Runs git by a Runner, hardened (facts threats C1, C4).

    `path` is where git is looked up; `network` is how this machine reaches the network, of which git gets the proxies
    and the trusted certificates, and only when it speaks to a source by URL. `most_bytes` is what one call may bring.
    `credential` is known to a git that speaks to the host that it is for, and to no other.

    Raises CommandFailed with git's words for every code that is not in `ok`, CommandTimeout when the time is over.
    """

    runner: Runner
    path: str = PATH
    network: Mapping[str, str] = field(default_factory=dict, repr=False)
    most_bytes: int = MOST_BYTES
    credential: Credential | None = field(default=None, repr=False)

    def run(
        self,
        args: Sequence[str],
        *,
        timeout: float = LOCAL_SECONDS,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        ok: Collection[int] = (0,),
    ) -> Completed:
        """Run git with these arguments; `env` is added to ours."""
        return self._run(["git", *args], timeout=timeout, env=env or {}, stdin=stdin, ok=ok)

    def ask(self, source: Source, args: Sequence[str], *, env: Mapping[str, str] | None = None) -> Completed:
        """Run a git command that speaks to a source: the only one that may use a protocol, and only that source's.

        The kernel lets no file that it writes get larger than `most_bytes`.
        """
        with _trusting(source) as trust:
            way = {} if source.local else {**self._way(), **self._login(source.where)}
            told = {"GIT_CONFIG_GLOBAL": f"/proc/self/fd/{trust[0]}"} if trust else {}
            speak = {**(env or {}), **way, **told, "GIT_ALLOW_PROTOCOL": source.scheme}
            limited = [program("sh"), "-c", _LIMITED, str(self.most_bytes // _BLOCK), program("git", path=self.path)]
            return self._run([*limited, *args], timeout=FETCH_SECONDS, env=speak, pass_fds=trust)

    def _run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        env: Mapping[str, str],
        stdin: bytes = b"",
        ok: Collection[int] = (0,),
        pass_fds: Sequence[int] = (),
    ) -> Completed:
        env = {**ENV, "PATH": self.path, **env}
        return self.runner.run(argv, timeout=timeout, env=env, stdin=stdin, ok=ok, pass_fds=pass_fds)

    def _login(self, url: str) -> dict[str, str]:
        """Return what a git needs that speaks to the credential's own host."""
        if self.credential is None or not self.credential.is_for(url):
            return {}
        key, value = self.credential.config
        number = len(SETTINGS)
        more = {
            "GIT_CONFIG_COUNT": str(number + 1),
            f"GIT_CONFIG_KEY_{number}": key,
            f"GIT_CONFIG_VALUE_{number}": value,
        }
        return {**more, **self.credential.environment}

    def _way(self) -> dict[str, str]:
        """Return the proxies and the trusted certificates of this machine, by the names that git knows."""
        way = {name: self.network[name] for name in PROXIES if name in self.network}
        trusted = [self.network[name] for name in AUTHORITIES if name in self.network]
        return way | ({"GIT_SSL_CAINFO": trusted[0]} if trusted else {})


@dataclass(frozen=True)
class Repository:
    """A repository of ours that lies in the open: the folders are named and its configuration is put back before use.

    What runs in a cell can write to the folder; git would start programs that a changed configuration names, and write
    wherever a planted link leads: once there is a cell, git runs in it (`seen_by`).
    """

    git: Git
    folder: Path
    config: bytes = field(repr=False)
    within: Path
    """A folder above it that a cell which sees the repository cannot replace."""

    @property
    def below(self) -> Below:
        """How its files are read and written without git."""
        return Below(self.within)

    def seen_by(self, runner: Runner) -> Repository:
        """Return it as the cell of `runner` sees it, at the same path; nobody there is told how we clone."""
        return replace(self, git=replace(self.git, runner=runner, path=PATH, credential=None))

    def run(
        self,
        args: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        ok: Collection[int] = (0,),
    ) -> Completed:
        """Run git on this repository."""
        self._restore_config()
        return self.git.run(args, env={**self._folders(), **(env or {})}, stdin=stdin, ok=ok)

    def ask(self, source: Source, args: Sequence[str]) -> Completed:
        """Run git on this repository and let it speak to the source."""
        self._restore_config()
        return self.git.ask(source, args, env=self._folders())

    def _folders(self) -> dict[str, str]:
        """Name the folders, so that git neither searches for them nor follows a file that moves them."""
        own = str(self.folder / ".git")
        return {"GIT_DIR": own, "GIT_COMMON_DIR": own, "GIT_WORK_TREE": str(self.folder)}

    def _restore_config(self) -> None:
        """Write the configuration back if anybody changed it."""
        file = self.folder / ".git" / "config"
        if not self._is_ours(file):
            log.debug("%s: a program in the cell changed it; git reads it as it was when we cloned", file)
            self.below.write(file, self.config, mode=0o644)

    def _is_ours(self, file: Path) -> bool:
        try:
            return self.below.read(file) == self.config
        except (FileNotFoundError, OpFailed):
            return False


@contextlib.contextmanager
def _trusting(source: Source) -> Iterator[tuple[int, ...]]:
    """Let git read a folder that belongs to somebody else, for one call: yield a configuration that it is to inherit.

    The option on the command line would not do: it does not reach the second git, which serves the folder. It is in
    memory, so that nothing of it is left.
    """
    if not source.local:
        yield ()
        return
    folders = (source.where, f"{source.where}/.git")
    with open(os.memfd_create("git-config"), "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor
        file.write("".join(f"[safe]\n\tdirectory = {_quoted(folder)}\n" for folder in folders).encode())
        yield (file.fileno(),)


def _quoted(value: str) -> str:
    """Write a value for a git configuration file."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
