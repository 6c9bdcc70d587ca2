"""Blocks of a file, each read in a thread while the one before it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from threading import Lock
from typing import Self, TypeAlias

Blocks: TypeAlias = Generator[bytes, None, None]


class _Closing:
    """A generator that is closed while another thread may be inside it."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._lock = Lock()  # of the two fields below; never held while something is read
        self._is_busy = False
        self._is_closed = False

    def next(self) -> bytes | None:
        """The next block, None at the end; in a thread."""
        with self._lock:
            if self._is_closed:
                return None
            self._is_busy = True
        try:
            return next(self._blocks, None)
        finally:
            with self._lock:
                self._is_busy = False
                is_closed = self._is_closed
            if is_closed:
                self._blocks.close()

    def close(self) -> None:
        """Now, or by the thread that is inside it, when it comes out."""
        with self._lock:
            is_free = not self._is_busy and not self._is_closed
            self._is_closed = True
        if is_free:
            self._blocks.close()


class Ahead:
    """Take a block when `is_ready`; the next one is read meanwhile.

    on_ready: called in the loop whenever `is_ready` has become true.
    timeout_s: for the reading of one block.
    """

    def __init__(self, blocks: Blocks, *, on_ready: Callable[[], None], timeout_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._blocks = _Closing(blocks)
        self._on_ready = on_ready
        self._timeout_s = timeout_s
        self._timer: asyncio.TimerHandle | None = None
        self._is_late = False
        self._next: asyncio.Future[bytes | None] = self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """What is being read is not waited for; the thread gives the files back."""
        self._stop_timer()
        self._next.cancel()
        self._blocks.close()

    @property
    def is_ready(self) -> bool:
        return self._is_late or self._next.done()

    def take(self) -> bytes | None:
        """The next block; None at the end. Raises what the iterator does, and TimeoutError."""
        if not self._next.done():
            raise TimeoutError(f"a part of the message was not read within {self._timeout_s:g} s")
        block = self._next.result()
        if block is not None:
            self._next = self._read()
        return block

    def _read(self) -> asyncio.Future[bytes | None]:
        self._timer = self._loop.call_later(self._timeout_s, self._give_up)
        reading = self._loop.run_in_executor(None, self._blocks.next)
        reading.add_done_callback(self._on_read)
        return reading

    def _on_read(self, reading: asyncio.Future[bytes | None]) -> None:
        self._stop_timer()
        if not reading.cancelled():
            reading.exception()  # seen, also where nobody takes it any more
            self._on_ready()

    def _give_up(self) -> None:
        self._is_late = True
        self._on_ready()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
