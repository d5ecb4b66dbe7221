"""The machines of the tests: the cgroups of each are its own, and nothing that was in them goes on."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest
from recipeci.errors import WaitFailed

from nix.machines import Machines, apart, unified


def test_a_machine_has_its_cgroups_for_itself(guest: Machines) -> None:
    """It sees the root of its own alone, which has gone with it: no other machine was in it, or will be."""
    (seen,) = guest.booted("guest", "stat --format %i /sys/fs/cgroup")
    assert seen.code == 0, seen.text
    assert seen.text.strip() not in {str(folder.stat().st_ino) for folder in [unified(), *unified().glob("*/")]}


@pytest.mark.usefixtures("guest")
def test_what_goes_on_in_it_is_not_passed_over() -> None:
    """The control of every machine's end."""
    with contextlib.ExitStack() as machine:
        there = machine.enter_context(apart(seconds=0))
        process = subprocess.Popen([*there, "sh", "-c", "echo; exec sleep infinity"], stdout=subprocess.PIPE)
        assert process.stdout
        assert process.stdout.readline() == b"\n"
        with pytest.raises(WaitFailed, match="the end of all that is in "):
            machine.close()
    process.kill()
    process.communicate()
    Path(there[-1]).rmdir()
