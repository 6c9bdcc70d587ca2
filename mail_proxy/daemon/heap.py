"""The garbage collector, set for a process of which most is code that never becomes garbage, and
the allocator, for one that now and then has a large body in its hands."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

# Blocks from this size on are mapped each on its own, and the system's again once they are free.
# The C library raises its bound with each large block that is freed: after some posts of 14 MB the
# process kept 50 MB that nobody used.
LARGE_BYTES = 1024 * 1024
_M_MMAP_THRESHOLD = -3  # <malloc.h> of glibc
# New containers between two collections, 700 by default. A batch of the store's writer makes some
# thousands that die by themselves a moment later: each collection in between walks them in vain,
# and holds the interpreter's lock meanwhile.
YOUNG = 10_000


def settle() -> None:
    """What is in memory now stays: collections walk only what comes after it.

    Without this a full one stops everything for some 50 ms, once in a few seconds of sending.
    """
    with suppress(AttributeError, OSError):  # other C libraries have no such bound
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
