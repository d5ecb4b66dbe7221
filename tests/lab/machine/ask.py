"""The only place that asks a machine's first process for something: `systemctl` and `journalctl` are this.

python -m lab.machine.ask SOCKET systemctl start NAME
"""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path


def ask(where: Path, *words: str) -> tuple[int, str]:
    """Ask; return the exit code and what to print."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(where))
        with client.makefile("rw") as line:
            line.write(json.dumps(words) + "\n")
            line.flush()
            code, said = json.loads(line.readline())
    return int(code), str(said)


if __name__ == "__main__":
    code, said = ask(Path(sys.argv[1]), *sys.argv[2:])
    (sys.stderr if code else sys.stdout).write(said)
    sys.exit(code)
