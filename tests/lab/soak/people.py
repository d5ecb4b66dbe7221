"""The only place that makes what people say in a soak, and knows of each comment what may follow from it."""

from __future__ import annotations

import enum
import random
from dataclasses import dataclass, field
from typing import Any

from lab.fakeforge.client import FakeForge
from lab.soak.realforge import RealForge

BOT, TOKEN = "recipeci-bot", "token-of-the-bot"
WRITERS = ("ann", "bob")
READER, TURNCOAT = "rita", "tom"
NO_SHA = "0" * 40
AT_ONCE = 25
NOT_ENROLLED = "not-enrolled"
SPECIAL = ("moving", "foreign", "closed", "cancelled", "orphan")
"""The kinds of pull requests: heads move, its author may not write, closed, cancelled, its repository was deleted."""


class Wish(enum.Enum):
    """What may follow from a comment."""

    RUN = "exactly one run, or a newer request takes its place"
    PERHAPS = "one run of its commit at most"
    NOTHING = "no run"


class Answer(enum.Enum):
    """Whether the one comment must be there then."""

    YES = "yes"
    PERHAPS = "perhaps"
    NO = "no"


@dataclass(frozen=True)
class Said:
    """A comment that was made: where, under which head, and what it was about."""

    repository: int
    pull: int
    id: int
    head: str
    what: str
    wish: Wish
    answer: Answer


@dataclass
class Pull:
    """A pull request of the soak; `head` is the one that it has now."""

    repository: int
    number: int
    kind: str
    head: str


@dataclass(frozen=True)
class Line:
    """One thing that people say: in how many of all comments, where, by whom, and what may follow."""

    what: str
    weight: int
    kinds: tuple[str, ...]
    by: tuple[str, ...]
    text: str
    """`{head}` in it is the pull request's."""
    follows: tuple[Wish, Answer]


OPEN = ("plain", "moving", "foreign", "cancelled", "orphan")
RUN = (Wish.RUN, Answer.YES)
PERHAPS = (Wish.PERHAPS, Answer.PERHAPS)
ANSWERED = (Wish.NOTHING, Answer.YES)
SILENCE = (Wish.NOTHING, Answer.NO)
SILENT = (
    "Thanks, I will look at it.",
    "> !testme\n\nwhat does this do?",
    "```\n!testme\n```",
    "Say `!testme` to start a run.",
    "<!-- \n!testme\n-->",
    "!testmexyz",
    "!t\u0435stme",  # a letter that only looks like one
    "- !testme",
    "please !testme",
    "<!-- recipeci -->\n**run 1: pass**",
)
LINES = (
    Line("a wish", 10, ("plain", "orphan"), WRITERS, "!testme", RUN),
    Line("a wish with words", 3, ("plain",), WRITERS, "Looks good to me.\n\n!testme\n\nThanks", RUN),
    Line("a wish for stages", 3, ("plain",), WRITERS, "!testme --stages install,upgrade", RUN),
    Line("a wish that names the head", 4, ("plain", "foreign"), WRITERS, "!testme {head}", RUN),
    Line("a wish where heads move", 4, ("moving",), WRITERS, "!testme", PERHAPS),
    Line("a wish that is cancelled", 3, ("cancelled",), WRITERS, "!testme", PERHAPS),
    Line("a wish that is taken back", 2, ("plain",), WRITERS, "!testme", PERHAPS),
    Line("cancel", 2, ("cancelled",), WRITERS, "!testme cancel", ANSWERED),
    Line("help", 1, OPEN, WRITERS, "!testme help", ANSWERED),
    Line("nonsense", 1, OPEN, WRITERS, "!testme; rm -rf /", ANSWERED),
    Line("a sha that is none", 1, OPEN, WRITERS, f"!testme {NO_SHA}", ANSWERED),
    Line("no sha where it is needed", 2, ("foreign",), WRITERS, "!testme", ANSWERED),
    Line("a wish of a reader", 4, OPEN, (READER,), "!testme", ANSWERED),
    Line("a wish where it is closed", 2, ("closed",), WRITERS, "!testme", ANSWERED),
    Line("a reader where it is closed", 1, ("closed",), (READER,), "!testme", SILENCE),
    Line("a wish under an issue", 2, ("issue",), WRITERS, "!testme", SILENCE),
    Line("a wish of our own user", 2, OPEN, (BOT,), "!testme", SILENCE),
    Line("a wish elsewhere", 2, ("elsewhere",), WRITERS, "!testme", SILENCE),
    *(Line("talk", 0, (*OPEN, "closed", "issue"), (*WRITERS, READER), words, SILENCE) for words in SILENT),
)
TURNED = Line("a wish of whoever may no more", 0, ("plain",), (TURNCOAT,), "!testme", ANSWERED)
NOT_YET = Line("a wish of whoever may yet", 0, ("plain",), (TURNCOAT,), "!testme", PERHAPS)
EDITED_RATE, PUSHED_RATE = 0.05, 0.04


