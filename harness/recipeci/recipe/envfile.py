"""The only place that reads and edits `.env` files: a recipe's `.env.sample`, and the app's own that abra makes of it.

A file is kept line by line as it was written. Order and repeated keys mean something (`COMPOSE_FILE="$COMPOSE_FILE:…"`
builds on the line before), and so do comments: `# length=43` behind a secret's version says what abra generates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from recipeci.errors import RecipeInvalid
from recipeci.recipe import processenv
from recipeci.recipe.interpolation import expand

KEY = r"[A-Za-z_][A-Za-z0-9_]*"
ASSIGNMENT = re.compile(rf"\s*(?:export\s+)?(?P<key>{KEY})\s*=[ \t]*(?P<rest>.*)\Z")
OFFER = re.compile(rf"\s*#+[ \t]*(?:export\s+)?(?P<key>{KEY})=")
QUOTED = re.compile(r"(?:'(?P<single>[^']*)'|\"(?P<double>(?:[^\"\\]|\\.)*)\")[ \t]*(?:#(?P<comment>.*))?\Z", re.DOTALL)
BARE = re.compile(r"(?P<bare>.*?)(?:(?:^|\s)#(?P<comment>.*))?\Z")
ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
SECRET = re.compile(r"SECRET_(?P<name>[A-Za-z0-9_]+)_VERSION\Z")
MODIFIER = re.compile(r"(?P<key>length|charset|generate)=(?P<value>\S+)")
COMPOSE_FILE = "COMPOSE_FILE"


@dataclass(frozen=True)
class Line:
    """One line as it is written, without its end. `key` is empty for a comment and an empty line.

    `value` is what is behind `=` without quotes, not expanded; `literal` says that it was in single quotes, so that
    nothing in it is expanded; `comment` is what is behind `#` on the same line.
    """

    text: str
    key: str = ""
    value: str = ""
    comment: str = ""
    literal: bool = False

    @property
    def setting(self) -> tuple[str, str, bool]:
        """What it sets, whatever is said behind it."""
        return self.key, self.value, self.literal


@dataclass(frozen=True)
class SecretVersion:
    """One `SECRET_<NAME>_VERSION` line: the secret's name in small letters, its version, and what abra makes of it.

    `length` and `charset` are as written, empty if they are not given; `generate` is False if a person inserts it.
    """

    name: str
    version: str
    length: str = ""
    charset: str = ""
    generate: bool = True


@dataclass(frozen=True)
class EnvFile:
    """A `.env` file by its lines; never changed, every edit gives another one."""

    lines: tuple[Line, ...]
    where: str = field(default=".env", compare=False)

    @classmethod
    def parse(cls, text: str, *, where: str = ".env") -> EnvFile:
        """Read a file's text; `where` names it in errors.

        Raises RecipeInvalid naming the first line that is neither empty, nor a comment, nor KEY=value, or has a NUL.
        """
        rows = text.replace("\r\n", "\n").removesuffix("\n")
        found = [_line(row, where=f"{where}:{number}") for number, row in enumerate(rows.split("\n"), start=1)]
        return cls(tuple(found) if text else (), where=where)

    @property
    def text(self) -> str:
        """The file's text; each line has an end, also the last."""
        return "".join(f"{line.text}\n" for line in self.lines)

    @property
    def keys(self) -> frozenset[str]:
        """The keys that are set."""
        return frozenset(line.key for line in self.lines if line.key)

    @property
    def offered(self) -> frozenset[str]:
        """The keys that a comment shows how to set, `#KEY=value`: to be unset is usual for them."""
        return frozenset(found["key"] for line in self.lines if (found := OFFER.match(line.text)))

    def values(self, given: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return what the file sets: top to bottom, each value expanded by what is above it and by `given`.

        The last line of a key wins.

        Raises RecipeInvalid naming the line with which a variable is longer than an environment can hold it, or the
        file if all of them are.
        """
        known = dict(given or {})
        own: dict[str, str] = {}
        for number, line in enumerate(self.lines, start=1):
            if line.key:
                own[line.key] = known[line.key] = line.value if line.literal else _expanded(line.value, known)
                processenv.refuse_long(line.key, own[line.key], where=f"{self.where}:{number}")
        processenv.refuse_many(own, where=self.where)
        return own

    @property
    def compose_files(self) -> tuple[str, ...]:
        """The compose files that the app is made of, in order; `compose.yml` if the file does not say."""
        said = self.values().get(COMPOSE_FILE, "")
        return tuple(part for part in said.split(":") if part) or ("compose.yml",)

    @property
    def secrets(self) -> tuple[SecretVersion, ...]:
        """The secrets' versions with their modifiers; of a secret that is there twice the last line counts."""
        values = self.values()
        found = {line.key: line for line in self.lines if SECRET.match(line.key)}
        return tuple(_secret(line, values[key]) for key, line in found.items())

    def set(self, key: str, value: str) -> EnvFile:
        """Set a key: the last line that sets it is replaced (its comment stays), earlier ones stay too."""
        last = max((number for number, line in enumerate(self.lines) if line.key == key), default=-1)
        if last < 0:
            return self.append([written(key, value)])
        line = written(key, value, comment=self.lines[last].comment)
        return EnvFile((*self.lines[:last], _line(line, where=self.where), *self.lines[last + 1 :]), where=self.where)

    def undone(self, key: str, value: str, *, instead: EnvFile) -> EnvFile:
        """Take back what `set` wrote, and what set the key above it: in their place the key is as another file has it.

        What sets it further down stays. The file itself is returned if the line is not there any more: another hand has
        changed it since.
        """
        wrote = _line(written(key, value), where=self.where).setting
        last = max((number for number, line in enumerate(self.lines) if line.setting == wrote), default=-1)
        if last < 0:
            return self
        above = tuple(line for line in self.lines[:last] if line.key != key)
        return EnvFile((*above, *instead.of(key).lines, *self.lines[last + 1 :]), where=self.where)

    def of(self, key: str) -> EnvFile:
        """Return the lines that set a key."""
        return EnvFile(tuple(line for line in self.lines if line.key == key), where=self.where)

    def append(self, lines: Sequence[str]) -> EnvFile:
        """Add whole lines at the end."""
        return EnvFile((*self.lines, *(_line(line, where=self.where) for line in lines)), where=self.where)

    def missing_from(self, app: EnvFile) -> tuple[str, ...]:
        """Return the whole lines that set something here whose key the app's file does not set, in this file's order.

        That is what a new version's `.env.sample` asks of an operator. Of a key that the app does not have every line
        is returned, since a later one may build on an earlier one. A key that it has keeps what it says, but for
        COMPOSE_FILE: a line that adds to it (`COMPOSE_FILE="$COMPOSE_FILE:…"`) is returned if what it adds is missing.
        """
        return tuple(line.text for line in self.lines if line.key and _is_new(line, app))


def written(key: str, value: str, *, comment: str = "") -> str:
    """Return the line that sets a key to exactly this value.

    Raises ValueError for a key that is none, and for a value of more than one line.
    """
    if not re.fullmatch(KEY, key) or re.search(r"[\r\n\0]", value):
        msg = f"{key}={value!r} cannot be a line of a .env file"
        raise ValueError(msg)
    behind = f" #{comment}" if comment else ""
    if re.fullmatch(r"[A-Za-z0-9_./:@%+,=-]*", value):
        return f"{key}={value}{behind}"
    if "'" not in value:
        return f"{key}='{value}'{behind}"
    escaped = re.sub(r'([\\"$`])', r"\\\1", value)
    return f'{key}="{escaped}"{behind}'


def _is_new(line: Line, app: EnvFile) -> bool:
    """Return whether a line of the sample gives the app something that it does not have."""
    if line.key not in app.keys:
        return True
    return not set(_added_files(line)) <= set(app.compose_files)


def _added_files(line: Line) -> tuple[str, ...]:
    """Return the compose files that a line adds to those above it; none if it is not such a line."""
    parts = line.value.split(":")
    adds = line.key == COMPOSE_FILE and not line.literal and parts[0] in {"$COMPOSE_FILE", "${COMPOSE_FILE}"}
    return tuple(part for part in parts[1:] if part) if adds else ()


def _line(text: str, *, where: str) -> Line:
    """Read one line."""
    processenv.refuse_nul(text, where=where)
    if not text.strip() or text.lstrip().startswith("#"):
        return Line(text)
    found = ASSIGNMENT.match(text)
    if found is None:
        raise RecipeInvalid(f"{where}: {text.strip()[:60]!r} is neither KEY=value nor a comment")
    key, rest = found["key"], found["rest"].rstrip()
    if rest[:1] in {"'", '"'}:
        return _quoted(text, key, rest, where=where)
    bare = BARE.match(rest)
    value, comment = (bare["bare"], bare["comment"]) if bare else (rest, "")
    return Line(text, key=key, value=value.strip(), comment=comment or "")


def _quoted(text: str, key: str, rest: str, *, where: str) -> Line:
    """Read a line whose value is in quotes."""
    found = QUOTED.match(rest)
    if found is None:
        raise RecipeInvalid(f"{where}: the quotes of {key} are not closed, or something stands behind them")
    if (single := found["single"]) is not None:
        return Line(text, key=key, value=single, comment=found["comment"] or "", literal=True)
    return Line(text, key=key, value=_unescaped(found["double"]), comment=found["comment"] or "")


def _unescaped(value: str) -> str:
    """Return what is between double quotes; an escaped `$` stays one that is not expanded (`$$`)."""
    return re.sub(r"\\(.)", lambda one: "$$" if one[1] == "$" else ESCAPES.get(one[1], one[1]), value)


def _expanded(value: str, known: Mapping[str, str]) -> str:
    """Put values in; a text that only looks like a variable stands for itself, since no rule of abra's forbids it."""
    try:
        return expand(value, known)
    except RecipeInvalid:
        return value


def _secret(line: Line, version: str) -> SecretVersion:
    """Read a secret's line with its modifiers."""
    found = SECRET.match(line.key)
    name = found["name"].lower() if found else ""
    modifiers = dict(_modifiers(line.comment))
    return SecretVersion(
        name=name,
        version=version,
        length=modifiers.get("length", ""),
        charset=modifiers.get("charset", ""),
        generate=modifiers.get("generate", "true") != "false",
    )


def _modifiers(comment: str) -> Iterator[tuple[str, str]]:
    """Yield what the comment behind a secret's version says."""
    for found in MODIFIER.finditer(comment):
        yield found["key"], found["value"]
