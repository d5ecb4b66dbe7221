"""The only place that checks `app backup …` and `app restore`: what reaches the backup bot, and what comes of it.

What a snapshot holds is asked of the bot's repository. The bot itself is not on trial: it may be any.
"""

from __future__ import annotations

import contextlib
import io
import re
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker.errors

from recipeci.contract.lab import Lab
from recipeci.contract.results import NotChecked, Observed
from recipeci.host.backupbot import BOT_LABEL, BackupBot, Ran
from recipeci.host.docker import SERVICE_LABEL

ON = {"backupbot.backup": "true"}
MARKER = "/data/marker"
SNAPSHOT_ID = re.compile(r"snapshot_id\W+[0-9a-f]{8,64}")
LOOKS = 10
LOOK_SECONDS = 0.02
NO_FLAG = "unknown"


def backup_needs_a_terminal(lab: Lab) -> Observed:
    """Make a backup without a terminal."""
    _saved_app(lab)
    answer = lab.abra("app", "backup", "create", lab.domain, "-C")
    return Observed(bool(answer.fatal) and not _snapshots(lab), answer.words)


def snapshots_needs_a_terminal(lab: Lab) -> Observed:
    """List snapshots without a terminal."""
    lab.app()
    lab.deployed()
    answer = lab.abra("app", "backup", "snapshots", lab.domain)
    return Observed(bool(answer.fatal), answer.words)


def restore_needs_a_terminal(lab: Lab) -> Observed:
    """Restore without a terminal."""
    _saved_app(lab)
    _write(lab, "one")
    lab.abra("app", "backup", "create", lab.domain, "-C", terminal=True)
    _write(lab, "two")
    answer = lab.abra("app", "restore", lab.domain)
    return Observed(bool(answer.fatal) and _read(lab) == "two", answer.words)


def backup_makes_a_snapshot(lab: Lab) -> Observed:
    """Make a backup, and ask the bot's repository."""
    _saved_app(lab)
    answer = lab.abra("app", "backup", "create", lab.domain, "-C", terminal=True)
    made = len(_snapshots(lab))
    return Observed(made == 1, f"{made} snapshots" if made else answer.words)


def the_snapshots_id_is_printed(lab: Lab) -> Observed:
    """Make a backup, and look for the snapshot's id in what is printed."""
    _saved_app(lab)
    answer = lab.abra("app", "backup", "create", lab.domain, "-C", terminal=True)
    ids = _snapshots(lab)
    if not ids:
        raise NotChecked(f"no snapshot was made: {answer.words}")
    printed = any(one[:8] in answer.out for one in ids) and bool(SNAPSHOT_ID.search(answer.out))
    return Observed(printed, "it is printed" if printed else "it is not printed as snapshot_id")


def a_backup_without_its_data_is_no_error(lab: Lab) -> Observed:
    """Make a backup of a path that is not there."""
    _saved_app(lab, **{"backupbot.backup.volumes.data.path": "none.sql"})
    answer = lab.abra("app", "backup", "create", lab.domain, "-C", terminal=True)
    return Observed(not answer.fatal, answer.words if answer.fatal else "it ended well")


def the_bots_error_is_an_error(lab: Lab) -> Observed:
    """Make a backup with a hook that cannot be run, with a bot that calls that an error."""
    _saved_app(lab, **{"backupbot.backup.pre-hook": "false"})
    with BackupBot(lab.swarm).watching() as watch:
        answer = lab.abra("app", "backup", "create", lab.domain, "-C", terminal=True)
    codes = [ran.code for ran in _of_the_bot(watch.ran, lab) if "create" in ran.command]
    if not any(codes):
        raise NotChecked(f"the bot did not end with an error: {codes}")
    return Observed(bool(answer.fatal), answer.words)


def the_bot_is_told_the_domain(lab: Lab) -> Observed:
    """Make a backup, and look at the environment of the bot's program meanwhile."""
    _saved_app(lab)
    for _ in range(LOOKS):  # it may have ended before it was looked at
        if told := _told_meanwhile(lab):
            return Observed(told == lab.domain, f"it is told {told}")
    raise NotChecked(f"the bot's program was not seen in {LOOKS} backups")


def chaos_may_be_given_to_restore(lab: Lab) -> Observed:
    """Restore and list snapshots with `-C`."""
    _saved_app(lab)
    lab.abra("app", "backup", "create", lab.domain, "-C", terminal=True)
    for words in (("app", "backup", "snapshots"), ("app", "restore")):
        answer = lab.abra(*words, lab.domain, "-C", terminal=True)
        if NO_FLAG in answer.out + answer.err:
            return Observed(as_expected=False, seen=answer.words)
    return Observed(as_expected=True, seen="both take it")


