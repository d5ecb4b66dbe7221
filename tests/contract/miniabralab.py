"""miniabra as a program in a folder of its own: a recipe's real checkout, a docker that knows what it was told."""

from __future__ import annotations

import functools
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from fakedocker import FakeDocker
from recipeci.host.command import PATH, Completed, LocalRunner

DOMAIN = "one.ci.test"
STACK = "one_ci_test"
RECIPE = "thing"
SAMPLE = """\
TYPE=thing
DOMAIN=thing.example.com
#EXTRA_DOMAINS=', `www.thing.example.com`'
COMPOSE_FILE="compose.yml"
SECRET_KEY_VERSION=v1 # length=43 charset=hex
SECRET_PHRASE_VERSION=v1
"""
COMPOSE = """\
version: "3.8"
services:
  app:
    image: nginx:1.22.1
    environment: {FIXED: "of the compose file", PRICE: "$${DOMAIN}"}
    secrets: [key, phrase]
    configs: [{source: conf, target: /conf}]
    healthcheck: {test: "true"}
    deploy:
      labels:
        - "traefik.enable=true"
        - "coop-cloud.${STACK_NAME}.version=1.1.0+2.0"
  db:
    image: postgres:15.8
    healthcheck: {test: "true"}
secrets:
  key: {external: true, name: "${STACK_NAME}_key_${SECRET_KEY_VERSION}"}
  phrase: {external: true, name: "${STACK_NAME}_phrase_${SECRET_PHRASE_VERSION}"}
configs:
  conf: {name: "${STACK_NAME}_conf_${CONF_VERSION}", file: conf}
"""
GIT_ENV = {
    "PATH": PATH,
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    **{f"GIT_{who}_{what}": "maker@test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}
runner = LocalRunner()


@dataclass(frozen=True)
class Checkout:
    """A recipe's repository, used the way its maintainer does."""

    folder: Path

    def git(self, *args: str) -> str:
        return runner.run(["git", *args], timeout=180, env=GIT_ENV, cwd=self.folder).out.strip()

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text()
        assert text.count(old) == 1, f"{old!r} is in {name} {text.count(old)} times"
        self.write(name, text.replace(old, new))

    def commit(self, *, tag: str | None = None, annotated: bool = True) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "a step")
        if tag is not None:
            self.git("tag", *(["--annotate", "--message", tag] if annotated else []), tag)
        return self.head

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")


@dataclass(frozen=True)
class Lab:
    """Everything one test needs."""

    folder: Path
    docker: FakeDocker
    checkout: Checkout
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def abra_dir(self) -> Path:
        return self.folder / "abra"

    @property
    def env_file(self) -> Path:
        return self.abra_dir / "servers" / "default" / f"{DOMAIN}.env"

    def run(self, *args: str, habits: str = "", terminal: bool = False) -> Completed:
        """Run a command of miniabra; both of its exit codes are accepted."""
        env = {
            "ABRA_DIR": str(self.abra_dir),
            "HOME": str(self.folder),
            "PATH": f"{self.docker.folder}:{PATH}",
            "LC_ALL": "C",
            "MINIABRA_HABITS": habits,
            **self.extra,
        }
        argv = [sys.executable, "-I", "-m", "miniabra", *args]
        return runner.run(argv, timeout=180, env=env, ok=(0, 1), terminal=terminal)

    def done(self, *args: str, habits: str = "", terminal: bool = False) -> Completed:
        """Run a command that must succeed."""
        ended = self.run(*args, habits=habits, terminal=terminal)
        assert ended.code == 0, ended.out + ended.err
        return ended

    def refused(self, *args: str, habits: str = "", terminal: bool = False) -> str:
        """Run a command that must fail; return its FATA line, which must be the last of stdout."""
        ended = self.run(*args, habits=habits, terminal=terminal)
        last = ended.out.strip().splitlines()[-1]
        assert (ended.code, last[:5]) == (1, "FATA "), ended.out + ended.err
        return last[5:]

    def new(self, habits: str = "") -> None:
        """Make the app."""
        self.done("app", "new", RECIPE, "-s", "default", "-D", DOMAIN, "-o", "-n", habits=habits)

    def deployable(self) -> None:
        """Declare a swarm on which the app's secrets are and nothing is deployed, and that takes a deployment."""
        self.docker.on("service", "ls")
        self.docker.on("secret", "ls", out=f"{STACK}_key_v1\n{STACK}_phrase_v1\n")
        self.docker.on("stack", "deploy")

    def deployed_with(self, *args: str, habits: str = "") -> dict[str, object]:
        """Deploy, and return what miniabra adds to the service `app`: {labels, environment}."""
        self.done("app", "deploy", DOMAIN, *args, "-o", "-n", "-c", "-D", habits=habits)
        service = self.docker.of("stack", "deploy")[-1].generated["services"]["app"]
        return {"labels": service["deploy"]["labels"], "environment": service.get("environment", {})}


def make(folder: Path) -> Lab:
    """Make a recipe with two published versions and a head, and a server to make apps on."""
    shutil.copytree(_template().name, folder)
    return Lab(folder, FakeDocker(folder / "bin"), Checkout(folder / "abra" / "recipes" / RECIPE))


@functools.cache
def _template() -> tempfile.TemporaryDirectory[str]:
    """Make the repository once for all tests of a process; its folder goes with the process."""
    template = tempfile.TemporaryDirectory(prefix="miniabra-lab-")
    abra_dir = Path(template.name) / "abra"
    (abra_dir / "servers" / "default").mkdir(parents=True)
    checkout = Checkout(abra_dir / "recipes" / RECIPE)
    checkout.folder.mkdir(parents=True)
    checkout.git("init", "--quiet", "--initial-branch=main")
    for name, text in {".env.sample": SAMPLE, "compose.yml": COMPOSE, "conf": "one\n"}.items():
        checkout.write(name, text)
    checkout.write("abra.sh", 'export CONF_VERSION=v1\nexport QUOTED="v1"\nexport DATE=$(date)\necho never run\n')
    checkout.commit(tag="1.9.0+2.0")
    checkout.replace("conf", "one", "two")
    checkout.commit(tag="1.10.0+2.0")
    checkout.replace("conf", "two", "three")
    checkout.commit()
    return template
