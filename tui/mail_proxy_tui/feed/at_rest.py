"""The feed of an instance whose daemon does not run: its database and its log, only read."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from mail_proxy.control.log_file import log_lines
from mail_proxy.domain.errors import NotFound, NotRunning
from mail_proxy.domain.filter_text import parse_filter
from mail_proxy_tui.feed import answers, rest_sql
from mail_proxy_tui.feed.base import (
    PAGE,
    AccountRow,
    Action,
    Callback,
    Cells,
    Daemon,
    Done,
    Happening,
    Letter,
    LogLine,
    Made,
    MessageKey,
    MessageRow,
    Numbers,
    Page,
    Query,
    TenantRow,
)
from mail_proxy_tui.feed.database import Database, Look, Row
from mail_proxy_tui.feed.filter_sql import condition
from mail_proxy_tui.feed.letters import letter
from mail_proxy_tui.feed.live import ERRORS


class RestingFeed:
    """database: the SQLite file. log: the daemon's. now: seconds since the epoch."""

    can_act = False
    most_listed = rest_sql.CANDIDATES

    def __init__(
        self, name: str, database: Path, log: Path, *, now: Callable[[], float] = time.time
    ) -> None:
        self._name = name
        self._database = Database(database)
        self._log = log
        self._now = now

    async def daemon(self) -> Daemon:
        return Daemon(self._name)

    async def numbers(self, tenant_id: str | None = None) -> Numbers:
        now = self._now()
        async with self._database.opened() as look:
            counted = await look.rows(*_of(rest_sql.COUNTS, rest_sql.OF_TENANT, tenant_id))
            statement, values = _of(rest_sql.WAITING, rest_sql.AND_OF_TENANT, tenant_id)
            waiting = await look.rows(statement, (now, *values))
            tenants = await look.rows(rest_sql.TENANTS)
            accounts = await look.rows(*_of(rest_sql.ACCOUNTS, rest_sql.OF_TENANT, tenant_id))
        n_tenants = sum(tenant_id in (None, row["tenant_id"]) for row in tenants)
        stats = rest_sql.stats(counted, waiting, tenants=n_tenants, accounts=len(accounts), now=now)
        return answers.numbers(stats)

    async def page(self, query: Query, cursor: str | None = None, limit: int = PAGE) -> Page:
        now = self._now()
        where = condition(parse_filter(query.filter), query.tenant_id, now)
        statement = rest_sql.page_of(where.text, query.order, is_reversed=query.is_reversed)
        start = int(cursor or 0)
        async with self._database.opened() as look:
            counted = await look.row(rest_sql.count_of(where.text), where.values)
            rows = await look.rows(statement, (*where.values, limit, start))
        count = 0 if counted is None else counted["n"]
        end = start + len(rows)
        return Page(
            rows=_message_rows(rows, now),
            next_cursor=str(end) if rows and end < count else None,
            count=count,
            count_is_bounded=count == rest_sql.CANDIDATES,
        )

    async def letter(self, key: MessageKey) -> Letter:
        now = self._now()
        async with self._database.opened() as look:
            row = await look.row(rest_sql.MESSAGE, (key.tenant_id, key.id))
            if row is None or key.pk not in ("", str(row["pk"])):
                raise NotFound(f"message '{key.id}' not found")
            which = (key.tenant_id, row["pk"])
            recipients = await look.rows(rest_sql.RECIPIENTS, which)
            events = await look.rows(rest_sql.EVENTS, which)
            content = await look.row(rest_sql.CONTENT, which)
        payload = None if content is None else content["payload"]
        record = rest_sql.full_record(row, recipients, events, payload, now)
        return letter(record, None, None)

    async def accounts(self, tenant_id: str | None = None) -> tuple[AccountRow, ...]:
        now = self._now()
        async with self._database.opened() as look:
            rows = await look.rows(*_of(rest_sql.ACCOUNTS, rest_sql.OF_TENANT, tenant_id))
        return tuple(answers.account_row(rest_sql.account_record(row, now)) for row in rows)

    async def tenants(self) -> tuple[TenantRow, ...]:
        now = self._now()
        async with self._database.opened() as look:
            rows = await look.rows(rest_sql.TENANTS)
            suspended = await look.rows(rest_sql.SUSPENSIONS)
            counted = await look.rows(*_of(rest_sql.COUNTS, rest_sql.OF_TENANT, None))
            synced = {row["tenant_id"]: row for row in await look.rows(rest_sql.SYNCED)}
            reports = await look.rows(rest_sql.REPORTS)
            later = await _later(look, now)
        return tuple(
            TenantRow(
                tenant_id=row["tenant_id"],
                name=row["name"] or "",
                is_active=bool(row["active"]),
                suspended=tuple(
                    s["batch_code"] for s in suspended if s["tenant_id"] == row["tenant_id"]
                ),
                ready=(cells := _cells(counted, row["tenant_id"], later)).ready,
                deferred=cells.deferred,
                suspended_messages=cells.suspended,
                callback=_callback(row, synced.get(row["tenant_id"]), reports),
            )
            for row in rows
        )

    async def counted(self, rows: Sequence[TenantRow]) -> tuple[TenantRow, ...]:
        """They are already."""
        return tuple(rows)

    async def errors(self, tenant_id: str, account_id: str) -> tuple[MessageRow, ...]:
        async with self._database.opened() as look:
            rows = await look.rows(rest_sql.ERRORS, (tenant_id, account_id, ERRORS))
        return _message_rows(rows, self._now())

    async def happenings(
        self,
        tenant_id: str | None = None,
        after: int = 0,  # noqa: ARG002 - of the protocol
    ) -> AsyncGenerator[Happening, None]:
        """Nothing happens. Raises NotRunning."""
        raise NotRunning(f"the daemon of '{self._name}' does not run")
        yield Happening(0.0, tenant_id or "")  # what makes it a generator

    async def log(self, lines: int) -> AsyncGenerator[LogLine, None]:
        async with aclosing(log_lines(self._log, lines)) as told:
            async for each in told:
                yield answers.log_line(each)

    async def act(self, action: Action, *, is_trial: bool = False) -> Done:
        raise self._not_running("count" if is_trial else action.verb.value)

    async def add_tenant(self, fields: Mapping[str, object]) -> Made:
        raise self._not_running(f"new tenant {fields.get('id')}")

    async def add_account(self, fields: Mapping[str, object]) -> Made:
        raise self._not_running(f"new account {fields.get('id')}")

    def _not_running(self, what: str) -> NotRunning:
        return NotRunning(
            f"no {what} without the daemon of '{self._name}'",
            hint=f"mail-proxy start {self._name}",
        )

    async def aclose(self) -> None:
        """Nothing is open between two looks."""


