"""Contents that were fetched already, by their MD5: in memory the small ones, on disk the others.

What is kept for one tenant is never found by another: each key begins with the tenant.
"""

from mail_proxy.attachments.cache.disk import DiskTier
from mail_proxy.attachments.cache.memory import MemoryTier
from mail_proxy.attachments.cache.tiered import CacheStats, TieredCache, TierStats, disk_folder

__all__ = ["CacheStats", "DiskTier", "MemoryTier", "TierStats", "TieredCache", "disk_folder"]
