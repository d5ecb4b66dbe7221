"""The only place that says what root in a cell may not do: devices and capabilities (facts cell.md §5)."""

from __future__ import annotations

from collections.abc import Sequence

ALLOWED_DEVICES = (
    "c 1:3 rwm",  # null
    "c 1:5 rwm",  # zero
    "c 1:7 rwm",  # full
    "c 1:8 rwm",  # random
    "c 1:9 rwm",  # urandom
    "c 5:0 rwm",  # tty
    "c 5:1 rwm",  # console: runc asks for it
    "c 5:2 rwm",  # ptmx
    "c 136:* rwm",  # pts
    "c 10:200 rwm",  # tun
    "c *:* m",  # runc makes nodes; opening them is another matter
    "b *:* m",
)
"""The devices cgroup's list (v1). A privileged container asks for all, and is refused: the wanted end."""

NODES = (("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0))
"""The nodes of the cell's /dev: name, major, minor; all are character devices with mode 666."""

DROPPED_CAPABILITIES = (
    "sys_module",
    "sys_rawio",
    "sys_boot",
    "sys_time",
    "dac_read_search",  # opens any inode of the disk by its handle
    "syslog",
    "wake_alarm",
    "block_suspend",
    "mac_override",
    "mac_admin",
    "linux_immutable",  # an immutable file could not be removed with the cell
)

_CHANGES = ",".join(f"-{name}" for name in DROPPED_CAPABILITIES)


def without_capabilities(setpriv: str, argv: Sequence[str]) -> list[str]:
    """Return the command that runs a program which can never have them, nor can what it starts.

    It is for everything in a cell: a container that is given the cell's processes to look at could take over one that
    has more than itself.
    """
    return [setpriv, "--bounding-set", _CHANGES, "--inh-caps", _CHANGES, "--", *argv]
