"""`renew`: a daemon tells its peers that it lives."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from mail_proxy.store.sqlite.driver import driver
from mail_proxy.store.values.leases import Daemon

RENEW = """
INSERT INTO daemons (daemon_id, boot_id, host, started_at, renewals) VALUES (?, ?, ?, ?, 1)
ON CONFLICT (daemon_id) DO UPDATE SET renewals = daemons.renewals + 1
"""


def renew(conn: Connection, daemons: Sequence[Daemon]) -> list[None]:
    """They live: their counters move; rows are made where there are none."""
    tell_renewals(driver(conn), daemons)
    return [None] * len(daemons)


def tell_renewals(db: sqlite3.Connection, daemons: Iterable[Daemon]) -> None:
    """The same, inside another verb."""
    for daemon in daemons:
        values = (daemon.daemon_id, daemon.boot_id, daemon.host, daemon.started_at)
        db.execute(RENEW, values)
