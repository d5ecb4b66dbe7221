"""The only place that turns git's words about a source into one sentence of the right kind."""

from __future__ import annotations

import re
from dataclasses import dataclass

from recipeci.errors import CommandFailed, CommandTimeout, HostError, RecipeCIError, UsageError
from recipeci.host.command import NOT_FOUND as PROGRAM_NOT_FOUND
from recipeci.host.gitcall import Source

GIVE = "--source takes an https:// URL, a folder, or a file: URL"


@dataclass(frozen=True)
class Refusal:
    """What git says when a source is not to be had, and what that is called here."""

    said: re.Pattern[str]
    kind: type[RecipeCIError]
    sentence: str
    hint: str


REFUSALS = (
    Refusal(
        re.compile(r"could not read (?:Username|Password)|Authentication failed|terminal prompts disabled|error: 403"),
        HostError,
        "wants a password",
        "clone it yourself and give the folder: --source PATH; or give --clone-credential FILE",
    ),
    Refusal(
        re.compile(r"repository is shallow"),
        UsageError,
        "has only a part of its history",
        "git fetch --unshallow --tags, there",
    ),
    Refusal(
        re.compile(
            r"not valid: is this a git repository|not (?:appear to be )?a git repository|' does not exist$",
            re.MULTILINE,
        ),
        UsageError,
        "is no git repository",
        GIVE,
    ),
    Refusal(
        re.compile(r"fsck error|fsck_|index-pack|unpack-objects|invalid object|corrupt"),
        HostError,
        "is damaged: {reason}",
        "git fsck, there",
    ),
)
NOT_FOUND = re.compile(r"repository '.*' not found")
TOO_LARGE = re.compile(r"write error: File too large")
NO_SUCH_COMMIT = re.compile(r"not our ref|couldn't find remote ref|unadvertised object")


def explained(error: CommandFailed, source: Source, *, most_bytes: int) -> RecipeCIError:
    """Turn git's words about a source into one sentence of the right kind."""
    where, said, reason = source.where, error.err, last_words(error.err)
    if isinstance(error, CommandTimeout):
        return HostError(f"{where} did not answer in time ({error.seconds:.0f} s)", hint="try again, or give --source")
    if error.code == PROGRAM_NOT_FOUND:
        return HostError("git is not on this machine", hint="install git; recipeci doctor lists what is missing")
    if NOT_FOUND.search(said):
        return _unknown(source)
    if TOO_LARGE.search(said):
        hint = "source: max_gb in the settings, if a recipe may be as large"
        return HostError(f"{where} is larger than {gigabytes(most_bytes)} and was not fetched", hint=hint)
    for refusal in REFUSALS:
        if refusal.said.search(said):
            return refusal.kind(f"{where} {refusal.sentence.format(reason=reason)}", hint=refusal.hint)
    return HostError(f"{where} cannot be reached: {reason}", hint="try again, or give --source")


def gigabytes(count: int) -> str:
    """Return a number of bytes as it is said in a sentence."""
    return f"{count / 1e9:g} GB"


def _unknown(source: Source) -> UsageError:
    """Say that there is no such repository."""
    if source.recipe:
        forge = source.where.rpartition("/")[0]
        return UsageError(f"{forge} has no recipe {source.recipe!r}", hint="check the name, or give --source")
    return UsageError(f"{source.where}: there is no such repository", hint=GIVE)


def last_words(said: str) -> str:
    """Return git's own reason: the first fatal line, without its mark and without the source's name, said already."""
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["git said nothing"]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return re.sub(r"^(?:fatal|error): (?:unable to access '[^']*': )?", "", (fatal or lines)[0])
