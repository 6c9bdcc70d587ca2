"""Memory, set for a process that lives long: what is looked at as garbage, what is given back.

Most of it is code that never becomes garbage; now and then there is a large body in its hands.
"""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

# Blocks from this size on are mapped each on its own, and the system's again once they are free.
# The C library raises its bound with each large block that is freed: after some posts of 14 MB the
# process kept 50 MB that nobody used. Pieces of large bodies count too: with 256 KiB here they left
# holes of 10 to 15 MB behind.
LARGE_BYTES = 64 * 1024
ARENAS = 2  # each thread would have one of its own, and keep what it once needed
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # <malloc.h> of glibc

# New containers between two collections, 700 by default. A batch of the store's writer makes some
# thousands that die by themselves a moment later: each collection in between walks them in vain,
# and holds the interpreter's lock meanwhile.
YOUNG = 10_000


def limit() -> None:
    """Before threads are started, which keep the arena that they have begun with."""
    with suppress(AttributeError, OSError):  # other C libraries have no such bounds
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(_M_ARENA_MAX, ARENAS)


def settle() -> None:
    """What is in memory now stays: collections walk only what comes after it.

    Without this a full one stops everything for some 50 ms, once in a few seconds of sending.
    """
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
