"""Go behind the terminal: the standard double fork.

Whoever started us made us the leader of a session; our child is in it, leads nothing, so it can
never get a terminal, and belongs to init: nobody has to wait for it.
"""

from __future__ import annotations

import os


def detach() -> None:
    """Returns in the child; the calling process ends. Call it before any thread exists."""
    if os.fork():
        # Not sys.exit: what the interpreter would flush and clean up is the child's by now.
        os._exit(0)
