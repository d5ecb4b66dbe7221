"""The only place that builds the Gitea of the tests: from its Go module, once, into the cache folder.

python -m lab.giteabuild      # in tests/: builds if it is not there, says what it does, or why it cannot

The module holds templates and locales, but not the scripts of its pages: pages and API answer, and look plain.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import itertools
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from recipeci.host.command import PATH, LocalRunner

from lab.prepare import cache_folder

VERSION = "1.26.0"
MODULE = f"code.gitea.io/gitea@v{VERSION}"
GO_AT_LEAST = (1, 26, 2)
"""What the module's go.mod asks for."""
TAGS = "sqlite sqlite_unlock_notify"
STATIC = ("options", "templates", "public")
LINKING = f"-s -w -X main.Version={VERSION}"
COMPILE = ("build", "-mod=mod", "-trimpath", "-p", "2", "-v", "-tags", TAGS, "-ldflags", LINKING)
HOURS = 3600.0
EVERY = 100
"""Packages between two lines of progress."""
FROM_CALLER = (
    *("HOME", "GOPROXY", "GONOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GOINSECURE", "GOTOOLCHAIN"),
    *(
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    ),
)


class NoToolchain(Exception):
    """Gitea cannot be built here; says why in a few words. What needs it is skipped, by name."""


def ensure(*, say: Callable[[str], None]) -> Path:
    """Return the folder that has `gitea` and `static`; build it if it is not there.

    Raises:
        NoToolchain: it is not there, and there is no Go, or no C compiler.
        CommandFailed: the build failed.
    """
    with locked() as above:
        folder = above / f"{VERSION}-{hashlib.sha256(repr((MODULE, COMPILE, STATIC)).encode()).hexdigest()[:8]}"
        if not folder.is_dir():
            _check_toolchain()
            _build(folder, work=above / "work", say=say)
    return folder


@contextlib.contextmanager
def locked() -> Iterator[Path]:
    """Have the cache's folder for one process alone."""
    above = cache_folder() / "gitea"
    above.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (above / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield above


def _check_toolchain() -> None:
    """Raise NoToolchain unless there is a Go that is new enough, and a C compiler."""
    if missing := [name for name in ("go", "gcc") if shutil.which(name, path=_path()) is None]:
        raise NoToolchain(f"{' and '.join(missing)} not on PATH")
    said = LocalRunner().run(["go", "env", "GOVERSION"], timeout=60, env=_environment(Path("/nonexistent"))).out
    found = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", said)
    if found is None or tuple(int(part or 0) for part in found.groups()) < GO_AT_LEAST:
        raise NoToolchain(f"go is {said.strip()}, and Gitea {VERSION} needs {'.'.join(map(str, GO_AT_LEAST))}")


def _build(folder: Path, *, work: Path, say: Callable[[str], None]) -> None:
    """Build into a folder beside, which becomes `folder` at the end; what Go keeps is gone then too.

    After an interrupted build Go goes on where it was.
    """
    work.mkdir(exist_ok=True)
    environment = _environment(work)
    say(f"Gitea {VERSION}: getting its source (once)")
    runner = LocalRunner()
    got = runner.run(["go", "mod", "download", "-json", MODULE], timeout=HOURS, env=environment, cwd=work)
    source = Path(json.loads(got.out)["Dir"])
    with tempfile.TemporaryDirectory(dir=work) as made:
        tree, result = Path(made) / "tree", Path(made) / "result"
        shutil.copytree(source, tree)
        tree.chmod(0o755)
        say(f"Gitea {VERSION}: compiling (5 minutes on 2 cores, once)")
        argv = ["go", *COMPILE, "-o", str(result / "gitea"), "."]
        runner.run(argv, timeout=HOURS, env=environment, cwd=tree, on_line=_progress(say))
        for name in STATIC:
            shutil.copytree(source / name, result / "static" / name)
        _let_all_read(result)
        result.rename(folder)
    shutil.rmtree(work)
    say(f"Gitea {VERSION}: built")


def _progress(say: Callable[[str], None]) -> Callable[[str], None]:
    """Return what is called with each line of the compiler: a package that it begins, or what it has to say."""
    packages = itertools.count(1)

    def line(text: str) -> None:
        if text.startswith("go: downloading "):
            return
        if " " in text.strip():
            say(f"  {text}")
        elif (number := next(packages)) % EVERY == 0:
            say(f"  {number} packages of about 1300")

    return line


def _let_all_read(folder: Path) -> None:
    """Let an ordinary user read what is in a folder: the module cache is read-only, and its owner's."""
    for path in _all(folder):
        path.chmod(0o755 if path.is_dir() or path.name == "gitea" else 0o644)


def _all(folder: Path) -> Iterator[Path]:
    yield folder
    yield from folder.rglob("*")


def _environment(work: Path) -> Mapping[str, str]:
    """Return Go's environment: its caches in a folder of ours, its proxy as the machine has it."""
    return {
        "PATH": _path(),
        "LC_ALL": "C.UTF-8",
        "HOME": "/nonexistent",
        **{name: os.environ[name] for name in FROM_CALLER if name in os.environ},
        "CGO_ENABLED": "1",
        "GOFLAGS": f"{os.environ.get('GOFLAGS', '')} -modcacherw -buildvcs=false".strip(),
        "GOMODCACHE": str(work / "modules"),
        "GOCACHE": str(work / "built"),
        "GOPATH": str(work / "path"),
    }


def _path() -> str:
    """Return where Go and the C compiler are looked for: a Go is seldom where a system's own programs are."""
    return os.environ.get("PATH") or PATH


def main() -> None:
    """Prepare from the command line."""
    try:
        ensure(say=lambda line: print(line, flush=True))  # noqa: T201 - progress, for people
    except NoToolchain as e:
        print(f"Gitea: {e}: tests that need it will be skipped", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
