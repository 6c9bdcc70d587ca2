"""The cache of attachments: its numbers, and an empty one."""

from __future__ import annotations

from mail_proxy.attachments import TierStats
from mail_proxy.operations.context import Context
from mail_proxy.wire.cache import CacheTier, CacheTold, ClearCache, Cleared
from mail_proxy.wire.fields import NoFields


async def get_cache(ctx: Context, request: NoFields) -> CacheTold:  # noqa: ARG001 - one shape for all
    """What lies in the cache of attachments, and how often it was of use."""
    stats = await ctx.attachments.cache.stats()
    settings = ctx.settings.cache
    return {
        "ok": True,
        "memory": _told(stats.memory, settings.memory_ttl_s),
        "disk": _told(stats.disk, settings.disk_ttl_s),
        "threshold_bytes": settings.threshold_bytes,
        "folder": stats.folder,
        "fetched_bytes": ctx.attachments.held_bytes,
        "fetched_max_bytes": ctx.settings.attachments.budget_bytes,
    }


async def clear_cache(ctx: Context, request: ClearCache) -> Cleared:
    """Empty the cache of attachments, of all tenants or of one; it costs fetches only."""
    tenant_id = request.tenant_id
    if tenant_id is not None:
        ctx.known_tenant(tenant_id)
    return {"ok": True, "removed": await ctx.attachments.cache.clear(tenant_id)}


def _told(tier: TierStats, ttl_s: float) -> CacheTier:
    return {
        "entries": tier.items,
        "bytes": tier.size_bytes,
        "max_bytes": tier.max_bytes,
        "ttl_s": ttl_s,
        "hits": tier.hits,
        "misses": tier.misses,
    }
