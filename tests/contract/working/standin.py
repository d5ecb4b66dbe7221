"""What workers of the tests start instead of `recipeci run`: it does what a file says, and notes what it was given.

    python -IS standin.py FOLDER [options of recipeci run]

FOLDER/orders.json has orders by sha, `*` for all others. Nothing of ours is imported: it begins as fast as Python does.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

told: list[int] = []


def main() -> int:
    """Be a run."""
    folder, options = Path(sys.argv[1]), sys.argv[2:]
    given = dict(zip(options[::2], options[1::2], strict=True))
    signal.signal(signal.SIGINT, lambda number, _: told.append(number))
    note(folder, "began", given, argv=options, env=dict(os.environ))
    orders = json.loads((folder / "orders.json").read_text())
    order = orders.get(given["--ref"], orders["*"])
    for line in order.get("prints", []):
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
    noted = False
    while (folder / "hold").exists() and not (told and not order.get("deaf")):
        if told and not noted:
            note(folder, "heard", given)
            noted = True
        time.sleep(0.01)
    code = order.get("code", 0)
    if told and not order.get("deaf"):
        note(folder, "interrupted", given)
        while (folder / "hold-teardown").exists():
            time.sleep(0.01)
        code = 128 + told[0]
    leave(folder, given, order, code)
    sys.stderr.write(order.get("complains", ""))
    note(folder, "ended", given)
    return int(code)


def leave(folder: Path, given: dict[str, str], order: dict[str, object], code: int) -> None:
    """Leave a report of the ordered kind."""
    out, kind = Path(given["--out"]), order.get("report", "good")
    if kind == "none":
        return
    report = json.loads((folder / "template.json").read_text())
    verdict = {0: "pass", 1: "fail"}.get(code, "error")
    report.update(recipe=given["--recipe"], verdict=verdict, label=verdict, exit_code=code)
    report["target"]["commit"] = given["--ref"]
    report["secrets"] = order.get("secrets", report["secrets"])
    out.mkdir()
    text = json.dumps(report)
    text = {"broken": "{", "list": "[]", "large": text + " " * 2**21}.get(str(kind), text)
    if kind == "pipe":
        os.mkfifo(out / "report.json")
        return
    (out / ("elsewhere.json" if kind == "link" else "report.json")).write_text(text)
    if kind == "link":
        (out / "report.json").symlink_to("elsewhere.json")


def note(folder: Path, what: str, given: dict[str, str], **more: object) -> None:
    """Add a line to the journal: one write, so that lines of several runs do not mix."""
    line = json.dumps({"what": what, "sha": given["--ref"], "pid": os.getpid(), **more})
    with (folder / "journal").open("ab", buffering=0) as file:
        file.write(f"{line}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
