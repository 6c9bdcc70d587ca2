"""Whether the pages of an SQLite file are what they should be, looked at for a limited time."""

from __future__ import annotations

import sqlite3
import threading


def quick_check(db: sqlite3.Connection, budget_s: float) -> str | None:
    """`ok`, or what is wrong; None when the time was over before all of it was looked at.

    There are no checksums over contents. Raises sqlite3.DatabaseError for what is no database.
    """
    # A progress handler is not asked within a table: one of 5 GB took 15 s.
    timer = threading.Timer(budget_s, db.interrupt)
    timer.start()
    try:
        (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return None
        raise
    finally:
        timer.cancel()
        timer.join()  # so that it interrupts nothing that comes after
    return str(found)
