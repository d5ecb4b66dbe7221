"""host.git against real git: clones of every kind of source, hostile ones too, and what is read from them."""

from __future__ import annotations

import contextlib
import http.server
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from recipeci.errors import HostError, RecipeInvalid, UsageError
from recipeci.host.clone import Clone
from recipeci.host.command import LocalRunner
from recipeci.host.git import clone, source_of
from recipeci.host.gitcall import Git, Source
from recipeci.model import Commit, Tag
from recipeci.recipe.lint import of_files
from recipeci.run.linting import recipe_tree

FORGE = "https://forge.invalid/org"
ENV = {
    "PATH": os.defpath,
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    **{f"GIT_{who}_{what}": "maker@test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}
runner = LocalRunner()


@dataclass(frozen=True)
class Made:
    """A repository made on the spot, the way a maintainer makes it."""

    folder: Path

    def git(self, *args: str) -> str:
        return runner.run(["git", *args], timeout=30, env=ENV, cwd=self.folder).out.strip()

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def commit(self, text: str) -> Commit:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", text)
        return Commit(self.git("rev-parse", "HEAD"))

    def snapshot(self) -> dict[str, bytes]:
        files = (path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink())
        return {str(path): path.read_bytes() for path in files}


@pytest.fixture
def made(tmp_path: Path) -> Made:
    one = Made(tmp_path / "recipe")
    one.folder.mkdir()
    one.git("init", "--quiet", "-b", "main")
    one.write("compose.yml", "version: '3.8'\n")
    one.commit("first")
    one.git("tag", "-a", "1.0.0+1", "-m", "release")
    return one


def cloned(made: Made, into: Path, *, given: str | None = None) -> Clone:
    return clone(runner, source_of(given or str(made.folder), recipe="x", forge=FORGE), into)


# --- sources


def test_a_folder_with_a_working_tree(made: Made, tmp_path: Path) -> None:
    before = made.snapshot()
    found = cloned(made, tmp_path / "clone")
    assert str(found.newest) == made.git("rev-parse", "HEAD")
    assert found.head() == found.newest
    assert made.snapshot() == before, "the source was written"


def test_a_bare_repository(made: Made, tmp_path: Path) -> None:
    made.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare"))
    found = cloned(made, tmp_path / "clone", given=str(tmp_path / "bare"))
    assert str(found.newest) == made.git("rev-parse", "HEAD")
    assert [tag.name for tag in found.tags()] == ["1.0.0+1"]


@pytest.mark.parametrize("start", ["file://", "file:", "file://localhost"])
def test_a_file_url_with_a_space_in_it(made: Made, tmp_path: Path, start: str) -> None:
    (tmp_path / "a b").symlink_to(made.folder)
    found = cloned(made, tmp_path / "clone", given=f"{start}{tmp_path}/a%20b")
    assert str(found.newest) == made.git("rev-parse", "HEAD")


def test_a_worktree_and_a_detached_head(made: Made, tmp_path: Path) -> None:
    made.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"))
    side = Made(tmp_path / "tree")
    side.write("new", "x")
    wanted = side.commit("on no branch")
    assert cloned(side, tmp_path / "clone").newest == wanted


def test_nothing_of_the_source_is_shared_with_the_clone(made: Made, tmp_path: Path) -> None:
    found = cloned(made, tmp_path / "clone")
    assert not (found.folder / ".git/objects/info/alternates").exists()
    objects = [path for path in (found.folder / ".git/objects").rglob("*") if path.is_file()]
    assert objects
    assert all(path.stat().st_nlink == 1 for path in objects), "a hard link into the source"


def test_the_clone_looks_as_any_clone_does(made: Made, tmp_path: Path) -> None:
    found = Made(cloned(made, tmp_path / "clone").folder)
    assert found.git("config", "remote.origin.url") == str(made.folder)
    assert found.git("config", "remote.origin.fetch") == "+refs/heads/*:refs/remotes/origin/*"
    assert found.git("config", "branch.main.merge") == "refs/heads/main"
    assert "tagopt" not in found.git("config", "--list").lower()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_that_belongs_to_somebody_else(made: Made, tmp_path: Path) -> None:
    for path in [made.folder, *made.folder.rglob("*")]:
        os.lchown(path, 12345, 12345)
    with pytest.raises(Exception, match=r"safe\.directory"):  # the control: git itself refuses
        runner.run(["git", "clone", "--no-local", str(made.folder), str(tmp_path / "no")], timeout=30, env=ENV)
    found = cloned(made, tmp_path / "clone")
    assert [tag.name for tag in found.tags()] == ["1.0.0+1"]


def test_the_forge_may_be_a_folder_too(made: Made, tmp_path: Path) -> None:
    assert source_of(None, recipe="recipe", forge=str(tmp_path)) == Source(
        str(made.folder), local=True, recipe="recipe"
    )
    made.git("clone", "--quiet", "--bare", ".", str(tmp_path / "other.git"))
    assert source_of(None, recipe="other", forge=f"file://{tmp_path}").where == str(tmp_path / "other.git")
    with pytest.raises(UsageError, match="has no recipe 'third'"):
        source_of(None, recipe="third", forge=str(tmp_path))


def test_without_a_source_it_is_the_forges() -> None:
    found = source_of(None, recipe="custom-html", forge="https://forge.invalid/org/")
    assert found == Source("https://forge.invalid/org/custom-html.git", local=False, recipe="custom-html")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("/no/such/folder", "there is no such folder"),
        ("no-such-folder", "there is no such folder"),
        ("-oProxyCommand=x", "there is no such folder"),
        ("file://other.host/x", "a file: URL of another host"),
        ("http://forge.invalid/x", "http: is not a protocol"),
        ("http://127.0.0.1.forge.invalid/x", "http: is not a protocol"),
        ("ftp://127.0.0.1/x", "ftp: is not a protocol"),
        ("ssh://git@forge.invalid/x", "ssh: is not a protocol"),
        ("ext::sh -c id", "there is no such folder"),
        ("ext://sh", "ext: is not a protocol"),
        ("git@forge.invalid:org/x.git", "by ssh is not supported"),
        ("https://", "names no host"),
        ("https://forge.invalid/a b", "names no host"),
        ("https://[::1", "is no URL"),
    ],
)
def test_what_is_no_source(given: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence) as caught:
        source_of(given, recipe="x", forge=FORGE)
    assert caught.value.hint


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError, match="user name or password") as caught:
        source_of("https://me:hunter2@forge.invalid/x", recipe="x", forge=FORGE)
    assert "hunter2" not in caught.value.message


