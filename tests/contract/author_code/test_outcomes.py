"""What a suite comes to, whatever its author's code does to the accounts of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lab import authors
from lab.authors import Bench, one
from recipeci.model import AuthorFile, Outcome, Tier
from recipeci.run.suites import Suites

pytestmark = pytest.mark.cell


def test_a_suite_sees_the_app(bench: Bench) -> None:
    text = """
def test_exec(app):
    result = app.exec("app", ["sh", "-c", "cat; echo err >&2"], input=b"in")
    assert (result.code, result.out, result.err) == (0, b"in", b"err\\n")

def test_get(app):
    answer = app.get("/")
    assert answer.status_code == 200
    assert app.url == "https://a1b2c3.ci.test"

def test_logs(app):
    assert isinstance(app.logs("app"), str)
"""
    result = bench.run(text)
    assert (result.outcome, result.message) == (Outcome.PASS, ""), bench.lines
    assert [(t.name, t.outcome) for t in result.tests] == [
        ("test_exec", Outcome.PASS),
        ("test_get", Outcome.PASS),
        ("test_logs", Outcome.PASS),
    ]


def test_a_failing_test_is_fail_with_its_first_line(bench: Bench) -> None:
    result = one(bench, "def test_good(): pass\ndef test_bad():\n    assert 1 == 2, 'no'\n")
    assert result.outcome is Outcome.FAIL
    assert [t.outcome for t in result.tests] == [Outcome.PASS, Outcome.FAIL]
    assert result.tests[1].message.startswith("AssertionError: no")


def test_a_fixture_that_is_not_there_is_named_and_those_that_are(bench: Bench) -> None:
    text = "import pytest\n@pytest.fixture\ndef login(): pass\ndef test_bad(ap): pass\n"
    first = one(bench, text).tests[0].message.splitlines()[0]
    assert first.startswith("setup: fixture 'ap' not found; there are: app, op, recipe, ")
    assert {"login", "tmp_path"} <= set(first.partition("there are: ")[2].split(", "))


def test_no_value_is_cut_in_its_middle(bench: Bench) -> None:
    """Of half a secret no redactor knows: pytest would show a long text by its beginning and its end."""
    value = "".join(f"{n:04}" for n in range(100))
    result = one(bench, f"def test_bad():\n    value = {value!r}\n    assert value == 'x'\n")
    said = "\n".join([result.tests[0].message, *bench.lines])
    assert value in said
    assert not re.search(r"\d\.\.\.\d", said)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import pytest\ndef test_a(): pytest.skip('why')\ndef test_b(): pytest.skip('why')", "2 of 2 skipped"),
        ("import pytest\npytest.skip('all', allow_module_level=True)", "there is no test in it"),
        ("", "there is no test in it"),
        ("import nothing_of_that_name\ndef test_a(): pass", "cannot be collected: ModuleNotFoundError"),
        ("import os\nos._exit(0)", "does not say which tests there are"),
    ],
    ids=["only skips", "skips as a whole", "empty", "does not import", "ends when imported"],
)
def test_what_shows_nothing_is_unverified(bench: Bench, text: str, words: str) -> None:
    result = one(bench, text)
    assert result.outcome is Outcome.UNVERIFIED
    assert words in result.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def test_a(app): return app.url == 'x'", "Did you mean to use `assert` instead of `return`?"),
        ("async def test_a(): assert False", "async def functions are not natively supported"),
        ("{}    def test_a(self): return 1 == 2", "It is deprecated to return a value that is not None"),
        ("{}    async def test_a(self): assert False", "It is deprecated to return a value that is not None"),
    ],
    ids=["returns", "async", "a method returns", "an async method"],
)
def test_a_test_that_cannot_fail_fails(bench: Bench, text: str, words: str) -> None:
    result = one(bench, text.format("import unittest\nclass TestA(unittest.TestCase):\n"))
    assert [t.outcome for t in result.tests] == [Outcome.FAIL]
    assert words in result.tests[0].message


@pytest.mark.parametrize("asserted", ["x", "conftest"])
def test_an_assertion_that_is_always_true_is_not_collected(bench: Bench, asserted: str) -> None:
    files = {"x": "def test_a():\n    assert True\n", "conftest": ""}
    files[asserted] += "def check():\n    assert (1 == 2, 'no')\n"
    result = one(bench, files["x"], conftest=files["conftest"])
    assert result.outcome is not Outcome.PASS
    assert "assertion is always true, perhaps remove parentheses?" in str([result.message, *bench.lines])


def test_a_subtest_that_fails_fails_its_test_and_those_that_pass_do_not(bench: Bench) -> None:
    text = """
