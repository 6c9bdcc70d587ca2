"""MailProxyClient: the synchronous face of a Control, for scripts and the REPL.

    with MailProxyClient("http://127.0.0.1:8000", token) as proxy:
        proxy.messages.add({"id": "1", "from": "a@example.org", "to": "b@example.org", ...})
        proxy.run_now()

Results are plain dicts and lists, as they come over the wire; failures are MailProxyError.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterable, Mapping
from concurrent.futures import CancelledError, Future
from types import TracebackType
from typing import Any, Self, TypeVar

from mail_proxy.config.instances import home, instance_named
from mail_proxy.config.load import load_settings
from mail_proxy.control.base import Control, SyncControl
from mail_proxy.control.http import HttpControl
from mail_proxy.control.open import open_control
from mail_proxy.domain.errors import MailProxyError, NotFound

Answer = dict[str, Any]
Rows = list[dict[str, Any]]
_T = TypeVar("_T")


class MailProxyClient:
    """One instance. Threads may share a client of a URL, not a local one."""

    def __init__(self, url: str, token: str | None = None) -> None:
        """url: such as `http://127.0.0.1:8000`; token: the admin's or a tenant's."""
        self._begin(_Blocking(HttpControl(url, token)))

    @classmethod
    def local(cls, instance_name: str) -> Self:
        """An instance of this machine and user, running or stopped; no token is needed.

        Raises NotFound when there is none of that name.
        """
        instance = instance_named(instance_name, home())
        if not instance.exists():
            raise NotFound(f"there is no instance '{instance_name}'", hint="mail-proxy list")
        control = open_control(instance, lambda: load_settings(instance))
        return cls._with(_LettingGo(control))

    @classmethod
    def over(cls, control: Control) -> Self:
        """Any other Control; `close` closes it."""
        return cls._with(_Blocking(control))

    @classmethod
    def _with(cls, control: SyncControl) -> Self:
        client = cls.__new__(cls)
        client._begin(control)
        return client

    def _begin(self, control: SyncControl) -> None:
        self._control = control
        self.messages = Messages(self)
        self.accounts = Accounts(self)
        self.tenants = Tenants(self)

    def call(self, command: str, /, **fields: Any) -> Answer:
        """Any command of the API by its name. Raises MailProxyError."""
        return self._control.call(command, **fields)

    def status(self) -> Answer:
        return self.call("getStatus")

    def health(self) -> Answer:
        return self.call("health")

    def stats(self) -> Answer:
        return self.call("getStats")

    def run_now(self, tenant_id: str | None = None) -> Answer:
        """Look at the queue at once."""
        return self.call("runNow", tenant_id=tenant_id)

    def suspend(self, tenant_id: str | None = None, batch_code: str | None = None) -> Answer:
        """Stop sending for a tenant, or one batch of it; without a tenant, for all."""
        return self.call("suspend", tenant_id=tenant_id, batch_code=batch_code)

    def activate(self, tenant_id: str | None = None, batch_code: str | None = None) -> Answer:
        """Undo `suspend`."""
        return self.call("activate", tenant_id=tenant_id, batch_code=batch_code)

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


class Messages:
    """The queue. `tenant_id` may be left out with a tenant's token, or where it is clear."""

    def __init__(self, client: MailProxyClient) -> None:
        self._client = client

    def list(self, tenant_id: str | None = None, **filters: Any) -> Rows:
        """filters: `status`, `account_id`, `batch_code`, `limit`, ... of `GET /messages`."""
        rows: Rows = self._client.call("listMessages", tenant_id=tenant_id, **filters)["messages"]
        return rows

    def pending(self, tenant_id: str | None = None, **filters: Any) -> Rows:
        """Those that are not settled yet: waiting, deferred, being sent, held, in doubt."""
        return self.list(tenant_id, active_only=True, **filters)

    def sent(self, tenant_id: str | None = None, **filters: Any) -> Rows:
        return self.list(tenant_id, status="sent", **filters)

    def errors(self, tenant_id: str | None = None, **filters: Any) -> Rows:
        return self.list(tenant_id, status="error", **filters)

    def get(self, id: str, tenant_id: str | None = None) -> Answer:  # noqa: A002 - the wire's word
        found: Answer = self._client.call("getMessage", id=id, tenant_id=tenant_id)["message"]
        return found

    def events(self, id: str, tenant_id: str | None = None) -> Rows:  # noqa: A002 - the wire's word
        """What became of one message, oldest first."""
        answer = self._client.call("getMessageEvents", id=id, tenant_id=tenant_id)
        rows: Rows = answer["events"]
        return rows

    def why(self, id: str, tenant_id: str | None = None) -> Answer:  # noqa: A002 - the wire's word
        """Why one message is where it is, and the command to go on with."""
        return self._client.call("explainMessage", id=id, tenant_id=tenant_id)

    def add(
        self,
        messages: Mapping[str, Any] | Iterable[Mapping[str, Any]],
        *,
        default_priority: int | str | None = None,
    ) -> Answer:
        """Queue one message or many; `queued` and `rejected` tell what became of them."""
        many = [messages] if isinstance(messages, Mapping) else list(messages)
        extra = {} if default_priority is None else {"default_priority": default_priority}
        return self._client.call("addMessages", messages=[dict(m) for m in many], **extra)

    def delete(self, ids: str | Iterable[str], tenant_id: str | None = None) -> Answer:
        return self._client.call("deleteMessages", ids=_ids(ids), tenant_id=tenant_id)

    def retry(self, ids: str | Iterable[str], tenant_id: str | None = None) -> Answer:
        return self._client.call("retryMessages", ids=_ids(ids), tenant_id=tenant_id)

    def settle(
        self, ids: str | Iterable[str], outcome: str, tenant_id: str | None = None
    ) -> Answer:
        """Messages in doubt: `sent` or `error`, as you know it."""
        fields = {"ids": _ids(ids), "as": outcome, "tenant_id": tenant_id}
        return self._client.call("settleMessages", **fields)

    def cleanup(
        self, older_than_seconds: float | None = None, tenant_id: str | None = None
    ) -> Answer:
        """Remove reported messages; without an age, those older than the retention."""
        extra = {} if older_than_seconds is None else {"older_than_seconds": older_than_seconds}
        return self._client.call("cleanupMessages", tenant_id=tenant_id, **extra)


