"""The only place that reads facts.yml: what abra does, as far as the harness rests on it, and how sure that is."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path

from recipeci import schemas
from recipeci.errors import UsageError

FILE = Path(__file__).with_name("facts.yml")


class Mark(enum.StrEnum):
    """How a fact is known."""

    SEEN = "O"
    READ = "S"
    MEMORY = "K"
    UNKNOWN = "?"
    INFERRED = "I"

    @property
    def is_believed(self) -> bool:
        """True if nobody has seen it or read it in a source: then no verdict may rest on it."""
        return self not in {Mark.SEEN, Mark.READ}


@dataclass(frozen=True)
class Fact:
    """One fact: either `test` names the check of it, or `not_checked` says why there is none.

    `switch` is the habit of miniabra that turns it round; a believed one without says why in `why_no_switch`. `source`
    are the numbers (A-01 …) of the incidents that showed it.
    """

    id: str
    fact: str
    mark: Mark
    switch: str = ""
    why_no_switch: str = ""
    test: str = ""
    not_checked: str = ""
    source: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse an entry that says too little or too much."""
        if bool(self.test) == bool(self.not_checked):
            raise UsageError(f"fact {self.id}: either a test, or why it is not checked")
        if self.switch and self.why_no_switch:
            raise UsageError(f"fact {self.id}: either a switch, or why there is none")
        if bool(self.switch or self.why_no_switch) != self.mark.is_believed:
            raise UsageError(f"fact {self.id}: what is only believed has a switch or a reason, and nothing else has")


def load(file: Path = FILE) -> tuple[Fact, ...]:
    """Return the facts in their order.

    Raises:
        UsageError: the file does not fit its schema, or an entry says too little or too much.
    """
    raw = schemas.load_yaml(file, "facts")["facts"]
    return tuple(Fact(**{**one, "mark": Mark(one["mark"]), "source": tuple(one.get("source", ()))}) for one in raw)
