"""Threads for work that ends by itself, as on a disk of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from mail_proxy.threads.base import Threads

R = TypeVar("R")


class ThreadPool(Threads):
    """n: how many at most; they are made when they are needed."""

    def __init__(self, n: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(n, thread_name_prefix=name)

    def close(self) -> None:
        """What was given is still done, before the process ends; nobody waits for it here."""
        self._pool.shutdown(wait=False)

    def start(self, work: Callable[[], R]) -> asyncio.Future[R]:
        return asyncio.get_running_loop().run_in_executor(self._pool, work)

    def later(self, work: Callable[[], object]) -> None:
        self._pool.submit(work)
