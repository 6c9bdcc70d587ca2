"""Which index a statement takes, where SQLite by itself takes a worse one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, String, Table, literal

from mail_proxy.store.schema import events

# A literal, not a parameter: a partial index is taken only where its condition is seen.
is_unreported = events.c.report_state == literal("pending", String, literal_execute=True)

is_parked = events.c.report_state == literal("parked", String, literal_execute=True)


def by_index(statement: Select[Any], table: Table, index: str) -> Select[Any]:
    """`statement`, reading `table` by `index`; it fails where that cannot be."""
    assert any(known.name == index for known in table.indexes)
    return statement.with_hint(table, f"INDEXED BY {index}", "sqlite")


def by_key(statement: Select[Any], table: Table) -> Select[Any]:
    """`statement`, reading `table` by its primary key, whatever order is asked for."""
    return statement.with_hint(table, f"INDEXED BY sqlite_autoindex_{table.name}_1", "sqlite")
