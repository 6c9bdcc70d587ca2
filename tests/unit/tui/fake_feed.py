"""A feed whose values a test sets, and that remembers what was done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace

from mail_proxy.domain.errors import MailProxyError, NotFound, NotRunning
from mail_proxy.domain.state import State
from mail_proxy_tui.feed.base import (
    PAGE,
    AccountRow,
    Action,
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
    Refused,
    TenantRow,
    Totals,
    Verb,
)

_SETTLING = (Verb.SETTLE_SENT, Verb.SETTLE_FAILED)

NOW = 1_795_435_471.0  # 2026-11-23 12:04:31 UTC


def message(n: int = 1, **fields: object) -> MessageRow:
    """A deferred message whose id ends in `n`; `fields` replace its values."""
    values: dict[str, object] = {
        "key": MessageKey(str(n), f"a81f0c{n:02x}", "acme"),
        "account_id": "smtp-main",
        "state": State.WAITING,
        "status": "deferred",
        "priority": 2,
        "created_at": NOW - 840,
        "to": f"user{n}@example.com",
        "subject": f"Your invoice {n}",
        "tries": 3,
        "most_tries": 5,
        "next_at": NOW + 130,
        "size_bytes": 48_000,
        "why": "deferred by its server: 451 4.7.1 greylisted, try again",
    }
    return MessageRow(**(values | fields))  # type: ignore[arg-type]


def numbers(**fields: object) -> Numbers:
    """Those of a busy queue; `fields` replace its values."""
    high = Cells(ready=12, deferred=3, sending=2)
    medium = Cells(ready=840, deferred=41, sending=4, held=20, failed=2)
    values: dict[str, object] = {
        "now": NOW,
        "by_priority": {0: Cells(0, 0, 1), 1: high, 2: medium, 3: Cells(9120, 0)},
        "all": Cells(ready=9972, deferred=44, sending=7, held=20, failed=2, sent=120_000),
        "tenants": 3,
        "accounts": 5,
        "uptime_s": 3 * 86_400 + 4 * 3600.0,
        "oldest_s": 840.0,
        "next_retry_s": 42.0,
        "totals": Totals(120_000, 300, 2),
        "p50_s": 0.9,
        "p95_s": 2.4,
        "workers_busy": 7,
        "workers_all": 10,
        "db_ms": 3.0,
        "lag_s": 0.0,
        "db_bytes": 48_000_000,
        "rss_bytes": 91_000_000,
    }
    return Numbers(**(values | fields))  # type: ignore[arg-type]


class FakeFeed:
    """Set what it tells, or `error` to make each question fail.

    asked: the queries. acted: (action, is_trial). answers: what `act` gives back, in turn, save of
    messages that are settled by their ids, which go by the rows; then everything succeeds.
    happened, logged: `put_nowait` into them what streams tell next.
    """

    def __init__(self) -> None:
        self.error: MailProxyError | None = None
        self.failure: MailProxyError | None = None  # of `act` alone
        self.can_act = True
        self.most_listed: int | None = None
        self.whom = Daemon("myserver", "1.0.0", "127.0.0.1:8000", 41_233)
        self.queue = numbers()
        self.rows: list[MessageRow] = [message(n) for n in range(1, 7)]
        self.letters: dict[str, Letter] = {}
        self.account_rows: tuple[AccountRow, ...] = ()
        self.tenant_rows: tuple[TenantRow, ...] = ()
        self.counted_ids: list[list[str]] = []
        self.error_rows: tuple[MessageRow, ...] = ()
        self.count: int | None = None
        self.asked: list[Query] = []
        self.acted: list[tuple[Action, bool]] = []
        self.answers: list[Done] = []
        self.added: list[dict[str, object]] = []
        self.happened: asyncio.Queue[Happening] = asyncio.Queue()
        self._kept: list[Happening] = []  # what was told already
        self.logged: asyncio.Queue[LogLine] = asyncio.Queue()
        self.is_closed = False

    def _checked(self) -> None:
        if self.error is not None:
            raise self.error

    async def daemon(self) -> Daemon:
        self._checked()
        return self.whom

    async def numbers(self, tenant_id: str | None = None) -> Numbers:
        self._checked()
        return self.queue

    async def page(self, query: Query, cursor: str | None = None, limit: int = PAGE) -> Page:
        """Rows in the order they were given; a cursor is the place of the next row."""
        self._checked()
        self.asked.append(query)
        rows = [r for r in self.rows if query.tenant_id in (None, r.key.tenant_id)]
        start = int(cursor or 0)
        end = start + limit
        count = len(rows) if self.count is None else self.count
        return Page(tuple(rows[start:end]), str(end) if end < len(rows) else None, count)

    async def letter(self, key: MessageKey) -> Letter:
        self._checked()
        if key.pk in self.letters:
            return self.letters[key.pk]
        for row in self.rows:
            if key in (row.key, MessageKey("", row.key.id, row.key.tenant_id)):
                return Letter(row, recipients=(), why=row.why)
        raise NotFound(f"message '{key.id}' not found")

    async def accounts(self, tenant_id: str | None = None) -> tuple[AccountRow, ...]:
        self._checked()
        return tuple(a for a in self.account_rows if tenant_id in (None, a.tenant_id))

    async def tenants(self) -> tuple[TenantRow, ...]:
        self._checked()
        return self.tenant_rows

    async def counted(self, rows: Sequence[TenantRow]) -> tuple[TenantRow, ...]:
        self._checked()
        self.counted_ids.append([row.tenant_id for row in rows])
        return tuple(
            row if row.ready is not None else replace(row, ready=0, deferred=0, failed_24h=0)
            for row in rows
        )

    async def errors(self, tenant_id: str, account_id: str) -> tuple[MessageRow, ...]:
        self._checked()
        return self.error_rows

    async def happenings(
        self, tenant_id: str | None = None, after: int = 0
    ) -> AsyncGenerator[Happening, None]:
        """As the daemon, a stream begins with what is kept and comes after `after`."""
        self._checked()
        for each in [kept for kept in self._kept if (kept.number or 0) > after]:
            yield each
        while True:
            self._kept.append(await self.happened.get())
            yield self._kept[-1]

    async def log(self, lines: int) -> AsyncGenerator[LogLine, None]:
        self._checked()
        while True:
            yield await self.logged.get()

    async def act(self, action: Action, *, is_trial: bool = False) -> Done:
        self._checked()
        if not self.can_act:
            raise NotRunning("no daemon answers")
        if self.failure is not None:
            raise self.failure
        self.acted.append((action, is_trial))
        if action.messages and action.verb in _SETTLING:
            return self._settled(action)
        if self.answers:
            return self.answers.pop(0)
        return Done(len(action.messages) or (len(self.rows) if action.filter is not None else 1))

    def _settled(self, action: Action) -> Done:
        """As the daemon: those of the rows that are in doubt; the rows stay as they are."""
        states = {row.key: row.state for row in self.rows}
        refused = tuple(
            Refused(key, key.id, f"not in doubt: {states[key]}")
            for key in action.messages
            if states[key] is not State.IN_DOUBT
        )
        return Done(len(action.messages) - len(refused), refused, len(refused))

    async def add_tenant(self, fields: Mapping[str, object]) -> Made:
        self._checked()
        self.added.append(dict(fields))
        return Made(str(fields["id"]), "mp_acme_key")

    async def add_account(self, fields: Mapping[str, object]) -> Made:
        self._checked()
        self.added.append(dict(fields))
        return Made(str(fields["id"]))

    async def aclose(self) -> None:
        self.is_closed = True
