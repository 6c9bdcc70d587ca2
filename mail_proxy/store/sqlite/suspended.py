"""Which tenants and batches are suspended, as the hot verbs ask for it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from mail_proxy.domain.state import State
from mail_proxy.store.schema import WHOLE_TENANT

SUSPENSIONS = """
SELECT s.tenant_id, s.batch_code
FROM json_each(?) AS wanted CROSS JOIN suspensions AS s
WHERE s.tenant_id = wanted.value
"""


class Suspended:
    """The suspensions of some tenants, as they are in this transaction."""

    def __init__(self, found: set[tuple[str, str]]) -> None:
        self._found = found

    @classmethod
    def of(cls, db: sqlite3.Connection, tenant_ids: Iterable[str]) -> Suspended:
        rows = db.execute(SUSPENSIONS, (json.dumps(list(tenant_ids)),))
        return cls({(tenant_id, batch_code) for tenant_id, batch_code in rows})

    def instead_of_waiting(self, tenant_id: str, batch_code: str | None) -> State:
        """SUSPENDED where the tenant or the batch is, else WAITING."""
        if not self._found:
            return State.WAITING
        codes = {WHOLE_TENANT, batch_code}
        if any((tenant_id, code) in self._found for code in codes if code is not None):
            return State.SUSPENDED
        return State.WAITING
