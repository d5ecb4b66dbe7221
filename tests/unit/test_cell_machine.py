"""What this machine must have for a cell, and what is said where it lacks it; run as root like every cell."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipeci.errors import HostError
from recipeci.host import closure
from recipeci.host.cell import machine
from recipeci.host.command import PATH

pytestmark = pytest.mark.cell


def test_a_machine_that_can_have_cells_is_described() -> None:
    seen = machine.look()
    assert all(Path(tool).is_absolute() for tool in seen.tools.values())
    inside = (*seen.system, *seen.python_folders)
    assert any(seen.python.is_relative_to(folder) for folder in inside)
    assert {"iptables", "dnsmasq", "nsenter"} <= set(seen.tools)


def test_every_missing_program_is_named_with_its_package(tmp_path: Path) -> None:
    for name in machine.look().tools:
        if name not in {"nft", "dnsmasq"}:
            (tmp_path / name).symlink_to("/bin/true")
    with pytest.raises(HostError, match="a cell needs nft, dnsmasq, not found in") as lacking:
        machine.look(path=str(tmp_path))
    assert lacking.value.hint == closure.OWN.remedy(["dnsmasq-base", "nftables"])


def test_the_folders_that_links_of_programs_lead_to_are_seen_too(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "tini").write_text("#!/bin/sh\n")
    (tmp_path / "real" / "tini").chmod(0o755)
    (tmp_path / "tini").symlink_to(tmp_path / "real" / "tini")
    assert {tmp_path, tmp_path / "real"} <= set(machine.look(path=f"{tmp_path}:{PATH}").tool_folders)


def test_a_kernel_without_overlay_is_said(tmp_path: Path) -> None:
    known = tmp_path / "filesystems"
    known.write_text("nodev\ttmpfs\n\text4\nnodev\tfuse-overlayfs\n")
    with pytest.raises(HostError, match="no overlay file system"):
        machine.look(path=PATH, filesystems=known)
