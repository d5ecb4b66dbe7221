"""The only place that makes images: from an entry of images.yml, by the store's dockerd."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recipeci.errors import CommandFailed, HostError
from recipeci.host import closure, temporary
from recipeci.host.command import BASE_ENV, Runner
from recipeci.host.store import debian
from recipeci.host.store.daemon import Docker
from recipeci.host.store.entries import Build, Debian, Entry
from recipeci.host.store.reference import Reference
from recipeci.host.store.saved import Saved

PREPARE_SECONDS = 1800
BUILD_SECONDS = 3600
IMPORT_SECONDS = 900
NAMELESS = re.compile(r"^Loaded image ID: (sha256:[0-9a-f]{64})$", re.MULTILINE)


@dataclass(frozen=True)
class Builder:
    """Makes images in one store.

    Attributes:
        docker: the command line of the store's dockerd.
        runner: runs mmdebstrap and prepare scripts.
        tars: the folder where base systems are kept.
        work: the folder for what is thrown away; whoever has the store's lock may empty it.
        env: the machine's proxy and certificate variables.
    """

    docker: Docker
    runner: Runner
    tars: Path
    work: Path
    env: Mapping[str, str]

    def make(self, entry: Entry, *, digest: str) -> None:
        """Make an image and name it.

        Raises HostError with the last lines of what failed, UsageError if an archive holds something else.
        """
        try:
            match entry.made_from:
                case Debian() as base:
                    self._debian(base, entry.image, digest=digest)
                case Saved() as saved:
                    self.load(saved, entry.image)
                case Build() as build:
                    self.build(build, entry.image)
        except CommandFailed as error:
            raise HostError(f"image {entry.image} could not be made: {error.message}") from error

    def build(self, build: Build, image: Reference) -> None:
        """Prepare a copy of the folder and build its Dockerfile; raises CommandFailed."""
        with self._scratch() as scratch:
            copy = scratch / "copy"
            shutil.copytree(build.folder, copy, symlinks=True)
            if build.prepare is not None:
                self._prepare(build, copy, home=scratch)
            args = [word for key, value in build.args.items() for word in ("--build-arg", f"{key}={value}")]
            proxies = [word for key in self.env if "proxy" in key.lower() for word in ("--build-arg", key)]
            self.docker.run(
                *("build", "--network", "host", "--force-rm", *args, *proxies, "--tag", str(image), str(copy)),
                timeout=BUILD_SECONDS,
            )

    def load(self, saved: Saved, image: Reference) -> None:
        """Take an image from an archive; raises CommandFailed, and UsageError if it holds something else."""
        saved.check(image)
        said = self.docker.run("load", "--quiet", "--input", str(saved.file), timeout=IMPORT_SECONDS).out
        if nameless := NAMELESS.search(said):
            self.docker.run("tag", nameless[1], str(image), timeout=IMPORT_SECONDS)

    def tar(self, base: Debian, *, digest: str) -> Path:
        """Return the tar of a base system, which is made once; raises CommandFailed, or HostError without a mirror."""
        self.tars.mkdir(exist_ok=True)
        tar = self.tars / f"{base.suite}-{digest[:16]}.tar"
        if not tar.exists():
            with self._scratch() as scratch:
                debian.make(base, tar, work=scratch, runner=self.runner, env=self.env)
        return tar

    def _prepare(self, build: Build, copy: Path, *, home: Path) -> None:
        own = {"PATH": closure.OWN.machine_path, "HOME": str(home), "TMPDIR": str(home), "PYTHON": sys.executable}
        env = {**BASE_ENV, **self.env, **own, **build.args}
        self.runner.run([*debian.ISOLATED, str(build.prepare)], timeout=PREPARE_SECONDS, env=env, cwd=copy)

    def _debian(self, base: Debian, image: Reference, *, digest: str) -> None:
        tar = self.tar(base, digest=digest)
        self.docker.run("import", "--change", 'CMD ["bash"]', str(tar), str(image), timeout=IMPORT_SECONDS)

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        self.work.mkdir(exist_ok=True)
        with temporary.folder(self.work) as folder:
            yield folder
