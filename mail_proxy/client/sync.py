"""The synchronous client, for scripts and the REPL."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from mail_proxy.client.blocking import Blocking, LettingGo
from mail_proxy.client.verbs import Answer, Instance, Rows, event_fields
from mail_proxy.config.instances import home, instance_named
from mail_proxy.config.load import load_settings
from mail_proxy.control.base import Control, SyncControl
from mail_proxy.control.open import open_control
from mail_proxy.domain.errors import NotFound


class MailProxyClient(Instance[Answer, Rows]):
    """One instance. Threads may share a client of a URL, not a local one."""

    def __init__(self, url: str, token: str | None = None) -> None:
        """url: such as `http://127.0.0.1:8000`; token: the admin's or a tenant's."""
        # Here and not above: it loads httpx, 140 ms that an instance of this machine needs not.
        from mail_proxy.control.http import HttpControl

        self._begin(Blocking(HttpControl(url, token)))

    @classmethod
    def local(cls, instance_name: str) -> Self:
        """An instance of this machine and user, running or stopped; no token is needed.

        Raises NotFound when there is none of that name.
        """
        instance = instance_named(instance_name, home())
        if not instance.exists():
            raise NotFound(f"there is no instance '{instance_name}'", hint="mail-proxy list")
        control = open_control(instance, lambda: load_settings(instance))
        return cls._with(LettingGo(control))

    @classmethod
    def over(cls, control: Control) -> Self:
        """Any other Control; `close` closes it."""
        return cls._with(Blocking(control))

    @classmethod
    def _with(cls, control: SyncControl) -> Self:
        client = cls.__new__(cls)
        client._begin(control)
        return client

    def _begin(self, control: SyncControl) -> None:
        self._control = control
        super().__init__(self._wait_for)

    def _wait_for(self, command: str, fields: Mapping[str, Any], part: str | None) -> Any:
        answer = self._control.call(command, **fields)
        return answer if part is None else answer[part]

    def events(
        self,
        kinds: Iterable[str] | None = None,
        *,
        tenant_id: str | None = None,
        after: int | None = None,
        **more: Any,
    ) -> Generator[dict[str, Any], None, None]:
        """What happens, as it happens: dicts with `kind`, `ts`, `tenant_id`, `id`, `words`, ...

        kinds: such as `["failed", "paused"]`; None: all. after: the last `stream_id` that is known:
        what came since is told first. more: `limit`, `for_s`; else the last one has the kind `end`,
        and comes when the daemon stops or the token is revoked. Raises MailProxyError.
        """
        fields = event_fields(kinds, tenant_id=tenant_id, after=after, **more)
        return self._control.stream("streamEvents", **fields)

    def close(self) -> None:
        """Close the connections; harmless when it is done twice."""
        self._control.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
