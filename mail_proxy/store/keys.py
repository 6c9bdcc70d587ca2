"""Keys of messages, events and leases: 63-bit integers that grow with time.

Milliseconds since 2020 (41 bits), a number of this process (10 bits), a sequence (12 bits). Rows in
key order are in order of arrival, and several processes need no common counter.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable

EPOCH_MS = 1_577_836_800_000  # 2020-01-01T00:00:00Z
SEQUENCE_BITS = 12
PROCESS_BITS = 10
LAST_PK = 2**63 - 1


def first_pk_at(timestamp: float) -> int:
    """No key that was made at this time, or later, is less."""
    ms = max(0, int(timestamp * 1000) - EPOCH_MS)
    return min(ms << SEQUENCE_BITS + PROCESS_BITS, LAST_PK)


class KeyMaker:
    """Makes keys that never repeat and never go back, whatever the clock does."""

    def __init__(
        self, now_ns: Callable[[], int] = time.time_ns, process: int | None = None
    ) -> None:
        self._now_ns = now_ns
        self._process = secrets.randbits(PROCESS_BITS) if process is None else process
        self._lock = threading.Lock()
        self._ms = 0
        self._sequence = 0

    def next(self) -> int:
        """A key greater than all that this maker has given."""
        with self._lock:
            self._step(self._now_ns() // 1_000_000 - EPOCH_MS)
            return (
                self._ms << SEQUENCE_BITS + PROCESS_BITS
                | self._process << SEQUENCE_BITS
                | self._sequence
            )

    def _step(self, ms: int) -> None:
        if ms > self._ms:
            self._ms, self._sequence = ms, 0
        elif self._sequence + 1 < 1 << SEQUENCE_BITS:
            self._sequence += 1
        else:  # more than 4096 in one millisecond, or the clock went back: run ahead of it
            self._ms, self._sequence = self._ms + 1, 0


_maker = KeyMaker()


def next_pk() -> int:
    """A new key, greater than all that this process has made."""
    return _maker.next()
