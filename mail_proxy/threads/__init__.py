"""Threads for work that blocks: each kind has its own, and one that hangs holds up no other."""

from mail_proxy.threads.base import NoThread, Threads
from mail_proxy.threads.fair import FairThreads
from mail_proxy.threads.pool import ThreadPool

__all__ = ["FairThreads", "NoThread", "ThreadPool", "Threads"]