@dataclass
class People:
    """All that is said and done at the forge, from a seed. `said` has every comment with what may follow from it.

    `talk` and `turned`: how often something is said that is no command, and how often by somebody who loses the right
    to write in the middle, against the weights of LINES.
    """

    forge: FakeForge | RealForge
    seed: int
    talk: int = 160
    turned: int = 3
    pulls: list[Pull] = field(default_factory=list)
    repositories: list[str] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    has_turned: bool = False
    special: tuple[str, ...] = SPECIAL
    not_enrolled: int = 0
    token: str = TOKEN

    def __post_init__(self) -> None:
        """Begin the chance."""
        self.chance = random.Random(self.seed)  # noqa: S311 - chance that can be had again

    def arrive(self, *, repositories: int, pulls: int) -> None:
        """Make users, repositories and pull requests."""
        do = self.forge.do
        do("add_user", login="coop")
        self.token = do("add_user", login=BOT, token=TOKEN).get("token", TOKEN)
        for login in (*WRITERS, READER, TURNCOAT):
            do("add_user", login=login)
        for number in range(repositories):
            made = self._repository(f"recipe-{number}")
            self.repositories.append(made["full_name"])
            for kind in (*self.special, *["plain"] * (pulls - len(self.special)), "issue"):
                self._pull(made["id"], kind)
        self.not_enrolled = self._repository(NOT_ENROLLED)["id"]
        self._pull(self.not_enrolled, "elsewhere")

    def turn(self) -> None:
        """Take the right to write away from somebody who had it."""
        do, turned = self.forge.do, set()
        for pull in self.pulls:
            if pull.repository not in turned:
                do("permit", repository=pull.repository, login=TURNCOAT, permission="read")
                turned.add(pull.repository)
        self.has_turned = True

    def speak(self) -> None:
        """Say AT_ONCE things."""
        lines = (*LINES, TURNED if self.has_turned else NOT_YET)
        chosen = self.chance.choices(lines, [self._weight(line) for line in lines], k=AT_ONCE)
        wanted = [(line, self._place(line)) for line in chosen]
        made = self.forge.do("all", wanted=[self._comment(line, pull) for line, pull in wanted])
        for (line, pull), comment in zip(wanted, made, strict=True):
            self._keep(line, pull, comment["id"])
        self._meddle()

    def wish(self) -> None:
        """Have one run be wished for."""
        line = LINES[0]
        pull = self._place(line)
        self._keep(line, pull, self.forge.do(**_flat(self._comment(line, pull)))["id"])

    def _meddle(self) -> None:
        """Edit and delete some of what was said just now, and push."""
        for said in self.said[-AT_ONCE:]:
            where = {"repository": said.repository, "comment": said.id}
            if said.what == "talk" and self.chance.random() < EDITED_RATE:
                self.forge.do("edit", **where, body="!testme", by=self.chance.choice(WRITERS))
            if said.what == "a wish that is taken back":
                self.forge.do("delete", **where)
        for pull in self.pulls:
            if pull.kind == "moving" and self.chance.random() < PUSHED_RATE:
                pull.head = self.forge.do("push", repository=pull.repository, number=pull.number)

    def _weight(self, line: Line) -> float:
        """Return how often a line is said."""
        if line in (TURNED, NOT_YET):
            return self.turned
        return line.weight or self.talk / len(SILENT)

    def _comment(self, line: Line, pull: Pull) -> dict[str, Any]:
        given = {"repository": pull.repository, "number": pull.number, "body": line.text.replace("{head}", pull.head)}
        return {"do": "comment", "with": given | {"author": self.chance.choice(line.by)}}

    def _keep(self, line: Line, pull: Pull, number: int) -> None:
        self.said.append(Said(pull.repository, pull.number, number, pull.head, line.what, *line.follows))

    def _place(self, line: Line) -> Pull:
        return self.chance.choice([pull for pull in self.pulls if pull.kind in line.kinds])

    def _repository(self, name: str) -> dict[str, Any]:
        do = self.forge.do
        made: dict[str, Any] = do("add_repository", owner="coop", name=name)
        do("permit", repository=made["id"], login=BOT, permission="admin")
        for login in (*WRITERS, TURNCOAT):
            do("permit", repository=made["id"], login=login, permission="write")
        return made

    def _pull(self, repository: int, kind: str) -> None:
        do = self.forge.do
        author = READER if kind == "foreign" else self.chance.choice(WRITERS)
        made = do("add_issue", repository=repository, author=author, pull=kind != "issue")
        where = {"repository": repository, "number": made["number"]}
        if kind == "closed":
            do("close", **where)
        if kind == "orphan":
            do("lose_head", **where)
        self.pulls.append(Pull(repository, made["number"], kind, made["head"] or ""))


def _flat(wanted: dict[str, Any]) -> dict[str, Any]:
    return {"what": wanted["do"], **wanted["with"]}
