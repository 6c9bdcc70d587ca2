"""Where the delivery reports of a tenant are posted."""

from __future__ import annotations

DEFAULT_SYNC_PATH = "/mail-proxy/sync"


def report_url(base_url: str, sync_path: str | None) -> str:
    """sync_path: the tenant's own; None or empty: the one that all take."""
    return base_url.rstrip("/") + (sync_path or DEFAULT_SYNC_PATH)
