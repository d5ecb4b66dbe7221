"""The only place where an error becomes a sentence and an exit code: the one door of the program."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from recipeci.errors import RecipeCIError, exit_code_of

INTERRUPTED = 130


def main() -> int:
    """Run the program by its command line; return its exit code (docs/exit-codes.md)."""
    sys.stdout, sys.stderr = _usable(sys.stdout), _usable(sys.stderr)
    code = _guarded(sys.argv)
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        return code
    # Whoever read our output went away (`| head`): the interpreter must find nothing to flush at its end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _usable(stream: TextIO | None) -> TextIO:
    """Return a stream that takes any text: one that was closed (`>&-`) becomes nowhere, one without UTF-8 escapes."""
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream


def _guarded(argv: Sequence[str]) -> int:
    """Do what the command line says; below this line code raises, only here it is said and becomes a code."""
    try:
        from recipeci import commands  # noqa: PLC0415 - plumbum 1 looks at stdout when it is imported

        return commands.Main.read(argv).act()
    except RecipeCIError as e:
        _complain(e.message, hint=e.hint)
        return exit_code_of(e)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as e:  # noqa: BLE001 - the door: what is not ours is a bug
        _complain_of_a_bug(e)
        return exit_code_of(e)


def _complain(message: str, *, hint: str) -> None:
    """Say what is wrong in one sentence on stderr, and under it what to do next."""
    print(f"recipeci: {message}", file=sys.stderr)
    if hint:
        print(f"  → {hint}", file=sys.stderr)


def _complain_of_a_bug(error: Exception) -> None:
    """Say where the traceback is; print it if there was no run.log to put it in."""
    where = "".join(f"{note}; " for note in getattr(error, "__notes__", ()))
    if not where:
        traceback.print_exception(error)
    _complain(f"a bug of recipeci: {type(error).__name__}: {error}", hint=f"{where}please report it")
