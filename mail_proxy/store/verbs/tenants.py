"""Tenants, keys, accounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from mail_proxy.store import instance, stored_files, tenants
from mail_proxy.store.values.tenants import Account, ApiKey, Fields, Tenant
from mail_proxy.store.verbs.part import Part


class TenantVerbs(Part):
    """`put_*` inserts or replaces; `change_*` sets the given fields only."""

    async def put_tenant(self, tenant: Tenant, *, now: float, only_new: bool = False) -> bool:
        return await self._write(
            tenants.put_tenant, tenant, now=now, keyring=self._keyring, only_new=only_new
        )

    async def change_tenant(self, tenant_id: str, fields: Fields, *, now: float) -> bool:
        return await self._write(
            tenants.change_tenant, tenant_id, fields, now=now, keyring=self._keyring
        )

    async def rotate_webhook_secret(
        self, tenant_id: str, secret: str, *, now: float, overlap_s: float
    ) -> list[dict[str, Any]] | None:
        return await self._write(
            tenants.rotate_webhook_secret,
            tenant_id,
            secret,
            now=now,
            overlap_s=overlap_s,
            keyring=self._keyring,
        )

    async def delete_tenant(self, tenant_id: str) -> bool:
        is_known = await self._write(tenants.close_tenant, tenant_id)
        while await self._write(tenants.empty_tenant, tenant_id):
            pass
        tenant = await self.get_tenant(tenant_id)
        auth = None if tenant is None else tenant.storage_auth
        dropped_as = None if auth is None else f"storage_auth:{tenant_id}:{self._clock.now():.6f}"
        if dropped_as is not None:
            await self._write(
                instance.set_setting, dropped_as, auth, secret=True, keyring=self._keyring
            )
        drop = partial(tenants.drop_tenant, now=self._clock.now(), dropped_as=dropped_as)
        while await self._write(drop, tenant_id):
            pass
        if dropped_as is not None:
            await self._write(stored_files.forget_dropped, dropped_as)
        return is_known

    async def get_tenant(self, tenant_id: str) -> Tenant | None:
        return await self._readers.read(tenants.get_tenant, tenant_id, self._keyring)

    async def list_tenants(self, *, active_only: bool = False) -> list[Tenant]:
        return await self._readers.read(
            tenants.list_tenants, active_only=active_only, keyring=self._keyring
        )

    async def put_key(self, key: ApiKey) -> bool:
        return await self._write(tenants.put_key, key)

    async def delete_key(self, tenant_id: str, key_id: str) -> bool:
        return await self._write(tenants.delete_key, tenant_id, key_id)

    async def note_key_uses(self, uses: Mapping[tuple[str, str], float]) -> None:
        await self._write(tenants.note_key_uses, uses)

    async def list_keys(self, tenant_id: str | None) -> list[ApiKey]:
        return await self._readers.read(tenants.list_keys, tenant_id)

    async def find_key(self, token_sha256: str) -> ApiKey | None:
        return await self._readers.read(tenants.find_key, token_sha256)

    async def put_account(self, account: Account, *, now: float) -> bool:
        return await self._write(tenants.put_account, account, now=now, keyring=self._keyring)

    async def edit_account(
        self,
        tenant_id: str,
        account_id: str,
        edit: Callable[[Account | None], Account],
        *,
        now: float,
    ) -> Account | None:
        key = (tenant_id, account_id)
        return await self._write(tenants.edit_account, key, edit, now=now, keyring=self._keyring)

    async def change_account(
        self, tenant_id: str, account_id: str, fields: Fields, *, now: float
    ) -> bool:
        key = (tenant_id, account_id)
        return await self._write(
            tenants.change_account, key, fields, now=now, keyring=self._keyring
        )

    async def renew_refresh_token(
        self, tenant_id: str, account_id: str, old: str, new: str, *, now: float
    ) -> bool:
        key = (tenant_id, account_id)
        return await self._write(
            tenants.renew_refresh_token, key, old, new, now=now, keyring=self._keyring
        )

    async def delete_account(self, tenant_id: str, account_id: str) -> bool:
        return await self._write(tenants.delete_account, tenant_id, account_id)

    async def get_account(self, tenant_id: str, account_id: str) -> Account | None:
        return await self._readers.read(tenants.get_account, tenant_id, account_id, self._keyring)

    async def list_accounts(self, tenant_id: str | None) -> list[Account]:
        return await self._readers.read(tenants.list_accounts, tenant_id, self._keyring)
