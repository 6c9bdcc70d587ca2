"""Tenants, keys, accounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from mail_proxy.store.values.tenants import Account, ApiKey, Fields, Tenant


class TenantStore(Protocol):
    """`put_*` inserts or replaces; `change_*` sets the given fields only."""

    async def put_tenant(self, tenant: Tenant, *, now: float, only_new: bool = False) -> bool:
        """True when the tenant is new; `created_at` of an old one is kept.

        only_new: an old one is left as it is.
        """
        ...

    async def change_tenant(self, tenant_id: str, fields: Fields, *, now: float) -> bool: ...

    async def rotate_webhook_secret(
        self, tenant_id: str, secret: str, *, now: float, overlap_s: float
    ) -> list[dict[str, Any]] | None:
        """Those that it has now, newest first (`domain.webhook`); None: no such tenant."""
        ...

    async def delete_tenant(self, tenant_id: str) -> bool:
        """With its accounts, messages, events, keys and all else; in chunks, the tenant last."""
        ...

    async def get_tenant(self, tenant_id: str) -> Tenant | None: ...

    async def list_tenants(self, *, active_only: bool = False) -> list[Tenant]: ...

    async def put_key(self, key: ApiKey) -> bool:
        """In place of the one with the same id, if there is one. False: no such tenant."""
        ...

    async def delete_key(self, tenant_id: str, key_id: str) -> bool: ...

    async def note_key_uses(self, uses: Mapping[tuple[str, str], float]) -> None:
        """When keys were used last: (tenant, key) -> seconds since the epoch."""
        ...

    async def list_keys(self, tenant_id: str | None) -> list[ApiKey]:
        """Oldest first; None: of all tenants."""
        ...

    async def find_key(self, token_sha256: str) -> ApiKey | None: ...

    async def put_account(self, account: Account, *, now: float) -> bool:
        """One that is marked as default takes the mark from the tenant's others."""
        ...

    async def edit_account(
        self,
        tenant_id: str,
        account_id: str,
        edit: Callable[[Account | None], Account],
        *,
        now: float,
    ) -> Account | None:
        """Put what `edit` makes of the account as it is, or of None; None: no such tenant.

        It is called within the transaction, in another thread, and perhaps more than once: so it
        only looks at values. What it raises is raised here, and nothing is written.
        """
        ...

    async def change_account(
        self, tenant_id: str, account_id: str, fields: Fields, *, now: float
    ) -> bool: ...

    async def renew_refresh_token(
        self, tenant_id: str, account_id: str, old: str, new: str, *, now: float
    ) -> bool:
        """False when the account has another one than `old` by now, or is gone."""
        ...

    async def delete_account(self, tenant_id: str, account_id: str) -> bool: ...

    async def get_account(self, tenant_id: str, account_id: str) -> Account | None: ...

    async def list_accounts(self, tenant_id: str | None) -> list[Account]: ...