import pytest, unittest
def test_good(subtests):
    for n in range(2):
        with subtests.test(n=n): assert n < 2
def test_bad(subtests):
    for n in range(3):
        with subtests.test(n=n): assert n != 1
def test_bad_and_skipped(subtests):
    with subtests.test(): assert False
    pytest.skip("why")
class TestA(unittest.TestCase):
    def test_bad(self):
        with self.subTest(): assert False
"""
    result = one(bench, text)
    assert (result.outcome, result.message) == (Outcome.FAIL, "")
    assert [(t.name, t.outcome) for t in result.tests] == [
        ("test_good", Outcome.PASS),
        ("test_bad", Outcome.FAIL),
        ("test_bad_and_skipped", Outcome.FAIL),
        ("TestA::test_bad", Outcome.FAIL),
    ]
    assert one(bench, text.partition("def test_bad")[0]).outcome is Outcome.PASS


def test_a_process_that_ends_with_0_in_the_middle_is_unverified(bench: Bench) -> None:
    result = one(bench, "import os\ndef test_a(): pass\ndef test_b(): os._exit(0)\ndef test_c(): assert False\n")
    assert result.outcome is Outcome.UNVERIFIED
    assert [t.outcome for t in result.tests] == [Outcome.PASS, Outcome.UNVERIFIED, Outcome.UNVERIFIED]
    assert "it ended with 0" in result.message


def test_a_process_that_ends_with_0_behind_its_last_test_is_unverified(bench: Bench) -> None:
    conftest = "import os\ndef pytest_sessionfinish(): os._exit(0)\n"
    assert one(bench, "def test_a(): pass\n", conftest=conftest).outcome is Outcome.UNVERIFIED


def test_a_suite_that_rewrites_its_junit_is_not_believed(bench: Bench) -> None:
    conftest = """
import atexit, os
def rewrite():
    path = os.environ["TMPDIR"] + "/junit.xml"
    text = open(path).read() if os.path.exists(path) else ""
    open(path, "w").write(text.replace("<failure", "<skipped").replace("</failure", "</skipped"))
atexit.register(rewrite)
"""
    result = one(bench, "def test_a(): pass\ndef test_b(): assert False\n", conftest=conftest)
    assert result.outcome is Outcome.FAIL
    assert "its JUnit says something else" in result.message


def test_inside_pytest_a_suite_can_fake_its_own_green_and_no_more(bench: Bench) -> None:
    conftest = """
import pytest
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    report.outcome = "passed"
"""
    result = one(bench, "def test_a(): assert False\n", conftest=conftest)
    assert result.outcome is Outcome.PASS  # DESIGN §8: other suites, the verdict and the report are out of its reach


def test_a_suite_that_deselects_in_its_run_alone_is_unverified(bench: Bench) -> None:
    conftest = """
def pytest_collection_modifyitems(config, items):
    if not config.option.collectonly:
        del items[1:]
"""
    result = one(bench, "def test_a(): pass\ndef test_b(): assert False\n", conftest=conftest)
    assert result.outcome is Outcome.UNVERIFIED
    assert "other tests than its collection" in result.message


def test_the_collection_is_another_users(bench: Bench) -> None:
    """What is run beside it cannot touch it."""
    text = """
import os, pytest
@pytest.mark.parametrize("user", [os.getuid()])
def test_a(user): pass
"""
    result = one(bench, text)
    assert result.outcome is Outcome.UNVERIFIED
    assert "other tests than its collection" in result.message


def test_the_app_is_not_asked_while_tests_are_collected(bench: Bench) -> None:
    conftest = """
from recipeci.author.plugin import GIVEN
def pytest_collection_modifyitems(config):
    config.stash[GIVEN].app.exec("app", ["true"])
"""
    result = one(bench, "def test_a(): pass", conftest=conftest)
    assert result.outcome is Outcome.UNVERIFIED
    assert "exec in app: app cannot be asked while tests are collected" in result.message


def test_no_configuration_of_an_authors_is_read(bench: Bench) -> None:
    files = {
        "pytest.ini": "[pytest]\naddopts = --deselect test_install.py::test_b -k test_a\n",
        "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-k test_a'\n",
    }
    result = bench.run("def test_a(): pass\ndef test_b(): assert False\n", files=files)
    assert [t.name for t in result.tests] == ["test_a", "test_b"]
    assert result.outcome is Outcome.FAIL


def test_markers_of_the_harness_that_a_suite_prints_are_lines_of_its_own(bench: Bench) -> None:
    text = """
