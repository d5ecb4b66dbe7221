"""The only place that names what can go wrong, with the exit code and the next step of each kind.

Exit codes are documented in docs/exit-codes.md: 0 pass, 1 the recipe failed or something stayed unverified, and the
codes of the classes below. A failing assertion is data (`model.Outcome`), never an exception.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


class RecipeCIError(Exception):
    """Anything that ends a run before its verdict; the message is one sentence that says what and where."""

    exit_code: ClassVar[int] = 70
    kind: ClassVar[str] = "bug"

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep the sentence and, as `hint`, what to do next (printed under it)."""
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(RecipeCIError):
    """What the caller gave is wrong: an option, a setting, the allowlist, an images file, an overlay of ours."""

    exit_code = 2
    kind = "usage"


class HostError(RecipeCIError):
    """The host, the forge or the source cannot be had, so there is no verdict; never the recipe's fault."""

    exit_code = 3
    kind = "host"


class CommandFailed(HostError):
    """A program ended with a code that its caller does not accept, or could not be started (code 127)."""

    def __init__(self, argv: Sequence[str], *, code: int, out: str, err: str, seconds: float) -> None:
        """Keep all evidence; the message holds the program, its code and the last lines that it printed."""
        last = "\n".join((err.strip() or out.strip()).splitlines()[-5:])
        super().__init__(f"{' '.join(argv[:4])}{' …' if len(argv) > 4 else ''} ended with {code}: {last}")  # noqa: PLR2004
        self.argv = tuple(argv)
        self.code = code
        self.out = out
        self.err = err
        self.seconds = seconds


class CommandTimeout(CommandFailed):
    """A program was still running when its time was over; it and its process group were killed."""

    def __init__(self, argv: Sequence[str], *, out: str, err: str, seconds: float) -> None:
        """Keep what it had printed until then."""
        super().__init__(argv, code=-9, out=out, err=err, seconds=seconds)
        self.message = f"{' '.join(argv[:4])} was still running after {seconds:.0f} s"
        self.args = (self.message,)


class AbraFailed(CommandFailed):
    """abra refused or failed; `reason` is its own FATA line. Whose fault it is the caller knows."""

    def __init__(self, argv: Sequence[str], *, code: int, out: str, err: str, seconds: float, reason: str) -> None:
        """Keep all evidence, and the reason as the message."""
        super().__init__(argv, code=code, out=out, err=err, seconds=seconds)
        self.reason = reason
        self.message = f"{' '.join(argv[:4])}: {reason}"
        self.args = (self.message,)


class WaitFailed(RecipeCIError):
    """What was waited for did not come: the early-failure reason, or the deadline, with the last observation."""

    exit_code = 1
    kind = "wait"

    def __init__(self, what: str, *, reason: str, last: str, logs: str = "") -> None:
        """Keep the reason and what was seen last; `logs` stand below them on lines of their own."""
        seen = f"; last seen: {last}" if last else ""
        super().__init__(f"{what}: {reason}{seen}" + (f"\n{logs}" if logs else ""))
        self.what = what
        self.reason = reason
        self.last = last


class OpFailed(RecipeCIError):
    """An op or a hook failed: the recipe's fault. Raised by ops only and caught only where a tier is run."""

    exit_code = 1
    kind = "op"


class RecipeInvalid(RecipeCIError):
    """A file of the recipe's own is missing or wrong: `fail` at lint, nothing is deployed."""

    exit_code = 1
    kind = "recipe"


class Interrupted(RecipeCIError):
    """Ctrl-C (130), the run's deadline (142) or SIGTERM (143) ended the run; teardown still happens."""

    kind = "interrupted"

    def __init__(self, message: str, *, code: int) -> None:
        """Keep the exit code: 128 + the signal's number."""
        super().__init__(message)
        self.code = code


def exit_code_of(error: BaseException) -> int:
    """Return the process's exit code for an error; anything that is not ours is a bug of ours (70)."""
    if isinstance(error, Interrupted):
        return error.code
    return error.exit_code if isinstance(error, RecipeCIError) else RecipeCIError.exit_code