def _of(statement: str, narrowed: str, tenant_id: str | None) -> tuple[str, tuple[object, ...]]:
    if tenant_id is None:
        return statement.format(""), ()
    return statement.format(narrowed), (tenant_id,)


def _message_rows(rows: list[Row], now: float) -> tuple[MessageRow, ...]:
    return tuple(answers.message_row(rest_sql.message_record(row, now)) for row in rows)


async def _later(look: Look, now: float) -> dict[str, int]:
    rows = await look.rows(rest_sql.LATER, (now,))
    return {row["tenant_id"]: row["n"] for row in rows}


def _cells(counted: list[Row], tenant_id: str, later: dict[str, int]) -> Cells:
    by_state: dict[str, int] = {}
    for row in counted:
        if row["tenant_id"] == tenant_id:
            by_state[row["state"]] = by_state.get(row["state"], 0) + row["n"]
    return answers.cells(by_state, later.get(tenant_id, 0))


def _callback(row: Row, synced: Row | None, reports: list[Row]) -> Callback:
    own = {
        each["report_state"]: each["n"] for each in reports if each["tenant_id"] == row["tenant_id"]
    }
    sync: dict[str, Any] = {
        "client_base_url": row["client_base_url"],
        "failures": 0,
        "paused": False,
        "unreported": own.get("pending", 0),
        "parked": own.get("parked", 0),
    }
    if synced is not None:
        sync |= {name: synced[name] for name in ("last_sync_ts", "failures", "last_error")}
        sync |= {"retry_at_ts": synced["retry_at"], "paused": bool(synced["paused"])}
    return answers.callback(sync)
