"""The `counts` table: how many messages each account has in each state and priority.

Every statement that changes a state, inserts or deletes messages adds its differences here, in its
own transaction, so that no screen ever counts rows.
"""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, text

_ADD = text("""
INSERT INTO counts (tenant_id, account_id, state, priority, n)
VALUES (:tenant_id, :account_id, :state, :priority, :n)
ON CONFLICT (tenant_id, account_id, state, priority) DO UPDATE SET n = counts.n + excluded.n
""")


class Differences:
    """What one transaction changes in `counts`."""

    def __init__(self) -> None:
        self._by_key: Counter[tuple[str, str, str, int]] = Counter()

    def add(self, tenant_id: str, account_id: str, state: str, priority: int, n: int = 1) -> None:
        """`n` messages more, or less, in that state."""
        self._by_key[tenant_id, account_id, state, priority] += n

    def move(
        self, tenant_id: str, account_id: str, priority: int, *, before: str, after: str
    ) -> None:
        """One message went from one state to another."""
        self.add(tenant_id, account_id, before, priority, -1)
        self.add(tenant_id, account_id, after, priority, 1)

    def changed(self) -> list[tuple[str, str, str, int, int]]:
        """tenant_id, account_id, state, priority and the difference, where there is one."""
        return [(*key, n) for key, n in self._by_key.items() if n]

    def write(self, conn: Connection) -> None:
        """Add them to the table."""
        names = ("tenant_id", "account_id", "state", "priority", "n")
        if changed := [dict(zip(names, row, strict=True)) for row in self.changed()]:
            conn.execute(_ADD, changed)
