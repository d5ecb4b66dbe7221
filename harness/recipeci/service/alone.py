"""The only place that says that there may be one of something for a database: a bridge, a sweep, a worker's name.

The lock is a file beside the database, where whoever uses that meets. It is opened as the folder's user: root makes no
file where a link of that user's leads, and leaves none that this user cannot open.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from recipeci.errors import HostError
from recipeci.host import owner
from recipeci.run import locks


@contextlib.contextmanager
def alone(database: Path, what: str, *, taken: HostError) -> Iterator[None]:
    """Hold the lock of one of a database's users until the end of the block.

    Raises:
        UsageError: the database's folder is a link, or open to others.
        HostError: `taken`, if another process holds it; or it cannot be had at all.
    """
    file = database.with_name(f"{database.name}.{what}")
    with contextlib.ExitStack() as held:
        try:
            with owner.of(file.parent, what="database").acting():
                is_free = held.enter_context(locks.held_if_free(file))
        except OSError as e:
            hint = f"remove {file}, unless another recipeci runs that holds it"
            raise HostError(f"the lock {file} cannot be had: {e.strerror}", hint=hint) from e
        if not is_free:
            raise taken
        yield
