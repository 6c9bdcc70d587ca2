"""What the engine does when something breaks, changes or ends under its hands."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from mail_proxy.domain.errors import StoreUnavailable
from mail_proxy.domain.reply import Stage
from mail_proxy.domain.state import RecipientState, State
from mail_proxy.sinks.smtp import SmtpSink
from mail_proxy.smtp import Relay, Session
from mail_proxy.store import Account, Outcome, Tenant
from tests.patience import PATIENCE_S

House = Any


class Gate:
    """Something waits here until it is let through."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def passed(self) -> None:
        self.reached.set()
        async with asyncio.timeout(PATIENCE_S):
            await self.opened.wait()


async def until_failed(house: House, failures: int = 1) -> None:
    await house.until_account(lambda account: account.failures >= failures)


async def test_one_message_takes_one_connection(house: House) -> None:
    async with house.running():
        await house.post("m1")
        await house.statuses(1)
    assert house.relay.connections == 1


async def test_a_server_that_lets_nobody_in_is_tried_by_one_connection(house: House) -> None:
    house.relay.answer(Stage.CONNECT, "421 4.7.0 go away")
    async with house.running():
        await house.post(*[f"m{n}" for n in range(100)])
        await until_failed(house)
    assert house.relay.connections == 1


async def test_a_message_that_brings_the_account_down_does_not_stand_in_the_way(
    house: House,
) -> None:
    house.relay.answer(Stage.RCPT, "550 5.4.5 quota exceeded", recipient="bad@x.example")
    async with house.running() as engine:
        await house.post("bad", to=["bad@x.example"], priority=0)
        await until_failed(house)
        await house.post("good", wakes=False)
        house.clock.advance(11)
        engine.wake_all()
        assert await house.statuses(1) == ["sent"]
    (recipient,) = (await house.row("bad")).recipients
    assert recipient.state is RecipientState.PENDING


