"""The only place that says what the environment of a program can hold: an app's `.env` and `abra.sh` become one. Pure.

What it cannot hold is refused while files are read, naming file and line: a program would not even start with it.
"""

from __future__ import annotations

from collections.abc import Mapping

from recipeci.errors import RecipeInvalid

VARIABLE_BYTES = 128 * 1024 - 2
"""Linux's for `KEY=value` as one text (MAX_ARG_STRLEN), without its end."""
ALL_BYTES = 512 * 1024
"""Of all variables of one file: Linux takes 2 MiB for those of two files and the arguments (a quarter of the stack)."""
POINTER_BYTES = 9
"""What each variable takes beside its text: its end and where it is."""


def refuse_nul(line: str, *, where: str) -> None:
    """Raise RecipeInvalid for a line with a NUL character."""
    if "\0" in line:
        raise RecipeInvalid(f"{where}: a NUL character, which no environment variable can hold: take it out")


def refuse_long(key: str, value: str, *, where: str) -> None:
    """Raise RecipeInvalid for a variable that is too long."""
    if (size := _bytes(key, value)) > VARIABLE_BYTES:
        msg = f"{where}: {key} has {size} bytes with its name: an environment variable holds {VARIABLE_BYTES}"
        raise RecipeInvalid(msg)


def refuse_many(values: Mapping[str, str], *, where: str) -> None:
    """Raise RecipeInvalid for variables that are too much together."""
    if (size := sum(_bytes(key, value) + POINTER_BYTES for key, value in values.items())) > ALL_BYTES:
        raise RecipeInvalid(f"{where}: its variables have {size} bytes together: {ALL_BYTES} fit into an environment")


def _bytes(key: str, value: str) -> int:
    return len(f"{key}={value}".encode(errors="surrogatepass"))
