"""The forge of a booted machine: the double of the tests, at the port that the machine's settings name.

It has one repository, with a recipe of one version, whose app is Traefik's own program, and gives it to whoever clones.
What a test must know of it is in a file, which is there once it listens.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path("/run/forge")
sys.path.insert(0, "/etc/recipeci-guest")

from lab.fakeforge.faulty import Raw  # noqa: E402 - found only now
from lab.fakeforge.server import Forge  # noqa: E402

TOKEN = Path("/var/lib/secrets/token").read_text().strip()
GIT = "/usr/bin/git"
ENV = {"PATH": "/usr/bin:/bin", "HOME": str(FOLDER)}
COMPOSE = """\
version: "3.8"
services:
  app:
    image: ping:1.0.0
    command: ["--entrypoints.app.address=:8080", "--ping=true", "--ping.entrypoint=app"]
    networks: [proxy]
    deploy:
      labels:
        - "traefik.enable=true"
        - "traefik.http.services.${STACK_NAME}.loadbalancer.server.port=8080"
        - "traefik.http.routers.${STACK_NAME}.rule=Host(`${DOMAIN}`)"
        - "traefik.http.routers.${STACK_NAME}.entrypoints=web-secure"
        - "traefik.http.routers.${STACK_NAME}.tls.certresolver=${LETS_ENCRYPT_ENV}"
        - "coop-cloud.${STACK_NAME}.version=1.0.0+1.0.0"
networks: {proxy: {external: true}}
"""


class Here(Forge):
    """The double, where the settings say; git may clone from it too."""

    def server_bind(self) -> None:
        self.server_address = ("127.0.0.1", 3000)
        super().server_bind()

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Raw:
        if not path.startswith("/me/"):
            return super().answer(method, path, headers, body)
        file = FOLDER / path.partition("?")[0].removeprefix("/")
        return Raw(200, file.read_bytes()) if file.is_file() else Raw(404)


def git(*words: str, cwd: Path) -> str:
    return subprocess.run([GIT, *words], cwd=cwd, env=ENV, check=True, capture_output=True, text=True).stdout.strip()


def repository() -> str:
    """Write the recipe; return its commit."""
    tree, bare = FOLDER / "tree", FOLDER / "me" / "ping.git"
    tree.mkdir(parents=True)
    bare.parent.mkdir()
    (tree / "compose.yml").write_text(COMPOSE)
    (tree / ".env.sample").write_text("TYPE=ping\nDOMAIN=ping.example.com\nLETS_ENCRYPT_ENV=production\n")
    (tree / "README.md").write_text("# ping\n")
    (tree / "abra.sh").write_text("")
    git("init", "--quiet", "--initial-branch=main", cwd=tree)
    git("add", "--all", cwd=tree)
    me = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    git(*me, "commit", "--quiet", "--message", "feat: ping", cwd=tree)
    git(*me, "tag", "--annotate", "--message", "ping 1.0.0", "1.0.0+1.0.0", cwd=tree)
    git("clone", "--quiet", "--bare", str(tree), str(bare), cwd=FOLDER)
    git("update-server-info", cwd=bare)
    return git("rev-parse", "HEAD", cwd=tree)


def image() -> None:
    """Write what the app's image is made of."""
    folder = FOLDER / "images" / "ping"
    folder.mkdir(parents=True)
    (folder.parent / "images.yml").write_text("images: [{image: 'ping:1.0.0', build: ping}]")
    (folder / "Dockerfile").write_text('FROM scratch\nCOPY traefik /traefik\nENTRYPOINT ["/traefik"]\n')
    shutil.copy(shutil.which("traefik") or "", folder)


image()
sha = repository()
forge = Here(key="key", seed=0)
state = forge.state
state.add_user("bot", token=TOKEN)
state.add_user("me")
home = state.add_repository("me", "ping")
state.permit(home.id, "bot", "admin")
pull = state.add_issue(home.id, author="me")
state.push(home.id, pull.number, sha=sha)
fresh = FOLDER / "fresh"
fresh.write_text(json.dumps({"repository": home.id, "pull": pull.number, "sha": sha}))
fresh.rename(FOLDER / "known.json")
forge.serve_forever()
