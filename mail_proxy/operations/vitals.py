"""What the daemon's process takes of the machine, and where it is."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_STATM = Path("/proc/self/statm")  # where there is none, nobody tells what memory is used


class Vitals:
    """Of this process and its database. address: as `127.0.0.1:8000`, once it listens."""

    def __init__(self, database: Path) -> None:
        self._files = [database, database.with_name(f"{database.name}-wal")]
        self.address: str | None = None

    def rss_bytes(self) -> int | None:
        """Resident memory."""
        with suppress(OSError):
            return int(_STATM.read_text("ascii").split()[1]) * _PAGE_BYTES
        return None

    def db_bytes(self) -> int:
        """Of the file, and of what is not yet in it."""
        total = 0
        for path in self._files:
            with suppress(OSError):
                total += path.stat().st_size
        return total
