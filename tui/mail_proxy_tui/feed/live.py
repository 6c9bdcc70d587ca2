"""The feed of a running daemon, over a Control."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from mail_proxy.control.base import Control
from mail_proxy.domain.retry import RetryPolicy
from mail_proxy_tui.feed import answers
from mail_proxy_tui.feed.actions import Step, done_of, steps_of
from mail_proxy_tui.feed.base import (
    PAGE,
    AccountRow,
    Action,
    Daemon,
    Done,
    Happening,
    Letter,
    LogLine,
    Made,
    MessageKey,
    MessageRow,
    Numbers,
    Order,
    Page,
    Query,
    TenantRow,
)
from mail_proxy_tui.feed.happenings import happenings
from mail_proxy_tui.feed.letters import letter
from mail_proxy_tui.feed.link import ASK_S
from mail_proxy_tui.feed.patience import within

ERRORS = 50
MOST_TRIALS = 10  # parts of 10,000 of a filter that are counted before an action is confirmed

COUNTS_S = 5.0  # those of a tenant are so old at most

_Counts = tuple[dict[str, Any], int | None, float]  # stats, failed, when


class LiveFeed:
    """Asks; remembers the plans of retries, and for some seconds the counts of tenants."""

    can_act = True
    most_listed = None

    def __init__(self, control: Control, *, ask_s: float = ASK_S) -> None:
        self._control = control
        self._ask_s = ask_s
        self._plan = RetryPolicy()
        self._counted: dict[str, _Counts] = {}
        self._most_tries: dict[tuple[str, str], int] = {}

    async def _call(self, command: str, /, **fields: Any) -> dict[str, Any]:
        return await within(self._control.call(command, **fields), self._ask_s)

    async def daemon(self) -> Daemon:
        instance = await self._call("getInstance")
        stats = await self._call("getStats")
        settings = {each["name"]: each["value"] for each in instance["settings"]}
        delays_s = settings.get("delivery.retry.delays_s")
        if delays_s is not None:
            retries = settings.get("delivery.retry.max_retries")
            self._plan = RetryPolicy(tuple(delays_s), retries)
        address = stats.get("address") or f"{settings['http.host']}:{settings['http.port']}"
        return Daemon(instance["name"], instance["version"], address, stats.get("pid"))

    async def numbers(self, tenant_id: str | None = None) -> Numbers:
        return answers.numbers(await self._call("getStats", tenant_id=tenant_id))

    async def page(self, query: Query, cursor: str | None = None, limit: int = PAGE) -> Page:
        answer = await self._call(
            "listMessages",
            tenant_id=query.tenant_id,
            filter=query.filter or None,
            order=query.order.value,
            reverse=query.is_reversed,
            count=True,
            brief=True,
            cursor=cursor,
            limit=limit,
        )
        return Page(
            rows=self._rows(answer["messages"]),
            next_cursor=answer.get("next_cursor"),
            count=answer.get("count"),
            count_is_bounded=answer.get("count_is_bounded", False),
        )

    def _rows(self, records: Sequence[dict[str, Any]]) -> tuple[MessageRow, ...]:
        return tuple(answers.message_row(r, self._tries_of(r)) for r in records)

    def _tries_of(self, record: dict[str, Any]) -> int:
        whose = (record["tenant_id"], record["account_id"])
        return self._most_tries.get(whose, self._plan.retries + 1)

    async def letter(self, key: MessageKey) -> Letter:
        which = {"id": key.id, "pk": key.pk or None, "tenant_id": key.tenant_id}
        record = (await self._call("getMessage", **which))["message"]
        explained = await self._call("explainMessage", **which)
        return letter(record, explained, self._tries_of(record))

    async def accounts(self, tenant_id: str | None = None) -> tuple[AccountRow, ...]:
        records = (await self._call("listAccounts", tenant_id=tenant_id))["accounts"]
        for record in records:
            own = self._plan.own(
                tuple(record.get("retry_delays") or ()) or None, record.get("max_retries"), None
            )
            self._most_tries[record["tenant_id"], record["id"]] = own.retries + 1
        return tuple(answers.account_row(record) for record in records)

    async def tenants(self) -> tuple[TenantRow, ...]:
        records = (await self._call("listTenants"))["tenants"]
        synced = {each["id"]: each for each in (await self._call("getSyncStatus"))["tenants"]}
        rows = (answers.tenant_row(r, synced.get(r["id"])) for r in records)
        return tuple(self._with_counts(row) for row in rows)

    async def counted(self, rows: Sequence[TenantRow]) -> tuple[TenantRow, ...]:
        for row in rows:
            await self._count(row.tenant_id)
        return tuple(self._with_counts(row) for row in rows)

    def _with_counts(self, row: TenantRow) -> TenantRow:
        """As far as they are known; the queue's and the failed ones are two questions, for the
        queue's are of all times."""
        known = self._counted.get(row.tenant_id)
        return row if known is None else answers.counted_tenant(row, known[0], known[1])

    async def _count(self, tenant_id: str) -> None:
        """Not at each look."""
        now = asyncio.get_running_loop().time()
        known = self._counted.get(tenant_id)
        if known is not None and known[2] > now - COUNTS_S:
            return
        stats = await self._call("getStats", tenant_id=tenant_id)
        failed = await self._call(
            "listMessages",
            tenant_id=tenant_id,
            filter="state:failed age:<24h",
            limit=1,
            count=True,
            brief=True,
        )
        self._counted[tenant_id] = (stats, failed.get("count"), now)

    async def errors(self, tenant_id: str, account_id: str) -> tuple[MessageRow, ...]:
        answer = await self._call(
            "listMessages",
            tenant_id=tenant_id,
            account_id=account_id,
            filter="error:*",
            order=Order.AGE.value,
            reverse=True,
            brief=True,
            limit=ERRORS,
        )
        return self._rows(answer["messages"])

    async def happenings(
        self, tenant_id: str | None = None, after: int = 0
    ) -> AsyncGenerator[Happening, None]:
        async with aclosing(happenings(self._control, tenant_id, after=after)) as told:
            async for each in told:
                yield each

    async def log(self, lines: int) -> AsyncGenerator[LogLine, None]:
        async with aclosing(self._control.stream("getLogs", lines=lines, follow=True)) as told:
            async for each in told:
                if each.get("kind") == "line":
                    yield answers.log_line(each)

    async def act(self, action: Action, *, is_trial: bool = False) -> Done:
        self._counted.clear()
        return await self._act(action, is_trial=is_trial)

    async def _act(self, action: Action, *, is_trial: bool) -> Done:
        """Several calls where the messages are many or of several tenants; a failure ends it.

        It may take a while: the limits of the Control apply, not ours. Messages that are named are
        all tried, as it matters which of them are refused.
        """
        is_cut = is_trial and action.filter is not None
        made: list[tuple[Step, dict[str, Any]]] = []
        steps = list(steps_of(action, is_trial=is_trial))
        while steps and not (is_cut and len(made) == MOST_TRIALS):
            step = steps.pop(0)
            answer = await self._control.call(step.command, **step.fields)
            made.append((step, answer))
            if "next_cursor" in answer:
                steps.insert(0, step.after(answer["next_cursor"]))
        return done_of(action, made, is_partial=bool(steps))

    async def add_tenant(self, fields: Mapping[str, object]) -> Made:
        answer = await self._call("addTenant", only_new=True, **fields)
        return Made(str(fields["id"]), answer.get("api_key") or "")

    async def add_account(self, fields: Mapping[str, object]) -> Made:
        await self._call("addAccount", only_new=True, **fields)
        return Made(str(fields["id"]))

    async def aclose(self) -> None:
        await self._control.aclose()
