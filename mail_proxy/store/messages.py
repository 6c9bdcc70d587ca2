"""Looking at messages: single ones, their parts, their events; the same for both databases.

Many of them take one statement for the messages and one each for their recipients, contents and
events, never one for each message.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    LargeBinary,
    Row,
    Select,
    and_,
    cast,
    func,
    literal,
    select,
)

from mail_proxy.store.indexed import by_index
from mail_proxy.store.keys import LAST_PK
from mail_proxy.store.rows import (
    EVENT_COLUMNS,
    MESSAGE_COLUMNS,
    event_row,
    message_row,
    recipient_row,
)
from mail_proxy.store.schema import contents, events, messages, recipients, tenants
from mail_proxy.store.values.events import EventRow
from mail_proxy.store.values.messages import MessageRow

Found = TypeVar("Found")
_m = messages.c


def find_messages(
    conn: Connection, tenant_id: str | None, ids: Sequence[str], *, full: bool
) -> list[MessageRow]:
    """Messages with one of these caller's ids, of one tenant or of all."""
    # For several ids SQLite by itself walks all rows of the tenant.
    statement = by_index(_ordered().where(_m.id.in_(ids)), messages, "messages_id")
    if tenant_id is None:
        # Keys begin with the tenant: a probe for each is short, a search without one is not.
        statement = statement.where(_m.tenant_id.in_(select(tenants.c.tenant_id)))
    else:
        statement = statement.where(_m.tenant_id == tenant_id)
    return completed(conn, statement, full=full)


def find_by_pks(conn: Connection, tenant_id: str, pks: Sequence[int]) -> list[MessageRow]:
    """Messages of one tenant with their recipients, in the order of priority and pk."""
    # Ordered here: for several keys SQLite would walk all rows of the tenant in that order.
    statement = select(*MESSAGE_COLUMNS).where(_m.tenant_id == tenant_id, _m.pk.in_(pks))
    return sorted(completed(conn, statement), key=attrgetter("priority", "pk"))


def get_by_pk(conn: Connection, pk: int, *, full: bool) -> MessageRow | None:
    if not 0 < pk <= LAST_PK:
        return None
    statement = _ordered().where(_m.tenant_id.in_(select(tenants.c.tenant_id)), _m.pk == pk)
    found = completed(conn, statement, full=full)
    return found[0] if found else None


def message_events(conn: Connection, tenant_id: str, pk: int) -> list[EventRow]:
    """Oldest first."""
    return _events(conn, tenant_id, [pk])[pk]


def _ordered() -> Select[Any]:
    return select(*MESSAGE_COLUMNS).order_by(_m.tenant_id, _m.priority, _m.pk)


def completed(conn: Connection, statement: Select[Any], *, full: bool = False) -> list[MessageRow]:
    """The messages of `statement` with their recipients; full: with contents and events too."""
    rows = conn.execute(statement).all()
    return [
        message
        for tenant_id, theirs in groupby(rows, key=attrgetter("tenant_id"))
        for message in _with_parts(conn, tenant_id, list(theirs), full=full)
    ]


def addressed(conn: Connection, rows: Sequence[Row[Any]]) -> list[MessageRow]:
    """Messages of many tenants, in the order of `rows`, with their recipients."""
    r = recipients.c
    # A list of pairs would be looked up in no index, and one statement for each tenant is many.
    keys = literal(json.dumps([(row.tenant_id, row.pk) for row in rows]))
    wanted = func.json_each(keys).table_valued("value", name="wanted")
    is_wanted = and_(
        r.tenant_id == func.json_extract(wanted.c.value, "$[0]"),
        r.message_pk == func.json_extract(wanted.c.value, "$[1]"),
    )
    statement = (
        select(recipients)
        .select_from(wanted.join(recipients, is_wanted))
        .order_by(r.message_pk, r.position)
    )
    found = _by_message((row.message_pk, row) for row in conn.execute(statement))
    return [
        message_row(row, recipients=tuple(recipient_row(r) for r in found[row.pk])) for row in rows
    ]


def _with_parts(
    conn: Connection, tenant_id: str, rows: list[Row[Any]], *, full: bool
) -> Iterable[MessageRow]:
    pks = [row.pk for row in rows]
    addressed = _recipients(conn, tenant_id, pks)
    payloads = _contents(conn, tenant_id, pks) if full else {}
    told = _events(conn, tenant_id, pks) if full else {}
    for row in rows:
        yield message_row(
            row,
            recipients=tuple(recipient_row(r) for r in addressed[row.pk]),
            content=payloads.get(row.pk),
            events=tuple(told.get(row.pk, ())),
        )


def _recipients(conn: Connection, tenant_id: str, pks: list[int]) -> dict[int, list[Row[Any]]]:
    r = recipients.c
    statement = (
        select(recipients)
        .where(r.tenant_id == tenant_id, r.message_pk.in_(pks))
        .order_by(r.message_pk, r.position)
    )
    return _by_message((row.message_pk, row) for row in conn.execute(statement))


def _contents(conn: Connection, tenant_id: str, pks: list[int]) -> dict[int, bytes]:
    c = contents.c
    # As bytes whatever was written: text that is no UTF-8 could not be fetched.
    payload = cast(c.payload, LargeBinary).label("payload")
    statement = select(c.message_pk, payload)
    found = conn.execute(statement.where(c.tenant_id == tenant_id, c.message_pk.in_(pks)))
    return {row.message_pk: row.payload for row in found}


def content(conn: Connection, tenant_id: str, pk: int) -> bytes:
    """Of one message; empty where there is none."""
    c = contents.c
    payload = cast(c.payload, LargeBinary)  # as above
    statement = select(payload).where(c.tenant_id == tenant_id, c.message_pk == pk)
    return conn.execute(statement).scalar() or b""


def _events(conn: Connection, tenant_id: str, pks: list[int]) -> dict[int, list[EventRow]]:
    e = events.c
    statement = (
        select(*EVENT_COLUMNS)
        .where(e.tenant_id == tenant_id, e.message_pk.in_(pks))
        .order_by(e.message_pk, e.pk)
    )
    return _by_message((row.message_pk, event_row(row)) for row in conn.execute(statement))


def _by_message(pairs: Iterable[tuple[int, Found]]) -> dict[int, list[Found]]:
    grouped: dict[int, list[Found]] = defaultdict(list)
    for pk, found in pairs:
        grouped[pk].append(found)
    return grouped
