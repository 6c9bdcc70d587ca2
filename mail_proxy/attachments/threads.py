"""Threads for one kind of work that blocks, so that one which hangs holds up no other kind."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

R = TypeVar("R")


class Threads:
    """n: how many at most; they are made when they are needed."""

    def __init__(self, n: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(n, thread_name_prefix=name)

    def close(self) -> None:
        """What was given is still done; nobody waits: a share that is away may take for ever."""
        self._pool.shutdown(wait=False)

    async def run(self, work: Callable[[], R], undo: Callable[[R], object] | None = None) -> R:
        """`work` in a thread; raises what it raises.

        Whoever is cancelled does not wait for it; `undo` gets what it brings then, in a thread.
        """
        job = _Job(work, undo)
        running = asyncio.get_running_loop().run_in_executor(self._pool, job.run)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            self.later(job.abandon)
            raise

    def start(self, work: Callable[[], R]) -> asyncio.Future[R]:
        """Begin `work` in a thread; whoever cancels the future does not end what is begun."""
        return asyncio.get_running_loop().run_in_executor(self._pool, work)

    def later(self, work: Callable[[], object]) -> None:
        """`work` in a thread, some time; it raises nothing."""
        self._pool.submit(work)


class _Job(Generic[R]):
    """Work whose result may come when nobody waits for it any more."""

    def __init__(self, work: Callable[[], R], undo: Callable[[R], object] | None) -> None:
        self._work = work
        self._undo = undo
        self._lock = threading.Lock()
        self._is_abandoned = False
        self._results: list[R] = []

    def run(self) -> R:
        with self._lock:
            if self._is_abandoned:
                raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))
        result = self._work()
        with self._lock:
            self._results.append(result)
            if self._is_abandoned:
                self._take_back()
        return result

    def abandon(self) -> None:
        with self._lock:
            self._is_abandoned = True
            self._take_back()

    def _take_back(self) -> None:
        while self._results:
            result = self._results.pop()
            if self._undo is not None:
                self._undo(result)
