"""Every sealed value once more, under another key; the same for both databases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, or_, select, tuple_, update

from mail_proxy.domain.errors import SecretsUnavailable
from mail_proxy.secrets import Keyring
from mail_proxy.store.attachment_auth import reseal_auth
from mail_proxy.store.instance import reseal_settings
from mail_proxy.store.rows import ACCOUNT, SEALED, TENANT, Shape

AT_ONCE = 50  # rows in one turn of the writer: some milliseconds, mail goes on between

_SHAPES: tuple[Shape[Any], ...] = (TENANT, ACCOUNT)


@dataclass(frozen=True, slots=True)
class Place:
    """How far it has come. shape: which table. after: tenant and row of the last one seen."""

    shape: int = 0
    after: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Resealed:
    """n: values that have the new key now. place: where to go on; None: all were seen."""

    n: int
    place: Place | None


def reseal_some(conn: Connection, place: Place, *, keyring: Keyring, limit: int) -> Resealed:
    """The next rows. What no key of ours opens stays as it is: the old key is of no use for it."""
    if place.shape == len(_SHAPES):
        tenant, pk = place.after
        n, last = reseal_auth(conn, (tenant, int(pk or 0)), keyring, limit=limit)
        after = None if last is None else (last[0], str(last[1]))
        return Resealed(n, Place(place.shape + (after is None), after or ("", "")))
    if place.shape > len(_SHAPES):
        return Resealed(reseal_settings(conn, keyring), None)
    shape = _SHAPES[place.shape]
    tenant_id, row_id = shape.table.c.tenant_id, shape.table.c[shape.row]
    sealed = [shape.table.c[name + SEALED] for name in sorted(shape.sealed)]
    statement = (
        select(tenant_id.label("of_tenant"), row_id.label("of_row"), *sealed)
        .where(tuple_(tenant_id, row_id) > place.after)
        .where(or_(*(column.startswith(keyring.old_mark) for column in sealed)))
        .order_by(tenant_id, row_id)
        .limit(limit)
    )
    rows = conn.execute(statement).all()
    n = sum(_reseal_row(conn, shape, row, keyring) for row in rows)
    if len(rows) < limit:
        return Resealed(n, Place(place.shape + 1))
    return Resealed(n, Place(place.shape, (rows[-1].of_tenant, rows[-1].of_row)))


def _reseal_row(conn: Connection, shape: Shape[Any], row: Row[Any], keyring: Keyring) -> int:
    where = {"table": shape.table.name, "tenant_id": row.of_tenant, "row": row.of_row}
    changed = {}
    for column, value in row._mapping.items():
        if not column.endswith(SEALED) or not str(value or "").startswith(keyring.old_mark):
            continue
        try:
            changed[column] = keyring.reseal(value, column=column, **where)
        except SecretsUnavailable:
            continue
    if changed:
        is_row = (shape.table.c.tenant_id == row.of_tenant, shape.table.c[shape.row] == row.of_row)
        conn.execute(update(shape.table).where(*is_row).values(changed))
    return len(changed)
