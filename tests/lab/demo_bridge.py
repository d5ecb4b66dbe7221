"""The only place that shows the bridge as a whole: a real Gitea, two pull requests, `!testme` under both, two answers.

python -m lab.demo_bridge      # in tests/: needs root, the lab's images and the lab's Gitea (make demo-bridge has them)

The commands and the settings are an operator's. Everything is on loopback, in one folder, and gone at the end.
"""

from __future__ import annotations

import contextlib
import secrets
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import yaml
from recipeci.errors import Interrupted, RecipeCIError, exit_code_of
from recipeci.host.clock import SystemClock, until

from lab import folders, gitea, giteabuild, ports, prepare, repository
from lab.checkouts import Checkout
from lab.gitea import LabGitea, PullRequest
from lab.operator import Operator

LAB = Path(__file__).parent
RECIPE = "custom-html"
OVERLAYS = LAB.parent / "recipes"
READY_SECONDS, VERDICT_SECONDS = 180.0, 1200.0
SCOPES = ("read:user", "read:organization", "write:issue", "write:repository")
FINAL = ("success", "failure", "error")
CLOCK = SystemClock()
TERMINATED = 143


@dataclass(frozen=True)
class Case:
    """A pull request, what it is about, and the state that its head must get."""

    pull: PullRequest
    about: str
    expected: str


@dataclass(frozen=True)
class Scene:
    """What is on the forge: who comments, the bot's token, and the pull requests."""

    lab: LabGitea
    maintainer: gitea.Person
    token: str
    full_name: str
    cases: tuple[Case, ...]


def main() -> int:
    """Show it; return 0 if both pull requests got the answer that they must get."""
    signal.signal(signal.SIGTERM, _terminated)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job begins without it
    try:
        with folders.beside_the_store("d") as folder, gitea.running() as lab:
            say(f"Gitea {giteabuild.VERSION} listens at {lab.url}; all of the bridge is in {folder}")
            scene = _scene(lab, folder)
            with _bridge(scene, folder) as operator:
                return _asked(scene, operator)
    except giteabuild.NoToolchain as e:
        say(f"demo-bridge needs Gitea, which cannot be built here: {e}")
        return 2
    except RecipeCIError as e:
        say(f"demo-bridge: {e.message}")
        return exit_code_of(e)
    except KeyboardInterrupt:
        say("demo-bridge: stopped")
        return 130


def say(line: str) -> None:
    """Tell whoever watches."""
    print(line, flush=True)  # noqa: T201


def _terminated(_: int, __: FrameType | None) -> None:
    """End as Ctrl-C does."""
    raise Interrupted("terminated", code=TERMINATED)


def _scene(lab: LabGitea, folder: Path) -> Scene:
    """Make people, the recipe's repository with its published versions, and two pull requests."""
    maintainer, bot = lab.person(login="maintainer"), lab.person(login="recipeci")
    home = lab.repository(maintainer, name=RECIPE)
    lab.grant(home, bot, "admin")
    built = repository.build(LAB / "recipes" / RECIPE, folder / RECIPE)
    clone, address = Checkout(built.path), lab.address(home, maintainer)
    clone.git("checkout", "--quiet", "-B", "newer", built.head)
    clone.git("checkout", "--quiet", "-b", "lossy")
    compose = (built.path / "compose.yml").read_text()
    lossy = clone.commit({"compose.yml": compose.replace("content:", "pages:").replace(".content=", ".pages=")})
    published = built.commits[-2]
    clone.push(address, f"{published}:refs/heads/main", "newer", "lossy", *(f"refs/tags/{tag}" for tag in built.tags))
    say(f"{lab.url}/{home.full_name} has {', '.join(built.tags)} and two branches")
    cases = (
        Case(lab.pull(home, maintainer, head="newer", sha=built.head), "a newer nginx", "success"),
        Case(lab.pull(home, maintainer, head="lossy", sha=lossy), "the volume gets another name", "failure"),
    )
    return Scene(lab, maintainer, lab.token(bot.login, *SCOPES), home.full_name, cases)


