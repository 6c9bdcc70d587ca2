"""The asynchronous client, for applications on an event loop."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from mail_proxy.client.verbs import Answer, Instance, Rows, event_fields
from mail_proxy.control.base import Control
from mail_proxy.control.http import HttpControl


class AsyncMailProxyClient(Instance[Awaitable[Answer], Awaitable[Rows]]):
    """One instance; tasks of one event loop may share it."""

    def __init__(self, url: str, token: str | None = None) -> None:
        """url: such as `http://127.0.0.1:8000`; token: the admin's or a tenant's."""
        self._begin(HttpControl(url, token))

    @classmethod
    def over(cls, control: Control) -> Self:
        """Any other Control; `aclose` closes it."""
        client = cls.__new__(cls)
        client._begin(control)
        return client

    def _begin(self, control: Control) -> None:
        self._control = control
        super().__init__(self._await)

    async def _await(self, command: str, fields: Mapping[str, Any], part: str | None) -> Any:
        answer = await self._control.call(command, **fields)
        return answer if part is None else answer[part]

    def events(
        self,
        kinds: Iterable[str] | None = None,
        *,
        tenant_id: str | None = None,
        after: int | None = None,
        **more: Any,
    ) -> AsyncGenerator[dict[str, Any], None]:
        """What happens, as it happens: dicts with `kind`, `ts`, `tenant_id`, `id`, `words`, ...

        kinds: such as `["failed", "paused"]`; None: all. after: the last `stream_id` that is known:
        what came since is told first. more: `limit`, `for_s`; else the last one has the kind `end`,
        and comes when the daemon stops or the token is revoked. Raises MailProxyError.
        """
        fields = event_fields(kinds, tenant_id=tenant_id, after=after, **more)
        return self._control.stream("streamEvents", **fields)

    async def aclose(self) -> None:
        """Close the connections; harmless when it is done twice."""
        await self._control.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()
