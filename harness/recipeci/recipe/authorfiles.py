"""The only place that says what the files of authors are called, in an overlay and in a repository's `tests/`. Pure."""

from __future__ import annotations

from pathlib import PurePath

from recipeci.model import Tier

SUITES = {f"test_{tier}.py": tier for tier in Tier if tier is not Tier.CUSTOM}
CUSTOM = "custom"
HOOKS = "ops.py"
HOOK = "pre_"
OPS = ("deploy", "upgrade", "backup", "restore")
INSTALL_STEPS = "install_steps.sh"


def is_suite(path: PurePath) -> bool:
    """Return whether pytest would collect the file."""
    return path.suffix == ".py" and (path.stem.startswith("test_") or path.stem.endswith("_test"))
