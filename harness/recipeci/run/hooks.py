"""The only place that runs hooks: `pre_<op>` of `ops.py` before an op, `install_steps.sh` after `app new`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from recipeci.author.state import OP_STATE
from recipeci.errors import OpFailed, RecipeInvalid
from recipeci.model import AuthorFile, whose
from recipeci.recipe.envfile import EnvFile
from recipeci.recipe.metadata import OWN_KEYS
from recipeci.run.agreement import Ended
from recipeci.run.children import Children
from recipeci.run.placing import Placed, Placing
from recipeci.run.suites import recipe_env

STEPS_SECONDS = 300.0
ENV_FILE = "CCCI_ENV_FILE"


@dataclass(frozen=True)
class Hooks:
    """The hooks of one run."""

    children: Children
    placing: Placing
    state_file: Path
    seconds: float
    """For one hook."""

    def run(self, op: str, file: AuthorFile) -> bool:
        """Call `pre_<op>(app)` of a file, if it has one; return whether it has.

        Raises:
            OpFailed: it raised, took too long, or ended its process without a word.
            HostError: Docker does not answer, or the cell is gone.
        """
        placed = _placed(self.placing, file)
        env = {OP_STATE: str(self.state_file), **recipe_env(self.children)}
        ended = self.children.python(f"hook:pre_{op}", placed, env=env, timeout=self.seconds)
        outcome, words = ended.said.hook or ("", "")
        if outcome in {"done", "absent"} and ended.code == 0 and not ended.said.malformed:
            return outcome == "done"
        raise _failed(
            f"pre_{op} of {whose(placed.source)} {placed.name}", ended, placed.original(words or ended.said.malformed)
        )


@dataclass(frozen=True)
class InstallSteps:
    """The `install_steps.sh` of one run."""

    children: Children
    placing: Placing
    checkout: Path

    def run(self, file: AuthorFile, env: EnvFile) -> EnvFile:
        """Run one script after `app new`; return the app's env as it leaves it.

        It sees `CCCI_RECIPE`, `CCCI_DOMAIN` and `CCCI_ENV_FILE`, a copy of the env that it may edit; it is run in the
        checkout, which it cannot change.

        Raises:
            OpFailed: it ended with another code than 0, took too long, or left no env that can be used.
            HostError: the cell is gone.
        """
        placed = _placed(self.placing, file)
        what = f"{whose(placed.source)} {placed.name}"
        ended, texts = self.children.script(
            placed,
            env=recipe_env(self.children),
            cwd=self.checkout,
            files={ENV_FILE: env.text},
            timeout=STEPS_SECONDS,
        )
        if ended.code != 0:
            raise _failed(what, ended, "")
        return _edited(env, texts[ENV_FILE], what=what)


def _placed(placing: Placing, file: AuthorFile) -> Placed:
    try:
        return placing.placed(file)
    except RecipeInvalid as error:
        raise OpFailed(error.message) from error


def _edited(before: EnvFile, text: str | None, *, what: str) -> EnvFile:
    """Read the env that a script left."""
    if text is None:
        raise OpFailed(f"{what} left no text in {ENV_FILE}")
    try:
        after = EnvFile.parse(text, where=f"{ENV_FILE} after {what}")
    except RecipeInvalid as error:
        raise OpFailed(error.message) from error
    old, new = before.values(), after.values()
    if changed := sorted(key for key in OWN_KEYS if old.get(key) != new.get(key)):
        raise OpFailed(f"{what} changed {changed[0]} in {ENV_FILE}, which is the run's own")
    return after


def _failed(what: str, ended: Ended, words: str) -> OpFailed:
    """Say how a hook failed, with its last lines."""
    if ended.code is None:
        how = f"was still running after {ended.seconds:.0f} s"
    else:
        how = f"failed: {words}" if words else f"ended with {ended.code} and without a word"
    return OpFailed(f"{what} {how}" + (f"\n{ended.last}" if ended.last else ""))
