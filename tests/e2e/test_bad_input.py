"""What the caller gives wrong: the exit code, one sentence with what to do next, and nothing left behind."""

from __future__ import annotations

import dataclasses
import http.server
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from lab.repository import Built

from e2e.program import IMAGES, Recipeci

LONG = "x" * 60
RUN = "--recipe custom-html --source SOURCE"
CASES: Mapping[str, tuple[str, int, str]] = {
    "a recipe name that is a path": ("--recipe ../x", 2, "'../x' is not a recipe name"),
    "no recipe": ("", 2, "--recipe"),
    "an unknown recipe": ("--recipe nope --config FOLDER/forge.yml", 2, "FORGE has no recipe 'nope'"),
    "a source that is not there": (
        "--recipe custom-html --source FOLDER/nowhere",
        2,
        "FOLDER/nowhere: .*no such folder",
    ),
    "a source with a name that no file can have": (f"--recipe x --source {LONG * 5}", 2, "x{100}…: File name too long"),
    "a source in nobody's home folder": ("--recipe x --source ~nosuchuser/x", 2, "~nosuchuser/x: no home folder"),
    "images with a name that no folder can have": (f"{RUN} --images {LONG * 5}", 2, "--images x{100}…: File name too"),
    "overlays with a name that no folder can have": (
        f"{RUN} --overlays {LONG * 5}",
        2,
        "--overlays x{100}…: File name",
    ),
    "a pull request's number of any length": (f"{RUN} --pr {'9' * 5000}", 2, "--pr '9{100}…' is not the number"),
    "a NUL in recipe.yml": (f"{RUN} --overlays FOLDER/nul", 2, r"recipe.yml: env.A: a NUL character"),
    "a deadline that is no number": (f"{RUN} --overlays FOLDER/nan", 2, "recipe.yml: deadline: nan is no number"),
    "a source that is no repository": ("--recipe custom-html --source FOLDER/empty", 2, "empty is no git repository"),
    "a source that is unreachable": ("--recipe x --source https://127.0.0.1:9/x", 3, "127.0.0.1:9/x cannot be reached"),
    "a source that wants a password": ("--recipe x --source FORGE/locked", 3, "FORGE/locked wants a password"),
    "a short sha": (f"{RUN} --ref SHORT", 2, "SHORT is a short sha.*--ref HEAD"),
    "a branch": (f"{RUN} --ref main", 2, "main is a branch.*--ref HEAD"),
    "a sha that is not there": (f"{RUN} --ref {'0' * 40}", 2, f"has no commit {'0' * 40}"),
    "a version that is not published": (f"{RUN} --ref 7.0.0+1.22.1", 2, r"7\.0\.0\+1\.22\.1.*published"),
    "a base that is not published": (f"{RUN} --base 7.0.0+1.22.1", 2, r"7\.0\.0\+1\.22\.1.*published"),
    "an unknown stage": (f"{RUN} --stages install,upgrad", 2, "upgrad.*upgrade"),
    "no folder with images": (f"{RUN} --images FOLDER/nowhere", 2, "FOLDER/nowhere"),
    "no folder with images, in the settings": (f"{RUN} --config FOLDER/images.yml", 2, "setting images: /nope is no"),
    "images without an images.yml": (f"{RUN} --images FOLDER/empty", 2, "FOLDER/empty/images.yml: No such file"),
    "no Docker where the settings say": (f"{RUN} --config FOLDER/docker.yml", 3, "dockerd not found in /nope/bin"),
    "a code that never counts": (f"{RUN} --overlays FOLDER/missing", 2, "recipe.yml: http.accept: a 404 never counts"),
    "no overlays": (f"{RUN} --overlays FOLDER/nowhere", 2, "FOLDER/nowhere"),
    "an unknown key in recipe.yml": (f"{RUN} --overlays FOLDER/overlays", 2, "recipe.yml.*timeout.*timeouts"),
    "an unknown key in the settings": (f"{RUN} --config FOLDER/typo.yml", 2, "typo.yml.*forg.*forge"),
    "settings that are not there": (f"{RUN} --config FOLDER/nowhere.yml", 2, "FOLDER/nowhere.yml"),
    "an abra that is none": (f"{RUN} --images IMAGES --abra /bin/true", 2, "/bin/true is not abra"),
    "a run folder that every cell sees": (f"{RUN} --out {sys.prefix}/runs", 2, "which every cell sees"),
    "an abra that is not there": (f"{RUN} --images IMAGES --abra FOLDER/abra", 2, "FOLDER/abra"),
    "a proxy image that is no image name": (
        f"{RUN} --proxy-image no/../such",
        2,
        r"--proxy-image: 'no/\.\./such' is not an image name.*nginx:1\.26\.3",
    ),
    "a backup-bot image that is no image name": (
        f"{RUN} --bot-image no/../such",
        2,
        "--bot-image: .*not an image name",
    ),
    "a run folder with a very long path": (f"{RUN} --out FOLDER/{LONG}/{LONG}", 2, "too long for the path of a socket"),
    "a run folder that is not empty": (f"{RUN} --out FOLDER/overlays", 2, "FOLDER/overlays is not empty"),
    "a run folder in the source": (f"{RUN} --dirty --out SOURCE/r", 2, "SOURCE/r lies in SOURCE, the source.*outside"),
    "no allowlist where one is named": (
        f"{RUN} --allowlist FOLDER/nowhere",
        2,
        "allowlist FOLDER/nowhere: No such file",
    ),
    "a bad line in the allowlist": (
        f"{RUN} --allowlist FOLDER/typo.yml",
        2,
        "allowlist FOLDER/typo.yml, line 1: 'forg:'",
    ),
    "an allowlist of the recipe's own": (f"{RUN} --allowlist SOURCE/compose.yml", 2, "must not allow itself"),
    "code of a folder that is none": ("--recipe x --source FORGE/x --allow-local-code", 2, "FORGE/x is none"),
    "a syntax error in the operator's suite": (f"{RUN} --overlays FOLDER/syntax", 2, r"test_install\.py:1: "),
    "an unknown folder of tests": (f"{RUN} --overlays FOLDER/costum", 2, r"costum/test_a\.py is a test.*custom/"),
    "a restore of nothing": (f"{RUN} --stages restore", 2, "restore needs a backup.*--stages backup,restore"),
    "not yet: a route out of the cell": (f"{RUN} --overlays FOLDER/route", 2, "network"),
    "not yet: a port that must accept": (f"{RUN} --overlays FOLDER/ports", 2, "probes are not available yet"),
    "a source that is too large": (f"{RUN} --config FOLDER/small.yml", 3, "larger than 1e-06 GB.*source: max_gb"),
    "less room than a run needs": (f"{RUN} --config FOLDER/room.yml", 3, "GB free, and a run needs 1000000 GB"),
}


