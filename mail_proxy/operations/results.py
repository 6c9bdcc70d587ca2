"""Outcomes for an application that embeds the proxy."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any
from weakref import WeakSet

KEPT = 10_000  # outcomes that a slow reader may be behind; older ones are dropped


class Results:
    """Hands each outcome to every reader; a reader never slows the delivery."""

    def __init__(self) -> None:
        # Weak: a stream that nobody ever began to read goes with its last reference.
        self._readers: WeakSet[_Reader] = WeakSet()
        self._is_closed = False

    def put(self, outcome: dict[str, Any]) -> None:
        for reader in self._readers:
            reader.put(outcome)

    def close(self) -> None:
        """Readers get what they have not read yet, and end."""
        self._is_closed = True
        for reader in self._readers:
            reader.close()

    def read(self) -> AsyncIterator[dict[str, Any]]:
        """Outcomes from now on, the oldest dropped when more than `KEPT` wait."""
        reader = _Reader()
        if self._is_closed:
            reader.close()
        self._readers.add(reader)
        return self._each(reader)

    async def _each(self, reader: _Reader) -> AsyncIterator[dict[str, Any]]:
        try:
            while (outcome := await reader.next()) is not None:
                yield outcome
        finally:
            self._readers.discard(reader)


class _Reader:
    def __init__(self) -> None:
        self._waiting: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._changed = asyncio.Event()
        self._is_closed = False

    def put(self, outcome: dict[str, Any]) -> None:
        self._waiting.append(outcome)
        self._changed.set()

    def close(self) -> None:
        self._is_closed = True
        self._changed.set()

    async def next(self) -> dict[str, Any] | None:
        while not self._waiting:
            if self._is_closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._waiting.popleft()
