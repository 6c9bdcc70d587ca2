"""The garbage collector, set for a process of which most is code that never becomes garbage."""

from __future__ import annotations

import gc

# New containers between two collections, 700 by default. A batch of the store's writer makes some
# thousands that die by themselves a moment later: each collection in between walks them in vain,
# and holds the interpreter's lock meanwhile.
YOUNG = 10_000


def settle() -> None:
    """What is in memory now stays: collections walk only what comes after it.

    Without this a full one stops everything for some 50 ms, once in a few seconds of sending.
    """
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