class Forge(http.server.BaseHTTPRequestHandler):
    """A forge that has no recipe at all, and one folder that wants a password."""

    def do_GET(self) -> None:
        locked = self.path.startswith("/locked")
        self.send_response(401 if locked else 404)
        if locked:
            self.send_header("WWW-Authenticate", 'Basic realm="forge"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def forge() -> Iterator[str]:
    """The forge's address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forge) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def world(folder: Path, custom_html: Built, forge: str) -> Mapping[str, str]:
    """Files that are wrong in one way each; the words of the cases that stand for what only the test knows."""
    overlays = ("overlays", "route", "ports", "missing", "syntax", "nul", "nan", "costum")
    for name in ("empty", *(f"{name}/custom-html" for name in overlays)):
        (folder / name).mkdir(parents=True)
    (folder / "overlays/custom-html/recipe.yml").write_text("timeout: {deploy: 30}\n")
    (folder / "route/custom-html/recipe.yml").write_text("network: true\n")
    (folder / "ports/custom-html/recipe.yml").write_text("probes: [{tcp: 64738}]\n")
    (folder / "missing/custom-html/recipe.yml").write_text("http: {accept: [404]}\n")
    (folder / "syntax/custom-html/test_install.py").write_text("def test(:\n")
    (folder / "costum/custom-html/costum").mkdir()
    (folder / "costum/custom-html/costum/test_a.py").write_text("def test_a(app): ...\n")
    (folder / "nul/custom-html/recipe.yml").write_text('env: {A: "a\\0b"}\n')
    (folder / "nan/custom-html/recipe.yml").write_text("deadline: .nan\n")
    (folder / "images.yml").write_text("images: /nope\n")
    (folder / "docker.yml").write_text("docker: {prefix: /nope}\n")
    (folder / "forge.yml").write_text(f"forge: {forge}\n")
    (folder / "typo.yml").write_text("forg: https://example.org\n")
    (folder / "small.yml").write_text("source: {max_gb: 0.000001}\n")
    (folder / "room.yml").write_text("runs: {min_free_gb: 1000000}\n")
    return {
        "SOURCE": str(custom_html.path),
        "FOLDER": str(folder),
        "FORGE": forge,
        "HEAD": custom_html.head,
        "SHORT": custom_html.head[:9],
        "IMAGES": str(IMAGES),
    }


def filled(text: str, world: Mapping[str, str]) -> str:
    """Return a text with the words that stand for something replaced by it."""
    return re.sub("|".join(world), lambda found: world[found[0]], text)


def all_but_cache(folder: Path) -> list[Path]:
    """Return all paths in a folder but those of the cache folder in it."""
    return sorted(path for path in folder.rglob("*") if not path.is_relative_to(folder / "c"))


@pytest.mark.parametrize("case", CASES)
def test_bad_input(case: str, recipeci: Recipeci, world: Mapping[str, str], folder: Path) -> None:
    text, code, sentence = CASES[case]
    options = filled(text, world).split()
    before = all_but_cache(folder)
    own = [] if "--out" in options or not options else ["--out", str(folder / "r")]
    ended = recipeci.start_as_is(*options, *own, folder=folder / "r").end()
    assert ended.code == code, ended.out + ended.err
    said = re.fullmatch(r"recipeci: ([^\n]+)(?:\n  → ([^\n]+))?\n", ended.err)
    assert said, ended.err
    assert re.search(filled(sentence, world), " ".join(filter(None, said.groups()))), ended.err
    assert all_but_cache(folder) == before
    assert [path.name for path in (recipeci.cache / "runs").glob("*")] in ([], [".lock"])


@pytest.mark.parametrize(
    "case",
    [
        "an unknown key in recipe.yml",
        "a syntax error in the operator's suite",
        "an allowlist of the recipe's own",
        "images without an images.yml",
        "an abra that is none",
    ],
)
def test_it_is_said_before_anything_is_fetched(
    case: str, recipeci: Recipeci, world: Mapping[str, str], folder: Path
) -> None:
    """None of them is the fault of a checkout, and none waits for one."""
    ended = recipeci.start_as_is(*filled(CASES[case][0], world).split(), folder=folder / "r").end()
    assert (ended.code, ended.out) == (2, ""), ended.out + ended.err


def test_without_root(recipeci: Recipeci, world: Mapping[str, str]) -> None:
    """The one that names the command to use; nothing else of the machine is touched."""
    options = filled(f"{RUN} --out FOLDER/r", world).split()
    user = dataclasses.replace(recipeci, env={"HOME": "/nonexistent"})
    # A user who may read the checkout, wherever it is: in /root too.
    reads = ("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search")
    prefix = ("setpriv", "--reuid", "65534", *reads)
    ended = user.start_as_is(*options, folder=recipeci.folder / "r", prefix=prefix).end()
    assert ended.code == 3, ended.out + ended.err
    assert "sudo" in ended.err


def test_a_cache_folder_on_a_file_system_that_cannot_hold_images(recipeci: Recipeci, world: Mapping[str, str]) -> None:
    cache = recipeci.folder / "on-overlay"
    for name in ("lower", "upper", "work", "on-overlay"):
        (recipeci.folder / name).mkdir()
    (recipeci.folder / "overlay.yml").write_text(f"cache: {cache}\n")
    dirs = ",".join(f"{name}dir={recipeci.folder}/{name}" for name in ("lower", "upper", "work"))
    script = f'mount -t overlay -o {dirs} overlay {cache} && exec "$@"'
    options = filled(f"{RUN} --images IMAGES --config FOLDER/overlay.yml", world).split()
    prefix = ("unshare", "--mount", "sh", "-c", script, "sh")
    ended = recipeci.start_as_is(*options, folder=recipeci.folder / "r", prefix=prefix).end()
    assert ended.code == 3, ended.out + ended.err
    assert re.search(f"error     : {cache}.*overlay.*→ .*cache", ended.out.replace("\n", " ")), ended.out
