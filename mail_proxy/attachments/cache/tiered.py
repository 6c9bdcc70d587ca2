"""Both tiers as one: small contents in memory, larger ones on the disk."""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mail_proxy.attachments.cache.disk import DiskTier
from mail_proxy.attachments.cache.memory import MemoryTier
from mail_proxy.attachments.flights import Landed
from mail_proxy.attachments.workfiles import Octets, read_blocks
from mail_proxy.config.settings import CacheSettings
from mail_proxy.domain.clock import Clock
from mail_proxy.domain.content import BytesContent
from mail_proxy.observe.cache_metrics import CacheMetrics
from mail_proxy.threads import Threads


@dataclass(frozen=True, slots=True)
class TierStats:
    """hits, misses: since the start."""

    items: int
    size_bytes: int
    max_bytes: int
    hits: int
    misses: int


@dataclass(frozen=True, slots=True)
class CacheStats:
    memory: TierStats
    disk: TierStats
    folder: str


class TieredCache:
    """Looked up by those alone who know the MD5 of what they want.

    folder: of the disk tier, this instance's own.
    """

    def __init__(
        self,
        settings: CacheSettings,
        folder: Path,
        threads: Threads,
        *,
        clock: Clock,
        metrics: CacheMetrics,
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._threads = threads
        self._metrics = metrics
        self._opening = asyncio.Lock()
        self._is_open = False
        self._memory = MemoryTier(settings.memory_max_bytes, settings.memory_ttl_s, clock)
        self._disk = DiskTier(folder, settings.disk_max_bytes, settings.disk_ttl_s, clock, threads)

    async def open(self) -> None:
        """Find what lies on the disk, once. A folder that cannot be used is told of in the log."""
        async with self._opening:
            if not self._is_open:
                await self._disk.open()
                self._is_open = True
        self._show()

    def small(self, tenant_id: str, md5: str) -> BytesContent | None:
        """What is in memory; a miss is not counted, as `get` will look again."""
        data = self._memory.get((tenant_id, md5))
        if data is None:
            return None
        self._metrics.hit("memory")
        return BytesContent(data)

    async def get(self, tenant_id: str, md5: str) -> Landed | None:
        """Close it when it is not needed any more."""
        small = self.small(tenant_id, md5)
        if small is not None:
            return Landed(small, lambda: None)
        self._metrics.miss("memory")
        landed = await self._disk.get(tenant_id, md5)
        if landed is None:
            self._metrics.miss("disk")
        else:
            self._metrics.hit("disk")
        self._show()
        return landed

    async def put(self, tenant_id: str, md5: str, octets: Octets) -> Landed | None:
        """What is to be used instead of the octets, whose file is moved; None: use them.

        They have that MD5: whoever fetched them has looked.
        """
        landed = None
        if octets.size_bytes < self._settings.threshold_bytes:
            await self._put_in_memory((tenant_id, md5), octets)
        else:
            landed = await self._disk.put(tenant_id, md5, octets)
        self._show()
        return landed

    async def stats(self) -> CacheStats:
        await self.open()
        memory, disk = self._memory, self._disk
        return CacheStats(
            self._tier("memory", len(memory), memory.size_bytes, self._settings.memory_max_bytes),
            self._tier("disk", len(disk), disk.size_bytes, self._settings.disk_max_bytes),
            str(self._folder),
        )

    async def clear(self, tenant_id: str | None = None) -> int:
        """Forget the contents of a tenant, or of all; how many. What is in use goes after it."""
        await self.open()
        n = self._memory.clear(tenant_id) + self._disk.clear(tenant_id)
        self._show()
        return n

    async def _put_in_memory(self, key: tuple[str, str], octets: Octets) -> None:
        if octets.size_bytes > self._settings.memory_max_bytes:
            return
        data = octets.data
        if data is None and octets.path is not None:
            data = await self._threads.run(partial(_read, octets.path))
        if data is not None:
            self._memory.put(key, data)

    def _tier(self, tier: str, items: int, size_bytes: int, max_bytes: int) -> TierStats:
        hits, misses = self._metrics.counts(tier)
        return TierStats(items, size_bytes, max_bytes, hits, misses)

    def _show(self) -> None:
        self._metrics.show("memory", self._memory.size_bytes)
        self._metrics.show("disk", self._disk.size_bytes)


def _read(path: Path) -> bytes | None:
    try:
        return b"".join(read_blocks(path))
    except OSError:  # the mail will tell of it
        return None


def disk_folder(cache: CacheSettings, state_dir: Path) -> Path:
    """The disk tier's own; instances that are given one folder do not see each other's files."""
    if cache.disk_dir is None:
        return state_dir / "cache" / "kept"
    whose = hashlib.sha256(os.fsencode(state_dir.resolve())).hexdigest()[:16]
    return Path(cache.disk_dir) / f"mail-proxy-{whose}"
