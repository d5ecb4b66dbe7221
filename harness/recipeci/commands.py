"""The only place that says what the caller can give: commands and options, each checked for its form."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any

from plumbum import cli

from recipeci import given, parsing, settings, usage
from recipeci.errors import HostError, UsageError
from recipeci.model import Request, Settings
from recipeci.parsing import Command
from recipeci.redact import Redactor


class Run(Command):
    """Tests one commit of one recipe."""

    HELP = usage.RUN

    recipe = cli.SwitchAttr("--recipe", str)
    source = cli.SwitchAttr("--source", str)
    code_source = cli.SwitchAttr("--code-source", str)
    clone_credential = cli.SwitchAttr("--clone-credential", str)
    ref = cli.SwitchAttr("--ref", str)
    base = cli.SwitchAttr("--base", str)
    dirty = cli.Flag("--dirty")
    pr = cli.SwitchAttr("--pr", str)
    stages = cli.SwitchAttr("--stages", str)
    images = cli.SwitchAttr("--images", str)
    overlays = cli.SwitchAttr("--overlays", str)
    allowlist = cli.SwitchAttr("--allowlist", str)
    allow_local_code = cli.Flag("--allow-local-code")
    proxy_image = cli.SwitchAttr("--proxy-image", str)
    bot_image = cli.SwitchAttr("--bot-image", str)
    abra = cli.SwitchAttr("--abra", str)
    config = cli.SwitchAttr("--config", str)
    out = cli.SwitchAttr("--out", str)
    keep = cli.Flag("--keep")
    plan = cli.Flag("--plan")
    json = cli.Flag("--json")
    verbose = cli.Flag(["-v", "--verbose"])

    def do(self) -> int:
        """Run; return the verdict's exit code."""
        env = settings.environment()
        config = settings.load(given.path("--config", self.config), env)
        asked = self.request(config, env)
        if os.geteuid() != 0 and not asked.plan_only:
            command = shlex.join([os.path.abspath(sys.argv[0]), *sys.argv[1:]])  # noqa: PTH100 - not resolved
            raise HostError("a run makes a swarm of its own, which needs root", hint=f"sudo {command}")
        return _run(asked, config)

    def request(self, config: Settings, env: settings.Environment) -> Request:
        """Return what is asked for, each field checked for its form.

        Raises:
            UsageError: a field is empty or has the wrong form, or two of them contradict each other.
        """
        recipe = self.recipe if self.recipe is not None else settings.fallback("RECIPE", env)
        if recipe is None:
            raise UsageError("no recipe is given", hint="recipeci --recipe custom-html, or recipeci --help")
        ref = given.word("--ref", self.ref if self.ref is not None else settings.fallback("REF", env))
        self._refuse_contradictions(ref)
        return Request(
            recipe=recipe,
            source=given.word("--source", self.source),
            code_source=given.code_source("--code-source", self.code_source),
            clone_credential=given.path("--clone-credential", self.clone_credential),
            ref=ref,
            base=given.word("--base", self.base),
            dirty=self.dirty,
            pr=given.number(self.pr if self.pr is not None else settings.fallback("PR", env)),
            stages=given.stages(self.stages if self.stages is not None else settings.fallback("STAGES", env)),
            images=given.folder("--images", self.images) or given.folder("the setting images:", config.images),
            overlays=given.folder("--overlays", self.overlays)
            or given.folder("the setting overlays:", config.overlays),
            allowlist=given.path("--allowlist", self.allowlist)
            or given.path(settings.APPROVED, settings.approved_file(env))
            or given.path("the setting authors.allowlist", config.allowlist),
            allow_local_code=self.allow_local_code,
            skip_generic=settings.skip_generic(env),
            proxy_image=given.image("--proxy-image", self.proxy_image)
            or given.image("the setting docker.proxy_image", config.proxy_image),
            bot_image=given.image("--bot-image", self.bot_image)
            or given.image("the setting docker.bot_image", config.bot_image),
            abra=given.word("--abra", self.abra),
            out=given.path("--out", self.out),
            keep=self.keep,
            plan_only=self.plan,
            as_json=self.json,
            verbose=self.verbose,
        )

    def _refuse_contradictions(self, ref: str | None) -> None:
        """Refuse options of which one makes the other meaningless."""
        if self.plan and self.json:
            raise UsageError("--plan ends before there is a report for --json: give one of them")
        if self.dirty and ref is not None:
            raise UsageError("--dirty tests uncommitted work, and --ref a commit: give one of them")
        if self.dirty and self.source is None:
            raise UsageError("--dirty needs a local folder", hint="--source PATH")


class Main(Run):
    """The program itself: without a command it runs."""


@Main.subcommand("run")
class RunByName(Run):
    """The same as no command."""


