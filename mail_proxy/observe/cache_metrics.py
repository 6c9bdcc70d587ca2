"""How often a content was found in the attachment cache, and how much lies there."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

TIERS = ("memory", "disk")


class CacheMetrics:
    """Of one registry; each tier's series are there from the start."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._hits = Counter(
            "gmp_attachment_cache_hits",
            "Contents that were found in the attachment cache.",
            ("tier",),
            registry=registry,
        )
        self._misses = Counter(
            "gmp_attachment_cache_misses",
            "Contents with an MD5 that were not found there.",
            ("tier",),
            registry=registry,
        )
        self._bytes = Gauge(
            "gmp_attachment_cache_bytes",
            "Size of the contents that are kept.",
            ("tier",),
            registry=registry,
        )
        self._counts = {tier: [0, 0] for tier in TIERS}
        for tier in TIERS:
            self._hits.labels(tier)
            self._misses.labels(tier)
            self.show(tier, 0)

    def hit(self, tier: str) -> None:
        self._hits.labels(tier).inc()
        self._counts[tier][0] += 1

    def miss(self, tier: str) -> None:
        self._misses.labels(tier).inc()
        self._counts[tier][1] += 1

    def counts(self, tier: str) -> tuple[int, int]:
        """Hits and misses since the start."""
        hits, misses = self._counts[tier]
        return hits, misses

    def show(self, tier: str, size_bytes: int) -> None:
        self._bytes.labels(tier).set(size_bytes)
