"""Messages that may not wait for a limit: due ones beyond it end, a chunk at a time."""

# ruff: noqa: S608 - statements are built of our own constants; values travel as parameters

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from mail_proxy.domain.limits import REJECTED
from mail_proxy.domain.state import Event, RecipientState, target
from mail_proxy.store.event_data import event_data
from mail_proxy.store.keys import next_pk
from mail_proxy.store.values.queue import Rejected

CHUNK = 100  # messages in one claim: the others of its turn wait for it, some milliseconds

# Where somebody has accepted it in an earlier attempt, the others wait for theirs.
NOBODY_HAS_IT = f"""
  NOT EXISTS (
    SELECT 1 FROM recipients AS r
    WHERE r.tenant_id = m.tenant_id AND r.message_pk = m.pk
      AND r.state = '{RecipientState.ACCEPTED.value}'
  )
"""

REFUSE = f"""
UPDATE recipients SET state = '{RecipientState.REFUSED.value}', settled_at = ?
WHERE tenant_id = ? AND message_pk = ? AND state = '{RecipientState.PENDING.value}'
"""

TELL = f"""
INSERT INTO events (
  tenant_id, pk, message_pk, message_id, account_id, priority, event_type, event_ts, description,
  data, report_state
) VALUES (?, ?, ?, ?, ?, ?, 'error', ?, '{REJECTED}', ?, 'pending')
"""


def reject_statement(first_rows: str) -> str:
    """REJECT those whose keys the subquery `first_rows` gives; it is guarded by the state."""
    return f"""
UPDATE messages
SET state = '{target(Event.REJECT).value}', error = '{REJECTED}', error_code = NULL,
  error_at = :now, finished_at = :now, updated_at = :now
WHERE tenant_id = :tenant_id AND pk IN ({first_rows})
RETURNING pk, id, priority, tries, request_id
"""


def tell_rejected(
    db: sqlite3.Connection,
    where: Mapping[str, Any],
    rows: Sequence[tuple[int, str, int, int, str | None]],
) -> tuple[Rejected, ...]:
    """The rest of what a refusal means: recipients, event, report. `where` is the claim's."""
    tenant_id, account_id, now = where["tenant_id"], where["account_id"], where["now"]
    data = {"error_ts": int(now), "error": REJECTED}
    db.executemany(REFUSE, [(now, tenant_id, pk) for pk, *_ in rows])
    db.executemany(
        TELL,
        [
            (tenant_id, next_pk(), pk, id_, account_id, priority, now, event_data(data, request_id))
            for pk, id_, priority, _, request_id in rows
        ],
    )
    return tuple(
        Rejected(tenant_id, pk, id_, account_id, tries, now, request_id)
        for pk, id_, _, tries, request_id in rows
    )
