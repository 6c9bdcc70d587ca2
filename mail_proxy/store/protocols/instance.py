"""Settings, the encryption key, and the log of commands."""

from __future__ import annotations

from typing import Any, Protocol

from mail_proxy.store.commands import CommandRow


class InstanceStore(Protocol):
    """Settings, the encryption key, and the log of commands."""

    async def get_setting(self, name: str) -> Any: ...

    async def set_setting(self, name: str, value: Any, *, secret: bool = False) -> None: ...

    async def settings(self) -> dict[str, Any]: ...

    async def replace_lost_key(self) -> None:
        """A new encryption key; what the old one sealed stays, and unreadable.

        Raises Conflict, ConfigurationError.
        """
        ...

    @property
    def is_key_replaced(self) -> bool:
        """False: a replacement was cut off, and is to be gone on with."""
        ...

    async def replace_key(self) -> int:
        """Seal every secret with a new encryption key; how many there were.

        In small steps, each a transaction of its own. What was cut off is gone on with.
        Raises Conflict, SecretsUnavailable, ConfigurationError.
        """
        ...

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
    ) -> None: ...

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
        """tenant_id: "" for the instance, None for all. endpoint_filter: a part of the path.

        after_pk: only lines behind this one, which was the last of a page.
        """
        ...