class Accounts:
    """SMTP accounts."""

    def __init__(self, client: MailProxyClient) -> None:
        self._client = client

    def list(self, tenant_id: str | None = None) -> Rows:
        rows: Rows = self._client.call("listAccounts", tenant_id=tenant_id)["accounts"]
        return rows

    def get(self, account_id: str, tenant_id: str | None = None) -> Answer:
        answer = self._client.call("getAccount", account_id=account_id, tenant_id=tenant_id)
        found: Answer = answer["account"]
        return found

    def add(self, account: Mapping[str, Any] | None = None, /, **fields: Any) -> Answer:
        """Add or replace: `add(id="main", host=..., port=587, user=..., password=...)`."""
        return self._client.call("addAccount", **{**(account or {}), **fields})

    def delete(self, account_id: str, tenant_id: str | None = None) -> Answer:
        return self._client.call("deleteAccount", account_id=account_id, tenant_id=tenant_id)


class Tenants:
    """Tenants; for the admin."""

    def __init__(self, client: MailProxyClient) -> None:
        self._client = client

    def list(self, *, active_only: bool = False) -> Rows:
        rows: Rows = self._client.call("listTenants", active_only=active_only)["tenants"]
        return rows

    def get(self, tenant_id: str) -> Answer:
        return self._client.call("getTenant", tenant_id=tenant_id)

    def add(self, tenant: Mapping[str, Any] | None = None, /, **fields: Any) -> Answer:
        """Add or replace; the answer to a new one has its `api_key`, shown this once."""
        return self._client.call("addTenant", **{**(tenant or {}), **fields})

    def delete(self, tenant_id: str) -> Answer:
        """The tenant with its accounts and messages."""
        return self._client.call("deleteTenant", tenant_id=tenant_id)


class _LettingGo:
    """Lets go of the database after each call, so that others may have it meanwhile."""

    def __init__(self, control: SyncControl) -> None:
        self._control = control

    @property
    def is_live(self) -> bool:
        return self._control.is_live

    def call(self, command: str, /, **fields: Any) -> Answer:
        try:
            return self._control.call(command, **fields)
        finally:
            self._control.close()

    def close(self) -> None:
        self._control.close()


class _Blocking:
    """An asynchronous Control, waited for; it lives on a loop of its own."""

    is_live = True

    def __init__(self, control: Control) -> None:
        self._control = control
        self._loop = _BackgroundLoop()

    def call(self, command: str, /, **fields: Any) -> Answer:
        return self._loop.run(self._control.call(command, **fields))

    def close(self) -> None:
        if self._loop.is_running:
            try:
                self._loop.run(self._control.aclose())
            finally:
                self._loop.stop()


class _BackgroundLoop:
    """An event loop on a daemon thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._is_open = True
        self._changing = threading.Lock()  # nothing is given to a loop that is about to stop
        self._thread = threading.Thread(target=self._serve, name="mail-proxy client", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.get_loop().run_forever()

    @property
    def is_running(self) -> bool:
        return self._is_open

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """The result of `work`; Ctrl-C cancels it and leaves the loop usable."""
        future = self._begin(work)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            raise
        except CancelledError as error:
            raise MailProxyError(
                "this client was closed before the answer came",
                hint="the command may have run all the same",
            ) from error

    def _begin(self, work: Coroutine[Any, Any, _T]) -> Future[_T]:
        with self._changing:
            if self._is_open:
                return asyncio.run_coroutine_threadsafe(work, self._loop)
        work.close()
        raise MailProxyError("this client is closed")

    def stop(self) -> None:
        """What is under way is cancelled."""
        with self._changing:
            if self._is_open:
                self._is_open = False
                self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


def _ids(ids: str | Iterable[str]) -> list[str]:
    return [ids] if isinstance(ids, str) else list(ids)
