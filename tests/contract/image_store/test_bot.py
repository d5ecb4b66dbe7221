"""The cells' backup bot: from our package and Debian's where no registry answers, and whatever is asked for by name."""

from __future__ import annotations

from pathlib import Path

import minibot
import pytest
from recipeci.host.engine import DockerPrograms
from recipeci.model import Program

from image_store import tiny
from image_store.conftest import MakeStore
from image_store.test_proxy import Silent

pytestmark = pytest.mark.cell
NAME = f"minibot:{minibot.__version__}"


def test_our_bot_is_made_once_from_debians_packages_where_no_registry_answers(
    make_store: MakeStore, programs: DockerPrograms, tmp_path: Path, said: list[str]
) -> None:
    store = make_store(registries=Silent())
    built_in = (NAME, Program("minibot", minibot.__version__, built_in=True))
    assert store.ensure_bot(None, images=None, say=said.append) == built_in
    told = f"image {NAME}: made from Debian's packages"
    assert [line.split(" in ")[0] for line in said] == [f"{told.replace('made', 'being made')} …", told]
    with store.lend([NAME], data_root=tmp_path / "data") as lending:
        out = tiny.run_borrowed(programs, tmp_path / "data", lending.mounts, image=NAME, command=["--version"])
    assert out.strip() == f"minibot {minibot.__version__}"

    said.clear()
    assert make_store(registries=Silent()).ensure_bot(None, images=None, say=said.append) == built_in
    assert said == []


def test_the_bot_image_that_is_given_is_taken(make_store: MakeStore, images: tiny.Images) -> None:
    name, program = make_store().ensure_bot("tiny:1", images=images.folder, say=print)
    assert (name, program) == ("tiny:1", Program("backup-bot-two", "1", built_in=False))
