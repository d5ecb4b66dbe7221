"""The mutants of the harness that its own controls must catch, by the number of the control."""

from __future__ import annotations

from mutants.mutant import Mutant

NOT_CHECKED_OUT = Mutant(
    name="head is not checked out",
    about="(2) before the upgrade the checkout is left where the base's deployment had it",
    file="run/deployment.py",
    old="""        self.upgrading = True
        self.clone.checkout(self.plan.target.commit)
""",
    new="""        self.upgrading = True
""",
)
EXCHANGED_SHA = Mutant(
    name="sha is exchanged",
    about="(3) between the checkout of the head and its deploy the plan's target becomes another commit",
    file="run/deployment.py",
    old="""            self._secrets()
        self._deploy(version=None, chaos=True)
""",
    new="""            self._secrets()
        object.__setattr__(self.plan.target, "commit", Commit("0" * 40))
        self._deploy(version=None, chaos=True)
""",
)
BEGINS_AT_THE_TARGET = Mutant(
    name="upgrade begins at the target",
    about="what is deployed first is the target instead of the base: the upgrade then upgrades nothing",
    file="run/deployment.py",
    old="""        base = self.plan.base
        if base and base.mode is BaseMode.PINNED:
            self._deploy(version=base.version, chaos=False)
        else:
            self._deploy(version=None, chaos=True)
""",
    new="""        self.clone.checkout(self.plan.target.commit)
        self._deploy(version=None, chaos=True)
""",
)
LEAVES_A_VOLUME = Mutant(
    name="volume is left",
    about="(8) teardown forgets the volumes: neither they nor the app are removed",
    file="run/teardown.py",
    old="""        with self._noted("app volume remove"):
            self.abra.app_volume_remove(self.domain)
        if self._has_secrets():
            with self._noted("app secret remove"):
                self.abra.app_secret_remove(self.domain)
        with self._noted("app remove"):
            self.abra.app_remove(self.domain)
""",
    new="",
)
TWO_APPS = Mutant(
    name="app is made twice",
    about="(9) the app is made, thrown away and made again, as a retry in the wrong place would do",
    file="run/deployment.py",
    old="""            self.abra.app_new(self.plan.recipe, domain=self.domain, version=version, chaos=not pinned)
""",
    new="""            self.abra.app_new(self.plan.recipe, domain=self.domain, version=version, chaos=not pinned)
            self.env_file.unlink()
            self.abra.app_new(self.plan.recipe, domain=self.domain, version=version, chaos=not pinned)
""",
)
NEVER_ENDS = Mutant(
    name="cell never ends",
    about="the harness does not wait for the end of its cell, as if that never came",
    file="host/cell/launch.py",
    old="""                bool,
                what="the cell's processes",
                clock=self._clock,
                timeout=_END_SECONDS,
""",
    new="""                lambda ended: False,  # a cell may end before it is first looked at
                what="the cell's processes",
                clock=self._clock,
                timeout=-1.0,
""",
)
MASKS_NOTHING = Mutant(
    name="nothing is masked",
    about="(4.10) the redactor knows all secrets and replaces none",
    file="redact/matching.py",
    old="""        merged: list[Span] = []
        for start, _, form in sorted(found):
""",
    new="""        merged: list[Span] = []
        for start, _, form in ():
""",
)
NO_GENERIC_SUITES = Mutant(
    name="generic suites are not run",
    about="the generic suites that were planned are left out, and nobody says so",
    file="run/tiers.py",
    old="return tuple(self._suite(step.tier, file) for file in step.suites)",
    new='return tuple(self._suite(step.tier, file) for file in step.suites if file.source != "generic")',
)
NO_MARKERS = Mutant(
    name="no markers are planted",
    about="the data canary writes no marker and has a row for none",
    file="run/canary.py",
    old="for spot in spots.spots for one in self._marked(spot, look)]",
    new="for spot in () for one in self._marked(spot, look)]",
)
BACKS_UP_TWICE = Mutant(
    name="backup is made twice",
    about="(D-16) after the backup that was measured another one is made, and that is what a restore takes",
    file="run/ops.py",
    old="""        return Done(tests, backups.words(taken))
""",
    new="""        self.deployment.backup(timeout=timeout)
        return Done(tests, backups.words(taken))
""",
)
SEES_MARKERS = Mutant(
    name="markers are never read back",
    about="(4.2) every marker counts as intact, whatever is there",
    file="run/survival.py",
    old="return isinstance(found, File) and found.content == mark.content",
    new="return True",
)
HOOKS_IGNORED = Mutant(
    name="hooks are ignored",
    about="(4.7) how the recipe's hooks ended is not asked",
    file="recipe/hookruns.py",
    old="if problem := _problem(runs):",
    new="if (problem := _problem([])) == '':",
)
EXIT_CODE_ALONE = Mutant(
    name="exit code alone counts",
    about="(4.8, K-01) a suite whose process ended with 0 has passed",
    file="run/agreement.py",
    old="""    tests = tuple(_test(one, [r for r in ran.said.reports if r.id == one]) for one in ids)
""",
    new="""    tests = tuple(_test(one, [r for r in ran.said.reports if r.id == one]) for one in ids)
    return SuiteResult(source, path, Outcome.FAIL if ran.code else Outcome.PASS, tests)
""",
)
NO_SEPARATE_COLLECTION = Mutant(
    name="no separate collection",
    about="(4.8) what a suite says while it runs is taken for its collection too",
    file="run/suites.py",
    old="""        return _told(agreement.judge(""",
    new="""        collected = replace(collected, said=replace(collected.said, ids=ran.said.ids))
        return _told(agreement.judge(""",
)
EVERYTHING_ALLOWED = Mutant(
    name="everything is allowed",
    about="(4.9) the gate lets code of every repository run",
    file="recipe/allowlist.py",
    old="""        if not source:
            return f"not allowed""",
    new="""        if source:
            return ""
        if not source:
            return f"not allowed""",
)
EXEC_NEVER_FAILS = Mutant(
    name="exec never fails",
    about="(4.12, F1e-1) a command that failed in a container gives its output as if nothing had happened",
    file="author/app.py",
    old="if check and result.code != 0:",
    new="if check and result.code < 0:",
)
FINDS_NO_PIECES = Mutant(
    name="pieces are not looked for",
    about="(11) the scan of the artifacts looks for whole values alone",
    file="report/pieces.py",
    old="""            (messages, lines),
            (words, lines),
            (_then(messages, _without_blanks), blanks),
            (_then(words, _without_blanks), blanks),
""",
    new="",
)
ALL = (
    NOT_CHECKED_OUT,
    EXCHANGED_SHA,
    BEGINS_AT_THE_TARGET,
    LEAVES_A_VOLUME,
    TWO_APPS,
    NEVER_ENDS,
    MASKS_NOTHING,
    NO_GENERIC_SUITES,
    NO_MARKERS,
    BACKS_UP_TWICE,
    SEES_MARKERS,
    HOOKS_IGNORED,
    EXIT_CODE_ALONE,
    NO_SEPARATE_COLLECTION,
    EVERYTHING_ALLOWED,
    EXEC_NEVER_FAILS,
    FINDS_NO_PIECES,
)
