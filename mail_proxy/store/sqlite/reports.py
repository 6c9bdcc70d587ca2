"""Reports: the events that wait for one, read and marked as one JSON text (see `driver.py`).

A post tells of up to a thousand events, twenty times a second while mail is sent.
"""

# ruff: noqa: S608 - statements are built of our own constants; values travel as parameters

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from pydantic_core import from_json
from sqlalchemy import Connection

from mail_proxy.store.sqlite.driver import driver
from mail_proxy.store.sqlite.leased import parsed
from mail_proxy.store.values.events import EventRow

_DATA = [field.name for field in fields(EventRow)].index("data")

# One JSON text, its columns in the order of EventRow.
UNREPORTED = """
SELECT CAST(json_group_array(json_array(
  pk, tenant_id, message_pk, CAST(message_id AS TEXT), account_id, priority, event_type, event_ts,
  CAST(description AS TEXT), data, report_state, reported_ts, report_tries, replayed_at
)) AS BLOB)
FROM (
  SELECT * FROM events INDEXED BY events_unreported
  WHERE tenant_id = ? AND report_state = 'pending' ORDER BY pk LIMIT ?
)
"""
_THESE = "tenant_id = ? AND pk IN (SELECT value FROM json_each(?))"
# A time that was read has gone through JSON, which may cost its last digits. The `+` keeps SQLite
# from looking for them among all that wait.
MARK = f"""
UPDATE events SET report_state = ?, reported_ts = ?
WHERE {_THESE} AND +report_state = 'pending' AND abs(coalesce(replayed_at, 0) - ?) < 0.001
"""
COUNT_TRY = f"UPDATE events SET report_tries = report_tries + 1 WHERE {_THESE}"


def unreported(conn: Connection, tenant_id: str, *, limit: int) -> list[EventRow]:
    """Oldest first."""
    (found,) = conn.exec_driver_sql(UNREPORTED, (tenant_id, limit)).one()
    return [_event(row) for row in parsed(found)]


def mark_reported(
    conn: Connection, tenant_id: str, events: Sequence[EventRow], *, now: float, state: str
) -> None:
    """Those that are still as they were read: a replay meanwhile is not undone."""
    replays: dict[float, list[int]] = {}
    for event in events:
        replays.setdefault(event.replayed_at or 0.0, []).append(event.pk)
    for replayed_at, pks in replays.items():
        driver(conn).execute(MARK, (state, now, tenant_id, json.dumps(pks), replayed_at))


def count_report_try(conn: Connection, tenant_id: str, pks: Sequence[int]) -> None:
    driver(conn).execute(COUNT_TRY, (tenant_id, json.dumps(pks)))


def _event(row: list[Any]) -> EventRow:
    row[_DATA] = from_json(row[_DATA])
    return EventRow(*row)
