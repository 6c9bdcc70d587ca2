"""First answers to posts with an Idempotency-Key. `accept` writes its own, with the messages."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import Connection, delete, insert, select, tuple_

from mail_proxy.store.schema import idempotency
from mail_proxy.store.values.intake import KeptAnswer

_i = idempotency.c


def keep_answer(conn: Connection, kept: KeptAnswer) -> None:
    """In place of what was kept for its key, if anything was."""
    conn.execute(delete(idempotency).where(_i.tenant_id == kept.tenant_id, _i.key == kept.key))
    conn.execute(insert(idempotency).values(asdict(kept)))


def find_answer(conn: Connection, tenant_id: str, key: str, *, since: float) -> KeptAnswer | None:
    """The one that was kept at `since` or later."""
    statement = select(idempotency).where(
        _i.tenant_id == tenant_id, _i.key == key, _i.created_at >= since
    )
    row = conn.execute(statement).first()
    return None if row is None else KeptAnswer(**row._mapping)


def forget_answers(conn: Connection, *, before: float, limit: int) -> int:
    """Remove up to `limit` that were kept before that time; how many there were."""
    old = (
        select(_i.tenant_id, _i.key)
        .where(_i.created_at < before)
        .order_by(_i.created_at)
        .limit(limit)
    )
    return conn.execute(delete(idempotency).where(tuple_(_i.tenant_id, _i.key).in_(old))).rowcount
