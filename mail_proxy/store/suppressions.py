"""Who gets no mail of a tenant: addresses, and `@domain` for all of one.

How they are written down is `operations/suppressions.py`'s; here a text is found as it was stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, exists, insert, select, update

from mail_proxy.store.schema import suppressions, tenants

_s = suppressions.c
AT_ONCE = 500  # addresses in one statement


@dataclass(frozen=True, slots=True)
class Suppression:
    """created_at: when it came onto the list; a new reason does not change that."""

    address: str
    reason: str | None
    created_at: float


def suppress(
    conn: Connection, tenant_id: str, reasons: dict[str, str | None], *, now: float
) -> int:
    """Put each address on the list, with its reason; how many are new."""
    known = suppressed(conn, tenant_id, list(reasons))
    for address in known:
        is_it = (_s.tenant_id == tenant_id) & (_s.address == address)
        conn.execute(update(suppressions).where(is_it).values(reason=reasons[address]))
    new = [
        {"tenant_id": tenant_id, "address": address, "reason": reason, "created_at": now}
        for address, reason in reasons.items()
        if address not in known
    ]
    if new:
        conn.execute(insert(suppressions), new)
    return len(new)


def unsuppress(conn: Connection, tenant_id: str, address: str) -> bool:
    """False: it was not on the list."""
    gone = delete(suppressions).where(_s.tenant_id == tenant_id, _s.address == address)
    return bool(conn.execute(gone).rowcount)


def suppressed(conn: Connection, tenant_id: str, addresses: Sequence[str]) -> dict[str, str | None]:
    """Those of `addresses` that are on the list, with the reason."""
    found: dict[str, str | None] = {}
    for start in range(0, len(addresses), AT_ONCE):
        some = addresses[start : start + AT_ONCE]
        statement = select(_s.address, _s.reason).where(
            _s.tenant_id == tenant_id, _s.address.in_(some)
        )
        found |= {row.address: row.reason for row in conn.execute(statement)}
    return found


def find_suppression(conn: Connection, tenant_id: str, address: str) -> list[Suppression]:
    """The one, or none."""
    statement = select(_s.address, _s.reason, _s.created_at).where(
        _s.tenant_id == tenant_id, _s.address == address
    )
    return [Suppression(**row._mapping) for row in conn.execute(statement)]


def list_suppressions(
    conn: Connection, tenant_id: str, *, after: str, limit: int
) -> list[Suppression]:
    """By address, beyond `after`."""
    statement = (
        select(_s.address, _s.reason, _s.created_at)
        .where(_s.tenant_id == tenant_id, _s.address > after)
        .order_by(_s.address)
        .limit(limit)
    )
    return [Suppression(**row._mapping) for row in conn.execute(statement)]


def tenants_with_suppressions(conn: Connection) -> set[str]:
    """One probe for each tenant."""
    has_some = exists().where(_s.tenant_id == tenants.c.tenant_id)
    return set(conn.execute(select(tenants.c.tenant_id).where(has_some)).scalars())
