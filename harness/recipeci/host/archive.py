"""The only place that puts files into containers and reads them there: Docker's archive API, and what is mounted where.

It needs no shell in the image, and no container that runs (facts cell §6). Below a mount no symbolic link is followed:
Docker itself would follow one in the middle of a path, out of the volume and into the image's own files.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from recipeci.errors import HostError
from recipeci.host import archived
from recipeci.host.archived import Container, File, Folder, Json, Kind, NewFile, NotThere, Other
from recipeci.host.docker import API_SECONDS, STACK_LABEL, Swarm

FOUND, MISSING, REFUSED = 200, 404, 500
NO_FILE = b"Could not find the file"
STAT_HEADER = "X-Docker-Container-Path-Stat"
LISTED_BYTES = 64 * 1024
"""So much of a folder is read to learn what is in it; of a fuller one each name is asked for."""
HEADERS_BYTES = 8 * 1024
"""Room for what a tar has around one small file."""


class ContainerGoneError(HostError):
    """The container was removed meanwhile: swarm has made another one, or will."""


class ReadOnlyError(HostError):
    """Docker refuses to write there, since the mount or the container's root is read-only."""


@dataclass(frozen=True)
class _Answer:
    status: int
    stat: Json
    body: bytes
    whole: bool


class Archive:
    """The files of a swarm's containers on its only node."""

    def __init__(self, swarm: Swarm) -> None:
        """Take the swarm; it is asked when something is wanted."""
        self._swarm = swarm

    def containers(self, stack: str) -> tuple[Container, ...]:
        """Return all containers of a stack, those that have stopped too, in one look."""
        found = self._json("containers", all=True, filters={"label": f"{STACK_LABEL}={stack}"})
        return tuple(archived.container(raw) for raw in found)

    def read(self, at: str, path: PurePosixPath, *, within: PurePosixPath, limit: int) -> File | Other | NotThere:
        """Read a file of at most `limit` bytes in a container; `within` is the mount, below which no link is followed.

        Raises:
            ContainerGoneError: there is no such container.
            HostError: Docker does not answer, or with something else.
        """
        if (blocked := self._blocked(at, path, within=within)) is not None:
            return blocked
        answer = self._ask("GET", at, path, read=limit + HEADERS_BYTES)
        if answer.status == MISSING:
            return self._not_there(at, answer)
        found = archived.kind(answer.stat)
        if found is not Kind.FILE or int(answer.stat["size"]) > limit:
            return Other(found)
        return archived.file(answer.body)

    def folder(
        self, at: str, path: PurePosixPath, *, within: PurePosixPath, names: Collection[str] = ()
    ) -> Folder | Other | NotThere:
        """Look at a folder in a container, and which of `names` are in it; see `read` for the rest."""
        if (blocked := self._blocked(at, path, within=within)) is not None:
            return blocked
        answer = self._ask("GET", at, path, read=LISTED_BYTES)
        if answer.status == MISSING:
            return self._not_there(at, answer)
        if (found := archived.kind(answer.stat)) is not Kind.FOLDER:
            return Other(found)
        uid, gid, seen = archived.listing(answer.body)
        unseen = () if answer.whole else [name for name in names if name not in seen]
        there = {name for name in unseen if self._ask("HEAD", at, path / name).status == FOUND}
        return Folder(uid, gid, frozenset(names) & (seen | there))

    def _kind(self, at: str, path: PurePosixPath) -> Kind | None:
        """Return what is at a path of a container, None if nothing is; the last link is not followed."""
        answer = self._ask("HEAD", at, path)
        if answer.status == MISSING:
            self._not_there(at, answer)
            return None
        return archived.kind(answer.stat)

    def put(self, at: str, folder: PurePosixPath, files: Sequence[NewFile]) -> bool:
        """Write files into a folder of a container; say whether there is such a folder. See `read` for what it raises.

        Raises ReadOnlyError if nothing can be written there. The way to the folder must have been looked at before.
        """
        answer = self._ask("PUT", at, folder, data=archived.tar_of(files))
        if answer.status == MISSING:
            self._not_there(at, answer)
        return answer.status == FOUND

    def remove(self, at: str, folder: PurePosixPath, name: str) -> None:
        """Remove a file from a folder of a container.

        The API has no call for that, but what is in the way of an entry is removed before the entry is made: a hard
        link to itself, which can then not be made. Docker answers with an error; a second question says what happened.
        """
        self._ask("PUT", at, folder, data=archived.self_link(name), ok=(FOUND, MISSING, REFUSED))
        answer = self._ask("GET", at, folder / name)
        if answer.status == FOUND:
            raise HostError(f"Docker did not remove {folder / name} from container {at[:12]}")
        self._not_there(at, answer)

    def _blocked(self, at: str, path: PurePosixPath, *, within: PurePosixPath) -> Other | NotThere | None:
        """Return what stands in the way between a mount and a path: anything but folders."""
        for name in reversed(path.relative_to(within).parents):
            if name.parts:
                found = self._kind(at, within / name)
                if found is not Kind.FOLDER:
                    return Other(found) if found else NotThere()
        return None

    def _not_there(self, at: str, answer: _Answer) -> NotThere:
        """Tell a missing file from a missing container: Docker answers 404 for both, to a HEAD without a word."""
        import docker.errors  # noqa: PLC0415

        if NO_FILE not in answer.body:
            try:
                self._json("inspect_container", container=at)
            except docker.errors.NotFound as e:
                raise ContainerGoneError(f"container {at[:12]} is gone") from e
        return NotThere()

    def _ask(
        self,
        method: str,
        at: str,
        path: PurePosixPath,
        *,
        data: bytes | None = None,
        read: int = 0,
        ok: Collection[int] = (FOUND, MISSING),
    ) -> _Answer:
        """Call the archive API; of the answer at most `read` bytes are taken."""
        import requests  # noqa: PLC0415
        import urllib3.exceptions  # noqa: PLC0415 - what a broken body raises, of requests' own library

        api = self._swarm.api
        url = f"{api.base_url}/v{api.api_version}/containers/{at}/archive"
        headers, params = {"Accept-Encoding": "identity"}, {"path": str(path)}
        try:
            with api.request(
                method, url, params=params, data=data, headers=headers, stream=True, timeout=API_SECONDS
            ) as answer:
                body = answer.raw.read(read if answer.status_code == FOUND else HEADERS_BYTES)
                status, stat = answer.status_code, answer.headers.get(STAT_HEADER, "")
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as e:
            raise HostError(f"Docker does not answer for {path} of container {at[:12]}: {e}") from e
        if status not in ok:
            raise _refusal(f"{method} {path} of container {at[:12]}", status=status, body=body)
        return _Answer(status, json.loads(base64.b64decode(stat or "e30=")), body, whole=len(body) < read)

    def _json(self, call: str, **options: object) -> Any:  # noqa: ANN401 - Docker's JSON
        import docker.errors  # noqa: PLC0415
        import requests  # noqa: PLC0415

        try:
            return getattr(self._swarm.api, call)(**options)
        except docker.errors.NotFound:
            raise
        except (requests.RequestException, docker.errors.DockerException) as e:
            raise HostError(f"Docker does not answer: {e}") from e


def _refusal(what: str, *, status: int, body: bytes) -> HostError:
    """Make an error of Docker's refusal, in its own words."""
    try:
        said = str(json.loads(body)["message"])
    except (ValueError, LookupError, TypeError):
        said = body.decode(errors="backslashreplace").strip()
    error = ReadOnlyError if "read-only" in said else HostError
    return error(f"Docker refused {what} with {status}: {said or 'no reason given'}")
