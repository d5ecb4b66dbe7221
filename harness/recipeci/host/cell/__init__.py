"""The only place for cells: a disposable one-node swarm with a root, network and processes of its own.

`running` makes one and ends it; the kernel ends it too, whatever becomes of us. Nothing of a cell lives outside its
folder, its cgroup directories and its namespaces. Pure planning is in `spec`, `rootfs`, `cgroups`, `confine` and
`configs`; `init` and `vipd` are programs of their own that run inside.
"""

from __future__ import annotations

from recipeci.host.cell.life import Cell, reap, running
from recipeci.host.cell.names import AskedName
from recipeci.host.cell.spec import CellSpec
from recipeci.host.cell.unprivileged import Stray, Unprivileged, second_of, user_of

__all__ = ["AskedName", "Cell", "CellSpec", "Stray", "Unprivileged", "reap", "running", "second_of", "user_of"]
