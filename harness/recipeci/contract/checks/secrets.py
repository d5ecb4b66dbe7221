"""The only place that checks `app secret insert`, `list` and `remove`."""

from __future__ import annotations

import json

from recipeci.contract.lab import Lab
from recipeci.contract.repository import with_secrets
from recipeci.contract.results import NotChecked, Observed

LINES = ("SECRET_KEY_VERSION=v1", "SECRET_PHRASE_VERSION=v1")
VALUE = b"one line of no use\n"
KEYS = {"name", "version", "generated name", "created on server"}


def a_file_is_inserted(lab: Lab) -> Observed:
    """Insert a value from a file."""
    value = _inserted(lab)
    return Observed(value.strip() == VALUE.strip(), "its content is the secret")


def a_files_end_is_kept(lab: Lab) -> Observed:
    """Insert a file with a line's end."""
    value = _inserted(lab)
    return Observed(value == VALUE, f"{len(value)} bytes of {len(VALUE)}")


def what_is_there_is_not_replaced(lab: Lab) -> Observed:
    """Insert a secret that is there."""
    with_secrets(lab.recipe)
    lab.app(*LINES)
    lab.store(f"{lab.stack}_key_v1", VALUE)
    file = lab.folder / "value"
    file.write_bytes(b"another value of no use\n")
    answer = lab.abra("app", "secret", "insert", lab.domain, "key", "v1", str(file), "-f", "-C")
    return Observed(lab.values().get(f"{lab.stack}_key_v1") == VALUE and bool(answer.fatal), answer.words)


def what_is_in_use_stays(lab: Lab) -> Observed:
    """Remove all secrets of an app that is deployed."""
    with_secrets(lab.recipe)
    lab.app(*LINES)
    for name in ("key", "phrase"):
        lab.store(f"{lab.stack}_{name}_v1", VALUE)
    lab.deployed()
    answer = lab.abra("app", "secret", "remove", lab.domain, "-a", "-C")
    return Observed(bool(lab.names("secret")), answer.words if lab.names("secret") else "they are gone")


def all_are_removed(lab: Lab) -> Observed:
    """Remove all secrets of an app that is not deployed."""
    with_secrets(lab.recipe)
    lab.app(*LINES)
    for name in ("key", "phrase"):
        lab.store(f"{lab.stack}_{name}_v1", VALUE)
    answer = lab.abra("app", "secret", "remove", lab.domain, "-a", "-C")
    left = lab.names("secret")
    return Observed(not left, f"{', '.join(left)} left: {answer.words}" if left else "they are gone")


def the_list_is_json(lab: Lab) -> Observed:
    """List secrets with `-m`."""
    data = _listed(lab)
    return Observed(isinstance(data, list), f"a JSON {type(data).__name__}")


def the_lists_keys_have_spaces(lab: Lab) -> Observed:
    """Look at the keys of that list."""
    data = _listed(lab)
    keys = set(data[0]) if isinstance(data, list) and data else set()
    return Observed(keys >= KEYS, ", ".join(sorted(keys)) or "no keys")


def _inserted(lab: Lab) -> bytes:
    """Insert from a file; return the value as a task sees it."""
    with_secrets(lab.recipe)
    lab.app(*LINES)
    file = lab.folder / "value"
    file.write_bytes(VALUE)
    answer = lab.abra("app", "secret", "insert", lab.domain, "key", "v1", str(file), "-f", "-C")
    return lab.needed(lab.values().get(f"{lab.stack}_key_v1"), f"nothing was stored: {answer.words}")


def _listed(lab: Lab) -> object:
    with_secrets(lab.recipe)
    lab.app(*LINES)
    answer = lab.abra("app", "secret", "list", lab.domain, "-m", "-C")
    try:
        return json.loads(answer.out)
    except ValueError as e:
        raise NotChecked(f"it printed no JSON: {answer.words}") from e


CHECKS = (
    a_file_is_inserted,
    a_files_end_is_kept,
    what_is_there_is_not_replaced,
    what_is_in_use_stays,
    all_are_removed,
    the_list_is_json,
    the_lists_keys_have_spaces,
)
