"""The units of services.recipeci, judged by systemd's own tools, and running under a systemd with a real dockerd."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest

from nix.flake import ROOT
from nix.machines import Machines, Said

EXPOSURE = {
    "recipeci-bridge": "1.0",
    "recipeci-clean": "2.5",
    "recipeci-swarm": "0.2",
    "recipeci-sweep": "1.1",
    "recipeci-worker": "6.0",
}
"""What `systemd-analyze security` calls exposure, of 10: docs/nixos.md says why it is not less."""


def test_systemd_finds_nothing_wrong_with_the_units_and_no_more_exposed_than_is_said(variants: Machines) -> None:
    done = variants.judged("host")
    assert done.code == 0, done.out + done.err
    assert dict(re.findall(r"(recipeci-\w+)\.service: ([\d.]+)", done.out)) == EXPOSURE
    page = (ROOT / "docs" / "nixos.md").read_text()
    assert dict(re.findall(r"^\| `(recipeci-\w+)` \| ([\d.]+) \|", page, re.MULTILINE)) == EXPOSURE


def test_a_misspelt_key_and_a_unit_that_may_more_are_found(variants: Machines) -> None:
    """The control of the one above."""
    done = variants.judged("mistaken")
    assert done.code == 1, done.out
    assert "Unknown key 'OnCalender' in section" in done.out
    (exposure,) = re.findall(r"recipeci-clean\.service: ([\d.]+)", done.out)
    assert float(exposure) > float(EXPOSURE["recipeci-clean"])


WRONG = ("range", "retention", "polling", "login", "unknown", "calendar", "sweep", "placeholders")


def test_what_is_wrong_or_a_placeholder_stops_the_build_of_the_system(variants: Machines) -> None:
    """All in one call: each is a derivation of its own."""
    refs = [variants.flake.ref(f"wrong.{name}") for name in WRONG]
    said = variants.flake.refusal("build", "--no-link", "--keep-going", "--print-build-logs", *refs)
    for words in (
        "runs.min_free_gb: -1 is less than the minimum of 0",
        "runs.keep_days: -1 is less than the minimum of 0",
        "bridge.poll_seconds: 0 is less than the minimum of 1",
        "unknown key imges; did you mean images?",
        "correct services.recipeci.settings: docs/settings.md has every key",
        "forge: an address with a user name, password or token in it is not taken",
        "services.recipeci.clean.calendar is hurly, which is no calendar event",
        "correct services.recipeci.clean.calendar: man systemd.time, Calendar Events",
        "services.recipeci.sweep.calendar is Sun 25:00, which is no calendar event",
        "hosts/hardware.nix has the disks of no machine",
        "→ on the machine: nixos-generate-config --show-hardware-config > hosts/hardware.nix",
        "hosts/cc-ci.nix has no ssh key, and nobody could log in.",
    ):
        assert words in said


def test_host_mode_makes_the_swarm_and_refuses_a_strange_one(guest: Machines) -> None:
    ids = "docker info --format '{{.Swarm.NodeID}}'; docker network inspect --format '{{.ID}}' proxy"
    again = "started_again recipeci-swarm"
    # It is stopped before: the restart of Docker would start it too, beside the one that is looked at.
    locking = "docker swarm update --autolock > /dev/null; systemctl stop recipeci-swarm && systemctl restart docker"
    active, network, zone, before, second, after, strange, other, locked = guest.booted(
        "guest",
        "systemctl is-active recipeci-swarm docker && systemctl --failed --no-legend",
        "docker network inspect --format '{{.Driver}} {{.Attachable}} {{.IPAM.Config}}' proxy",
        "cat /etc/timezone",
        ids,
        again,
        ids,
        f"docker network rm proxy && docker network create proxy > /dev/null; {again}",
        "docker network inspect --format '{{.Driver}}' proxy",
        f"{locking} && {again}",
    )
    assert active == Said(0, "active\nactive\n")
    assert network.text.startswith("overlay true [{10.10.0.0/16 ")
    assert zone == Said(0, "UTC\n")
    assert (second.code, before) == (0, after)
    assert "recipeci-swarm: " not in second.text  # it says what it does, and it did nothing
    assert (strange.code, locked.code) == (1, 1)
    assert "there is a network proxy already; its driver" in strange.text
    assert other == Said(0, "bridge\n")
    assert "recipeci-swarm: the swarm is locked" in locked.text
    assert "→ docker swarm unlock" in locked.text


def test_the_allowlist_is_roots_and_read_only_and_the_settings_are_found(guest: Machines) -> None:
    listed, written, timer, cache, found = guest.booted(
        "guest",
        "stat -L -c '%U %a' /etc/recipeci/allowlist; cat /etc/recipeci/allowlist",
        "echo x >> /etc/recipeci/allowlist",
        "systemctl list-timers --no-legend recipeci-clean.timer",
        "stat -c '%U %a' /var/cache/recipeci",
        '"$program" doctor',
    )
    assert listed.text == "root 444\n# services.recipeci.allowlist; RECIPE [SOURCE-URL]\ncustom-html\n"
    assert written.code != 0
    assert "Read-only file system" in written.text
    assert "recipeci-clean.service" in timer.text
    assert cache.text == "root 700\n"
    assert re.search(r"^cache .*/var/cache/recipeci", found.text, re.MULTILINE), found.text


HANGS = "sleep 31415926"


def test_a_machine_that_hangs_is_ended_and_leaves_no_process(guest: Machines) -> None:
    with pytest.raises(AssertionError, match="not over after 30 seconds"):
        guest.booted("guest", HANGS, limit=30)
    assert _processes(HANGS) == []


def _processes(words: str) -> list[str]:
    """Return the processes of this machine, those in containers too, that were started with these words."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(file.read_bytes().decode(errors="replace").replace("\0", " ").strip())
    return [process for process in found if process.endswith(words)]


