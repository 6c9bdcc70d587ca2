"""The engine on a real SQLite file, against a scripted mail server, with time in our hands."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.config.settings import DeliverySettings
from mail_proxy.delivery import Engine, Journal
from mail_proxy.delivery.letters import Letter
from mail_proxy.domain.actions import Action
from mail_proxy.domain.content import BytesContent
from mail_proxy.domain.errors import ContentChanged
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.observe.news import News
from mail_proxy.secrets import Keyring
from mail_proxy.sinks.smtp import SmtpSink
from mail_proxy.smtp import SMTPPool
from mail_proxy.store import (
    Account,
    Claimed,
    Daemon,
    MailProxyDb,
    MessageRow,
    NewMessage,
    Tenant,
    open_store,
)
from mail_proxy.store.acting import Act
from tests.patience import PATIENCE_S, until


class HandClock:
    """Time moves when the test says so; sleeping waits for that."""

    def __init__(self) -> None:
        self._now = 1_800_000_000.0
        self._jumped_s = 0.0
        self._moved = asyncio.Event()

    def now(self) -> float:
        return self._now + self._jumped_s

    def monotonic(self) -> float:
        return self._now

    def jump(self, seconds: float) -> None:
        """Somebody sets the wall clock; no time passes."""
        self._jumped_s += seconds

    def dice(self) -> float:
        return 0.0

    def advance(self, seconds: float) -> None:
        self._now += seconds
        self._moved.set()

    async def sleep(self, seconds: float) -> None:
        until = self._now + seconds
        while self._now < until:
            self._moved.clear()
            await self._moved.wait()


class Changed(BytesContent):
    """Another one than it was promised to be."""

    def blocks(self) -> Iterator[bytes]:
        yield from super().blocks()
        raise ContentChanged("the file is not what it was")


class ScriptedLetters:
    """Brings `content` for every attachment, when and if the test lets it.

    fails: by message id, what is raised instead, once for each in the list. held: ids that wait
    until the test sets the event. open: letters that nobody has closed, by id.
    """

    def __init__(self) -> None:
        self.content = b"content"
        self.changes = 0  # so many letters have files that change while they are sent
        self.asked: list[str] = []
        self.given_up: list[str] = []
        self.fails: dict[str, list[Exception]] = {}
        self.held: dict[str, asyncio.Event] = {}
        self.open: Counter[str] = Counter()
        self.asking = asyncio.Event()

    async def letter(self, message: Claimed, payload: bytes) -> Letter:
        self.asked.append(message.id)
        self.asking.set()
        try:
            if message.id in self.held:
                await self.held[message.id].wait()
        except asyncio.CancelledError:
            self.given_up.append(message.id)
            raise
        if self.fails.get(message.id):
            raise self.fails[message.id].pop(0)
        fields = json.loads(payload)
        kind = BytesContent
        if self.changes:
            self.changes -= 1
            kind = Changed
        contents = [kind(self.content) for _ in fields["attachments"]]
        self.open[message.id] += 1
        return Letter(fields, contents, None, lambda: self.open.subtract([message.id]))


@asynccontextmanager
async def running(engine: Engine, pool: SMTPPool) -> AsyncIterator[Engine]:
    """The engine at work, stopped at the end."""
    async with asyncio.TaskGroup() as group:
        run = group.create_task(engine.run())
        try:
            yield engine
        finally:
            await engine.stop()
            await run
    await pool.close()


class House:
    """A store with one tenant and one account, a relay, and an engine to start."""

    boot_id = "boot-1"

    def __init__(
        self, store: MailProxyDb, relay: SmtpSink, clock: HandClock, journal_dir: Path
    ) -> None:
        self.store = store
        self.journal_dir = journal_dir
        self.relay = relay
        self.clock = clock
        self.results: list[dict[str, Any]] = []
        self.told: list[str] = []
        self.letters = ScriptedLetters()
        self.settings = DeliverySettings(stop_grace_s=2.0)
        self.engine: Engine = self.make_engine()
        self._changed = asyncio.Event()

    def make_engine(
        self, *, on_event: Callable[[str], None] | None = None, **changes: Any
    ) -> Engine:
        self.settings = replace(self.settings, **changes)
        self.pool = SMTPPool(self.settings, clock=self.clock)
        self.metrics = MailMetrics()
        self.engine = Engine(
            self.store,
            self.pool,
            self.settings,
            clock=self.clock,
            metrics=self.metrics,
            news=News(self.clock),
            journal=self.make_journal(),
            letters=self.letters,
            on_result=self._note,
            on_event=on_event or self.told.append,
        )
        return self.engine

    def make_journal(self) -> Journal:
        """Of a daemon of its own."""
        owner = Daemon(os.urandom(4).hex(), self.boot_id, "here", self.clock.now())
        self.journal = Journal(self.journal_dir, owner, self.clock)
        return self.journal

    def _note(self, result: dict[str, Any]) -> None:
        self.results.append(result)
        self._changed.set()

    def running(self) -> AbstractAsyncContextManager[Engine]:
        return running(self.engine, self.pool)

    async def add_account(
        self,
        account_id: str = "main",
        *,
        tenant_id: str = "acme",
        relay: SmtpSink | None = None,
        **changes: Any,
    ) -> None:
        relay = relay or self.relay
        account = Account(tenant_id, account_id, relay.host, relay.port, tls_mode="none", **changes)
        await self.store.put_account(account, now=self.clock.now())

    async def post(
        self,
        *ids: str,
        account_id: str = "main",
        tenant_id: str = "acme",
        wakes: bool = True,
        **changes: Any,
    ) -> None:
        """Accept messages with these ids to `ann@example.com`, or to what `to` says.

        attached: how many attachments each has.
        """
        to = changes.pop("to", ["ann@example.com"])
        changes["tenant_id"] = tenant_id
        more = {"body": changes.pop("body", "Hello.\n")}
        if attached := changes.pop("attached", 0):
            more["attachments"] = [
                {"filename": f"{n}.bin", "storage_path": f"f/{n}"} for n in range(attached)
            ]
        batch = [self._message(id_, account_id, to, changes, more) for id_ in ids]
        answers = await self.store.accept(batch, now=self.clock.now())
        assert not [answer.reason for answer in answers if answer.reason]
        if wakes:
            self.engine.wake(tenant_id, account_id)

    def _message(
        self,
        id_: str,
        account_id: str,
        to: list[str],
        changes: dict[str, Any],
        more: dict[str, Any],
    ) -> NewMessage:
        fields = {"from": "billing@acme.example", "to": to, "subject": id_, **more}
        message = NewMessage(
            tenant_id="acme",
            id=id_,
            account_id=account_id,
            priority=2,
            due_at=self.clock.now(),
            deferred_ts=None,
            batch_code=None,
            sender="billing@acme.example",
            subject=id_,
            return_path="billing@acme.example",
            rfc_message_id=f"<{id_}@acme.example>",
            recipients=tuple(to),
            content=json.dumps(fields, separators=(",", ":")).encode(),
            created_at=self.clock.now(),
        )
        return replace(message, **changes)

    async def delete(self, *ids: str) -> set[str]:
        """Those of them that were deleted."""
        act = Act(Action.DELETE, self.clock.now(), "test")
        acted = await self.store.change_messages("acme", ids, act)
        return {message.id for message in acted if not message.reason}

    async def until(self, is_true: Callable[[], bool]) -> None:
        """Wait for results until `is_true`."""
        async with asyncio.timeout(PATIENCE_S):
            while not is_true():
                self._changed.clear()
                await self._changed.wait()

    async def statuses(self, n: int) -> list[str]:
        """The statuses of the first `n` results, once they are there."""
        await self.until(lambda: len(self.results) >= n)
        return [result["status"] for result in self.results]

    async def until_paused(self, account_id: str = "main") -> None:
        """Wait until the row of the account tells of a fault."""
        await self.until_account(lambda account: bool(account.failures), account_id)

    async def until_limited(self, account_id: str = "main") -> None:
        """Wait until its row tells of a pause that is not over yet, and not of a fault."""
        now = self.clock.now()
        await self.until_account(
            lambda a: (a.paused_until or 0) > now and not a.failures, account_id
        )

    async def until_account(
        self, is_true: Callable[[Account], bool], account_id: str = "main"
    ) -> None:
        """Wait until it is true of the row of the account."""

        async def is_so() -> bool:
            account = await self.store.get_account("acme", account_id)
            assert account is not None
            return is_true(account)

        await until(is_so)

    async def until_due_by(self, seconds: float, id_: str) -> None:
        """Wait until the message is due in so many seconds, or earlier."""

        async def is_so() -> bool:
            return (await self.row(id_)).due_at <= self.clock.now() + seconds

        await until(is_so)

    async def row(self, id_: str) -> MessageRow:
        (row,) = await self.store.find_messages("acme", [id_], full=True)
        return row


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    clock = HandClock()
    keyring = Keyring(None, tmp_path / "secret.key")
    async with SmtpSink(now=clock.monotonic) as relay:
        store = await open_store(str(tmp_path / "queue.db"), keyring=keyring, clock=clock)
        try:
            await store.put_tenant(Tenant("acme", name="Acme Ltd"), now=clock.now())
            house = House(store, relay, clock, tmp_path / "journal")
            await house.add_account()
            yield house
        finally:
            await store.close()
