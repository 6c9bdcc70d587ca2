"""MailProxy: the one door (`handle_command`), and the loops behind it.

Open it, use it, close it. The loops (delivery, reports, clean-up) run only between `start` and
`stop`, and only inside `async with`, whose task group is their parent.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mail_proxy.attachments import AttachmentManager
from mail_proxy.config.processes import boot_id
from mail_proxy.config.settings import Settings
from mail_proxy.delivery import AttachedLetters, Engine, Journal, Recovery, Told
from mail_proxy.domain.clock import Clock, SystemClock
from mail_proxy.domain.errors import SecretsUnavailable, StoreError
from mail_proxy.http_out import AllowList, GuardedDial, OutgoingHttp
from mail_proxy.oauth2 import AccessTokens
from mail_proxy.observe import events
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.observe.news import News
from mail_proxy.operations import (
    Audit,
    Context,
    Directory,
    Door,
    Numbers,
    Results,
    Tokens,
    Upkeep,
    Vitals,
)
from mail_proxy.operations.instance import API_TOKEN, SECRET_SETTINGS
from mail_proxy.operations.scheduler import SCHEDULER_ACTIVE
from mail_proxy.operations.streams import collected
from mail_proxy.reports import Reporter
from mail_proxy.secrets import Keyring, new_token
from mail_proxy.smtp import Means, SMTPPool, probe
from mail_proxy.storage import Backends, LargeFileStorage
from mail_proxy.store import Daemon, Tenant, open_store
from mail_proxy.store.base import Store
from mail_proxy.store.spool import Spool
from mail_proxy.wire.caller import ADMIN, LOCAL, Caller


@dataclass(frozen=True, slots=True)
class _Parts:
    """What `open` has built."""

    store: Store
    http: OutgoingHttp
    pool: SMTPPool
    attachments: AttachmentManager
    engine: Engine
    reporter: Reporter
    results: Results
    audit: Audit
    context: Context


class MailProxy:
    """One instance in this process; made by `open`.

    has_new_token: the admin token was made by this opening, and is to be shown once.
    secrets_problem: why stored secrets cannot be read; empty when they can.
    """

    def __init__(self, parts: _Parts, *, has_new_token: bool, secrets_problem: str = "") -> None:
        self._parts = parts
        self._door = Door(parts.context, parts.audit)
        self._closing = AsyncExitStack()
        self._group: asyncio.TaskGroup | None = None
        self._upkeep = Upkeep(parts.context.called_by(ADMIN))
        self._is_started = False
        self._is_closed = False
        self.has_new_token = has_new_token
        self.secrets_problem = secrets_problem

    @classmethod
    async def open(cls, settings: Settings, *, clock: Clock | None = None) -> MailProxy:
        """Open the store, recover what a dead predecessor held, and build the rest around it.

        The database lock is the caller's. Raises MailProxyError.
        """
        clock = clock or SystemClock()
        keyring = Keyring(settings.encryption_key, settings.key_path)
        store = await open_store(settings.database, keyring=keyring, clock=clock)
        async with AsyncExitStack() as undo:
            undo.push_async_callback(store.close)
            if not keyring.is_usable:
                events.secrets_unusable(keyring.problem)
            metrics, news = MailMetrics(clock), News(clock)
            await _recover(settings, store, clock, metrics, news)
            token, is_new = await _admin_token(settings, store, keyring)
            await _fill_bounces(settings, store, keyring)
            if await store.get_setting("created_at") is None:
                await store.set_setting("created_at", clock.now())
            parts = await _build(settings, store, clock, token, metrics, keyring, news)
            undo.pop_all()
        return cls(parts, has_new_token=is_new, secrets_problem=keyring.problem)

    # --- commands ---

    async def handle_command(
        self, name: str, payload: Mapping[str, Any] | None = None, caller: Caller = LOCAL
    ) -> dict[str, Any]:
        """The answer to a command of `wire/routes.py`, as `addMessages` or `"run now"`.

        Of one that streams it is what came until its end, in `events`. Raises MailProxyError.
        """
        answer = await self._door.open(name, payload, caller)
        if isinstance(answer.get("messages"), AsyncIterator):
            answer["messages"] = [message async for message in answer["messages"]]
        if "stream" in answer:
            answer["events"] = await collected(answer.pop("stream"))
        return answer

    async def open_answer(
        self, name: str, payload: Mapping[str, Any] | None, caller: Caller
    ) -> dict[str, Any]:
        """The same for a face that streams.

        The value of `messages` may be an async generator; that of `stream` is to be closed.
        """
        return await self._door.open(name, payload, caller)

    async def authenticate(self, token: str | None) -> Caller:
        """Who the token belongs to; NOBODY without one.

        Raises Unauthorized for a wrong one, Forbidden for one of an inactive tenant.
        """
        return await self._parts.context.tokens.authenticate(token)

    async def admit(self, token: str | None, address: str) -> Caller:
        """The same for a request from that network address. Raises TooMany too."""
        return await self._parts.context.tokens.admit(token, address)

    def results(self) -> AsyncIterator[dict[str, Any]]:
        """What becomes of messages from now on, until the proxy is stopped.

        A slow reader slows nothing: the oldest outcomes are dropped when it falls far behind.
        """
        return self._parts.results.read()

    @property
    def settings(self) -> Settings:
        return self._parts.context.settings

    @property
    def metrics(self) -> MailMetrics:
        return self._parts.context.metrics

    @property
    def large_files(self) -> LargeFileStorage:
        return self._parts.context.large_files

    def listens_at(self, address: str) -> None:
        """Where it can be reached, as `127.0.0.1:8000`; shown in its numbers."""
        self._parts.context.vitals.address = address

    @property
    def admin_token(self) -> str:
        return self._parts.context.tokens.admin_token

    @property
    def test_mode(self) -> bool:
        """The loops do nothing until run-now."""
        return self.settings.delivery.test_mode

    # --- life ---

    async def __aenter__(self) -> Self:
        await self._closing.enter_async_context(self._parts.http)
        self._group = await self._closing.enter_async_context(asyncio.TaskGroup())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """After an error of the block's own the loops stop in order too; cancelled, at once."""
        try:
            if error is None or isinstance(error, Exception):
                await self.stop()
                await self._closing.aclose()
            else:
                await self._closing.__aexit__(kind, error, trace)
        finally:
            await self.close()

    def start(self) -> None:
        """Let the loops run. Raises RuntimeError outside of `async with`, or the second time."""
        if self._group is None or self._is_started:
            raise RuntimeError("start() is called once, inside `async with`")
        self._is_started = True
        parts = self._parts
        self._group.create_task(self._deliver(), name="engine")
        self._group.create_task(parts.reporter.run(), name="reporter")
        self._group.create_task(parts.audit.run(), name="audit")
        self._group.create_task(self._upkeep.run(), name="upkeep")

    async def _deliver(self) -> None:
        async with self._parts.attachments:
            await self._parts.engine.run()

    async def stop(self) -> None:
        """No new claims; what is on the wire ends, or the grace time does. Then reports end."""
        self._parts.context.streams.stop()
        self._parts.context.news.wake()
        self._upkeep.stop()
        await self._parts.engine.stop()
        await self._parts.reporter.stop()
        self._parts.audit.stop()
        self._parts.results.close()

    async def close(self) -> None:
        """Close connections and the store. Once is enough; again does no harm."""
        if self._is_closed:
            return
        self._is_closed = True
        self._parts.results.close()
        try:
            self._parts.context.large_files.close()
            await self._parts.audit.flush()
            await self._parts.pool.close()
            await self._parts.http.close()
            self._parts.attachments.close()
        finally:
            await self._parts.store.close()