@contextlib.contextmanager
def _bridge(scene: Scene, folder: Path) -> Iterator[Operator]:
    """Enrol the repository, and have the bridge and a worker run."""
    operator = Operator(folder, say=say)
    with ports.held() as port, operator:
        url = f"http://127.0.0.1:{port}"
        _write_settings(operator, scene, folder, url=url)
        operator.once("enroll", scene.full_name)
        operator.begin("serve")
        operator.begin("work")
        operator.wait_for(f"{url}/healthz", seconds=READY_SECONDS)
        yield operator


def _write_settings(operator: Operator, scene: Scene, folder: Path, *, url: str) -> None:
    """Write the settings file, and the files with secrets that it names."""
    own = folder / "cache"
    own.mkdir()
    (own / "store").symlink_to(prepare.cache_folder() / "store")
    settings = {
        "cache": str(own),
        "images": str(prepare.IMAGES),
        "overlays": str(OVERLAYS),
        "abra": {"program": "builtin", "builtin_is_final": True},
        "database": str(folder / "recipeci.db"),
        "bridge": {
            "forge": scene.lab.url,
            "url": url,
            "listen": url.removeprefix("http://"),
            "token_file": operator.secret("token", scene.token),
            "webhook_secret_file": operator.secret("webhook", secrets.token_hex(32)),
        },
        "work": {"name": "demo", "slots": 2},
    }
    operator.config.write_text(yaml.safe_dump(settings, sort_keys=False))


def _asked(scene: Scene, operator: Operator) -> int:
    """Comment under each pull request, wait for the last word, and show it."""
    for case in scene.cases:
        say(f"#{case.pull.number} ({case.about}): maintainer comments !testme")
        scene.lab.comment(case.pull, scene.maintainer, "!testme")
    said: dict[int, str] = {}

    def observe() -> Sequence[str]:
        return [_seen(scene, case, said) for case in scene.cases]

    until(
        observe,
        lambda states: all(state in FINAL for state in states),
        what="both answers",
        clock=CLOCK,
        timeout=VERDICT_SECONDS,
        failed=lambda _: operator.ended() or None,
        delay=0.5,
        successes=1,
    )
    right = [_shown(scene, case) for case in scene.cases]
    return 0 if all(right) else 1


def _seen(scene: Scene, case: Case, said: dict[int, str]) -> str:
    """Return the head's newest status; tell if it has changed, or the comment's first line has."""
    statuses = scene.lab.statuses(case.pull.home, case.pull.head)
    state = statuses[0]["status"] if statuses else "none"
    line = f"#{case.pull.number}: {state}: {_state_line(_comment(scene, case))}"
    if said.get(case.pull.number) != line:
        said[case.pull.number] = line
        say(line)
    return str(state)


def _comment(scene: Scene, case: Case) -> str:
    """Return the bot's comment."""
    bodies = [one["body"] for one in scene.lab.comments(case.pull) if one["user"]["login"] == "recipeci"]
    return str(bodies[0]) if len(bodies) == 1 else f"\n{len(bodies)} comments"


def _state_line(body: str) -> str:
    """Return the comment's line under its marker."""
    return body.split("\n")[1]


def _shown(scene: Scene, case: Case) -> bool:
    """Show comment and status as Gitea's API gives them at the end; return whether the state is the expected one."""
    say(f"\n===== {scene.lab.url}/{scene.full_name}/pulls/{case.pull.number}: {case.about} =====")
    say(_comment(scene, case))
    statuses = scene.lab.statuses(case.pull.home, case.pull.head)
    for status in reversed(statuses):
        words = f"{status['status']}: {status['description']} ({status['target_url']})"
        say(f"commit status {status['context']} of {case.pull.head[:8]}: {words}")
    right = str(statuses[0]["status"]) == case.expected
    say(f"----- {'as expected' if right else f'expected {case.expected}'}")
    return right


if __name__ == "__main__":
    sys.exit(main())