def restore_takes_the_latest(lab: Lab) -> Observed:
    """Restore after two backups."""
    _saved_app(lab)
    for content in ("one", "two"):
        _write(lab, content)
        lab.abra("app", "backup", "create", lab.domain, "-C", terminal=True)
    _write(lab, "three")
    answer = lab.abra("app", "restore", lab.domain, terminal=True)
    return Observed(_read(lab) == "two", f"one, two, and after it three: restored is {_read(lab)}; {answer.words}")


def the_bots_program_is_run(lab: Lab) -> Observed:
    """Make a backup, and ask Docker what was run in which container."""
    _saved_app(lab)
    with BackupBot(lab.swarm).watching() as watch:
        answer = lab.abra("app", "backup", "create", lab.domain, "-C", terminal=True)
    commands = [ran.command for ran in _of_the_bot(watch.ran, lab) if "backup" in ran.command]
    return Observed(any("create" in one for one in commands), "; ".join(commands) or answer.words)


def _saved_app(lab: Lab, **labels: str) -> None:
    """Have an app run with a volume that is to be saved."""
    said = [f"{key}={value}" for key, value in {**ON, **labels}.items()]
    lab.recipe.change(service={"deploy": {"replicas": 1}, "volumes": ["data:/data"]}, labels=said, volumes={"data": {}})
    lab.app(pin="main")
    lab.deployed()
    lab.app(pin=lab.recipe.head)
    lab.running()


def _snapshots(lab: Lab) -> list[str]:
    return [one.id for one in BackupBot(lab.swarm).snapshots(lab.stack)]


def _of_the_bot(ran: tuple[Ran, ...], lab: Lab) -> list[Ran]:
    """Return what was run in the bot's container."""
    bots = {service["Spec"]["Name"] for service in lab.api.services(filters={"label": BOT_LABEL})}
    return [one for one in ran if one.service in bots]


def _told_meanwhile(lab: Lab) -> str:
    """Make a backup; return which of this check's names the bot's program was seen with, empty if it was not seen."""
    with ThreadPoolExecutor(1) as aside:
        call = aside.submit(lab.abra, "app", "backup", "create", lab.domain, "-C", terminal=True)

        def look() -> tuple[str, bool]:
            return _told(lab), call.done()

        told, _ = lab.until(look, any, what="the bot's program", delay=LOOK_SECONDS)
    return told


def _told(lab: Lab) -> str:
    """Return which of this check's names a program of the bot has in its environment now, empty if none runs."""
    for service in lab.api.services(filters={"label": BOT_LABEL}):
        for container in lab.api.containers(filters={"label": f"{SERVICE_LABEL}={service['Spec']['Name']}"}):
            for one in lab.api.inspect_container(container["Id"]).get("ExecIDs") or ():
                if (told := _service_of(lab, one)) in {lab.domain, lab.stack}:
                    return told
    return ""


def _service_of(lab: Lab, exec_id: str) -> str:
    """Return the SERVICE of a program that was started in a container, empty if it has ended or has none."""
    with contextlib.suppress(docker.errors.NotFound, OSError):
        pid = lab.api.exec_inspect(exec_id)["Pid"]
        # From here: until a program of ours has begun in the cell, the bot's may have ended.
        environ = Path(f"/proc/{lab.ground.cell.init}/root/proc/{pid}/environ")
        env = dict(pair.partition("=")[::2] for pair in environ.read_text(errors="replace").split("\0"))
        return env.get("SERVICE", "")
    return ""


def _container(lab: Lab) -> str:
    label = f"{SERVICE_LABEL}={lab.stack}_app"
    found = lab.api.containers(filters={"label": label, "status": "running"})
    return str(lab.needed(found[0] if found else None, "the app does not run")["Id"])


def _write(lab: Lab, content: str) -> None:
    """Write the marker into the app's volume."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        entry = tarfile.TarInfo(MARKER.rpartition("/")[2])
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content.encode()))
    lab.api.put_archive(_container(lab), MARKER.rpartition("/")[0], made.getvalue())


def _read(lab: Lab) -> str:
    """Return what the marker is now."""
    parts, _ = lab.api.get_archive(_container(lab), MARKER)
    with tarfile.open(fileobj=io.BytesIO(b"".join(parts))) as archive:
        file = archive.extractfile(archive.getmembers()[0])
        return lab.needed(file, "the marker is no file").read().decode()


CHECKS = (
    backup_needs_a_terminal,
    snapshots_needs_a_terminal,
    restore_needs_a_terminal,
    backup_makes_a_snapshot,
    the_snapshots_id_is_printed,
    a_backup_without_its_data_is_no_error,
    the_bots_error_is_an_error,
    the_bot_is_told_the_domain,
    chaos_may_be_given_to_restore,
    restore_takes_the_latest,
    the_bots_program_is_run,
)
