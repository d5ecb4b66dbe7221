"""The only place that turns what the caller calls a source into a private clone, with full history and all tags.

The source is only read. Exit codes: a source that is given wrongly or that holds no such recipe is the caller's (2);
one that cannot be reached, or that wants a password, is the host's (3).
"""

from __future__ import annotations

import os
import re
import urllib.parse
from collections.abc import Mapping
from pathlib import Path

from recipeci import namedpath
from recipeci.errors import CommandFailed, HostError, UsageError
from recipeci.host.clone import LISTING, Clone
from recipeci.host.command import PATH, Runner
from recipeci.host.credential import Credential, is_safe
from recipeci.host.gitcall import MOST_BYTES, Git, Repository, Source
from recipeci.host.gitwords import GIVE, explained
from recipeci.model import Commit, Tag

URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://")
OF_SSH = re.compile(r"[^/\s]+@[^/\s:]+:")
TAGS, PEELED = "refs/tags/", "^{}"
"""How an annotated tag is listed twice: itself, and with this behind it what it stands for."""
ALL_TAGS = "+refs/tags/*:refs/tags/*"


def source_of(given: str | None, *, recipe: str, forge: str) -> Source:
    """Return what a `--source` means; without one, the recipe's repository on the forge.

    Args:
        given: an https URL (http on loopback), a folder (relative: from the working directory), a `file:` URL, or None.
        recipe: the recipe's name, already checked for form.
        forge: the folder of the recipes on their forge; itself a URL or a folder.

    Raises UsageError for anything else, also for a folder that is not there and for a URL that holds a password.
    """
    if given is None:
        return _on_forge(recipe, forge=forge)
    if given.startswith("file:"):
        return _folder(_path_of_url(given))
    if URL.match(given):
        return Source(_checked_url(given), local=False)
    if OF_SSH.match(given) and not os.path.exists(given):  # noqa: PTH110 - what can be no path is not there
        raise UsageError(f"{given}: a source by ssh is not supported", hint=GIVE)
    return _folder(given)


def clone(
    runner: Runner,
    source: Source,
    into: Path,
    *,
    within: Path | None = None,
    path: str = PATH,
    network: Mapping[str, str] | None = None,
    most_bytes: int = MOST_BYTES,
    credential: Credential | None = None,
) -> Clone:
    """Clone a source into a folder that is not there yet; nothing is checked out.

    `within` is a folder above `into` that a cell which sees `into` cannot replace; absent: the one just above it.
    `path` is where git is looked up, `network` the environment by which this machine reaches the network, `most_bytes`
    what it may bring, `credential` what is shown to its host if that wants to know who asks.

    Raises UsageError (2) if there is no such recipe, no repository, no commit or only a part of the history; HostError
    (3) if the source cannot be reached, wants a password or is larger than `most_bytes`.
    """
    git = Git(runner, path=path, network=network or {}, most_bytes=most_bytes, credential=credential)
    options = ["--quiet", "--no-checkout", "--no-local", "--no-tags", "--no-recurse-submodules", "--reject-shallow"]
    try:
        git.ask(source, ["clone", *options, "--template=", "--", source.where, str(into)])
    except CommandFailed as error:
        raise explained(error, source, most_bytes=most_bytes) from error
    repository = Repository(git, into, _configured(into), within or into.parent)
    try:
        repository.ask(source, ["fetch", "--quiet", "--no-tags", "origin", ALL_TAGS])
    except CommandFailed as error:
        raise explained(error, source, most_bytes=most_bytes) from error
    return Clone(repository=repository, source=source, newest=_newest(repository, source))


def remote_tags(
    runner: Runner,
    source: Source,
    *,
    path: str = PATH,
    network: Mapping[str, str] | None = None,
    credential: Credential | None = None,
) -> tuple[Tag, ...]:
    """Return a source's tags with the commits that they stand for; nothing is fetched but their list.

    The arguments are those of `clone`. Raises UsageError (2) if there is no such repository; HostError (3) if it cannot
    be reached, wants a password or has more tags than a recipe can have.
    """
    git = Git(runner, path=path, network=network or {}, credential=credential)
    try:
        listed = git.ask(source, ["ls-remote", "--tags", "--", source.where]).out
    except CommandFailed as error:
        raise explained(error, source, most_bytes=git.most_bytes) from error
    if len(listed) > LISTING:
        raise HostError(f"{source.where} has too many tags to be a recipe's")
    rows = dict(line.split("\t", 1)[::-1] for line in listed.splitlines())
    names = [ref for ref in rows if ref.startswith(TAGS) and not ref.endswith(PEELED)]
    return tuple(
        Tag(ref.removeprefix(TAGS), Commit(rows.get(f"{ref}{PEELED}", rows[ref])), annotated=f"{ref}{PEELED}" in rows)
        for ref in names
    )


def _on_forge(recipe: str, *, forge: str) -> Source:
    """Return the recipe's repository on its forge."""
    if not URL.match(forge) or forge.startswith("file:"):
        folder = Path(_path_of_url(forge) if forge.startswith("file:") else forge)
        both = (folder / recipe, folder / f"{recipe}.git")
        found = [path for path in both if namedpath.is_folder(f"the forge {namedpath.shown(forge)}", path)]
        if not found:
            raise UsageError(f"{forge} has no recipe {recipe!r}", hint="check the name, or give --source")
        return Source(str(found[0].resolve()), local=True, recipe=recipe)
    return Source(f"{_checked_url(forge).rstrip('/')}/{recipe}.git", local=False, recipe=recipe)


def _checked_url(url: str) -> str:
    """Return a URL that may be asked."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError as error:
        raise UsageError(f"{url!r} is no URL: {error}", hint=GIVE) from error
    if not is_safe(parts.scheme, parts.hostname):
        raise UsageError(f"{parts.scheme}: is not a protocol that a source may have", hint=GIVE)
    if "@" in parts.netloc:
        shown = url.replace(parts.netloc, parts.netloc.rpartition("@")[2])
        raise UsageError(f"{shown}: a source with a user name or password in it is not taken", hint=GIVE)
    if not parts.hostname or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise UsageError(f"{url!r} names no host", hint=GIVE)
    return url


def _path_of_url(url: str) -> str:
    """Return the folder of a `file:` URL."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError as error:
        raise UsageError(f"{url!r} is no URL: {error}", hint="file:///folder/of/the/recipe") from error
    if parts.netloc not in ("", "localhost"):
        raise UsageError(f"{url}: a file: URL of another host", hint="file:///folder/of/the/recipe")
    return urllib.parse.unquote(parts.path)


def _folder(given: str) -> Source:
    """Return a folder of this machine as a source."""
    said = namedpath.shown(given)
    path = namedpath.named(said, given, home=True)
    if not namedpath.is_folder(said, path):
        raise UsageError(f"{said}: there is no such folder", hint=GIVE)
    return Source(str(path.resolve()), local=True)


def _configured(into: Path) -> bytes:
    """Give the clone the configuration that an ordinary one has, which also fetches tags; return it."""
    file = into / ".git" / "config"
    config = re.sub(rb"\ttagOpt = --no-tags\n", b"", file.read_bytes())
    file.write_bytes(config)
    return config


def _newest(repository: Repository, source: Source) -> Commit:
    """Return the head of the source's default branch."""
    found = repository.run(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], ok=(0, 1, 128))
    if found.code:
        raise UsageError(f"{source.where} has no commit on its default branch", hint="commit something, or give --ref")
    return Commit(found.out.strip())
