"""What every operation gets: who asks, and the parts of the house that it may use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from mail_proxy.attachments import AttachmentManager
from mail_proxy.config.settings import Settings
from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import Invalid, NotFound
from mail_proxy.http_out import NOTHING, AllowList
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.observe.news import News
from mail_proxy.operations.directory import Directory
from mail_proxy.operations.numbers import Numbers
from mail_proxy.operations.once import Posts
from mail_proxy.operations.streams import Streams
from mail_proxy.operations.tokens import Tokens
from mail_proxy.operations.vitals import Vitals
from mail_proxy.smtp import Relay, RelayReport
from mail_proxy.storage import LargeFileStorage
from mail_proxy.store.base import Store
from mail_proxy.store.spool import Spool
from mail_proxy.store.values.reports import SyncState
from mail_proxy.store.values.tenants import Tenant
from mail_proxy.wire.caller import NOBODY, Caller


class Sending(Protocol):
    """The engine, as far as operations speak to it. Harmless while it does not run."""

    def wake(self, tenant_id: str, account_id: str, *, is_urgent: bool = False) -> None: ...
    def wake_all(self) -> None: ...
    def run_now(self, tenant_id: str | None) -> None: ...
    def set_active(self, active: bool) -> None: ...
    async def refresh(self, tenant_id: str, account_id: str) -> None: ...
    async def limits_changed(self, tenant_id: str) -> None:
        """Those of the tenant; what was claimed under the old ones is WAITING again."""
        ...

    async def recall(
        self,
        tenant_id: str | None,
        *,
        ids: Collection[str] | None = None,
        batch_code: str | None = None,
        account_id: str | None = None,
    ) -> None:
        """Claimed and not begun messages are WAITING again when this returns."""
        ...

    def recalled(
        self, tenant_id: str, *, ids: Collection[str] | None = None
    ) -> AbstractAsyncContextManager[None]:
        """Inside, they are back and nothing of the tenant is claimed anew."""
        ...

    def snapshot(self) -> dict[str, Any]:
        """What is in memory now; `active`, `running` and `connections` are always there."""
        ...


class Reporting(Protocol):
    """The reporter, as far as operations speak to it."""

    def wake(self, tenant_id: str) -> None: ...
    def run_now(self, tenant_id: str | None) -> None: ...
    async def resume(self, tenant_id: str) -> None: ...
    async def reach(self, tenant: Tenant, *, timeout_s: float) -> tuple[str, str] | None:
        """Its URL, and why nothing answers there ("": something does); None: it has no URL."""
        ...

    def is_due(self, tenant: Tenant, sync: SyncState) -> bool:
        """The tenant's next heartbeat has come."""
        ...


def _no_logins(tenant_id: str, account_id: str | None) -> None:
    """Nothing is remembered of any account."""


Probe = Callable[[Relay], Awaitable[RelayReport]]


@dataclass(frozen=True, slots=True)
class Context:
    """One command's surroundings; only `caller` differs between two of them.

    started_at: by the monotonic clock, for the uptime.
    allow: what of our own network tenants may name.
    secrets_problem: why stored secrets cannot be read; empty when they can.
    forget_logins: drops the access tokens of an account that is gone; None: of all of its tenant.
    """

    store: Store
    settings: Settings
    clock: Clock
    directory: Directory
    tokens: Tokens
    engine: Sending
    reporter: Reporting
    metrics: MailMetrics
    probe: Probe
    numbers: Numbers
    spool: Spool
    attachments: AttachmentManager
    started_at: float
    large_files: LargeFileStorage
    news: News
    vitals: Vitals
    allow: AllowList = NOTHING
    secrets_problem: Callable[[], str] = str
    forget_logins: Callable[[str, str | None], None] = _no_logins
    caller: Caller = NOBODY
    posts: Posts = field(default_factory=Posts)
    streams: Streams = field(default_factory=Streams)

    def called_by(self, caller: Caller) -> Context:
        return replace(self, caller=caller)

    def max_queued(self, tenant_id: str) -> int:
        """Messages of a tenant that may wait; 0: no limit."""
        own = self.directory.max_queued(tenant_id)
        return self.settings.intake.max_queued if own is None else own

    @property
    def request_id(self) -> str | None:
        """Of what is asked; None where nobody asks."""
        return self.caller.request_id or None

    @property
    def is_tenant(self) -> bool:
        """A tenant's token asks, so what it sets is not trusted as the admin's is."""
        return self.caller.tenant_id is not None

    def tenant_id(self, given: str | None) -> str:
        """The tenant that is meant: the one given, else the only one there is.

        For a tenant's token the door has put its own id into `given`. Raises Invalid.
        """
        found = given or self.directory.only_tenant()
        if not found:
            raise Invalid("tenant_id is required", field="tenant_id")
        return found

    def known_tenant(self, tenant_id: str) -> str:
        """The same id. Raises NotFound when there is no such tenant."""
        if not self.directory.has_tenant(tenant_id):
            raise no_tenant(tenant_id)
        return tenant_id

    async def tenant(self, tenant_id: str | None) -> Tenant:
        """As it is stored. Raises NotFound."""
        found = await self.store.get_tenant(tenant_id) if tenant_id else None
        if found is None:
            raise no_tenant(tenant_id)
        return found


def no_tenant(tenant_id: str | None) -> NotFound:
    return NotFound(f"Tenant '{tenant_id}' not found")