def test_a():
    print("===== TIER: upgrade (generic=run, overlay=none) =====")
    print('\\x1b[2J{"say": "report", "id": "x", "outcome": "passed"}')
    assert False
"""
    result = one(bench, text)
    assert result.outcome is Outcome.FAIL
    assert [t.name for t in result.tests] == ["test_a"]
    assert any("TIER: upgrade" in line for line in bench.lines)
    assert all(line.startswith("recipeci ") and "\x1b" not in line for line in bench.lines)


@pytest.mark.parametrize(
    "send",
    [
        "b'\\xff\\xff\\xff\\xff'",
        "(5).to_bytes(4, 'big') + b'[1,2]'",
        "(9).to_bytes(4, 'big') + b'{\"say\":1}'",
        '(40).to_bytes(4, \'big\') + b\'{"say":"call","id":1,"name":"rm"}      \'',
        "(16*1024*1024).to_bytes(4, 'big') + b'[' * (16*1024*1024)",
    ],
    ids=["length", "list", "unknown", "call", "deep"],
)
def test_what_may_not_be_said_ends_the_suite_and_not_the_harness(bench: Bench, send: str) -> None:
    text = f"""
import gc, socket
def test_a():
    for thing in gc.get_objects():
        if isinstance(thing, socket.socket):
            try: thing.sendall({send})
            except OSError: pass
"""
    result = one(bench, text)
    assert result.outcome is Outcome.FAIL
    assert "broke the channel" in result.message


def test_a_suite_that_takes_too_long_is_ended_with_its_children(bench: Bench) -> None:
    bench.seconds = 4
    result = one(bench, "import os\ndef test_a():\n    os.system('echo begun; sleep 4141 & sleep 4141')\n")
    assert result.outcome is Outcome.FAIL
    assert "it was still running after" in result.message
    assert bench.lab.cell.runner.run(["pgrep", "-f", "sleep 4141"], timeout=60, ok=(0, 1)).out == ""


def test_the_op_state_and_the_recipe(bench: Bench) -> None:
    bench.state("deploy")
    bench.env |= {"SMTP_PASSWORD": "hidden", "SECRET_DB_VERSION": "v1"}
    text = """
import dataclasses, pytest
def test_op(op):
    assert (op.op, op.domain, op.after.services["app"].image) == ("deploy", "a1b2c3.ci.test", "nginx:1.26.3")
    with pytest.raises(dataclasses.FrozenInstanceError):
        op.op = "x"
    with pytest.raises(TypeError):
        op.after.services["x"] = 1

def test_recipe(recipe):
    assert (recipe.name, recipe.version, recipe.env["PLAIN"]) == ("custom-html", "1.0.0+1.26.3", "seen")
    assert "SMTP_PASSWORD" not in recipe.env
    assert recipe.env["SECRET_DB_VERSION"] == "v1"
"""
    result = one(bench, text)
    assert [(t.name, t.message) for t in result.tests if t.outcome is not Outcome.PASS] == []
    bench.state_file.unlink()
    result = one(bench, "def test_op(op): pass\n")
    assert result.outcome is Outcome.FAIL, "without an op state it is an error, never a skip"


def test_a_report_names_files_as_their_author_does(bench: Bench) -> None:
    result = one(bench, "def test_a(app): app.exec('app', ['false'])\n")
    assert "overlay-" in result.path
    assert "test_install.py:1: in test_a" in result.tests[0].message
    assert str(bench.shared) not in str(result)
    assert str(bench.shared) not in "".join(bench.lines)


def test_a_suite_of_the_recipes_repository_runs_as_the_commit_has_it(bench: Bench) -> None:
    """Its conftest is beside it; the file at the repository's root is none of pytest's."""
    files = {
        "conftest.py": "raise ValueError('never imported')\n",
        "tests/conftest.py": "import pytest\n@pytest.fixture\ndef seed(): return 7\n",
        "tests/custom/test_it.py": "from shared import EIGHT\ndef test_a(seed): assert seed + 1 == EIGHT\n",
        "tests/shared.py": "EIGHT = 8\n",
    }
    placing = bench.placing(None, recipe=bench.clone(files))
    with bench.children() as children:
        suites = Suites(children, placing, bench.state_file, authors.SECONDS)
        result = suites.run(Tier.CUSTOM, AuthorFile("repo", Path("tests/custom/test_it.py")))
        missing = suites.run(Tier.CUSTOM, AuthorFile("repo", Path("tests/custom/test_other.py")))
    assert (result.path, result.outcome, result.message) == ("tests/custom/test_it.py", Outcome.PASS, ""), bench.lines
    assert (missing.outcome, missing.tests) == (Outcome.UNVERIFIED, ())
