"""Room in the file that nothing needs any more goes back to the disk, a little at a time."""

from __future__ import annotations

from sqlalchemy import Connection

from mail_proxy.store.sqlite.driver import driver


def free_pages(conn: Connection) -> tuple[int, int]:
    """Pages that hold nothing, and all pages of the file."""
    free = conn.exec_driver_sql("PRAGMA freelist_count").scalar_one()
    return int(free), int(conn.exec_driver_sql("PRAGMA page_count").scalar_one())


def shrink(conn: Connection, pages: int) -> None:
    """Give back up to so many free pages."""
    db = driver(conn)
    for _ in range(pages):
        # Each page is a step of the statement, and the driver makes the first step only.
        db.execute("PRAGMA incremental_vacuum(1)")
