"""The contents of attachments: fetched from where they are, checked, kept for a while."""

from mail_proxy.attachments.cache import CacheStats, TieredCache, TierStats
from mail_proxy.attachments.fetched import Fetched
from mail_proxy.attachments.manager import AttachmentManager
from mail_proxy.attachments.origin import Origin

__all__ = ["AttachmentManager", "CacheStats", "Fetched", "Origin", "TierStats", "TieredCache"]
