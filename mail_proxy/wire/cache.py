"""Requests about the cache of attachments."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from typing_extensions import TypedDict

from mail_proxy.wire.fields import Request, Text


class ClearCache(Request):
    """Forget what was fetched; what is asked for again is fetched again."""

    tenant_id: Text | None = Field(default=None, description="Whose; left out: of all tenants.")


# --- answers ---


class CacheTier(TypedDict):
    """entries, bytes: now. hits, misses: since the start of the daemon. max_bytes: 0: it is off."""

    entries: int
    bytes: int
    max_bytes: int
    ttl_s: float
    hits: int
    misses: int


class CacheTold(TypedDict):
    """folder: of the disk tier.

    threshold_bytes: from this size on a content lies on the disk.
    fetched_bytes: of mails that are sent now, beside the cache; room that is kept for them counts.
    fetched_max_bytes: what that may be at most.
    """

    ok: Literal[True]
    memory: CacheTier
    disk: CacheTier
    threshold_bytes: int
    folder: str
    fetched_bytes: int
    fetched_max_bytes: int


class Cleared(TypedDict):
    """removed: entries. What a mail is made of now goes when that is sent."""

    ok: Literal[True]
    removed: int
