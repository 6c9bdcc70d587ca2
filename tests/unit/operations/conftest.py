from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.attachments import AttachmentManager
from mail_proxy.config.settings import Settings
from mail_proxy.domain.state import Event, RecipientState
from mail_proxy.http_out import OutgoingHttp
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.observe.news import News
from mail_proxy.operations import Audit, Context, Directory, Door, Numbers, Tokens, Vitals
from mail_proxy.secrets import Keyring
from mail_proxy.smtp import Relay, RelayReport
from mail_proxy.storage import Backends, LargeFileStorage
from mail_proxy.store import Claimed, MailProxyDb, NewEvent, Outcome, RecipientResult, open_store
from mail_proxy.store.spool import Spool
from mail_proxy.store.values.reports import SyncState
from mail_proxy.store.values.tenants import Tenant
from mail_proxy.wire.caller import ADMIN, Caller, tenant

NOON = 1_700_000_000.0
ADMIN_TOKEN = "mp_the_admins_token"


class FakeClock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at - NOON

    def dice(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


@dataclass
class FakeEngine:
    """Remembers what it was asked for; `claimed` is given back to the store by a recall."""

    store: MailProxyDb
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    claimed: list[Claimed] = field(default_factory=list)
    active: bool = True
    running: bool = True
    connections: int = 0

    def wake(self, tenant_id: str, account_id: str, *, is_urgent: bool = False) -> None:
        self.asked.append(("wake", tenant_id, account_id, is_urgent))

    def wake_all(self) -> None:
        self.asked.append(("wake_all",))

    def run_now(self, tenant_id: str | None) -> None:
        self.asked.append(("run_now", tenant_id))

    def set_active(self, active: bool) -> None:
        self.active = active
        self.asked.append(("set_active", active))

    async def refresh(self, tenant_id: str, account_id: str) -> None:
        self.asked.append(("refresh", tenant_id, account_id))

    async def limits_changed(self, tenant_id: str) -> None:
        self.asked.append(("limits_changed", tenant_id))

    async def recall(
        self,
        tenant_id: str | None,
        *,
        ids: Collection[str] | None = None,
        batch_code: str | None = None,
        account_id: str | None = None,
    ) -> None:
        self.asked.append(("recall", tenant_id, None if ids is None else tuple(ids), batch_code))
        back = [m for m in self.claimed if tenant_id in (None, m.tenant_id)]
        self.claimed = [m for m in self.claimed if m not in back]
        outcomes = [Outcome(m.tenant_id, m.pk, m.lease_token, Event.RELEASE) for m in back]
        if outcomes:
            await self.store.finish(outcomes, now=NOON)

    @asynccontextmanager
    async def recalled(
        self, tenant_id: str, *, ids: Collection[str] | None = None
    ) -> AsyncIterator[None]:
        await self.recall(tenant_id, ids=ids)
        yield

    def snapshot(self) -> dict[str, Any]:
        return {"active": self.active, "running": self.running, "connections": self.connections}


@dataclass
class FakeReporter:
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    def wake(self, tenant_id: str) -> None:
        self.asked.append(("wake", tenant_id))

    def run_now(self, tenant_id: str | None) -> None:
        self.asked.append(("run_now", tenant_id))

    async def resume(self, tenant_id: str) -> None:
        self.asked.append(("resume", tenant_id))

    async def reach(self, tenant: Tenant, *, timeout_s: float) -> tuple[str, str] | None:
        url = tenant.client_base_url
        return (url, "it is gone" if "gone" in url else "") if url else None

    def is_due(self, tenant: Tenant, sync: SyncState) -> bool:
        return tenant.active and sync.next_sync_after is None


@dataclass
class House:
    """A door with a real store behind it, and an engine that a test can ask."""

    context: Context
    door: Door
    store: MailProxyDb
    engine: FakeEngine
    reporter: FakeReporter
    clock: FakeClock
    audit: Audit
    probed: list[Relay]
    admin: Caller = ADMIN

    async def call(self, command: str, /, caller: Caller = ADMIN, **fields: Any) -> dict[str, Any]:
        answer = await self.door.open(command, fields, caller)
        if hasattr(answer.get("messages"), "__aiter__"):
            answer["messages"] = [message async for message in answer["messages"]]
        return answer

    @staticmethod
    def mail(name: str = "m1", /, **fields: Any) -> dict[str, Any]:
        """A message as applications post it."""
        return {
            "id": name,
            "from": "shop@example.com",
            "to": ["ann@example.org"],
            "subject": "Hello",
            "body": "Good day",
            **fields,
        }

    async def tenant(self, tenant_id: str, *accounts: str, **fields: Any) -> Caller:
        await self.call("addTenant", id=tenant_id, **fields)
        for account_id in accounts:
            await self.account(tenant_id, account_id)
        return tenant(tenant_id)

    async def account(self, tenant_id: str, account_id: str, **fields: Any) -> None:
        place = {"host": "smtp.example.com", "port": 587, **fields}
        await self.call("addAccount", id=account_id, tenant_id=tenant_id, **place)

    async def post(self, *messages: Any, caller: Caller = ADMIN, **fields: Any) -> dict[str, Any]:
        return await self.call("addMessages", caller, messages=list(messages), **fields)

    async def claim(self, tenant_id: str, account_id: str) -> list[Claimed]:
        """As the engine would; a recall gives back what is in `engine.claimed`."""
        found = await self.store.claim(
            tenant_id, account_id, limit=100, now=self.clock.now(), daemon="d"
        )
        return list(found.messages)

    async def finish(self, claimed: Claimed, event: Event, **fields: Any) -> None:
        """Settle a claimed message: ACCEPT, FAIL, DEFER or DOUBT."""
        state = {Event.ACCEPT: RecipientState.ACCEPTED, Event.FAIL: RecipientState.REFUSED}
        now = self.clock.now()
        kinds = {Event.ACCEPT: "sent", Event.FAIL: "error", Event.DEFER: "deferred"}
        outcome = Outcome(
            claimed.tenant_id,
            claimed.pk,
            claimed.lease_token,
            event,
            recipients=tuple(
                RecipientResult(r.position, state.get(event, RecipientState.PENDING), None)
                for r in claimed.recipients
            ),
            events=(NewEvent(kinds.get(event, "in_doubt"), now, "as told", {"said": "so"}, True),),
            **fields,
        )
        assert await self.store.finish([outcome], now=now) == {claimed.pk}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(name="myserver", state_dir=tmp_path, database=str(tmp_path / "queue.db"))


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    clock = FakeClock()
    keyring = Keyring(bytes(32), settings.key_path)
    store = await open_store(settings.database, keyring=keyring, clock=clock)
    directory = Directory()
    engine, reporter, probed = FakeEngine(store), FakeReporter(), []

    async def probe(relay: Relay) -> RelayReport:
        probed.append(relay)
        return RelayReport(relay.host, relay.port, relay.tls_mode, greeting="hello")

    metrics = MailMetrics(clock)
    backends, http = Backends(settings.files_dir), OutgoingHttp()
    attachments = AttachmentManager(
        http,
        settings.attachments,
        settings.cache,
        settings.state_dir,
        clock=clock,
        metrics=metrics.cache,
    )
    context = Context(
        store=store,
        settings=settings,
        clock=clock,
        directory=directory,
        tokens=Tokens(store, directory, clock, ADMIN_TOKEN, settings.intake, metrics),
        engine=engine,
        reporter=reporter,
        metrics=metrics,
        probe=probe,
        numbers=Numbers(store, clock),
        spool=Spool(settings.spool_dir),
        attachments=attachments,
        started_at=clock.monotonic(),
        large_files=LargeFileStorage(store, backends, http, clock=clock, metrics=metrics),
        news=News(clock),
        vitals=Vitals(settings.database_path),
    )
    audit = Audit(store, clock)
    yield House(context, Door(context, audit), store, engine, reporter, clock, audit, probed)
    context.large_files.close()
    await http.close()
    attachments.close()
    await store.close()
