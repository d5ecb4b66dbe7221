"""The only place that makes an abra of one file, all that a cell sees of it: a shell script with miniabra behind it.

The shell reads as far as the script's `exec`; Python finds the package at the file's end, as in any zip archive.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

COMMAND = f'{sys.executable} -I "$0"'
"""What in the script is miniabra."""
MAIN = "import sys\nfrom miniabra.cli import main\nsys.exit(main())\n"


def make(program: Path, script: str, package: Path) -> Path:
    """Write a program that is this script, which must end with `exec`, with a package of miniabra behind it."""
    archive = io.BytesIO()
    with zipfile.PyZipFile(archive, "w") as made:
        made.writepy(str(package))
        made.writestr("__main__.py", MAIN)
    program.parent.mkdir(exist_ok=True)
    program.write_bytes(script.encode() + archive.getvalue())
    program.chmod(0o755)
    return program