@Main.subcommand("doctor")
class Doctor(Command):
    """What this machine has and lacks."""

    HELP = usage.DOCTOR
    NAME = "doctor"
    selftest = cli.Flag("--selftest")
    abra = cli.Flag("--abra")
    record = cli.SwitchAttr("--record", str)
    config = cli.SwitchAttr("--config", str)
    program: str | None = None

    def _parse_args(self, argv: list[str]) -> tuple[Any, list[str]]:
        """Take `--abra=PATH` for `--abra PATH`: the library has no option whose value may be left out."""
        split = [word.partition("=")[::2] if word.startswith("--abra=") else (word,) for word in argv]
        parsed: tuple[Any, list[str]] = super()._parse_args([part for parts in split for part in parts])
        return parsed

    def main(self, *words: str) -> int:
        """Take one word, after `--abra`: the program, where it is not the one that a run would use."""
        if self.abra and words:
            self.program, words = words[0], words[1:]
        if self.record is not None and not self.abra:
            raise UsageError("--record writes down what --abra checks: give both")
        return super().main(*words)

    def do(self) -> int:
        """Print the table, and try what is asked for; return 0, 3 if a run cannot work here, 1 if abra differs."""
        from recipeci.host.abra import choose  # noqa: PLC0415 - `--help` does without
        from recipeci.host.command import LocalRunner  # noqa: PLC0415
        from recipeci.run import doctor  # noqa: PLC0415

        config = settings.load(given.path("--config", self.config), settings.environment())
        program, record = given.word("--abra", self.program), given.new_file("--record", self.record)
        # Before the table: whoever names an abra that is none need not read what else is here.
        abra = (
            choose(program, config.abra, runner=LocalRunner(), path=config.search_path, cache=config.cache)
            if self.abra
            else None
        )
        findings = doctor.examine(config, runner=LocalRunner())
        for line in doctor.table(findings):
            parsing.say(f"{line}\n")
        if doctor.missing(findings):
            return HostError.exit_code
        from recipeci import checkup  # noqa: PLC0415 - as above

        if self.selftest:
            checkup.try_a_cell(config)
        return checkup.check_abra(config, abra, record=record) if abra else 0


@Main.subcommand("clean")
class Clean(Command):
    """Removes what killed runs left."""

    HELP = usage.CLEAN
    NAME = "clean"
    config = cli.SwitchAttr("--config", str)

    def do(self) -> int:
        """Print a line a thing removed."""
        from recipeci.host.clock import SystemClock  # noqa: PLC0415 - `--help` does without
        from recipeci.host.command import LocalRunner  # noqa: PLC0415
        from recipeci.run import janitor  # noqa: PLC0415

        config = settings.load(given.path("--config", self.config), settings.environment())
        clock = SystemClock()
        runner = LocalRunner()
        lines = [*janitor.clean(config, runner=runner, clock=clock), *janitor.sweep(config, clock=clock)]
        lines += janitor.thin_out(config, runner=runner, clock=clock, say=lambda line: parsing.say(f"{line}\n"))
        for line in lines or ("nothing to clean",):
            parsing.say(f"{line}\n")
        return 0


@Main.subcommand("check-config")
class CheckConfig(Command):
    """Whether a settings file is right."""

    HELP = usage.CHECK_CONFIG
    NAME = "check-config"
    file: Path | None = None

    def main(self, *words: str) -> int:
        """Take one word: the file."""
        if self.shown is None and not words:
            raise UsageError("check-config needs a file", hint="recipeci check-config settings.yml")
        self.file = given.path("FILE", words[0]) if words else None
        return super().main(*words[1:])

    def do(self) -> int:
        """Say that it is right; what is wrong is raised, and needs neither root nor what the file names."""
        # Its home folder is any: no path is looked at, and a build of Nix has none.
        config = settings.load(self.file, {"HOME": "/"})
        given.image("the setting docker.proxy_image", config.proxy_image)
        given.image("the setting docker.bot_image", config.bot_image)
        parsing.say(f"{self.file}: ok\n")
        return 0


for _name in ("Serve", "Work", "Enroll", "Queue", "Cancel", "Rerun", "Sweep"):
    Main.subcommand(_name.lower(), f"recipeci.service_commands.{_name}")  # read when it is wanted
Doctor.unbind_switches("-v")
Clean.unbind_switches("-v")
CheckConfig.unbind_switches("-v")


def _run(asked: Request, config: Settings) -> int:
    """Carry out a run with a console on stdout, or on stderr if stdout is for the report."""
    from recipeci.host.clock import SystemClock  # noqa: PLC0415 - `--help` does without
    from recipeci.report.console import Console  # noqa: PLC0415
    from recipeci.run import execute  # noqa: PLC0415
    from recipeci.run.interrupt import Interrupts  # noqa: PLC0415

    redactor = Redactor()
    console = Console(
        clock=SystemClock(),
        stream=sys.stderr if asked.as_json else sys.stdout,
        json_to=sys.stdout if asked.as_json else None,
        verbose=asked.verbose,
        redactor=redactor,
    )
    interrupts = Interrupts(lambda: console.going_on)
    with interrupts.handled(), console.commands_shown():
        if asked.plan_only:
            execute.show_plan(asked, config, console=console, redactor=redactor)
            return 0
        report = execute.run(asked, config, console=console, interrupts=interrupts, redactor=redactor)
    return report.exit_code