async def _admin_token(settings: Settings, store: Store, keyring: Keyring) -> tuple[str, bool]:
    """The token given, else the stored one, else a new one; and whether it is new."""
    if settings.api_token:
        return settings.api_token, False
    stored = await store.get_setting(API_TOKEN)
    if isinstance(stored, str) and stored:
        return stored, False
    token = new_token()
    # Without its key the stored token cannot be read; this one is good until the next start.
    if keyring.is_usable:
        await store.set_setting(API_TOKEN, token, secret=True)
    return token, True


async def _fill_bounces(settings: Settings, store: Store, keyring: Keyring) -> None:
    """What the instance has no value for yet; from then on the stored one counts."""
    stored = await store.settings()
    for field in fields(settings.bounces):
        name = f"bounce_{field.name}"
        value = getattr(settings.bounces, field.name)
        is_secret = name in SECRET_SETTINGS
        if value is None or stored.get(name) is not None or (is_secret and not keyring.is_usable):
            continue
        await store.set_setting(name, value, secret=is_secret)


async def _recover(
    settings: Settings, store: Store, clock: Clock, metrics: MailMetrics, news: News
) -> None:
    """The lock says that every daemon before us is dead. Nobody listens yet; the reporter looks."""
    recovery = Recovery(
        store,
        settings.journal_dir,
        boot_id=boot_id(),
        retry=settings.delivery.retry,
        clock=clock,
        told=Told(metrics, on_result=lambda _: None, on_event=lambda _: None, news=news),
    )
    await recovery.all()


