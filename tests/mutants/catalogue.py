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
    old="""        self._secrets()
        self._deploy(version=None, chaos=True)
""",
    new="""        self._secrets()
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
    old="_END_SECONDS = 30.0",
    new="_END_SECONDS = -1.0",
)
MASKS_NOTHING = Mutant(
    name="nothing is masked",
    about="(4.10) the redactor knows all secrets and replaces none",
    file="redact.py",
    old="""        merged: list[Span] = []
        for start, _, form in sorted(found):
""",
    new="""        merged: list[Span] = []
        for start, _, form in ():
""",
)
ALL = (MASKS_NOTHING, NEVER_ENDS, NOT_CHECKED_OUT, EXCHANGED_SHA, LEAVES_A_VOLUME, TWO_APPS)
