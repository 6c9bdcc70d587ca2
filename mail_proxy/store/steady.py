"""Steady time: seconds that only go forward, also over restarts, whatever is done to the clock.

It is the monotonic clock plus an offset that is stored with the id of the machine's boot: as long
as that stays the same, a new process goes on where the last one was. After a reboot the monotonic
clock begins anew, and the wall clock gives a new offset; but never one that lies before what was
booked already, so that a clock that was set back meanwhile makes limits last longer, not shorter.
"""

from __future__ import annotations

import json

from sqlalchemy import Connection, delete, func, insert, select, update

from mail_proxy.domain.clock import Clock
from mail_proxy.domain.limits import DAY_S, MINUTE_S, outdated_before
from mail_proxy.store.schema import instance, rate_buckets

SETTING = "steady_time"


class Steady:
    """Tells steady time; made by `settle`."""

    def __init__(self, clock: Clock, offset_s: float) -> None:
        self._clock = clock
        self._offset_s = offset_s

    def now(self) -> float:
        return self._clock.monotonic() + self._offset_s


def settle(conn: Connection, clock: Clock, boot_id: str) -> Steady:
    """At the opening of the store. boot_id: empty where the machine does not tell it."""
    recorded = _recorded(conn)
    offset_s = recorded.get("offset_s")
    if not boot_id or recorded.get("boot_id") != boot_id or not isinstance(offset_s, float):
        offset_s = clock.now() - clock.monotonic()
    offset_s = max(offset_s, _newest(conn) - clock.monotonic())
    _record(conn, {"boot_id": boot_id, "offset_s": offset_s})
    steady = Steady(clock, offset_s)
    _forget_old(conn, steady.now())
    return steady


def _recorded(conn: Connection) -> dict[str, object]:
    stored = conn.execute(select(instance.c.value).where(instance.c.name == SETTING)).scalar()
    found: dict[str, object] = json.loads(stored) if stored else {}
    return found


def _record(conn: Connection, value: dict[str, object]) -> None:
    text = json.dumps(value)
    changed = conn.execute(update(instance).where(instance.c.name == SETTING).values(value=text))
    if not changed.rowcount:
        conn.execute(insert(instance).values(name=SETTING, value=text))


def _newest(conn: Connection) -> float:
    """The last second in which something was booked; every booking is in a minute's bucket."""
    b = rate_buckets.c
    newest = select(func.max(b.bucket_start)).where(b.window_s == MINUTE_S)
    return conn.execute(newest).scalar() or 0.0


def _forget_old(conn: Connection, now: float) -> None:
    """Those of accounts that send no more, or are gone; the others are removed as they send."""
    b = rate_buckets.c
    conn.execute(delete(rate_buckets).where(b.bucket_start < outdated_before(DAY_S, now)))