async def test_a_list_longer_than_one_transaction_goes_out_at_once(house: House) -> None:
    to = [f"r{n}@x.example" for n in range(30)]
    for n, address in enumerate(to):
        if n >= 3:
            full = "452 4.5.3 too many recipients"
            house.relay.answer(Stage.RCPT, full, recipient=address, times=n // 3)
    async with house.running():
        await house.post("m1", to=to)
        assert await house.statuses(1) == ["sent"]
    assert sorted(house.relay.copies.values()) == [1] * 30
    assert (await house.row("m1")).tries == 1


async def test_a_wait_beyond_the_calendar_ends_nothing(house: House) -> None:
    await house.add_account("main", retry_delays=(253402300799.0,), max_age=1e12)
    house.relay.answer(Stage.RCPT, "451 4.7.1 later", times=1)
    async with house.running():
        await house.post("m1")
        assert await house.statuses(1) == ["deferred"]
        await house.post("m2")
        assert await house.statuses(2) == ["deferred", "sent"]


async def test_an_account_that_cannot_be_read_stops_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = house.store.get_account

    async def get_account(tenant_id: str, account_id: str) -> Account | None:
        if account_id == "broken":
            raise ValueError("no JSON")
        found: Account | None = await real(tenant_id, account_id)
        return found

    await house.add_account("broken")
    await house.post("m1", account_id="broken", wakes=False)
    await house.post("m2", wakes=False)
    monkeypatch.setattr(house.store, "get_account", get_account)
    async with house.running():
        assert await house.statuses(1) == ["sent"]


async def test_a_change_that_fails_wakes_who_was_held_back_for_it(house: House) -> None:
    async with house.running():
        with pytest.raises(StoreUnavailable):
            await _change_in_vain(house)
        assert await house.statuses(1) == ["sent"]


async def _change_in_vain(house: House) -> None:
    async with house.engine.recalled("acme"):
        await house.post("m1")
        await house.row("m1")  # the engine sees it, and may not take it
        raise StoreUnavailable("away")


async def test_what_was_accepted_is_recorded_when_the_engine_is_cancelled(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, real = Gate(), house.store.finish

    async def finish(outcomes: Sequence[Outcome], *, now: float) -> set[int]:
        await gate.passed()
        ours: set[int] = await real(outcomes, now=now)
        return ours

    await house.post(*[f"m{n}" for n in range(4)], wakes=False)
    monkeypatch.setattr(house.store, "finish", finish)
    running = asyncio.ensure_future(house.engine.run())
    await house.relay.wait_for(4)
    await gate.reached.wait()
    while house.engine.snapshot()["in_flight"]:
        await house.row("m1")
    running.cancel()
    gate.opened.set()
    await asyncio.wait([running])
    assert {(await house.row(f"m{n}")).state for n in range(4)} == {State.SENT}
    await house.pool.close()


async def test_a_change_of_an_account_that_is_just_being_read_is_not_missed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, real = Gate(), house.store.get_tenant

    async def get_tenant(tenant_id: str) -> Tenant | None:
        await gate.passed()
        found: Tenant | None = await real(tenant_id)
        return found

    await house.add_account("moved", max_retries=0)
    house.relay.answer(Stage.RCPT, "451 4.7.1 later", times=1)
    await house.post("m1", account_id="moved", wakes=False)
    monkeypatch.setattr(house.store, "get_tenant", get_tenant)
    async with house.running() as engine:
        await gate.reached.wait()
        await house.add_account("moved", max_retries=1)
        await engine.refresh("acme", "moved")
        gate.opened.set()
        assert await house.statuses(1) == ["deferred"]


async def test_a_connection_of_the_old_settings_carries_nothing_after_a_change(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, real = Gate(), house.pool.acquire

    async def acquire(relay: Relay) -> Session:
        await gate.passed()
        session: Session = await real(relay)
        return session

    async with SmtpSink() as other, house.running() as engine:
        monkeypatch.setattr(house.pool, "acquire", acquire)
        await house.post("m1")
        await gate.reached.wait()
        old = await house.store.get_account("acme", "main")
        moved = replace(old, host=other.host, port=other.port)
        await house.store.put_account(moved, now=house.clock.now())
        await engine.refresh("acme", "main")
        gate.opened.set()
        await house.statuses(1)
        await house.post("m2")
        await house.statuses(2)
        assert (house.relay.count, other.count) == (0, 2)


async def test_what_comes_while_an_account_is_changed_is_sent(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, real, claimed = Gate(), house.store.finish, asyncio.Event()
    real_claim = house.store.claim

    async def finish(outcomes: Sequence[Outcome], *, now: float) -> set[int]:
        await gate.passed()
        ours: set[int] = await real(outcomes, now=now)
        return ours

    async def claim(*key: str, **how: Any) -> Any:
        found = await real_claim(*key, **how)
        if any(message.id == "m2" for message in found.messages):
            claimed.set()
        return found

    await house.add_account("slow", max_connections=1)
    house.relay.hang(Stage.DOT, times=1)
    house.make_engine(dot_timeout_s=0.2)
    async with house.running() as engine, asyncio.TaskGroup() as group:
        await house.post("m1", account_id="slow")
        await house.relay.wait_for(1)
        monkeypatch.setattr(house.store, "finish", finish)
        monkeypatch.setattr(house.store, "claim", claim)
        await house.post("other")
        await gate.reached.wait()
        group.create_task(engine.refresh("acme", "slow"))
        await house.post("m2", account_id="slow")
        await claimed.wait()
        gate.opened.set()
        await house.until(lambda: any(r["id"] == "m2" for r in house.results))
    assert (await house.row("m2")).state is State.SENT


async def test_a_sender_that_the_account_may_not_use_fails_once_others_have_gone(
    house: House,
) -> None:
    house.relay.answer(Stage.RCPT, "550 5.7.60 may not send as", recipient="bad@x.example")
    async with house.running() as engine:
        await house.post("bad", to=["bad@x.example"], priority=0)
        await until_failed(house)
        await house.post("good", wakes=False)
        house.clock.advance(11)
        engine.wake_all()
        assert await house.statuses(2) == ["sent", "error"]
    assert (await house.row("bad")).error.endswith("(SMTP 550)")


async def test_one_5yz_to_three_messages_in_a_row_at_mail_pauses_the_account(
    house: House,
) -> None:
    await house.add_account(max_connections=1)
    house.relay.answer(Stage.MAIL, "550 5.7.1 go away", times=3)
    async with house.running():
        await house.post(*[f"m{n}" for n in range(10)])
        await house.until_paused()
        assert await house.statuses(2) == ["error", "error"]
        house.clock.advance(11)
        house.engine.wake_all()
        assert (await house.statuses(10)).count("sent") == 8
    assert (await house.store.get_account("acme", "main")).failures == 0
