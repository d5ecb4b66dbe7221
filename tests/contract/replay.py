"""An abra that answers from a transcript of the contract suite, and refuses what was not recorded there.

A call is looked up by its arguments and by whether it has a terminal; of several alike the answers come in their order,
each once. Which were given is kept in a file beside the program.
"""

from __future__ import annotations

import sys
from pathlib import Path

TRANSCRIPTS = Path(__file__).parent / "transcripts"
SCRIPT = """#!{python} -I
import json, os, pathlib, sys
given = pathlib.Path({given!r})
used = json.loads(given.read_text()) if given.exists() else []
own = str(pathlib.Path(os.environ["ABRA_DIR"]).parent)
args = [arg.replace(own, "/probe") for arg in sys.argv[1:]]
calls = [call for check in json.loads(pathlib.Path({transcript!r}).read_text())["checks"] for call in check["calls"]]
for number, call in enumerate(calls):
    if number not in used and call["args"] == args and call["terminal"] == sys.stdout.isatty():
        given.write_text(json.dumps([*used, number]))
        sys.stdout.write(call["out"])
        sys.stderr.write(call["err"])
        sys.exit(call["code"])
print("FATA not recorded:", " ".join(args), "on a terminal" if sys.stdout.isatty() else "")
sys.exit(99)
"""


def program(folder: Path, transcript: Path) -> Path:
    """Write the program; return its path."""
    file = folder / "abra"
    given = str(folder / "given.json")
    file.write_text(SCRIPT.format(python=sys.executable, given=given, transcript=str(transcript)))
    file.chmod(0o755)
    return file
