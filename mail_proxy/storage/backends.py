"""The places that files are kept at, opened when they are needed, and their threads."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from threading import Event, Lock
from typing import Any, TypeVar

from mail_proxy.domain.large_files import Place, read_place
from mail_proxy.storage.cloud import open_cloud
from mail_proxy.storage.errors import StorageFailed
from mail_proxy.storage.local import LocalObjects
from mail_proxy.storage.objects import Objects
from mail_proxy.threads import FairThreads, NoThread

R = TypeVar("R")

# Of its own: uploads that hang must not take the threads that everything else runs in.
# Each has parts of a file in memory; one tenant's leave some to others.
THREADS, THREADS_EACH = 4, 2
MOST_OPEN = 32  # places: each holds connections and credentials
DEADLINE_S = 900.0  # for one file; a library may try for a minute or two before it says no


class Backends:
    """Closed when the daemon ends: what is being uploaded is given up.

    files_dir: where `file://` without a path is.
    """

    def __init__(self, files_dir: Path) -> None:
        self._files_dir = files_dir
        self._threads = FairThreads(THREADS, THREADS_EACH, "large file")
        self._opened: OrderedDict[tuple[str, str], Objects] = OrderedDict()
        self._opening = Lock()
        self._ended = Event()

    def close(self) -> None:
        self._ended.set()
        self._threads.close()

    def folder(self, place: Place) -> Path:
        return Path(place.prefix) if place.prefix else self._files_dir

    def local(self, place: Place) -> LocalObjects:
        return LocalObjects(self.folder(place))

    def open(self, location: str, auth: Mapping[str, Any] | None) -> Objects:
        """The place under that `storage_url`. It blocks. Raises ConfigurationError, Invalid."""
        place = read_place(location)
        if place.is_local:
            return self.local(place)
        key = (location, json.dumps(auth or {}, sort_keys=True))
        with self._opening:
            objects = self._opened.get(key)
        if objects is None:  # without the lock: logging in at one may hang
            objects = open_cloud(place, auth or {})
        with self._opening:
            objects = self._opened.setdefault(key, objects)
            self._opened.move_to_end(key)
            while len(self._opened) > MOST_OPEN:
                self._opened.popitem(last=False)
        return objects

    async def run(self, tenant_id: str, work: Callable[[], R]) -> R:
        """What `work` returns, in one of the tenant's threads; raises StorageFailed too late.

        What hangs keeps its thread: the tenant's others go on, and those of others.
        """
        if self._ended.is_set():  # no thread takes anything any more
            raise StorageFailed("the daemon is stopping")
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await self._threads.of(tenant_id).start(work)
        except NoThread as error:
            raise StorageFailed("there is no thread to reach it in") from error
        except TimeoutError as error:
            raise StorageFailed(f"it took longer than {DEADLINE_S:g} s") from error

    async def run_stoppable(self, tenant_id: str, work: Callable[[Event], R]) -> R:
        """The same for what looks at an event between its steps.

        A thread cannot be cancelled, so it is told, and ends soon.
        """
        stop = _Either(self._ended)
        try:
            return await self.run(tenant_id, partial(work, stop))
        finally:
            stop.set()


class _Either(Event):
    """Set by itself, or with another one."""

    def __init__(self, other: Event) -> None:
        super().__init__()
        self._other = other

    def is_set(self) -> bool:
        return super().is_set() or self._other.is_set()
