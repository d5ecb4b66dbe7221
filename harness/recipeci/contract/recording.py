"""The only place that keeps what abra was asked in a check and what it answered, as it came."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from recipeci.errors import CommandFailed, CommandTimeout
from recipeci.host.command import Completed, LineSink, Runner

ANY_CODE = range(256)


@dataclass(frozen=True)
class Call:
    """One call: abra's arguments, whether it had a terminal, its code (None: it was still running), what it printed."""

    args: tuple[str, ...]
    terminal: bool
    code: int | None
    out: str
    err: str
    seconds: float


@dataclass
class Recorder:
    """A Runner that keeps each call; `program` is how abra is started, and is left out of the arguments."""

    runner: Runner
    program: tuple[str, ...]
    calls: list[Call] = field(default_factory=list)

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: bytes = b"",
        ok: Collection[int] = (0,),
        terminal: bool = False,
        on_line: LineSink | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Completed:
        """See Runner.run."""
        try:
            done = self.runner.run(
                argv,
                timeout=timeout,
                env=env,
                cwd=cwd,
                stdin=stdin,
                ok=ANY_CODE,
                terminal=terminal,
                on_line=on_line,
                pass_fds=pass_fds,
            )
        except CommandTimeout as e:
            self._keep(argv, terminal=terminal, code=None, out=e.out, err=e.err, seconds=e.seconds)
            raise
        self._keep(argv, terminal=terminal, code=done.code, out=done.out, err=done.err, seconds=done.seconds)
        if done.code not in ok:
            raise CommandFailed(argv, code=done.code, out=done.out, err=done.err, seconds=done.seconds)
        return done

    def _keep(
        self, argv: Sequence[str], *, terminal: bool, code: int | None, out: str, err: str, seconds: float
    ) -> None:
        args = tuple(argv[len(self.program) :])
        self.calls.append(Call(args, terminal, code, out, err, round(seconds, 2)))
