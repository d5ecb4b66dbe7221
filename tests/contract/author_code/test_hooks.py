"""Hooks and install_steps.sh: what they can do, and how they fail an op."""

from __future__ import annotations

import re

import pytest
from lab import authors
from lab.authors import Bench, one
from recipeci.errors import OpFailed
from recipeci.model import Outcome
from recipeci.recipe.envfile import EnvFile

pytestmark = pytest.mark.cell


def test_a_hook_is_called_if_it_is_there(bench: Bench) -> None:
    text = "def pre_backup(app):\n    app.exec('app', ['sh', '-c', 'echo seeded >/tmp/seed'])\n"
    assert bench.hook("backup", text)
    assert not bench.hook("restore", text)
    assert one(bench, "def test_a(app): assert app.exec('app', ['cat', '/tmp/seed']).text == 'seeded'\n").outcome is (
        Outcome.PASS
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def pre_backup(app): raise ValueError('no seed')", "failed: ValueError: no seed"),
        ("def pre_backup(app): app.exec('app', ['false'])", "false in app ended with 1"),
        ("import os\ndef pre_backup(app): os._exit(0)", "ended with 0 and without a word"),
        ("import sys\ndef pre_backup(app): sys.exit(0)", "failed: SystemExit: 0"),
        ("import nothing_of_that_name", "failed: ModuleNotFoundError"),
        ("pre_backup = 1", "failed: TypeError"),
        ("async def pre_backup(app): raise ValueError", "failed: it is `async`, so nothing of it was run"),
        ("async def pre_backup(app): yield", "failed: it is `async`, so nothing of it was run"),
        ("def pre_backup(app): yield app.exec('app', ['false'])", "failed: it has a `yield`, so nothing of it was run"),
        ("def pre_backup(app): return app.url == 'x'", "failed: it returned bool, and a hook returns None"),
    ],
    ids=[
        "raises",
        "exec fails",
        "ends",
        "exits",
        "does not import",
        "is no function",
        "async",
        "async and yields",
        "yields",
        "returns",
    ],
)
def test_a_hook_that_does_not_do_its_work_fails_the_op(bench: Bench, text: str, words: str) -> None:
    with pytest.raises(OpFailed, match=re.escape(words)) as failed:
        bench.hook("backup", text)
    assert failed.value.message.startswith("pre_backup of recipeci overlay ")
    assert not [line for line in bench.lines if "never awaited" in line]


def test_a_hook_that_takes_too_long_fails_the_op(bench: Bench) -> None:
    bench.seconds = 2
    with pytest.raises(OpFailed, match="was still running after"):
        bench.hook("backup", "import time\ndef pre_backup(app):\n    time.sleep(600)\n")


ENV_TEXT = f"TYPE=custom-html:1.0.0\nDOMAIN={authors.APP_DOMAIN}\nSECRET_A_VERSION=v1 # length=8\n"


def steps(bench: Bench, text: str) -> EnvFile:
    """Run an install_steps.sh over ENV_TEXT, in a checkout in the cell."""
    checkout = bench.shared / "checkout"
    checkout.mkdir(exist_ok=True)
    (checkout / "compose.yml").write_text("version: '3.8'\n")
    with bench.steps(text, checkout=checkout) as (install, file):
        return install.run(file, EnvFile.parse(ENV_TEXT))


def test_install_steps_edit_the_env_and_not_the_checkout(bench: Bench) -> None:
    text = """
set -eu
test "$CCCI_RECIPE $CCCI_DOMAIN" = "custom-html a1b2c3.ci.test"
grep -q 3.8 compose.yml
! touch here 2>/dev/null
echo 'ADDED="by steps"' >>"$CCCI_ENV_FILE"
"""
    edited = steps(bench, text)
    assert edited.text == ENV_TEXT + 'ADDED="by steps"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo why >&2; exit 3", "ended with 3 and without a word\nwhy"),
        ("echo 'no line' >>$CCCI_ENV_FILE", "neither KEY=value nor a comment"),
        ("rm $CCCI_ENV_FILE", "left no text"),
        ("ln -sf /etc/passwd $CCCI_ENV_FILE", "left no text"),
        ("rm $CCCI_ENV_FILE; mkfifo $CCCI_ENV_FILE", "left no text"),
        ("echo DOMAIN=other.ci.test >>$CCCI_ENV_FILE", "changed DOMAIN"),
    ],
    ids=["fails", "no env", "removed", "link", "pipe", "domain"],
)
def test_install_steps_that_go_wrong_fail_the_op(bench: Bench, text: str, words: str) -> None:
    with pytest.raises(OpFailed, match=re.escape(words)):
        steps(bench, text)
