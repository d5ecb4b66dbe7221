"""The only place that finishes a run's artifacts: masks them once more, scans them for secrets, and writes the report.

A secret may be learned after something was logged, so everything that is stored is masked again when all are known.
What the scan still finds is a failure: the file or the text that holds it is withheld.
"""

from __future__ import annotations

import dataclasses
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from recipeci.host import temporary
from recipeci.model import Report, SecretScan
from recipeci.redact import Redactor
from recipeci.report import junit, places, runlog, texts
from recipeci.report.pieces import Scanner, scanner
from recipeci.report.write import JUNIT, REPORT, as_json, write

log = logging.getLogger(__name__)
NOT_ARTIFACTS = frozenset({"cell", "swarm", REPORT, JUNIT})
"""The cell's files, which are removed; and the report, which is looked at before it is written."""
BLOCK = 1024 * 1024

Names = frozenset[str]
Places = Mapping[str, str]
"""The secrets that an artifact held, each with where in it, which may be unknown."""
Draft = Callable[[SecretScan | None], Report]


def finished(draft: Draft, *, folder: Path, redactor: Redactor) -> Report:
    """Mask and scan all that is in a run's folder and the report itself, write the report, and return it.

    The arguments are those of `scanned`.

    Raises:
        OSError: the report cannot be written.
    """
    report = scanned(draft, folder=folder, redactor=redactor)
    write(report, folder)
    return report


def scanned(draft: Draft, *, folder: Path, redactor: Redactor) -> Report:
    """Mask and scan all that is in a run's folder and the report itself, and return that, which is not written yet.

    Args:
        draft: makes the report with what the scan found; None where it could not look, and then nothing is proven.
        folder: the run's folder, to which nobody but the log writes any more.
        redactor: all secrets that are known.
    """
    look = scanner(redactor)
    try:
        found = _files(folder, redactor, look)
    except OSError as e:
        log.exception("the artifacts could not be scanned")
        report = _masked(draft(None), redactor, look)
        report = dataclasses.replace(report, notes=(*report.notes, f"the artifacts could not be scanned: {e.strerror}"))
    else:
        report = _reported(draft, found, redactor, look)
    return report


def _reported(draft: Draft, found: Mapping[str, Places], redactor: Redactor, look: Scanner) -> Report:
    """Return the report with what was found in the files, and in the texts of its own."""
    first = texts.changed(draft(None), redactor.mask)
    found = {**found, REPORT: dict.fromkeys(_in_texts(first, look), ""), JUNIT: {}}
    report = _masked(draft(_result(found, redactor)), redactor, look)
    in_json, in_xml = (dict.fromkeys(_names(text, look), "") for text in (as_json(report), junit.as_xml(report)))
    found = {**found, REPORT: {**found[REPORT], **in_json}, JUNIT: in_xml}
    if _result(found, redactor) != report.secrets:  # not in one text, but in what they make together
        report = texts.changed(draft(_result(found, redactor)), lambda _: "withheld: the report holds a secret")
        report = dataclasses.replace(report, secrets=_result(found, redactor))
    return report


def _result(found: Mapping[str, Places], redactor: Redactor) -> SecretScan:
    return SecretScan(
        known=redactor.known,
        found=len(frozenset[str]().union(*found.values())),
        artifacts=len(found),
        not_masked=tuple(f"{redactor.mask(name)} ({why})" for name, why in sorted(redactor.not_masked.items())),
        where=tuple(
            redactor.mask(f"{name} in {file}{_in_brackets(held[name])}")
            for file, held in found.items()
            for name in sorted(held)
        ),
    )


def _masked(report: Report, redactor: Redactor, look: Scanner) -> Report:
    """Return the report without secrets; a text that holds one in pieces is withheld."""

    def shown(text: str) -> str:
        masked = redactor.mask(text)
        names = _names(masked, look)
        return redactor.mask(_withheld(dict.fromkeys(names, ""))) if names else masked

    return texts.changed(report, shown)


def _in_texts(report: Report, look: Scanner) -> Names:
    """Return the secrets that stand in one of the report's texts."""
    found: set[str] = set()

    def seen(text: str) -> str:
        found.update(_names(text, look))
        return text

    texts.changed(report, seen)
    return frozenset(found)


def _names(text: str, look: Scanner) -> Names:
    return look.names([text.encode("utf-8", "surrogatepass")])


def _withheld(held: Places) -> str:
    said = ", ".join(f"{name}{_in_brackets(held[name])}" for name in sorted(held))
    return f"withheld: it held the secret {said}"


def _in_brackets(place: str) -> str:
    return f" ({place})" if place else ""


def _files(folder: Path, redactor: Redactor, look: Scanner) -> dict[str, Places]:
    """Mask and scan each file; return which secrets each still held and where, and withhold those that did."""
    found = dict[str, Places]()
    for file in artifacts(folder):
        with runlog.paused(file):
            _mask(file, redactor)
            held = {name: places.of_secret(file, name, look) for name in look.names(_blocks(file))}
            if held:
                _fill(file, f"{redactor.mask(_withheld(held))}\n".encode())
        found[str(file.relative_to(folder))] = held
    return found


def artifacts(folder: Path) -> tuple[Path, ...]:
    """Return the files of a run folder that stay and hold something, without report.json and junit.xml."""
    inside = (path for path in folder.rglob("*") if path.relative_to(folder).parts[0] not in NOT_ARTIFACTS)
    return tuple(sorted(path for path in inside if path.is_file() and not path.is_symlink() and path.stat().st_size))


def _mask(file: Path, redactor: Redactor) -> None:
    """Mask a file where it is, since the log may have it open; one that holds no secret is not touched."""
    stream = redactor.stream()
    with temporary.unnamed(file.parent) as masked:
        with file.open("rb") as given:
            while block := given.read(BLOCK):
                masked.write(stream.feed(block))
        masked.write(stream.close())
        if stream.replaced:
            masked.seek(0)
            with file.open("r+b") as kept:
                shutil.copyfileobj(masked, kept)
                kept.truncate()


def _fill(file: Path, data: bytes) -> None:
    """Replace what a file holds, in place."""
    with file.open("r+b") as kept:
        kept.write(data)
        kept.truncate()


def _blocks(file: Path) -> Iterator[bytes]:
    """Yield a file in blocks of whole lines."""
    with file.open("rb") as given:
        while lines := given.readlines(BLOCK):
            yield b"".join(lines)
