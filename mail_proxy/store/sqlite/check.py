"""Whether the file is whole, looked at before anything is read from it or written to it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from mail_proxy.config.quick_check import quick_check
from mail_proxy.domain.errors import StoreError
from mail_proxy.store.sqlite.driver import driver

# SQLite walks some 500 MB a second. A clean end leaves little to fear, and every command of a
# stopped instance passes here; after a kill or a power loss a start may take longer.
_AFTER_CLEAN_END_S = 0.1
_AFTER_CRASH_S = 5.0


def check_budget_s(path: Path) -> float:
    """How long `check_file` may take; asked before the file is opened."""
    wal = path.with_name(path.name + "-wal")  # SQLite removes it when the last one closes the file
    was_left_open = wal.exists() and wal.stat().st_size > 0
    return _AFTER_CRASH_S if was_left_open else _AFTER_CLEAN_END_S


def check_file(conn: Connection, budget_s: float) -> bool:
    """True when all of it was looked at within the time. Raises StoreError for a damaged file."""
    found = quick_check(driver(conn), budget_s)
    if found not in ("ok", None):
        raise StoreError(
            f"the database is damaged ({found})", hint="restore it from the last backup"
        )
    return found is not None
