"""The only place that does several things at once inside a loop, each of its own subject, none waiting for another."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
MOST = 8
PATIENCE_SECONDS = 60.0


class Abreast:
    """What one loop does at once; each of its threads keeps a connection to the database."""

    def __init__(self, name: str, *, patience: float = PATIENCE_SECONDS) -> None:
        """Take a name for the threads; what takes longer than `patience` seconds goes on by itself."""
        self._patience = patience
        self._pool = ThreadPoolExecutor(MOST, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._going: dict[Hashable, Future[None]] = {}

    def each(
        self, look: Callable[[], Sequence[T]], do: Callable[[T], None], *, subject: Callable[[T], Hashable]
    ) -> None:
        """Do all that there is to do, of each subject one thing at a time; look again as soon as one is done.

        Returns when there is nothing more to do, or when what goes on is slow: the next call goes on from there.

        Args:
            look: returns what is to be done now; what was done is not among it any more.
            do: does one thing.
            subject: of a thing; two of one subject are never done at once.

        Raises:
            Exception: the first error that `do` raised, once all else is done; that subject is left alone until then.
        """
        failed: dict[Hashable, BaseException] = {}
        while True:
            for thing in look():
                if subject(thing) not in failed:
                    self._begin(subject(thing), do, thing)
            if not self._one_is_done(failed):
                break
        for error in failed.values():
            raise error

    def close(self) -> None:
        """Wait for what goes on; begin nothing more."""
        self._pool.shutdown(cancel_futures=True)

    def _begin(self, subject: Hashable, do: Callable[[T], None], thing: T) -> None:
        with self._lock:
            if subject not in self._going:
                self._going[subject] = self._pool.submit(do, thing)

    def _one_is_done(self, failed: dict[Hashable, BaseException]) -> bool:
        """Wait a moment until something is done, forget what is, and note what failed; False if nothing was."""
        with self._lock:
            going = dict(self._going)
        concurrent.futures.wait(going.values(), timeout=self._patience, return_when=concurrent.futures.FIRST_COMPLETED)
        done = {subject: future for subject, future in going.items() if future.done()}
        with self._lock:
            for subject, future in done.items():
                del self._going[subject]
                if (error := future.exception()) is not None:
                    failed[subject] = error
        return bool(done)
