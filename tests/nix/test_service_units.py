"""The units of the bridge, under a systemd: from a comment to a verdict, and what each can reach and may.

The forge is the double of the tests, in the machine. The runs are real, in cells.
"""

from __future__ import annotations

import json
import re

from nix.machines import Machines, Said

IS_WELL = "within_a_minute curl --fail --silent --output /dev/null http://127.0.0.1:8022/healthz"
COMMENT = (
    'forges comment "{\\"repository\\": $(known repository), \\"number\\": $(known pull), \\"author\\": \\"me\\", '
    '\\"body\\": \\"!testme $(known sha) --stages install\\"}"'
)
IS_OVER = "within_a_minute eval 'forges journal {} | grep -qE \"success|failure|error\"'"
SECRETS = "/var/lib/secrets/token /run/credentials/recipeci-bridge.service/token"
MISSING = "No such file or directory"
TOKEN = "token-0123456789abcdef\n"


def test_a_comment_becomes_a_verdict_and_a_sweep_runs(guest: Machines) -> None:
    """One machine for all of it: to boot one takes long."""
    well, active, enrolled, owners, done, swept, again = guest.booted(
        "bridge",
        IS_WELL,
        "systemctl is-active recipeci-bridge recipeci-worker && systemctl --failed --no-legend",
        '"$program" enroll me/ping',
        "stat --format '%n %u' /var/lib/private/recipeci /var/lib/private/recipeci/recipeci.db*",
        f"{COMMENT} > /dev/null; {IS_OVER}; forges journal {{}}; echo",
        "started_again recipeci-sweep",
        f"systemctl restart recipeci-bridge recipeci-worker; {IS_WELL} && systemctl is-active recipeci-worker",
    )
    assert (well.code, again) == (0, Said(0, "active\n")), well.text
    assert active == Said(0, "active\nactive\n")
    assert "me/ping is enrolled: recipe ping; webhook " in enrolled.text
    _are_the_folders_owners(owners.text)
    _says_it_once(json.loads(done.text))
    assert "1 expected, 1 ran" in swept.text, swept.text
    assert swept.code == 0


def _are_the_folders_owners(text: str) -> None:
    """Root was there too: `enroll` may have made the files. The locks of workers, who are root, are theirs."""
    owners = dict(line.split() for line in text.splitlines() if ".work-" not in line)
    assert len(owners) > 1
    assert len(set(owners.values())) == 1
    assert "0" not in owners.values()


def _says_it_once(journal: list[dict[str, str]]) -> None:
    """See that the run passed, and that what was said of it was said once."""
    states = [done["state"] for done in journal if done["what"] == "status"]
    ours = [done for done in journal if done["by"] == "bot" and done["what"] == "comment made"]
    assert states == ["pending", "success"], journal
    assert len(ours) == 1


def test_the_worker_sees_no_token_and_the_bridge_no_file_but_its_own(guest: Machines) -> None:
    host, worker, processes, bridge, files, docker = guest.booted(
        "bridge",
        f"{IS_WELL}; cat {SECRETS}; pgrep --full 'recipeci [s]erve' > /dev/null",
        f"in_unit recipeci-worker cat {SECRETS}",
        'for of in work serve; do echo $of; in_unit recipeci-worker pgrep --full "bin/recipeci $of"; done',
        f"in_unit recipeci-bridge cat {SECRETS}",
        "in_unit recipeci-bridge find /etc /home /root/.ssh /run /srv /var -maxdepth 2 -type f",
        "in_unit recipeci-worker find /run/docker.sock /var/lib/docker /etc/shadow /etc/ssh",
    )
    assert host == Said(0, TOKEN * 2)  # the control: the look would see something
    assert (worker.code, worker.text.count(MISSING)) == (1, 2), worker.text
    assert re.fullmatch(r"work\n(\d+\n)+serve\n", processes.text)
    assert (bridge.text.count(TOKEN), bridge.text.count(MISSING)) == (1, 1), bridge.text
    assert "/var/cache" not in files.text
    assert docker.text.count(MISSING) == 4, docker.text


WITHOUT = {
    "PrivateDevices=yes": "node /dev/null 1 3: [Errno 1] Operation not permitted",
    "PrivateUsers=yes": "mount overlay",
    "ProcSubset=pid": "No such file or directory: '/proc/filesystems'",
    "ProtectControlGroups=yes": "Read-only file system: '/sys/fs/cgroup",
    "ProtectHostname=yes": "hostname cell: [Errno 1] Operation not permitted",
    "RestrictSUIDSGID=yes": "the kernel has no openat2",
    **{
        "RestrictNamespaces=\\nRestrictNamespaces="
        + " ".join(
            sorted({"cgroup", "ipc", "mnt", "net", "pid", "uts"} - {kind})
        ): "unshare failed: Operation not permitted"
        for kind in ("cgroup", "ipc", "mnt", "net", "pid", "uts")
    },
    "RestrictAddressFamilies=\\nRestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX": "Cannot open netlink socket",
    "SystemCallFilter=~@keyring": "unable to create session key",
    "SystemCallFilter=~@mount": "cannot change root filesystem propagation",
    "SystemCallFilter=~@setuid": "failed to change group-id",
    "SystemCallFilter=~bpf": "bpf_prog_query(BPF_CGROUP_DEVICE) failed: operation not permitted",
    "SystemCallFilter=~capset": "setpriv: activate capabilities: Operation not permitted",
    "CapabilityBoundingSet=~CAP_CHOWN": "unable to apply caps: operation not permitted",
    "CapabilityBoundingSet=~CAP_DAC_OVERRIDE": "which cannot hold images",
    "CapabilityBoundingSet=~CAP_MKNOD": "node /dev/null 1 3: [Errno 1] Operation not permitted",
    "CapabilityBoundingSet=~CAP_NET_ADMIN": "RTNETLINK answers: Operation not permitted",
    "CapabilityBoundingSet=~CAP_NET_BIND_SERVICE": "failed to create listening socket",
    "CapabilityBoundingSet=~CAP_SETPCAP": "setpriv: apply bounding set: Operation not permitted",
    "CapabilityBoundingSet=~CAP_SYS_ADMIN": "unshare failed: Operation not permitted",
}
"""What the worker's unit may beyond the hardening of all units, taken away again; and why no cell comes up then.

What is not here is what an app may that Docker runs anywhere else: no verdict must depend on who began the run.
"""


def test_a_cell_comes_up_with_what_the_worker_may_and_with_no_less(guest: Machines) -> None:
    cases = ("Nice=0", *WITHOUT)
    whole, *less = guest.booted("bridge", *(f"tries_a_cell '{case}'" for case in cases))
    assert "selftest: pass" in whole.text, whole.text
    said = dict(zip(WITHOUT, less, strict=True))
    assert [case for case in WITHOUT if "selftest: pass" in said[case].text] == []
    assert {case: text.text for case, text in said.items() if WITHOUT[case] not in text.text} == {}
