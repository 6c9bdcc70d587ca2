"""What the hot verbs ask of limits and write for them.

A leased row is an open reservation: `counts` has their numbers, so nothing is written for one. What
was sent is booked in the transaction in which its row stops being leased.
"""

# ruff: noqa: S608 - statements are built of our own constants; values travel as parameters

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from mail_proxy.domain.limits import (
    BUCKET_S,
    Bucket,
    Limit,
    Scope,
    Use,
    bucket_start,
    limits_of_account,
    limits_of_tenant,
    outdated_before,
)
from mail_proxy.domain.state import State

Key: TypeAlias = tuple[str, str]  # tenant_id and account_id; no account_id: the whole tenant

TENANT = ""

OPEN = {
    Scope.ACCOUNT: f"""
SELECT coalesce(sum(n), 0) FROM counts
WHERE tenant_id = :tenant_id AND account_id = :account_id AND state = '{State.LEASED.value}'
""",
    # Of the tenant's accounts, which may be thousands, only those that have some. The condition is
    # that of the index to the letter.
    Scope.TENANT: f"""
SELECT coalesce(sum(n), 0) FROM counts INDEXED BY counts_leased
WHERE tenant_id = :tenant_id AND state IN ('{State.LEASED.value}') AND n > 0
""",
}

BUCKETS = """
SELECT account_id, window_s, bucket_start, n FROM rate_buckets
WHERE tenant_id = :tenant_id AND account_id IN (:account_id, '')
ORDER BY bucket_start
"""

# An account that was deleted while it sent may come back with a limit: it is booked too.
LIMITED = """
SELECT json_extract(wanted.value, '$[0]'), json_extract(wanted.value, '$[1]'),
  a.account_id IS NULL OR a.limit_per_minute > 0 OR a.limit_per_hour > 0 OR a.limit_per_day > 0,
  t.rate_limits
FROM json_each(?) AS wanted
LEFT JOIN accounts AS a ON a.tenant_id = json_extract(wanted.value, '$[0]')
  AND a.account_id = json_extract(wanted.value, '$[1]')
LEFT JOIN tenants AS t ON t.tenant_id = json_extract(wanted.value, '$[0]')
"""

BOOK = """
INSERT INTO rate_buckets (tenant_id, account_id, window_s, bucket_start, n) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (tenant_id, account_id, window_s, bucket_start) DO UPDATE
SET n = rate_buckets.n + excluded.n
"""

FORGET = """
DELETE FROM rate_buckets
WHERE tenant_id = ? AND account_id = ? AND window_s = ? AND bucket_start < ?
"""


def limits_of(
    rate_limits: str | None, minute: int | None, hour: int | None, day: int | None
) -> tuple[Limit, ...]:
    """Of an account and its tenant, from their columns."""
    of_tenant = limits_of_tenant(json.loads(rate_limits)) if rate_limits else ()
    return (*limits_of_account(minute, hour, day), *of_tenant)


def uses(db: sqlite3.Connection, key: Key, limits: Sequence[Limit]) -> list[Use]:
    """What counts against each limit, as it is in this transaction."""
    where = {"tenant_id": key[0], "account_id": key[1]}
    buckets: dict[tuple[Scope, int], list[Bucket]] = defaultdict(list)
    for account_id, window_s, start, n in db.execute(BUCKETS, where):
        scope = Scope.ACCOUNT if account_id else Scope.TENANT
        buckets[scope, window_s].append(Bucket(start, n))
    open_: dict[Scope, int] = {
        scope: db.execute(OPEN[scope], where).fetchone()[0]
        for scope in {limit.scope for limit in limits}
    }
    return [
        Use(limit, tuple(buckets[limit.scope, limit.window_s]), open_[limit.scope])
        for limit in limits
    ]


class Bookings:
    """What one `finish` books: a final dot each, whatever was answered to it."""

    def __init__(self) -> None:
        self._sent: Counter[Key] = Counter()

    def add(self, tenant_id: str, account_id: str) -> None:
        self._sent[tenant_id, account_id] += 1

    def write(self, db: sqlite3.Connection, now: float) -> None:
        """Book where there is a limit; `now` is steady, and not before any reply was read."""
        if not self._sent:
            return
        booked = dict(self._limited(db))
        db.executemany(
            BOOK,
            [
                (*key, window_s, bucket_start(window_s, now), n)
                for key, n in booked.items()
                for window_s in BUCKET_S
            ],
        )
        db.executemany(
            FORGET,
            [
                (*key, window_s, outdated_before(window_s, now))
                for key in booked
                for window_s in BUCKET_S
            ],
        )
        self._sent.clear()

    def _limited(self, db: sqlite3.Connection) -> Iterator[tuple[Key, int]]:
        tenants: Counter[Key] = Counter()
        wanted = json.dumps(list(self._sent))
        for tenant_id, account_id, is_limited, rate_limits in db.execute(LIMITED, (wanted,)):
            n = self._sent[tenant_id, account_id]
            if is_limited:
                yield (tenant_id, account_id), n
            if rate_limits and limits_of_tenant(json.loads(rate_limits)):
                tenants[tenant_id, TENANT] += n
        yield from tenants.items()
