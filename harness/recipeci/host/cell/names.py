"""The only place that reads the resolver's log: which names apps asked for and did not get."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from recipeci.host.cell.spec import ADDRESS

_QUERY = re.compile(r" query\[[^\]]+\] (?P<name>\S+) from (?P<source>\S+)$")
_OURS = frozenset({ADDRESS, "127.0.0.1"})
"""dockerd looking for registries, and programs of the harness."""
_REVERSE = (".in-addr.arpa", ".ip6.arpa")


@dataclass(frozen=True, order=True)
class AskedName:
    """A name outside of the cell that an app asked for."""

    name: str
    service: str
    """The swarm service or the container that asked; its address if it is gone."""


def asked(log: str, *, domain: str) -> frozenset[tuple[str, str]]:
    """Return (name, address that asked) of every question from a container that the cell cannot answer.

    Names of the domain are answered. A name without a dot is a service that is not there yet and no host of the
    internet, as is `tasks.NAME`; reverse look-ups say nothing about what an app needs.
    """
    found = (_QUERY.search(line) for line in log.splitlines())
    pairs = {(match["name"].rstrip(".").lower(), match["source"]) for match in found if match}
    return frozenset((name, source) for name, source in pairs if source not in _OURS and _is_outside(name, domain))


def by_service(pairs: Iterable[tuple[str, str]], *, services: Mapping[str, str]) -> tuple[AskedName, ...]:
    """Name who asked, where an address still belongs to a container."""
    return tuple(sorted({AskedName(name, services.get(source, source)) for name, source in pairs}))


def _is_outside(name: str, domain: str) -> bool:
    """Say whether a name could be a host of the internet."""
    if name == domain or name.endswith((f".{domain}", *_REVERSE)):
        return False
    return "." in name and not name.startswith("tasks.")