def test_a_folder_that_is_no_repository(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    with pytest.raises(UsageError, match="plain is no git repository"):
        clone(runner, source_of(str(tmp_path / "plain"), recipe="x", forge=FORGE), tmp_path / "clone")


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    empty = Made(tmp_path / "empty")
    empty.folder.mkdir()
    empty.git("init", "--quiet")
    with pytest.raises(UsageError, match="has no commit on its default branch"):
        cloned(empty, tmp_path / "clone")


def test_a_shallow_repository_is_refused_since_its_versions_may_lack(made: Made, tmp_path: Path) -> None:
    made.commit("second")
    made.git("clone", "--quiet", "--depth=1", f"file://{made.folder}", str(tmp_path / "shallow"))
    with pytest.raises(UsageError, match="only a part of its history") as caught:
        cloned(made, tmp_path / "clone", given=str(tmp_path / "shallow"))
    assert "--unshallow" in caught.value.hint


# --- a forge


@contextlib.contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """A web server on loopback."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


class Quiet(http.server.BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@contextlib.contextmanager
def forge_that_answers(status: int, body: bytes = b"") -> Iterator[str]:
    """A forge that gives every question the same answer."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="forge"')
            self.end_headers()
            self.wfile.write(body)

    with serving(Handler) as url:
        yield url


@contextlib.contextmanager
def forge_of(root: Path) -> Iterator[str]:
    """A forge that serves the repositories in a folder by git's own program, as Gitea does."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            length = int(self.headers.get("Content-Length") or 0)
            asked = {"PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command}
            asked |= {"CONTENT_TYPE": self.headers.get("Content-Type") or "", "CONTENT_LENGTH": str(length)}
            asked |= {"HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or ""}
            asked |= {"GIT_PROTOCOL": self.headers.get("Git-Protocol") or "", "GIT_PROJECT_ROOT": str(root)}
            done = subprocess.run(
                ["/usr/bin/env", "git", "http-backend"],
                input=self.rfile.read(length),
                env={**ENV, **asked, "GIT_HTTP_EXPORT_ALL": "1", "REMOTE_ADDR": "127.0.0.1"},
                stdout=subprocess.PIPE,
                timeout=30,
                check=False,  # a refusal is in the body
            )
            head, _, body = done.stdout.partition(b"\r\n\r\n")
            lines = [line.split(": ", 1) for line in head.decode().split("\r\n")]
            self.send_response(int(dict(lines).get("Status", "200").split()[0]))
            for name, value in lines:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the base class's name

    with serving(Handler) as url:
        yield url


def test_a_recipe_from_its_forge_with_its_tags_and_a_pull_requests_commit(made: Made, tmp_path: Path) -> None:
    made.git("checkout", "--quiet", "--detach")
    wanted = made.commit("pull request")
    made.git("update-ref", "refs/pull/7/head", str(wanted))
    made.git("checkout", "--quiet", "main")
    made.git("clone", "--quiet", "--mirror", ".", str(tmp_path / "forge" / "recipe.git"))
    with forge_of(tmp_path / "forge") as forge:
        found = clone(runner, source_of(None, recipe="recipe", forge=forge), tmp_path / "clone")
        assert str(found.newest) == made.git("rev-parse", "main")
        assert [tag.name for tag in found.tags()] == ["1.0.0+1"]
        found.get(wanted)
        found.checkout(wanted)
        with pytest.raises(UsageError, match=f"has no commit {'e' * 40}"):
            found.get(Commit("e" * 40))
        with pytest.raises(UsageError, match="has no recipe 'other'"):
            clone(runner, source_of(None, recipe="other", forge=forge), tmp_path / "other")
    with pytest.raises(HostError, match="cannot be reached"):
        found.get(Commit("d" * 40))


@pytest.mark.parametrize(
    ("status", "kind", "sentence"),
    [
        (401, HostError, "wants a password"),
        (403, HostError, "wants a password"),
        (404, UsageError, "has no recipe 'nextcloud'"),
        (500, HostError, "cannot be reached.*500"),
        (200, UsageError, "is no git repository"),
    ],
)
def test_what_a_forge_answers(tmp_path: Path, status: int, kind: type[Exception], sentence: str) -> None:
    with forge_that_answers(
        status, b"<!DOCTYPE html>\n<html><body>Welcome to this web site</body></html>\n" * 3
    ) as forge:
        source = source_of(None, recipe="nextcloud", forge=forge)
        with pytest.raises(kind, match=sentence) as caught:
            clone(runner, source, tmp_path / "clone")
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)


def test_a_source_by_url_that_is_not_there(tmp_path: Path) -> None:
    with (
        forge_that_answers(404) as forge,
        pytest.raises(UsageError, match=r"/org/x\.git: there is no such repository"),
    ):
        clone(runner, source_of(f"{forge}/org/x.git", recipe="x", forge=FORGE), tmp_path / "clone")


def test_a_forge_behind_a_proxy_is_asked_through_it(tmp_path: Path) -> None:
    source = source_of("https://forge.invalid/org/x.git", recipe="x", forge=FORGE)
    with (
        forge_that_answers(404) as proxy,
        pytest.raises(HostError, match=r"cannot be reached: .*(?:CONNECT|proxy)"),
    ):
        clone(runner, source, tmp_path / "clone", network={"https_proxy": proxy, "GIT_SSH_COMMAND": "x"})


def test_the_machines_certificates_are_used(tmp_path: Path) -> None:
    with forge_that_answers(404) as forge:
        source = source_of(f"{forge.replace('http:', 'https:')}/x.git", recipe="x", forge=FORGE)
        for name in ("GIT_SSL_CAINFO", "SSL_CERT_FILE", "NIX_SSL_CERT_FILE"):
            with pytest.raises(HostError, match="SSL CA cert"):
                clone(runner, source, tmp_path / name, network={name: "/no/such/authorities"})


def test_git_is_looked_up_where_it_is_said_to_be(made: Made, tmp_path: Path) -> None:
    with pytest.raises(HostError, match="git is not on this machine"):
        clone(runner, source_of(str(made.folder), recipe="x", forge=FORGE), tmp_path / "c", path=str(tmp_path))


def test_a_forge_that_is_not_reached(tmp_path: Path) -> None:
    with socket.socket() as nobody:  # bound, and nobody listens
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/x.git"
        with pytest.raises(HostError, match=r"/x\.git cannot be reached: Failed to connect") as caught:
            clone(runner, source_of(url, recipe="x", forge=FORGE), tmp_path / "clone")
    assert caught.value.exit_code == 3
    assert caught.value.hint


def test_git_speaks_only_the_protocol_of_the_source(made: Made, tmp_path: Path) -> None:
    git, args = Git(runner), ["clone", "--no-local", str(made.folder)]
    with pytest.raises(HostError, match="transport 'file' not allowed"):
        git.run([*args, str(tmp_path / "none")])
    with pytest.raises(HostError, match="transport 'file' not allowed"):
        git.ask(Source("https://forge.invalid/x", local=False), [*args, str(tmp_path / "other")])
    git.ask(Source(str(made.folder), local=True), [*args, str(tmp_path / "its-own")])


# --- tags and commits


def test_tags_have_their_commit_and_their_kind(made: Made, tmp_path: Path) -> None:
    second = made.commit("second")
    made.git("tag", "1.1.0+2")
    made.git("tag", "-a", "nested", "1.0.0+1", "-m", "a tag of a tag")
    made.git("tag", "-a", "of-a-tree", "HEAD^{tree}", "-m", "no commit")
    made.git("checkout", "--quiet", "--orphan", "side")
    aside = made.commit("on a branch that nobody merged")
    made.git("tag", "-a", "0.9.0+1", "-m", "x")
    made.git("checkout", "--quiet", "main")
    made.git("branch", "--quiet", "-D", "side")
    found = cloned(made, tmp_path / "clone")
    first = Commit(made.git("rev-parse", "1.0.0+1^{commit}"))
    assert set(found.tags()) == {
        Tag("1.0.0+1", first, annotated=True),
        Tag("1.1.0+2", second, annotated=False),
        Tag("nested", first, annotated=True),
        Tag("0.9.0+1", aside, annotated=True),
    }
    assert set(found.reachable_tags(second)) == {"1.0.0+1", "1.1.0+2", "nested"}
    assert set(found.reachable_tags(first)) == {"1.0.0+1", "nested"}


def test_a_recipe_without_tags(made: Made, tmp_path: Path) -> None:
    made.git("tag", "-d", "1.0.0+1")
    found = cloned(made, tmp_path / "clone")
    assert found.tags() == ()
    assert found.reachable_tags(found.newest) == ()


def test_a_commit_that_no_branch_holds_is_asked_for_by_its_sha(made: Made, tmp_path: Path) -> None:
    made.git("checkout", "--quiet", "--detach")
    made.write("of-the-pull-request", "x")
    wanted = made.commit("pull request")
    made.git("update-ref", "refs/pull/7/head", str(wanted))
    made.git("checkout", "--quiet", "main")
    found = cloned(made, tmp_path / "clone")
    with pytest.raises(RecipeInvalid):  # the control: the clone alone does not have it
        found.read(wanted, "of-the-pull-request")
    found.get(wanted)
    found.checkout(wanted)
    assert found.head() == wanted
    assert (found.folder / "of-the-pull-request").read_text() == "x"


def test_a_sha_that_is_not_there(made: Made, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"has no commit {'e' * 40}"):
        cloned(made, tmp_path / "clone").get(Commit("e" * 40))


def test_a_source_that_is_gone_is_not_said_to_lack_the_commit(made: Made, tmp_path: Path) -> None:
    found = cloned(made, tmp_path / "clone")
    made.folder.rename(tmp_path / "moved")
    with pytest.raises(UsageError, match="is no git repository"):
        found.get(Commit("e" * 40))


def test_a_sha_that_is_no_commits(made: Made, tmp_path: Path) -> None:
    tree = Commit(made.git("rev-parse", "HEAD^{tree}"))
    with pytest.raises(UsageError, match="no commit"):
        cloned(made, tmp_path / "clone").get(tree)


def test_branches_and_short_shas_are_found_for_the_hint(made: Made, tmp_path: Path) -> None:
    found = cloned(made, tmp_path / "clone")
    assert found.branch("main") == found.newest
    assert found.branch("no-such") is None
    assert found.branch("a b\n..") is None
    assert found.starting_with(str(found.newest)[:7]) == (found.newest,)
    assert found.starting_with("0000000") == ()
    tree = made.git("rev-parse", "HEAD^{tree}")
    assert found.starting_with(tree[:10]) == ()


# --- reading and checking out


def test_a_file_is_read_to_the_byte(made: Made, tmp_path: Path) -> None:
    texts = {"a": "no end of line", "b": "one\n", "c": "", "d": "ä\r\n\n\n", "e": "\n", "folder/with space": "x\ny"}
    for name, text in texts.items():
        (made.folder / name).parent.mkdir(exist_ok=True)
        (made.folder / name).write_bytes(text.encode())
    commit = made.commit("files")
    found = cloned(made, tmp_path / "clone")
    assert {name: found.read(commit, name) for name in texts} == texts


def test_what_cannot_be_read(made: Made, tmp_path: Path) -> None:
    made.write("folder/file", "x")
    made.write("large", "x" * (256 * 1024 + 1))
    commit = made.commit("files")
    found = cloned(made, tmp_path / "clone")
    for path, sentence in {
        "absent": "absent is not in",
        "folder": "is no file",
        "large": "larger than 256 KiB",
        "../x": "is no path",
        "folder/../../x": "is no path",
        "/etc/passwd": "is no path",
        "a\nb": "is no path",
    }.items():
        with pytest.raises(RecipeInvalid, match=sentence):
            found.read(commit, path)


def test_links_are_followed_inside_the_tree_only(made: Made, tmp_path: Path) -> None:
    made.write("folder/real", "real")
    links = {"inside": "folder/real", "folder/up": "../compose.yml", "out": "/etc/passwd", "up": "../../etc/passwd"}
    links |= {"dangling": "nowhere", "loop": "loop", "git": ".git/config", "folder/exact": ".."}
    for name, target in links.items():
        (made.folder / name).symlink_to(target)
    commit = made.commit("links")
    found = cloned(made, tmp_path / "clone")
    assert found.read(commit, "inside") == "real"
    assert found.read(commit, "folder/up") == "version: '3.8'\n"
    for name in ("out", "up", "dangling", "loop", "git"):
        with pytest.raises(RecipeInvalid):
            found.read(commit, name)
    entries = {entry.path: entry for entry in found.tree(commit)}
    assert {name for name, entry in entries.items() if entry.leaves_tree} == {"out", "up", "git"}
    assert entries["out"].leads_to == "/etc/passwd"
    assert entries["compose.yml"].mode == "100644"


def test_a_link_that_leaves_the_tree_is_not_checked_out(made: Made, tmp_path: Path) -> None:
    (made.folder / ".env.sample").symlink_to("/etc/hostname")
    commit = made.commit("link")
    found = cloned(made, tmp_path / "clone")
    with pytest.raises(RecipeInvalid, match=r"\.env\.sample is a link that leaves the recipe: /etc/hostname"):
        found.checkout(commit)
    assert not (found.folder / ".env.sample").is_symlink()


def test_a_submodule_is_not_checked_out(made: Made, tmp_path: Path) -> None:
    made.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(made.folder), "sub")
    commit = made.commit("submodule")
    found = cloned(made, tmp_path / "clone")
    assert not (found.folder / "sub").exists()
    with pytest.raises(RecipeInvalid, match="sub is a submodule"):
        found.checkout(commit)


def test_checkout_moves_over_what_another_program_left(made: Made, tmp_path: Path) -> None:
    first = Commit(made.git("rev-parse", "HEAD"))
    made.write("new", "tracked")
    second = made.commit("second")
    found = cloned(made, tmp_path / "clone")
    found.checkout(first)
    (found.folder / "new").write_text("left by somebody, tracked in the next commit")
    (found.folder / "compose.yml").write_text("edited")
    assert set(found.changes()) == {"new", "compose.yml"}
    found.checkout(second)
    assert (found.folder / "new").read_text() == "tracked"
    assert found.changes() == ()
    assert found.head() == second


def test_head_says_where_another_program_moved_it(made: Made, tmp_path: Path) -> None:
    first = Commit(made.git("rev-parse", "HEAD"))
    second = made.commit("second")
    found = cloned(made, tmp_path / "clone")
    found.checkout(second)
    Made(found.folder).git("checkout", "--quiet", "1.0.0+1")
    assert found.head() == first


# --- hostile repositories: each leaves a mark if what it brings is run


def test_nothing_that_a_repository_brings_is_run(made: Made, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    made.write(".gitattributes", "* filter=evil diff=evil merge=evil text eol=lf\n")
    made.write("embedded/HEAD", "ref: refs/heads/main\n")
    made.write("embedded/config", f"[core]\n\tbare = true\n\tfsmonitor = touch {mark}\n")
    made.write("embedded/objects/x", "")
    made.write("embedded/refs/x", "")
    for name in ("post-checkout", "pre-commit", "post-merge", "reference-transaction", "post-index-change"):
        made.write(f"hooks/{name}", f"#!/bin/sh\ntouch {mark}\n")
        (made.folder / "hooks" / name).chmod(0o755)
    wanted = made.commit("evil")
    made.git("config", "uploadpack.packObjectsHook", f"touch {mark}; :")
    made.git("config", "core.hooksPath", "hooks")
    found = cloned(made, tmp_path / "clone")
    planted = Made(found.folder)
    evil = {
        "core.fsmonitor": f"touch {mark}",
        "core.hooksPath": "hooks",
        "filter.evil.clean": f"touch {mark}; cat",
        "filter.evil.smudge": f"touch {mark}; cat",
        "filter.evil.process": f"touch {mark}",
        "core.sshCommand": f"touch {mark}",
        "remote.origin.uploadpack": f"touch {mark}; git-upload-pack",
    }
    for key, value in evil.items():
        planted.git("config", key, value)
    found.checkout(wanted)
    (found.folder / "compose.yml").write_text("edited")
    assert found.changes() == ("compose.yml",)
    found.checkout(wanted)
    with pytest.raises(UsageError):
        found.get(Commit("e" * 40))
    assert not mark.exists()
    for key, value in evil.items():  # the control: git on its own runs them
        planted.git("config", key, value)
    (found.folder / "compose.yml").write_text("edited")
    runner.run(["git", "status"], timeout=30, env=ENV, cwd=found.folder, ok=(0, 128))
    assert mark.exists()


def test_a_planted_file_does_not_move_the_repository(made: Made, tmp_path: Path) -> None:
    made.write(".gitattributes", "* filter=evil\n")
    wanted = made.commit("attributes")
    found = cloned(made, tmp_path / "clone")
    found.checkout(wanted)
    mark = tmp_path / "mark"
    made.git("clone", "--quiet", ".", str(tmp_path / "other"))
    Made(tmp_path / "other").git("config", "filter.evil.clean", f"touch {mark}; cat")
    (found.folder / ".git/commondir").write_text(str(tmp_path / "other/.git"))
    (found.folder / "compose.yml").write_text("edited")
    assert found.changes() == ("compose.yml",)
    assert not mark.exists()
    runner.run(["git", "status"], timeout=30, env=ENV, cwd=found.folder, ok=(0, 128))
    assert mark.exists(), "the control: git on its own follows it"


def test_the_callers_environment_decides_nothing(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"GIT_DIR": "/nonexistent", "GIT_WORK_TREE": "/", "GIT_TRACE": str(tmp_path / "trace")}.items():
        monkeypatch.setenv(name, value)
    assert str(cloned(made, tmp_path / "clone").newest) == made.git("rev-parse", "main")
    assert not (tmp_path / "trace").exists()


# --- uncommitted work


def test_uncommitted_work_becomes_a_commit_of_the_clone_alone(made: Made, tmp_path: Path) -> None:
    made.write(".gitignore", "*.log\n")
    made.write("goes", "x")
    made.commit("second")
    made.write("compose.yml", "edited\n")
    made.write("new/file", "new\n")
    made.write("staged", "staged\n")
    made.git("add", "staged")
    made.write("noise.log", "ignored")
    made.write(".git/info/exclude", "private\n")
    made.write("private", "ignored here only")
    (made.folder / "goes").unlink()
    before = made.snapshot()
    found = cloned(made, tmp_path / "clone")
    assert set(found.uncommitted_paths()) == {"compose.yml", "new/file", "staged", "goes"}
    commit = found.uncommitted()
    assert made.snapshot() == before, "the source was written"
    assert commit != found.newest
    assert {entry.path for entry in found.tree(commit)} == {".gitignore", "compose.yml", "new/file", "staged"}
    assert found.read(commit, "compose.yml") == "edited\n"
    found.checkout(commit)
    assert found.changes() == ()
    assert Made(found.folder).git("rev-parse", "HEAD^") == str(found.newest)
    assert Made(found.folder).git("log", "-1", "--format=%an %ae %cn %ce") == " ".join(
        ["recipeci recipeci@localhost"] * 2
    )


def test_a_tracked_file_that_is_ignored_too_stays(made: Made, tmp_path: Path) -> None:
    made.write("kept.log", "one")
    made.commit("tracked")
    made.write(".gitignore", "*.log\n")
    made.write("kept.log", "two")
    found = cloned(made, tmp_path / "clone")
    assert found.read(found.uncommitted(), "kept.log") == "two"


def test_the_same_work_gives_the_same_commit(made: Made, tmp_path: Path) -> None:
    made.write("compose.yml", "edited\n")
    shas = {cloned(made, tmp_path / name).uncommitted() for name in ("one", "two")}
    assert len(shas) == 1
    made.write("compose.yml", "edited again\n")
    assert cloned(made, tmp_path / "three").uncommitted() not in shas


def test_no_uncommitted_work_is_head_itself(made: Made, tmp_path: Path) -> None:
    found = cloned(made, tmp_path / "clone")
    assert found.uncommitted() == found.newest
    assert found.uncommitted_paths() == ()


def test_uncommitted_work_of_a_worktree(made: Made, tmp_path: Path) -> None:
    made.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "tree"))
    side = Made(tmp_path / "tree")
    side.write("compose.yml", "edited\n")
    found = cloned(side, tmp_path / "clone")
    assert found.read(found.uncommitted(), "compose.yml") == "edited\n"


def test_uncommitted_work_runs_nothing_of_the_source(made: Made, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    made.write(".gitattributes", "* filter=evil\n")
    made.write("compose.yml", "edited\n")
    for key in ("core.fsmonitor", "filter.evil.clean"):
        made.git("config", key, f"touch {mark}; cat")
    found = cloned(made, tmp_path / "clone")
    found.uncommitted()
    found.uncommitted_paths()
    assert not mark.exists()


def test_a_bare_repository_has_no_uncommitted_work(made: Made, tmp_path: Path) -> None:
    made.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare"))
    with pytest.raises(UsageError, match="has no working tree"):
        cloned(made, tmp_path / "clone", given=str(tmp_path / "bare")).uncommitted()
    assert cloned(made, tmp_path / "again", given=str(tmp_path / "bare")).uncommitted_paths() == ()


# --- what lint reads


def test_lint_reads_the_sample_and_the_compose_files_that_it_names(made: Made, tmp_path: Path) -> None:
    made.write(
        ".env.sample", "COMPOSE_FILE=compose.yml\nCOMPOSE_FILE=$COMPOSE_FILE:sub/compose.db.yml:compose.gone.yml\n"
    )
    made.write("sub/compose.db.yml", "services: {}\n")
    made.write("large-and-not-asked-for", "x" * 300_000)
    commit = made.commit("sample")
    tree = recipe_tree(cloned(made, tmp_path / "clone"), commit)
    assert tree.paths == {".env.sample", "compose.yml", "sub/compose.db.yml", "large-and-not-asked-for"}
    assert set(tree.texts) == {".env.sample", "compose.yml", "sub/compose.db.yml"}
    assert of_files(tree) == (".env.sample: COMPOSE_FILE names compose.gone.yml, which is not in the recipe",)


def test_a_sample_that_leads_out_of_the_tree_is_a_finding_and_is_not_read(made: Made, tmp_path: Path) -> None:
    (made.folder / ".env.sample").symlink_to("/etc/hostname")
    commit = made.commit("link")
    tree = recipe_tree(cloned(made, tmp_path / "clone"), commit)
    assert ".env.sample" not in tree.texts
    assert of_files(tree) == (
        ".env.sample is a link that leaves the recipe: /etc/hostname",
        ".env.sample is missing: abra makes an app's env from it",
    )


def test_a_tree_that_is_too_large_to_be_a_recipes_is_refused(made: Made, tmp_path: Path) -> None:
    blob = made.git("rev-parse", "HEAD:compose.yml")
    rows = "".join(f"100644 {blob}\t{'long-' * 20}{number}\n" for number in range(9000))
    index = {**ENV, "GIT_INDEX_FILE": str(tmp_path / "index")}
    at = made.folder
    runner.run(["git", "update-index", "--index-info"], timeout=30, env=index, cwd=at, stdin=rows.encode())
    tree = runner.run(["git", "write-tree"], timeout=30, env=index, cwd=at).out.strip()
    made.git("update-ref", "refs/heads/main", made.git("commit-tree", tree, "-m", "many"))
    found = cloned(made, tmp_path / "clone")
    with pytest.raises(RecipeInvalid, match="has too many files to be a recipe's"):
        found.checkout(found.newest)


def test_work_that_git_cannot_add_is_said_in_gits_words(made: Made, tmp_path: Path) -> None:
    (made.folder / "embedded").mkdir()
    Made(made.folder / "embedded").git("init", "--quiet")
    with pytest.raises(UsageError, match="cannot be taken: 'embedded/' does not have a commit checked out"):
        cloned(made, tmp_path / "clone").uncommitted()
