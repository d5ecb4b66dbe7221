"""The only place that runs a real Gitea: on loopback, as an ordinary user, in a folder that is gone at the end.

The kernel ends it with the thread that started it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
from recipeci.host.clock import SystemClock, until
from recipeci.host.command import PATH, LocalRunner, Started, start

from lab import giteabuild, ports

USER = "nobody"
"""As whom it runs where we are root, as whom it would not run."""
PASSWORD = "secret-of-the-lab"
"""Everybody's."""
PREFIX, LOCK = "recipeci-gitea-", "lock"
START_SECONDS = 180.0
INI = """\
APP_NAME = lab
RUN_MODE = prod
RUN_USER = {user}
WORK_PATH = {folder}

[server]
PROTOCOL = http
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
ROOT_URL = {url}/
STATIC_ROOT_PATH = {static}
APP_DATA_PATH = {folder}/data
DISABLE_SSH = true
OFFLINE_MODE = true
LFS_START_SERVER = false

[database]
DB_TYPE = sqlite3
PATH = {folder}/gitea.db
SQLITE_JOURNAL_MODE = WAL

[repository]
ROOT = {folder}/repositories
DEFAULT_BRANCH = main

[security]
INSTALL_LOCK = true
PASSWORD_HASH_ALGO = pbkdf2$1000$20
MIN_PASSWORD_LENGTH = 6

[service]
DISABLE_REGISTRATION = true

[webhook]
ALLOWED_HOST_LIST = loopback
DELIVER_TIMEOUT = 60

[indexer]
ISSUE_INDEXER_TYPE = db

[log]
MODE = file
LEVEL = Warn
ROOT_PATH = {folder}/log

[cron]
ENABLED = false

[actions]
ENABLED = false

[packages]
ENABLED = false

[picture]
DISABLE_GRAVATAR = true
"""


@dataclass(frozen=True)
class Server:
    """A running Gitea: its address, its folder, and the token of its administrator `root`."""

    url: str
    folder: Path
    token: str
    process: Started


@contextlib.contextmanager
def running(*, more: str = "") -> Iterator[Server]:
    """Run one until the end of the block.

    Args:
        more: sections for its settings, beside those that each has.

    Raises:
        NoToolchain: there is none here, and it cannot be built.
    """
    built = giteabuild.ensure(say=print)
    with _folder() as folder:
        program = _laid_out(built, folder)
        with _started(program, folder, more) as (url, process):
            yield Server(url, folder, _administrator(program, folder), process)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Have an empty folder; the kernel lets go of its lock whatever becomes of us, and then the next one removes it."""
    with giteabuild.locked():
        _sweep()
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = (folder / LOCK).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        with giteabuild.locked(), lock:  # or the next one finds it half gone, and nobody's
            shutil.rmtree(folder, ignore_errors=True)


def _sweep() -> None:
    """Remove the folders of tests that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError), (folder / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)


def _laid_out(built: Path, folder: Path) -> Path:
    """Give the folder what Gitea needs, all of it readable by its user; return the program."""
    shutil.copytree(built / "static", folder / "static")
    program = folder / "gitea"
    try:
        os.link(built / "gitea", program)
    except OSError:  # another file system
        shutil.copy(built / "gitea", program)
    folder.chmod(0o755)
    if (user := _user()) is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    return program


@contextlib.contextmanager
def _started(program: Path, folder: Path, more: str) -> Iterator[tuple[str, Started]]:
    """Start it on a port that no other process is given: who answers there is this one, not another test's."""
    with ports.held() as port:
        url = f"http://127.0.0.1:{port}"
        _write_ini(folder, port=port, url=url, more=more)
        process = start(_as_user([str(program), "web"]), output=folder / "out", env=_environment(folder))
        try:
            _wait(process, url, folder)
            yield url, process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _write_ini(folder: Path, *, port: int, url: str, more: str) -> None:
    """Write its settings; it adds secrets of its own to them."""
    file = folder / "custom" / "conf" / "app.ini"
    file.parent.mkdir(parents=True, exist_ok=True)
    user = _user()
    name = user.pw_name if user else pwd.getpwuid(os.geteuid()).pw_name
    ini = INI.format(user=name, folder=folder, port=port, url=url, static=folder / "static")
    file.write_text(f"{ini}{more}")
    if user is not None:
        for path in (file, file.parent, file.parent.parent):
            os.chown(path, user.pw_uid, user.pw_gid)


def _wait(process: Started, url: str, folder: Path) -> None:
    """Wait until its API answers."""
    until(
        lambda: _answer(url),
        lambda answer: answer == "200",
        what="Gitea",
        clock=SystemClock(),
        timeout=START_SECONDS,
        failed=lambda _: None if process.poll() is None else (folder / "out").read_text()[-2000:],
        delay=0.1,
        successes=1,
    )


def _answer(url: str) -> str:
    """Ask for its version; return the status, or what hindered it."""
    try:
        return str(httpx.get(f"{url}/api/v1/version", trust_env=False).status_code)
    except httpx.TransportError as e:
        return str(e)


def _administrator(program: Path, folder: Path) -> str:
    """Make the user `root`, who may do everything; return a token of his."""
    words = ["admin", "user", "create", "--admin", "--username", "root", "--password", PASSWORD, "--access-token"]
    argv = [str(program), *words, "--email", "root@example.org", "--must-change-password=false"]
    said = LocalRunner().run(_as_user(argv), timeout=START_SECONDS, env=_environment(folder)).out
    return said.split("created...")[1].split()[0]


def _as_user(argv: list[str]) -> list[str]:
    """Return what runs a program as Gitea's user: at a change of user the kernel forgets whom it dies with."""
    user = _user()
    if user is None:
        return argv
    who = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return ["setpriv", *who, "--pdeathsig", "KILL", "--", *argv]


def _environment(folder: Path) -> Mapping[str, str]:
    """Return the environment of Gitea's user."""
    user = _user()
    name = user.pw_name if user else pwd.getpwuid(os.geteuid()).pw_name
    return {"PATH": PATH, "LC_ALL": "C.UTF-8", "HOME": str(folder), "USER": name, "GITEA_WORK_DIR": str(folder)}


def _user() -> pwd.struct_passwd | None:
    """Return Gitea's user; None if it is we."""
    return pwd.getpwnam(USER) if os.geteuid() == 0 else None
