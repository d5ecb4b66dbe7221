"""The only place that checks which secrets `app secret generate` makes, of what, and what it prints."""

from __future__ import annotations

import json
import re

from recipeci.contract.lab import Answer, Lab
from recipeci.contract.repository import with_secrets
from recipeci.contract.results import NotChecked, Observed

KEY, PHRASE = "SECRET_KEY_VERSION=v1", "SECRET_PHRASE_VERSION=v1"
LENGTH = 43
LONG = 400
"""A random value of so many characters has one of every kind."""
HEX = re.compile(r"[0-9a-f]+")
PASSWORD = 32
SECRET_VALUE = b"a value of no use"


def all_are_made(lab: Lab) -> Observed:
    """Have all secrets made."""
    answer = _generated(lab, KEY, PHRASE)
    made = lab.names("secret")
    return Observed(made == [f"{lab.stack}_key_v1", f"{lab.stack}_phrase_v1"], ", ".join(made) or answer.words)


def values_are_printed(lab: Lab) -> Observed:
    """Have secrets made without `-m`, and look for their values in what is printed."""
    answer = _generated(lab, KEY, PHRASE, machine=False)
    values = [value.decode().strip() for value in lab.values().values()]
    if not values:
        raise NotChecked(f"no secret was made: {answer.words}")
    printed = sum(value in answer.out + answer.err for value in values)
    return Observed(printed == len(values), f"{printed} of {len(values)} values are in what it prints")


def the_json_is_a_list(lab: Lab) -> Observed:
    """Have secrets made with `-m`, and look at the form of what is printed."""
    answer = _generated(lab, KEY, PHRASE)
    start = min((at for at in map(answer.out.find, "[{") if at >= 0), default=-1)
    if start < 0:
        raise NotChecked("it printed no JSON")
    data, _ = json.JSONDecoder().raw_decode(answer.out[start:])
    keys = sorted(data[0]) if isinstance(data, list) and data else sorted(data)
    listed = isinstance(data, list) and bool(data) and isinstance(data[0], dict)
    return Observed(
        listed, f"a list of objects with {', '.join(keys)}" if listed else f"an object with {', '.join(keys)}"
    )


def the_length_is_the_envs(lab: Lab) -> Observed:
    """Have a secret made whose line in the app's `.env` has a length."""
    size = len(_value(lab, f"{KEY} # length={LENGTH}"))
    return Observed(size == LENGTH, f"{size} characters")


def a_commented_line_has_no_length(lab: Lab) -> Observed:
    """Have a secret made whose line with the length is commented out."""
    size = len(_value(lab, f"#{KEY} # length={LENGTH}"))
    return Observed(size != LENGTH, f"{size} characters, though the comment says {LENGTH}")


def without_length_it_is_a_phrase(lab: Lab) -> Observed:
    """Have a secret made without a length."""
    value = _value(lab, KEY)
    words = len(re.split(r"[^a-zA-Z0-9]+", value))
    return Observed(words > 2, f"{words} words in {len(value)} characters")  # noqa: PLR2004 - a password has one or so


def hex_means_hexadecimal_digits(lab: Lab) -> Observed:
    """Have a secret made with `charset=hex`."""
    value = _value(lab, f"{KEY} # length={LONG} charset=hex")
    return Observed(bool(HEX.fullmatch(value)), f"{len(set(value))} different characters")


def special_means_symbols_too(lab: Lab) -> Observed:
    """Have a secret made with `charset=special`."""
    value = _value(lab, f"{KEY} # length={LONG} charset=special")
    return Observed(not value.isalnum(), f"{len({char for char in value if not char.isalnum()})} different symbols")


def an_unknown_charset_is_the_default(lab: Lab) -> Observed:
    """Have a secret made with a charset that is none."""
    answer = _generated(lab, f"{KEY} # length={LONG} charset=nosuch", PHRASE)
    value = lab.values().get(f"{lab.stack}_key_v1", b"").decode().strip()
    return Observed(value.isalnum(), "letters and digits" if value.isalnum() else answer.words)


def one_to_insert_is_left_out(lab: Lab) -> Observed:
    """Have all secrets made where one says `generate=false`."""
    _generated(lab, f"{KEY} # generate=false", PHRASE)
    made = lab.names("secret")
    return Observed(made == [f"{lab.stack}_phrase_v1"], ", ".join(made) or "none was made")


def one_that_nobody_uses_is_left_out(lab: Lab) -> Observed:
    """Have all secrets made where the env names one that no compose file does."""
    _generated(lab, KEY, PHRASE, "SECRET_OTHER_VERSION=v1 # length=43")
    made = lab.names("secret")
    wanted = {f"{lab.stack}_key_v1", f"{lab.stack}_phrase_v1"}
    return Observed(bool(made) and set(made) <= wanted, ", ".join(made) or "none was made")


def nothing_to_make_is_an_error(lab: Lab) -> Observed:
    """Have all secrets made where all are there."""
    with_secrets(lab.recipe)
    lab.app(KEY, PHRASE)
    for name in ("key", "phrase"):
        lab.store(f"{lab.stack}_{name}_v1", SECRET_VALUE)
    answer = lab.abra("app", "secret", "generate", lab.domain, "-a", "-m", "-C")
    return Observed(answer.code != 0, f"it ended with {answer.code}")


def one_that_is_there_is_left_alone(lab: Lab) -> Observed:
    """Have all secrets made where one is there."""
    with_secrets(lab.recipe)
    lab.app(KEY, PHRASE)
    lab.store(f"{lab.stack}_key_v1", SECRET_VALUE)
    answer = lab.abra("app", "secret", "generate", lab.domain, "-a", "-m", "-C")
    made = f"{lab.stack}_phrase_v1" in lab.names("secret")
    return Observed(made, "the other one was made" if made else answer.words)


def one_may_be_named(lab: Lab) -> Observed:
    """Have one secret made in a version of its own."""
    with_secrets(lab.recipe)
    lab.app(KEY, PHRASE)
    answer = lab.abra("app", "secret", "generate", lab.domain, "phrase", "v2", "-m", "-C")
    made = lab.names("secret")
    return Observed(made == [f"{lab.stack}_phrase_v2"], ", ".join(made) or answer.words)


def _generated(lab: Lab, *lines: str, machine: bool = True) -> Answer:
    """Have all secrets made, with these lines in the app's `.env`."""
    with_secrets(lab.recipe)
    lab.app(*lines)
    return lab.abra("app", "secret", "generate", lab.domain, "-a", *(["-m"] if machine else []), "-C")


def _value(lab: Lab, line: str) -> str:
    """Return the value of the secret `key` as its task sees it."""
    answer = _generated(lab, line, PHRASE)
    value = lab.values().get(f"{lab.stack}_key_v1")
    return lab.needed(value, f"no secret was made: {answer.words}").decode().strip()


CHECKS = (
    all_are_made,
    values_are_printed,
    the_json_is_a_list,
    the_length_is_the_envs,
    a_commented_line_has_no_length,
    without_length_it_is_a_phrase,
    hex_means_hexadecimal_digits,
    special_means_symbols_too,
    an_unknown_charset_is_the_default,
    one_to_insert_is_left_out,
    one_that_nobody_uses_is_left_out,
    nothing_to_make_is_an_error,
    one_that_is_there_is_left_alone,
    one_may_be_named,
)
