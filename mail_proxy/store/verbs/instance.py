"""Settings, the encryption key, and the log of commands."""

from __future__ import annotations

import asyncio
from typing import Any

from mail_proxy.store import commands, instance, resealing
from mail_proxy.store.commands import CommandRow
from mail_proxy.store.turn import Lane
from mail_proxy.store.verbs.part import Part


class InstanceVerbs(Part):
    """Settings, the encryption key, and the log of commands."""

    async def get_setting(self, name: str) -> Any:
        return await self._readers.read(instance.get_setting, name, self._keyring)

    async def set_setting(self, name: str, value: Any, *, secret: bool = False) -> None:
        await self._write(instance.set_setting, name, value, secret=secret, keyring=self._keyring)

    async def settings(self) -> dict[str, Any]:
        return await self._readers.read(instance.settings, self._keyring)

    async def replace_lost_key(self) -> None:
        async with self._replacing:
            check = await asyncio.to_thread(self._keyring.replace_lost)
            await self.set_setting(instance.KEY_CHECK, check)

    @property
    def is_key_replaced(self) -> bool:
        return not self._keyring.old_mark

    async def replace_key(self) -> int:
        async with self._replacing:
            await asyncio.to_thread(self._keyring.begin_replacement)
            place: resealing.Place | None = resealing.Place()
            n = 0
            while place is not None:
                done = await self._write(
                    resealing.reseal_some, place, keyring=self._keyring, limit=resealing.AT_ONCE
                )
                n, place = n + done.n, done.place
            await self.set_setting(instance.KEY_CHECK, self._keyring.check())
            await asyncio.to_thread(self._keyring.end_replacement)
            return n

    async def log_command(
        self,
        *,
        tenant_id: str,
        command_ts: float,
        endpoint: str,
        caller: str,
        payload: dict[str, Any],
        response_status: int,
        request_id: str | None = None,
    ) -> None:
        command = commands.LoggedCommand(
            tenant_id, command_ts, endpoint, caller, payload, response_status, request_id
        )
        await self._writer.do(Lane.ADMIN, commands.log_commands, command, weight=1)

    async def list_commands(
        self,
        *,
        tenant_id: str | None = None,
        since_ts: float | None = None,
        until_ts: float | None = None,
        endpoint_filter: str | None = None,
        after_pk: int | None = None,
        limit: int,
        oldest_first: bool = False,
    ) -> list[CommandRow]:
        return await self._readers.read(
            commands.list_commands,
            tenant_id=tenant_id,
            since_ts=since_ts,
            until_ts=until_ts,
            endpoint_filter=endpoint_filter,
            after_pk=after_pk,
            limit=limit,
            oldest_first=oldest_first,
        )
