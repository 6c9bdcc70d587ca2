"""What is asked of threads, whoever owns them."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

R = TypeVar("R")


class NoThread(OSError):
    """The machine lets us have no more of them."""

    def __init__(self) -> None:
        super().__init__(errno.EAGAIN, "no thread is left")


class Threads(ABC):
    """Work for threads, given by the event loop."""

    @abstractmethod
    def start(self, work: Callable[[], R]) -> asyncio.Future[R]:
        """Begin `work` in a thread. Whoever cancels the future does not end what has begun."""

    @abstractmethod
    def later(self, work: Callable[[], object]) -> None:
        """`work` in a thread, some time; it raises nothing."""

    async def run(self, work: Callable[[], R], undo: Callable[[R], object] | None = None) -> R:
        """`work` in a thread; raises what it raises.

        Whoever is cancelled does not wait for it; `undo` gets what it brings then, in a thread.
        """
        job = _Job(work, undo)
        running = self.start(job.run)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            self.later(job.abandon)
            raise


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
