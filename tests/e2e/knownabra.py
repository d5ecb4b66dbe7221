"""The only place that makes the abra of these tests: the built-in one, but each password that it makes begins alike.

So tests can look for values that were generated without asking the harness, which reads them from running tasks.
"""

from __future__ import annotations

import compileall
import shutil
from pathlib import Path

import miniabra
from lab.repository import Edit

from e2e import onefile

BEGIN = "5ec4e7f00d42"
"""Characters of every charset; a password that is shorter is not known."""
MARK = "+known"
"""What its version ends with, by which a report shows that it was used."""
PACKAGE = Path(miniabra.__file__).parent
EDITS = (
    Edit(
        "secrets.py",
        old='    return "".join(random.choice(charset) for _ in range(int(length or PLAIN_LENGTH)))\n',
        new='    made = "".join(random.choice(charset) for _ in range(int(length or PLAIN_LENGTH)))\n'
        f'    return ("{BEGIN}" + made[{len(BEGIN)}:])[: len(made)]\n',
    ),
    Edit("secrets.py", old='return "-".join(', new=f'return "{BEGIN}-" + "-".join('),
    Edit("__init__.py", old=miniabra.__version__, new=f"{miniabra.__version__}{MARK}"),
)


def make(folder: Path) -> Path:
    """Write the package into a folder, which goes first on PYTHONPATH, and return that; `abra` in it is a program."""
    made = folder / PACKAGE.name
    ignored = shutil.ignore_patterns("__pycache__")
    # Contents alone: of a package in Nix's store nothing can be written.
    shutil.copytree(PACKAGE, made, ignore=ignored, copy_function=shutil.copyfile)
    for below in (made, *made.rglob("*/")):
        below.chmod(0o755)
    for edit in EDITS:
        edit.apply(made)
    compileall.compile_dir(made, quiet=2)  # in a cell nothing can write there
    onefile.make(folder / "abra", f'#!/bin/sh\nexec {onefile.COMMAND} "$@"\n', made)
    return folder
