"""lab.folders: what a killed test left is removed by the next one, and nothing that anybody holds."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.folders import beside_the_store

from unit.processes import TESTS, ended

KILLED = """
import os, signal, sys
from pathlib import Path
from lab.folders import beside_the_store
with beside_the_store("killed", above=Path(sys.argv[1])) as folder:
    (folder / "left").write_text("behind")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(above: Path) -> Path:
    """Have a test killed that has a folder; return the folder."""
    env = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join([str(TESTS.parent / "harness"), str(TESTS)])}
    code, _, err = ended([sys.executable, "-c", KILLED, str(above)], env=env)
    assert code == -signal.SIGKILL, err
    (left,) = above.glob("killed*")
    assert (left / "left").exists()
    return left


def test_a_folder_is_gone_at_the_end(tmp_path: Path) -> None:
    with beside_the_store("c", above=tmp_path / "tests") as folder:
        assert folder.name.startswith("c")
        (folder / "a").write_text("b")
    assert list((tmp_path / "tests").iterdir()) == []


def test_what_a_killed_test_left_is_removed_by_the_next(tmp_path: Path) -> None:
    left = killed(tmp_path)
    with beside_the_store(above=tmp_path) as folder:
        assert not left.exists()
        assert list(tmp_path.iterdir()) == [folder]


def test_what_somebody_holds_stays(tmp_path: Path) -> None:
    with beside_the_store(above=tmp_path) as other:
        left = killed(tmp_path)
        with beside_the_store(above=tmp_path) as folder:
            assert {other, folder} == set(tmp_path.iterdir())
            assert not left.exists()


def test_what_somebody_else_removes_meanwhile_is_no_error(tmp_path: Path) -> None:
    """As a test does that has killed the owner of a folder, and clears up after it."""
    left = killed(tmp_path)
    for number in range(5000):
        (left / str(number)).touch()
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(shutil.rmtree, left, ignore_errors=True)
        with beside_the_store(above=tmp_path) as folder:
            other.result()
            assert list(tmp_path.iterdir()) == [folder]


def test_folders_that_come_and_go_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    def one(number: int) -> None:
        with beside_the_store(above=tmp_path) as folder:
            (folder / "mine").write_text(str(number))
            assert (folder / "mine").read_text() == str(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(400)))
    assert list(tmp_path.iterdir()) == []
