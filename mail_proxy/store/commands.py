"""The log of commands: written line by line, read by time."""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select, true

from mail_proxy.store.keys import first_pk_at, next_pk
from mail_proxy.store.schema import command_log

_c = command_log.c


class LoggedCommand(NamedTuple):
    """A line of the command log; secrets in `payload` are masked by the caller."""

    tenant_id: str
    command_ts: float
    endpoint: str
    caller: str
    payload: dict[str, Any]
    response_status: int
    request_id: str | None = None


class CommandRow(NamedTuple):
    """A line as it is read; `pk` grows with time."""

    tenant_id: str
    pk: int
    command_ts: float
    endpoint: str
    caller: str
    payload: dict[str, Any]
    response_status: int
    request_id: str | None = None


def log_commands(conn: Connection, commands: Sequence[LoggedCommand]) -> list[None]:
    rows = [
        {
            **command._asdict(),
            "pk": next_pk(),
            "payload": json.dumps(command.payload, ensure_ascii=False),
        }
        for command in commands
    ]
    conn.execute(insert(command_log), rows)
    return [None] * len(rows)


def list_commands(
    conn: Connection,
    *,
    tenant_id: str | None,
    since_ts: float | None,
    until_ts: float | None,
    endpoint_filter: str | None,
    after_pk: int | None = None,
    limit: int,
    oldest_first: bool,
) -> list[CommandRow]:
    """Up to `limit` lines; tenant_id None: of all. Reads ranges of the key, one for each tenant.

    The keys are compared first: of many tenants no more than `limit` lines are in memory.
    """
    tenants = [tenant_id] if tenant_id is not None else logged_tenants(conn)
    order = _c.pk.asc() if oldest_first else _c.pk.desc()
    chosen = select(command_log).order_by(order)
    if since_ts is not None:
        chosen = chosen.where(_c.pk >= first_pk_at(since_ts))
    if until_ts is not None:
        chosen = chosen.where(_c.pk < first_pk_at(until_ts))
    if after_pk is not None:
        chosen = chosen.where(_c.pk > after_pk)
    if endpoint_filter is not None:
        chosen = chosen.where(func.instr(_c.endpoint, endpoint_filter) > 0)
    keys = chosen.with_only_columns(_c.pk, _c.tenant_id).limit(limit)
    pick = heapq.nsmallest if oldest_first else heapq.nlargest
    first = pick(
        limit,
        (
            (pk, tenant)
            for tenant in tenants
            for pk, tenant in conn.execute(keys.where(_c.tenant_id == tenant))
        ),
    )
    found = [
        CommandRow(**{**row._mapping, "payload": json.loads(row.payload)})
        for tenant, n in Counter(tenant for _, tenant in first).items()
        for row in conn.execute(chosen.where(_c.tenant_id == tenant).limit(n))
    ]
    return sorted(found, key=lambda row: row.pk, reverse=not oldest_first)


def logged_tenants(conn: Connection) -> Iterator[str]:
    """Of whom there is a line, also tenants that are gone; a probe for each."""
    last: str | None = None
    while True:
        rest = true() if last is None else _c.tenant_id > last
        last = conn.execute(select(func.min(_c.tenant_id)).where(rest)).scalar()
        if last is None:
            return
        yield last
