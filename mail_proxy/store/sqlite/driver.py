"""The driver's own connection, for the hot verbs.

Through SQLAlchemy a statement costs some 40 us and a row of its result some 5 us more: a claim of
50 messages took 2.7 ms of which SQLite itself needed 0.5 ms.

Rows go in and come out as one JSON text. With a step for each row the driver gives up the
interpreter's lock at each, and the event loop, busy with mail, gives it back when it likes: a turn
of 3 ms took 10 ms.
"""

# ruff: noqa: S608 - statements are built of our own constants; values travel as parameters

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from mail_proxy.store.counting import Differences

ADD_COUNTS = """
INSERT INTO counts (tenant_id, account_id, state, priority, n) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (tenant_id, account_id, state, priority) DO UPDATE SET n = counts.n + excluded.n
"""


def driver(conn: Connection) -> sqlite3.Connection:
    """What `conn` stands on; the same transaction."""
    found = conn.connection.driver_connection
    assert isinstance(found, sqlite3.Connection)
    return found


def json_rows(columns: str) -> str:
    """SELECT of a JSON array of arrays, each in the order of `columns`, `a, b, c`."""
    names = columns.split(", ")
    values = ", ".join(f"value ->> {n} AS {name}" for n, name in enumerate(names))
    return f"SELECT {values} FROM json_each(?)"


def insert_of_json(table: str, columns: str) -> str:
    """INSERT of such an array."""
    return f"INSERT INTO {table} ({columns}) {json_rows(columns)}"


def as_json(rows: Sequence[Sequence[Any]]) -> str:
    """For `json_each`. A lone surrogate is left in: the driver refuses the whole statement."""
    return json.dumps(rows, ensure_ascii=False)


def write_counts(db: sqlite3.Connection, differences: Differences) -> None:
    """Add `differences` to the `counts` table."""
    db.executemany(ADD_COUNTS, differences.changed())
