"""No dot without a journal and a lease; several daemons on one store do each other no harm."""

from __future__ import annotations

import asyncio
import os
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import pytest

from mail_proxy.delivery import Engine, Journal, Recovery, Told
from mail_proxy.domain.attempt import AttemptResult
from mail_proxy.domain.clock import SystemClock
from mail_proxy.domain.state import State
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.observe.news import News
from mail_proxy.smtp import Session, SMTPPool
from mail_proxy.store import Daemon
from tests.delivery.conftest import running
from tests.patience import PATIENCE_S, until

House = Any

LEASE_S = 60.0


class Freezer:
    """The first message that is sent stops before its transaction, or right after the reply.

    has_read: the reply was read before that; else it is in the system's memory, as it were.
    """

    def __init__(
        self, patch: pytest.MonkeyPatch, *, after_reply: bool, has_read: bool = False
    ) -> None:
        self._has_read = has_read
        self._reached = asyncio.Event()
        self.thawed = asyncio.Event()
        self._after_reply = after_reply
        self._send = Session.send
        patch.setattr(Session, "send", lambda *args, **more: self._frozen(*args, **more))

    async def until_reached(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self._reached.wait()

    async def _frozen(self, *args: Any, **more: Any) -> AttemptResult:
        is_first = not self._reached.is_set()
        if is_first and not self._has_read:
            more["on_reply"] = None
        result = await self._send(*args, **more) if self._after_reply or not is_first else None
        if is_first:
            self._reached.set()
            async with asyncio.timeout(PATIENCE_S):
                await self.thawed.wait()
        return result or await self._send(*args, **more)


async def test_a_clean_stop_leaves_no_journal_and_no_daemon(house: House) -> None:
    async with house.running():
        await house.post("m1", "m2")
        await house.statuses(2)
        assert len(list(house.journal_dir.iterdir())) == 1
    assert list(house.journal_dir.iterdir()) == []
    assert await house.store.leases(None) == []


async def test_the_journal_is_there_before_the_first_claim(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    real = house.store.claim

    async def claim(*args: Any, **kwargs: Any) -> Any:
        seen.append(len(list(house.journal_dir.iterdir())))
        return await real(*args, **kwargs)

    monkeypatch.setattr(house.store, "claim", claim)
    async with house.running():
        await house.post("m1")
        await house.statuses(1)
    assert set(seen) == {1}


def fill(journal: Journal) -> None:
    """Its file has no room for another line."""
    assert journal._current is not None
    file = journal._current.file
    while file.has_room_for(b"\n"):
        file.put(b"\n")


async def test_on_a_full_disk_no_dot_leaves_and_no_try_is_spent(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    freezer = Freezer(monkeypatch, after_reply=False)
    async with house.running():
        await house.post("m1")
        await freezer.until_reached()
        fill(house.journal)
        house.journal_dir.rename(house.journal_dir.with_name("away"))
        house.journal_dir.write_text("in the way")
        freezer.thawed.set()
        await until(lambda: not house.journal.is_writable)
        await until(lambda: house.engine.snapshot()["in_flight"] == 0)
        await house.engine.recall(None)
        assert house.relay.count == 0
        row = await house.row("m1")
        assert (row.state, row.tries, row.error) == (State.WAITING, 0, None)
        troubles = [r for r in caplog.records if getattr(r, "event", "") == "journal_trouble"]
        assert len(troubles) == 1
        account = await house.store.get_account("acme", "main")
        assert account.failures == 0

        house.journal_dir.unlink()
        house.clock.advance(2)
        house.engine.wake_all()
        assert await house.statuses(1) == ["sent"]
    assert (await house.row("m1")).tries == 1


async def test_no_dot_leaves_when_the_lease_has_too_little_time_left(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    freezer = Freezer(monkeypatch, after_reply=False)
    async with house.running():
        await house.post("m1")
        await freezer.until_reached()
        house.clock._now += LEASE_S  # asleep: nobody is woken, nothing was renewed
        freezer.thawed.set()
        await until(lambda: house.engine.snapshot()["in_flight"] == 0)
        assert house.relay.count == 0
        house.engine.wake_all()
        assert await house.statuses(1) == ["sent"]
    row = await house.row("m1")
    assert (row.tries, house.relay.count) == (1, 1)


async def test_an_idle_engine_renews_nothing(house: House) -> None:
    async with house.running():
        await house.post("m1")
        await house.statuses(1)
        await house.engine.recall(None)
        renewed = asyncio.Event()
        real = house.store.renew

        async def renew(daemon: Daemon) -> None:
            renewed.set()
            await real(daemon)

        house.store.renew = renew
        for _ in range(5):
            house.clock.advance(LEASE_S / 4)
            await house.row("m1")
        assert not renewed.is_set()


# --- several daemons on one store ---


class Neighbour:
    """Another daemon of the same store, with its own connections, watching the others."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.results: list[dict[str, Any]] = []
        owner = Daemon(os.urandom(4).hex(), house.boot_id, "there", house.clock.now())
        self.journal = Journal(house.journal_dir, owner, house.clock)
        self.metrics = MailMetrics()
        self.pool = SMTPPool(house.settings, clock=house.clock)
        recovery = Recovery(
            house.store,
            house.journal_dir,
            boot_id=house.boot_id,
            retry=house.settings.retry,
            clock=house.clock,
            told=Told(
                self.metrics,
                on_result=self.results.append,
                on_event=lambda _: None,
                news=News(SystemClock()),
            ),
        )
        self.engine = Engine(
            house.store,
            self.pool,
            house.settings,
            clock=house.clock,
            metrics=self.metrics,
            news=News(SystemClock()),
            journal=self.journal,
            letters=house.letters,
            on_result=self.results.append,
            on_event=lambda _: None,
            recovery=recovery,
        )

    def running(self) -> AbstractAsyncContextManager[Engine]:
        return running(self.engine, self.pool)

    async def look(self) -> None:
        """At the other daemons, once, as its own watch would."""
        assert self.engine._tenure.peers is not None
        await self.engine._tenure.peers.look()

    async def watches_for(self, seconds: float) -> None:
        """Look by look, while the clock moves."""
        for _ in range(5):
            await self.look()
            self.house.clock._now += seconds / 4


async def test_several_daemons_send_each_message_once(house: House) -> None:
    ids = [f"m{n}" for n in range(100)]
    await house.post(*ids, wakes=False)
    one, two = Neighbour(house), Neighbour(house)
    async with house.running(), one.running(), two.running():
        await until(lambda: house.relay.count >= 100)
    assert sorted(house.relay.copies.values()) == [1] * 100
    assert {(await house.row(id_)).state for id_ in ids} == {State.SENT}


async def test_a_frozen_daemon_loses_its_messages_and_does_no_harm_when_it_wakes(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    freezer = Freezer(monkeypatch, after_reply=False)
    frozen = house.make_engine(max_connections_per_account=1)
    heir = Neighbour(house)
    ids = ["m1", "m2", "m3"]
    await house.post(*ids, wakes=False)
    async with house.running():
        await freezer.until_reached()
        await heir.watches_for(LEASE_S + 5)
        assert [(await house.row(id_)).state for id_ in ids] == [State.WAITING] * 3
        async with heir.running():
            await until(lambda: len(heir.results) == 3)
        freezer.thawed.set()
        await until(lambda: frozen.snapshot()["in_flight"] == 0)
    assert sorted(house.relay.copies.values()) == [1, 1, 1]
    for id_ in ids:
        assert [e.event_type for e in (await house.row(id_)).events] == ["sent"]
    assert house.results == []


async def test_the_250_that_a_frozen_daemon_has_read_is_recorded_by_its_heir(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    freezer = Freezer(monkeypatch, after_reply=True, has_read=True)
    house.make_engine()
    heir = Neighbour(house)
    await house.post("m1", wakes=False)
    async with house.running():
        await freezer.until_reached()
        await heir.watches_for(LEASE_S + 5)
        assert (await house.row("m1")).state is State.SENT
        freezer.thawed.set()
        await house.statuses(1)
    row = await house.row("m1")
    assert ([e.event_type for e in row.events], house.relay.count) == (["sent"], 1)


async def test_a_daemon_frozen_after_the_dot_still_records_its_250(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    freezer = Freezer(monkeypatch, after_reply=True)
    house.make_engine()
    heir = Neighbour(house)
    await house.post("m1", wakes=False)
    async with house.running():
        await freezer.until_reached()
        await heir.watches_for(LEASE_S + 5)
        row = await house.row("m1")
        assert (row.state, row.events[0].data["in_doubt"]) == (State.WAITING, True)
        freezer.thawed.set()
        await house.statuses(1)
    row = await house.row("m1")
    assert (row.state, house.relay.count) == (State.SENT, 1)
    assert [e.event_type for e in row.events] == ["deferred", "sent"]


async def test_a_daemon_that_renews_is_left_alone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    freezer = Freezer(monkeypatch, after_reply=True)
    house.make_engine()
    heir = Neighbour(house)

    async def has_renewed(times: int) -> bool:
        return (await house.store.peers("another"))[0].renewals >= times

    await house.post("m1", wakes=False)
    async with house.running():
        await freezer.until_reached()
        for renewals in range(1, 9):
            await until(partial(has_renewed, renewals))
            await heir.look()
            house.clock.advance(LEASE_S / 4)
        assert (await house.row("m1")).state is State.LEASED
        freezer.thawed.set()
        assert await house.statuses(1) == ["sent"]
