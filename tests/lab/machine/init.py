"""The only place that is a machine's first process: it lays folders over those of the host, and does what is asked.

    python -m lab.machine.init PLAN     # in a mount namespace of its own, with an init above it that buries the dead

Whoever asks writes a line of JSON into its socket: the words of a `systemctl` or `journalctl`, or `poweroff`.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from recipeci.host.command import LocalRunner

from lab.machine.units import Refused, Units

OWN = ("/etc", "/opt", "/usr/local/bin", "/var/backups", "/var/cache", "/var/lib")
"""What is written into these folders is written into nothing of the host's."""
TOOLS = ("systemctl", "journalctl")
SECONDS = 180.0


def main() -> None:
    """Be the machine until it is switched off."""
    plan = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(plan["folder"])
    lay(folder / "over", [Path(path) for path in plan["needed"]])
    for name in TOOLS:
        tool = Path("/usr/local/bin") / name
        tool.unlink(missing_ok=True)
        asks = f'{sys.executable} {Path(__file__).with_name("ask.py")} {folder}/socket {name} "$@"'
        tool.write_text(f"#!/bin/sh\nexec {asks}\n")
        tool.chmod(0o755)
    for into, of in plan["shown"].items():
        Path(into).mkdir(parents=True)
        mount("--bind", of, into)
    units = Units(folder / "logs")
    units.logs.mkdir()
    listen(folder, units)


def lay(over: Path, needed: Sequence[Path]) -> None:
    """Lay a folder in memory over each of OWN, and show what is needed of folders that only root may enter."""
    over.mkdir()
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(over))
    for number, path in enumerate(OWN):
        upper, work = over / f"upper{number}", over / f"work{number}"
        upper.mkdir()
        work.mkdir()
        mount("-t", "overlay", "-o", f"lowerdir={path},upperdir={upper},workdir={work}", "overlay", path)
    for closed in {top for path in needed if (top := closed_above(path)) is not None}:
        show(closed, [path for path in needed if path.is_relative_to(closed)])


def closed_above(path: Path) -> Path | None:
    """Return the topmost folder on the way to a path that only its owner may enter."""
    return next((one for one in reversed(path.parents) if not one.stat().st_mode & 0o001), None)


def show(closed: Path, needed: Sequence[Path]) -> None:
    """Put in a folder's place one that everybody may enter, and that has only what is needed of it."""
    held = os.open(closed, os.O_PATH)  # the way to what will be covered
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(closed))
    for path in needed:
        if not any(other in path.parents for other in needed):
            path.mkdir(parents=True)
            # As it is written: what /proc names there is covered now.
            mount("--no-canonicalize", "--bind", f"/proc/{os.getpid()}/fd/{held}/{path.relative_to(closed)}", str(path))
    os.close(held)


def mount(*words: str) -> None:
    """Mount something in our namespace."""
    run("mount", *words)


def run(*argv: str) -> None:
    """Run a program to its end."""
    LocalRunner().run(argv, timeout=SECONDS)


def listen(folder: Path, units: Units) -> None:
    """Answer one after the other."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket"))
        server.listen()
        fresh = folder / "pid.fresh"
        fresh.write_text(str(os.getpid()))
        fresh.rename(folder / "pid")  # whoever waits for it reads it as soon as it is there
        while True:
            connection, _ = server.accept()
            with connection, connection.makefile("rw") as line:
                words = json.loads(line.readline())
                line.write(json.dumps(answer(words, units)) + "\n")
            if words == ["poweroff"]:
                return


def answer(words: Sequence[str], units: Units) -> tuple[int, str]:
    """Do what is asked; return an exit code and what to print."""
    tool, *rest = words
    does: dict[str, Callable[[Sequence[str], Units], Iterator[str]]] = {
        "systemctl": systemctl,
        "journalctl": journalctl,
        "poweroff": poweroff,
    }
    said: list[str] = []
    try:
        said += does[tool](rest, units)
    except Refused as e:
        return 1, f"{e}\n"
    return 0, "".join(f"{line}\n" for line in said)


def systemctl(words: Sequence[str], units: Units) -> Iterator[str]:
    """Do what a `systemctl` does; nothing is printed if all went well."""
    verbs: dict[str, Sequence[Callable[[str], None]]] = {
        "enable --now": (units.enable, units.start),
        "start": (units.start,),
        "stop": (units.stop,),
        "restart": (units.stop, units.start),
    }
    said = " ".join(words)
    verb = next((verb for verb in verbs if said.startswith(f"{verb} ")), None)
    if said == "daemon-reload":
        units.reload()
    elif verb is None:
        raise Refused(f"systemctl {said}: this machine does not know that")
    else:
        for name in said.removeprefix(verb).split():
            for do in verbs[verb]:
                do(name)
    yield from ()


def journalctl(words: Sequence[str], units: Units) -> Iterator[str]:
    """Yield the last lines that a unit printed."""
    match words:
        case ["-u", name, "-n", number] if number.isdigit():
            yield from units.log(name).read_text(errors="replace").splitlines()[-int(number) :]
        case _:
            raise Refused(f"journalctl {' '.join(words)}: this machine does not know that")


def poweroff(_: Sequence[str], units: Units) -> Iterator[str]:
    """End all units; yield those that did not end well."""
    for name in reversed(list(units.running)):
        try:
            units.stop(name)
        except Refused as e:
            yield str(e)


if __name__ == "__main__":
    main()
