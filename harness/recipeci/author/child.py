"""The only program that authors' code runs in: `main(MODE, FD, FILE, ROOT)`, which run/children.py starts.

MODE is `collect` (which tests are there?), `run`, `hook:NAME` (call that function of FILE, if it has it) or `script`
(become `sh FILE`). FD is the inherited descriptor to the harness; ROOT is the folder that the author's files are in.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import resource
import shutil
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import AsyncGeneratorType, CoroutineType, GeneratorType, ModuleType

from recipeci.author.app import App
from recipeci.author.channel import Channel
from recipeci.redact import cutting

PROCESSES = 1024
"""A browser needs some hundreds of processes and threads; a fork bomb meets its end here."""
JUNIT = "junit.xml"
"""Written into the child's own folder for temporary files (TMPDIR)."""
USAGE = 64
WORDS = 8000
"""Characters of a hook's failure that are told: its begin and its end."""
INI = Path(__file__).with_name("suite.ini")


def main(argv: Sequence[str]) -> int:
    """Do what one child is for; return its exit code."""
    mode, fd, file, root = argv
    _limit()
    if mode == "script":
        os.execv(shutil.which("sh") or "/bin/sh", ["sh", file])  # noqa: S606 - a process of its own for an author's
    connection = socket.socket(fileno=int(fd))
    os.set_inheritable(int(fd), False)  # noqa: FBT003 - os has it so
    channel = Channel(connection)
    context = channel.receive()
    if context is None:
        return USAGE
    app = App(channel, domain=context["domain"], ca_file=context["ca_file"])
    sys.path += [str(folder) for folder in dict.fromkeys([Path(file).parent, Path(root)])]
    if mode.startswith("hook:"):
        return _hook(channel, app, Path(file), mode.removeprefix("hook:"))
    return _suite(channel, app, context["recipe"], file=file, root=root, collect=mode == "collect")


def _suite(channel: Channel, app: App, recipe: dict[str, object], *, file: str, root: str, collect: bool) -> int:
    """Let pytest collect or run one file."""
    import pytest  # noqa: PLC0415 - a hook does without it

    from recipeci.author import plugin, state  # noqa: PLC0415

    os.environ[plugin.NO_OTHERS] = "1"
    options = ["-p", "no:cacheprovider", "-c", str(INI), "--rootdir", root, "--confcutdir", root]
    options += ["--import-mode=importlib", "--color=no", "--tb=short", "--no-header"]
    options += ["-vv"]  # with less pytest cuts values in their middle, and no redactor knows half a secret
    options += ["--collect-only"] if collect else ["--junitxml", str(Path(os.environ["TMPDIR"]) / JUNIT)]
    told = plugin.Told(channel, app, state.recipe(recipe))
    return int(pytest.main([*options, file], plugins=[plugin, told]))


def _hook(channel: Channel, app: App, file: Path, name: str) -> int:
    """Call one function of a file, and say what came of it."""
    try:
        function = getattr(_module(file), name, None)
        outcome, words = ("absent", "") if function is None else _called(function, app)
    except BaseException as error:  # noqa: BLE001 - also a sys.exit() of the author's
        sys.stderr.write("".join(traceback.format_exception(error)))
        outcome, words = "failed", _last_line(error)
    with contextlib.suppress(OSError):
        channel.send({"say": "hook", "outcome": outcome, "words": words})
    return 1 if outcome == "failed" else 0


def _called(function: Callable[[App], object], app: App) -> tuple[str, str]:
    """Call a hook; return its outcome and why: what it returns may show that nothing of it was run."""
    returned = function(app)
    if isinstance(returned, CoroutineType):
        returned.close()  # else Python warns that nobody awaited it
    if isinstance(returned, CoroutineType | AsyncGeneratorType):
        return "failed", "it is `async`, so nothing of it was run"
    if isinstance(returned, GeneratorType):
        return "failed", "it has a `yield`, so nothing of it was run"
    if returned is not None:
        kind = type(returned).__name__
        return "failed", f"it returned {kind}, and a hook returns None: let it raise if it cannot work"
    return "done", ""


def _module(file: Path) -> ModuleType:
    """Import a file by its path."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _last_line(error: BaseException) -> str:
    return cutting.ends("".join(traceback.format_exception_only(error)).strip(), WORDS)


def _limit() -> None:
    """No core dumps, and no more processes than one may need."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))
