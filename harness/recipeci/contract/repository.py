"""The only place that makes the small recipe that the contract is checked with: two published versions and a head."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipeci.host.command import PATH, Runner

RECIPE = "probe"
OLD, NEW = "1.9.0+1.0", "1.10.0+1.0"
"""Its published versions; as text the older is the greater one."""
HEAD = "head"
LATER = "1.11.0+1.0"
"""For a check to publish."""
COMMENT = "# a comment of the sample"
SAMPLE = f"TYPE={RECIPE}\n{COMMENT}\nDOMAIN={RECIPE}.example.com\nLETS_ENCRYPT_ENV=\n"
SECRET_LINES = ("SECRET_KEY_VERSION=v1 # length=43 charset=hex", "SECRET_PHRASE_VERSION=v1")
LABEL = "9.9.9+9"
"""The version that the compose file's label says, at every commit: no tag's."""
SECONDS = 30.0
GIT_ENV = {
    "PATH": PATH,
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    **{f"GIT_{who}_{what}": "probe@recipeci" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    **{f"GIT_{who}_DATE": "2026-01-02T03:04:05Z" for who in ("AUTHOR", "COMMITTER")},
}
"""The dates are fixed, so that each commit has the same sha in every transcript."""
Compose = dict[str, Any]


@dataclass(frozen=True)
class Checkout:
    """The recipe's checkout, in the hands of its maintainer."""

    folder: Path
    runner: Runner

    def git(self, *args: str) -> str:
        """Run git; return what it printed."""
        return self.runner.run(["git", *args], timeout=SECONDS, env=GIT_ENV, cwd=self.folder).out.strip()

    @property
    def head(self) -> str:
        """The commit that is checked out."""
        return self.git("rev-parse", "HEAD")

    def commit_of(self, ref: str) -> str:
        """Return the commit of a version or branch."""
        return self.git("rev-parse", f"{ref}^{{commit}}")

    def where(self) -> str:
        """Return what is checked out, in words."""
        return self.git("describe", "--all", "--always").removeprefix("tags/").removeprefix("heads/")

    def checkout(self, ref: str) -> None:
        """Move to a version or branch."""
        self.git("checkout", "--quiet", "--detach", ref)

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        (self.folder / name).write_text(text, encoding="utf-8")

    def compose(self) -> Compose:
        """Return the compose file, which is JSON: every JSON text is YAML too."""
        return dict(json.loads((self.folder / "compose.yml").read_text(encoding="utf-8")))

    def write_compose(self, compose: Mapping[str, Any], *, name: str = "compose.yml") -> None:
        """Write a compose file."""
        self.write(name, json.dumps(compose, indent=2) + "\n")

    def change(self, *, service: Mapping[str, Any] | None = None, labels: Sequence[str] = (), **top: object) -> None:
        """Change the checked-out compose file and commit: keys of the service `app`, deploy labels, keys at the top."""
        compose = self.compose()
        app = compose["services"]["app"]
        deploy = (service or {}).get("deploy", {})
        app["deploy"].update(deploy)
        app.update({key: value for key, value in (service or {}).items() if key != "deploy"})
        app["deploy"]["labels"] += labels
        compose.update(top)
        self.write_compose(compose)
        self.commit()

    def commit(self, *, tag: str | None = None, annotated: bool = True) -> str:
        """Commit everything, by a tag if one is given; return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "a step")
        if tag is not None:
            self.tag(tag, annotated=annotated)
        return self.head

    def tag(self, name: str, *, annotated: bool = True) -> None:
        """Tag what is checked out."""
        self.git("tag", *(["--annotate", "--message", name] if annotated else []), name)


def make(folder: Path, *, image: str, runner: Runner) -> Checkout:
    """Make the recipe's repository with `main` checked out."""
    folder.mkdir(parents=True)
    made = Checkout(folder, runner)
    made.git("init", "--quiet", "--template=", "--initial-branch=main")
    made.write(".env.sample", SAMPLE)
    made.write("abra.sh", 'export EXPORTED=v1\nexport QUOTED="v1"\n')
    made.write("README.md", "# probe\n")
    for step, tag in ((OLD, OLD), (NEW, NEW), (HEAD, None)):
        made.write_compose(_compose(image, step=step))
        made.commit(tag=tag)
    return made


def with_secrets(checkout: Checkout) -> None:
    """Give the recipe two secrets, one with a length, and commit."""
    secrets = {name: _external(name) for name in ("key", "phrase")}
    sample = SAMPLE + "".join(f"{line}\n" for line in SECRET_LINES)
    checkout.write(".env.sample", sample)
    checkout.change(service={"secrets": list(secrets)}, secrets=secrets)


def _external(name: str) -> Mapping[str, object]:
    return {"external": True, "name": f"${{STACK_NAME}}_{name}_${{SECRET_{name.upper()}_VERSION:-v1}}"}


def _compose(image: str, *, step: str) -> Compose:
    """Return the compose file: no task is wanted, unless a check changes that; `STEP` says whose commit is deployed."""
    labels = [  # a list: variables are replaced in the keys too
        "traefik.enable=true",
        "traefik.http.routers.${STACK_NAME}.rule=Host(`${DOMAIN}`)",
        f"coop-cloud.${{STACK_NAME}}.version={LABEL}",
    ]
    app = {
        "image": image,
        "environment": {"STEP": step, "FIXED": "of the compose file"},
        "networks": ["proxy"],
        "deploy": {"replicas": 0, "labels": labels},
    }
    return {"version": "3.8", "services": {"app": app}, "networks": {"proxy": {"external": True}}}