async def _build(
    settings: Settings,
    store: Store,
    clock: Clock,
    token: str,
    metrics: MailMetrics,
    keyring: Keyring,
    news: News,
) -> _Parts:
    directory = Directory()
    await directory.load(store)
    for tenant_id, name, account_id in directory.accounts():
        metrics.declare(tenant_id, name, account_id)
    allow = AllowList.of(settings.allowed_networks, instance=settings.name)
    http = OutgoingHttp(allow=allow)
    access = AccessTokens(http, clock, partial(_keep_refresh_token, store, clock))
    means = Means(dial=GuardedDial(allow).open, tokens=access)
    pool = SMTPPool(settings.delivery, clock=clock, means=means)
    reporter = Reporter(
        store,
        http,
        settings.reports,
        clock=clock,
        metrics=metrics,
        news=news,
        test_mode=settings.delivery.test_mode,
    )
    tokens = Tokens(store, directory, clock, token, settings.intake, metrics)
    await tokens.load()
    results = Results()
    spool = Spool(settings.spool_dir)
    attachments = AttachmentManager(
        http,
        settings.attachments,
        settings.cache,
        settings.state_dir,
        clock=clock,
        metrics=metrics.cache,
    )
    large_files = LargeFileStorage(
        store, Backends(settings.files_dir), http, clock=clock, metrics=metrics
    )
    letters = AttachedLetters(store, spool, attachments, partial(_folders, settings), large_files)
    engine = Engine(
        store,
        pool,
        settings.delivery,
        clock=clock,
        metrics=metrics,
        journal=Journal(settings.journal_dir, _this_daemon(clock), clock),
        letters=letters,
        on_result=results.put,
        on_event=reporter.wake,
        news=news,
    )
    engine.set_active(await _is_active(settings, store))
    context = Context(
        store=store,
        settings=settings,
        clock=clock,
        directory=directory,
        tokens=tokens,
        engine=engine,
        reporter=reporter,
        metrics=metrics,
        probe=partial(probe, settings=settings.delivery, clock=clock, means=means),
        numbers=Numbers(store, clock),
        spool=spool,
        attachments=attachments,
        started_at=clock.monotonic(),
        large_files=large_files,
        news=news,
        vitals=Vitals(settings.database_path),
        allow=allow,
        secrets_problem=lambda: keyring.problem,
        forget_logins=access.forget,
    )
    audit = Audit(store, clock)
    return _Parts(store, http, pool, attachments, engine, reporter, results, audit, context)


def _folders(settings: Settings, tenant: Tenant) -> list[Path]:
    """Where a tenant's files may lie; relative paths are looked for in its own folder first."""
    own = settings.attachments_of(tenant.tenant_id)
    others = [*(tenant.attachment_folders or ()), *settings.attachments.folders]
    return [own, *(Path(folder) for folder in others)]


async def _keep_refresh_token(
    store: Store, clock: Clock, key: tuple[str, str], old: str, new: str
) -> bool:
    """False when it could not be written now."""
    try:
        await store.renew_refresh_token(*key, old, new, now=clock.now())
    except (StoreError, SecretsUnavailable) as error:
        events.store_trouble(where="refresh token", error=error)
        return False
    return True


def _this_daemon(clock: Clock) -> Daemon:
    return Daemon(os.urandom(8).hex(), boot_id(), socket.gethostname(), clock.now())


async def _is_active(settings: Settings, store: Store) -> bool:
    """The environment wins over what was stored by the last suspend or activate."""
    if settings.scheduler_active is not None:
        return settings.scheduler_active
    return await store.get_setting(SCHEDULER_ACTIVE) is not False
