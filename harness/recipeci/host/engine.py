"""The only place that knows where Docker's programs are and how old they may be."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from recipeci.errors import HostError
from recipeci.host.command import PATH, LocalRunner, Runner
from recipeci.model import Program

OLDEST_ENGINE = (20, 10)
OLDEST_CLI = (23, 0)  # the first with `docker stack config`
REMEDY = (
    "set docker.prefix in the settings to a folder whose bin/ holds Docker 26, or put Docker 26 on PATH; "
    "`make setup` makes one"
)
VERSION = re.compile(r"version v?((\d+)\.(\d+)(?:\.\d+)?)")


@dataclass(frozen=True)
class DockerPrograms:
    """The programs of one Docker installation, each by its absolute path."""

    dockerd: Path
    docker: Path
    containerd: Path
    runc: Path
    docker_proxy: Path
    docker_init: Path | None = None

    def __post_init__(self) -> None:
        """Refuse a relative path: these programs are started with other working folders than ours."""
        for program in self._all:
            if not program.is_absolute():
                raise HostError(f"{program} is not an absolute path", hint=REMEDY)

    @property
    def path(self) -> str:
        """What to put first on PATH for dockerd, which looks up the others there."""
        return ":".join(dict.fromkeys(str(program.parent) for program in self._all))

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder that must be seen to run them: where they are found, and where links of theirs lead."""
        parents = [program.parent for program in self._all] + [program.resolve().parent for program in self._all]
        return tuple(dict.fromkeys(parents))

    @property
    def _all(self) -> tuple[Path, ...]:
        needed = (self.dockerd, self.docker, self.containerd, self.runc, self.docker_proxy)
        return needed if self.docker_init is None else (*needed, self.docker_init)


def find(prefix: Path | None, *, runner: Runner | None = None, path: str = PATH) -> DockerPrograms:
    """Find Docker's programs: in `prefix`/bin if given, else beside our Python, else on `path`.

    Raises HostError if they are not there, or are older than engine 20.10 or CLI 23.
    """
    programs = located(_search_path(prefix, path))
    _check_age(programs, runner or LocalRunner())
    return programs


def version(programs: DockerPrograms, runner: Runner) -> Program:
    """Ask dockerd for its version."""
    return Program("Docker", _numbers(programs.dockerd, runner)[0])


def _search_path(prefix: Path | None, path: str) -> str:
    if prefix is not None:
        return str(prefix.absolute() / "bin")
    own = Path(sys.prefix) / "docker" / "bin"
    return str(own) if own.is_dir() else path


def located(path: str) -> DockerPrograms:
    """Find Docker's programs in `path`, whatever their age.

    What dockerd starts is taken from beside it, else from where distributions keep it: beside the real dockerd, or in
    libexec/docker; last from the path, where it may be of another version.
    """
    dockerd = _needed("dockerd", path)
    around = f"{dockerd.parent}:{_private(dockerd)}:{path}"
    init = shutil.which("docker-init", path=around)
    return DockerPrograms(
        dockerd=dockerd,
        docker=_needed("docker", path),
        containerd=_needed("containerd", around),
        runc=_needed("runc", around),
        docker_proxy=_needed("docker-proxy", around),
        docker_init=Path(init).absolute() if init else None,
    )


def _needed(name: str, path: str) -> Path:
    found = shutil.which(name, path=path)
    if found is None:
        raise HostError(f"{name} not found in {path}", hint=REMEDY)
    return Path(found).absolute()


def _private(dockerd: Path) -> str:
    """Return, as PATH has them, the folders of programs that nobody but dockerd starts, and so are on nobody's PATH."""
    real = dockerd.resolve().parent
    return f"{real}:{real.parent / 'libexec' / 'docker'}"


def _check_age(programs: DockerPrograms, runner: Runner) -> None:
    for program, oldest in ((programs.dockerd, OLDEST_ENGINE), (programs.docker, OLDEST_CLI)):
        text, numbers = _numbers(program, runner)
        if numbers < oldest:
            wanted = ".".join(map(str, oldest))
            raise HostError(f"{program} is version {text}; {wanted} or later is needed", hint=REMEDY)


def _numbers(program: Path, runner: Runner) -> tuple[str, tuple[int, int]]:
    """Return a program's version as text and as (major, minor)."""
    done = runner.run([str(program), "--version"], timeout=20)
    found = VERSION.search(done.out)
    if found is None:
        raise HostError(f"{program} --version printed {done.out.strip()!r}", hint=REMEDY)
    return found[1], (int(found[2]), int(found[3]))
