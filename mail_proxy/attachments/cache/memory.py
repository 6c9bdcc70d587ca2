"""Small contents, the ones used last."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from mail_proxy.domain.clock import Clock

Key = tuple[str, str]  # tenant, MD5 in hex


@dataclass(frozen=True, slots=True)
class _Kept:
    data: bytes = field(repr=False)
    until: float  # by the monotonic clock


class MemoryTier:
    """max_bytes: of all contents; 0: none are kept. ttl_s: how long each is."""

    def __init__(self, max_bytes: int, ttl_s: float, clock: Clock) -> None:
        self._max_bytes = max_bytes
        self._ttl_s = ttl_s
        self._clock = clock
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Key) -> bytes | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.until <= self._clock.monotonic():
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept.data

    def put(self, key: Key, data: bytes) -> None:
        """The ones that were used longest ago make room."""
        self._drop(key)
        if len(data) > self._max_bytes:
            return
        self._kept[key] = _Kept(data, self._clock.monotonic() + self._ttl_s)
        self.size_bytes += len(data)
        while self.size_bytes > self._max_bytes:
            self._drop(next(iter(self._kept)))

    def clear(self, tenant_id: str | None) -> int:
        """How many went; None: those of all tenants."""
        found = [key for key in self._kept if tenant_id in (None, key[0])]
        for key in found:
            self._drop(key)
        return len(found)

    def _drop(self, key: Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self.size_bytes -= len(kept.data)
