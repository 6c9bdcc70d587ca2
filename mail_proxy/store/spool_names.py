"""Which spool files the rows name, and which they name no more; see `spool.py`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from mail_proxy.store.indexed import by_index
from mail_proxy.store.schema import contents, spool_garbage


def named_in_rows(conn: Connection, names: Sequence[str]) -> set[str]:
    """Those of them that a message has."""
    spool = contents.c.spool
    found = select(spool).where(spool.in_(names), spool.is_not(None))
    return set(conn.execute(by_index(found, contents, "contents_spool")).scalars())


def find_garbage(conn: Connection, *, limit: int) -> list[str]:
    """Files whose rows are gone."""
    return list(conn.execute(select(spool_garbage.c.name).limit(limit)).scalars())


def forget_garbage(conn: Connection, names: Sequence[str]) -> None:
    """They are removed."""
    conn.execute(delete(spool_garbage).where(spool_garbage.c.name.in_(names)))
