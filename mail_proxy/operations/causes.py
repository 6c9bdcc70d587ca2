"""Gathers what `domain.why` needs around a message; each thing once for all rows of a command."""

from __future__ import annotations

from dataclasses import replace

from mail_proxy.domain.state import State
from mail_proxy.domain.why import MOST_AHEAD, AccountState, Around, Cause, Subject, Why, why
from mail_proxy.operations.context import Context
from mail_proxy.store.values.messages import MessageRow
from mail_proxy.store.values.tenants import Account

_REMEMBERED = 1000  # accounts, and tenants


class Causes:
    """As things are when it is made; what it reads of accounts is kept for the next row."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.now = ctx.clock.now()
        self._engine = ctx.engine.snapshot()
        self._accounts: dict[tuple[str, str], AccountState | None] = {}
        self._suspended: dict[str, frozenset[str]] = {}

    async def why(self, row: MessageRow) -> Why:
        """The nearest cause for it to be where it is."""
        return why(_subject(row), await self._around(row))

    async def why_one(self, row: MessageRow) -> Why:
        """The same; one that is ready tells how many go before it, which is read for it alone."""
        around = await self._around(row)
        found = why(_subject(row), around)
        if found.cause is not Cause.READY or row.state is not State.WAITING:
            return found
        ahead = await self._ctx.store.count_ahead(row, now=self.now, most=MOST_AHEAD + 1)
        return why(_subject(row), replace(around, ahead=ahead))

    async def pause_of(self, row: MessageRow) -> float:
        """Until when its account is paused; 0 when it is not."""
        account = await self._account(row.tenant_id, row.account_id)
        return (account.paused_until if account else None) or 0.0

    async def max_tries(self, row: MessageRow) -> int | None:
        """As many as its account allows; None where that is deleted."""
        account = await self._account(row.tenant_id, row.account_id)
        return account.retries + 1 if account else None

    async def _around(self, row: MessageRow) -> Around:
        delivery = self._ctx.settings.delivery
        return Around(
            instance=self._ctx.settings.name,
            now=self.now,
            is_running=self._engine["running"],
            is_active=self._engine["active"],
            is_tenant_active=self._ctx.directory.is_active(row.tenant_id),
            suspended=await self._batches(row.tenant_id),
            account=await self._account(row.tenant_id, row.account_id),
            test_mode=delivery.test_mode,
            connections=self._engine["connections"],
            most=delivery.max_connections,
        )

    async def _account(self, tenant_id: str, account_id: str) -> AccountState | None:
        key = (tenant_id, account_id)
        if key not in self._accounts:
            if len(self._accounts) >= _REMEMBERED:
                self._accounts.clear()
            account = await self._ctx.store.get_account(tenant_id, account_id)
            self._accounts[key] = None if account is None else self._state(account)
        return self._accounts[key]

    def _state(self, account: Account) -> AccountState:
        plan = self._ctx.settings.delivery.retry.own(
            account.retry_delays, account.max_retries, account.max_age
        )
        return AccountState(
            retries=plan.retries,
            is_readable=not account.secret_unreadable,
            has_password=account.auth_method == "password",
            is_stopped=account.stopped_at is not None,
            stopped_reason=account.stopped_reason,
            paused_until=account.paused_until,
            paused_reason=account.paused_reason,
        )

    async def _batches(self, tenant_id: str) -> frozenset[str]:
        if tenant_id not in self._suspended:
            if len(self._suspended) >= _REMEMBERED:
                self._suspended.clear()
            found = await self._ctx.store.suspended_batches(tenant_id)
            self._suspended[tenant_id] = frozenset(found)
        return self._suspended[tenant_id]


def _subject(row: MessageRow) -> Subject:
    return Subject(
        state=row.state,
        id=row.id,
        tenant_id=row.tenant_id,
        account_id=row.account_id,
        batch_code=row.batch_code,
        due_at=row.due_at,
        expires_at=row.expires_at,
        is_scheduled=row.deferred_ts is not None,
        tries=row.tries,
        error=row.error,
        held_reason=row.held_reason,
    )
