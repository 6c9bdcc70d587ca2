"""Tenants and accounts in memory, so that accepting a message reads no table for them.

Whoever changes one through the door tells it here. It holds no secrets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mail_proxy.store.base import Store
from mail_proxy.store.values.tenants import Account, Tenant


@dataclass(slots=True)
class _Entry:
    """What is known of one tenant; `accounts`: id -> is it a PEC account."""

    name: str | None
    active: bool
    max_queued: int | None
    max_requests_per_minute: int | None
    accounts: dict[str, bool] = field(default_factory=dict)
    is_suppressing: bool = False  # its suppression list may have something on it
    default: str | None = None


class Directory:
    """Answers from the last `load` and the changes since."""

    def __init__(self) -> None:
        self._tenants: dict[str, _Entry] = {}
        self._owners: dict[str, set[str]] = {}
        # Reads of the store may end in another order than they began, and the older one would win.
        self._reading = asyncio.Lock()

    async def load(self, store: Store) -> None:
        """Read all tenants and accounts."""
        tenants = await store.list_tenants()
        accounts = await store.list_accounts(None)
        suppressing = await store.tenants_with_suppressions()
        self._tenants.clear()
        self._owners.clear()
        for tenant in tenants:
            self.put_tenant(tenant)
        for tenant_id in suppressing:
            self.set_suppressing(tenant_id, is_so=True)
        by_tenant: dict[str, list[Account]] = {}
        for account in accounts:
            by_tenant.setdefault(account.tenant_id, []).append(account)
        for tenant_id, owned in by_tenant.items():
            self._set_accounts(tenant_id, owned)

    async def reload_accounts(self, store: Store, tenant_id: str) -> None:
        """Read the accounts of one tenant, one of which has changed."""
        async with self._reading:
            self._set_accounts(tenant_id, await store.list_accounts(tenant_id))

    async def reload_tenant(self, store: Store, tenant_id: str) -> None:
        """Read one tenant that has changed."""
        async with self._reading:
            tenant = await store.get_tenant(tenant_id)
            if tenant is not None:
                self.put_tenant(tenant)

    def put_tenant(self, tenant: Tenant) -> None:
        entry = self._tenants.get(tenant.tenant_id)
        if entry is None:
            entry = self._tenants[tenant.tenant_id] = _Entry(None, True, None, None)
        entry.name, entry.active = tenant.name, tenant.active
        entry.max_queued = tenant.max_queued
        entry.max_requests_per_minute = tenant.max_requests_per_minute

    def set_suppressing(self, tenant_id: str, *, is_so: bool) -> None:
        """Where it is not so, no post asks the list."""
        if entry := self._tenants.get(tenant_id):
            entry.is_suppressing = is_so

    def remove_tenant(self, tenant_id: str) -> None:
        self._set_accounts(tenant_id, ())
        self._tenants.pop(tenant_id, None)

    def _set_accounts(self, tenant_id: str, accounts: Iterable[Account]) -> None:
        entry = self._tenants.get(tenant_id)
        if entry is None:
            return
        for account_id in entry.accounts:
            self._owners[account_id].discard(tenant_id)
        owned = list(accounts)
        entry.accounts = {a.account_id: a.is_pec_account for a in owned}
        marked = [a.account_id for a in owned if a.is_default]
        # Marked, else the only one; two marks cannot be: the later takes the mark of the other.
        entry.default = marked[0] if marked else next(iter(entry.accounts), None)
        if not marked and len(owned) > 1:
            entry.default = None
        for account_id in entry.accounts:
            self._owners.setdefault(account_id, set()).add(tenant_id)

    # --- answers ---

    def has_tenant(self, tenant_id: str) -> bool:
        return tenant_id in self._tenants

    def is_active(self, tenant_id: str) -> bool:
        entry = self._tenants.get(tenant_id)
        return entry is not None and entry.active

    def is_suppressing(self, tenant_id: str) -> bool:
        entry = self._tenants.get(tenant_id)
        return entry is not None and entry.is_suppressing

    def max_queued(self, tenant_id: str) -> int | None:
        """None: as the instance has it; 0: no limit."""
        entry = self._tenants.get(tenant_id)
        return None if entry is None else entry.max_queued

    def max_requests_per_minute(self, tenant_id: str) -> int | None:
        """The same."""
        entry = self._tenants.get(tenant_id)
        return None if entry is None else entry.max_requests_per_minute

    def name_of(self, tenant_id: str) -> str | None:
        entry = self._tenants.get(tenant_id)
        return None if entry is None else entry.name

    def has_account(self, tenant_id: str, account_id: str) -> bool:
        entry = self._tenants.get(tenant_id)
        return entry is not None and account_id in entry.accounts

    def is_pec(self, tenant_id: str, account_id: str) -> bool:
        entry = self._tenants.get(tenant_id)
        return entry is not None and entry.accounts.get(account_id, False)

    def default_account(self, tenant_id: str) -> str | None:
        """The tenant's account marked as default, else its only one."""
        entry = self._tenants.get(tenant_id)
        return None if entry is None else entry.default

    def tenants_with(self, account_id: str) -> frozenset[str]:
        """The tenants that have an account of this id."""
        return frozenset(self._owners.get(account_id, ()))

    def only_tenant(self) -> str | None:
        return next(iter(self._tenants)) if len(self._tenants) == 1 else None

    def guess_tenant(self, account_id: str | None) -> str | None:
        """Who is meant when none is named: the one owner of that account, else the only one."""
        owners = self._owners.get(account_id, ()) if account_id else ()
        if len(owners) == 1:
            return next(iter(owners))
        return self.only_tenant()

    def accounts(self) -> Iterator[tuple[str, str | None, str]]:
        """Tenant, its name, account: of all there are."""
        for tenant_id, entry in self._tenants.items():
            for account_id in entry.accounts:
                yield tenant_id, entry.name, account_id

    def count(self) -> tuple[int, int]:
        """Tenants, accounts."""
        return len(self._tenants), sum(len(e.accounts) for e in self._tenants.values())

    def count_accounts(self, tenant_id: str) -> int:
        entry = self._tenants.get(tenant_id)
        return 0 if entry is None else len(entry.accounts)