WITHOUT = {
    "ProtectSystem=strict": "/srv/out/",
    "ProtectHome=yes": "/root/out/",
    "PrivateTmp=yes": "/tmp/out/",  # noqa: S108 - in the machine
    "PrivateUsers=yes": "/overlay2/",
    "ProtectControlGroups=yes": "/sys/fs/cgroup/",
    "CapabilityBoundingSet=~CAP_DAC_OVERRIDE": "/srv/out/",
    "CapabilityBoundingSet=~CAP_FOWNER": "/srv/out/",
    "CapabilityBoundingSet=~CAP_CHOWN": "/overlay2/",
    "CapabilityBoundingSet=~CAP_SYS_ADMIN": "/overlay2/",
    "RestrictNamespaces=yes": "/overlay2/",
    "SystemCallFilter=~@chown": "/overlay2/",
    "SystemCallFilter=~@mount": "/overlay2/",
    "SystemCallFilter=~capset": "/srv/out/",
}
"""What the unit may beyond the hardening of all units, taken away again; and what then stays, among other things."""


def test_the_clean_unit_removes_all_but_what_lives_and_needs_all_that_it_may(guest: Machines) -> None:
    cleaning = (f"less {less}" for less in ("Nice=0", *WITHOUT))
    beside, made, cleaned, *rest = guest.booted("guest", "beside_a_run", "kill_runs; left", *cleaning)
    assert len(re.findall(": killed; its cell and checkout removed", beside.text)) == 4
    of_the_run, its_cgroup = _left(beside)
    assert re.fullmatch(r"/var/cache/recipeci/runs/[^/]+/swarm/data/file", of_the_run)
    assert re.fullmatch(r"/sys/fs/cgroup/recipeci-[^/]+", its_cgroup)
    assert sorted(re.findall(r"/(?:out|runs|overlay2|cgroup)/", made.text)) == [
        *["/cgroup/"] * 4, *["/out/"] * 3, "/overlay2/", "/runs/"
    ]  # fmt: skip
    assert len(re.findall(": killed; its cell and checkout removed", cleaned.text)) == 4
    assert "removed: tiny:1" in cleaned.text
    assert _left(cleaned) == []
    assert [said.text for said in rest if "Starting recipeci-clean.service" not in said.text] == []
    kept = {less: _left(said) for less, said in zip(WITHOUT, rest, strict=True)}
    assert [less for less, place in WITHOUT.items() if not any(place in path for path in kept[less])] == []


def _left(said: Said) -> list[str]:
    """Return the paths that `left` printed."""
    return [line for line in said.text.splitlines() if line.startswith("/")]
