"""No tenant and no priority keeps others waiting for long."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.smtp import SmtpSink
from mail_proxy.store import Tenant
from tests.patience import until

House = Any


@pytest.fixture
async def other_relay() -> AsyncIterator[SmtpSink]:
    async with SmtpSink() as relay:
        yield relay


async def add_tenant(
    house: House, tenant_id: str, *, relay: SmtpSink, accounts: int = 1, messages: int = 1
) -> None:
    """With so many messages for each account, none of them woken."""
    await house.store.put_tenant(Tenant(tenant_id), now=house.clock.now())
    for n in range(accounts):
        account_id = f"{tenant_id}{n}"
        await house.add_account(account_id, tenant_id=tenant_id, relay=relay)
        ids = [f"{account_id}-{m}" for m in range(messages)]
        await house.post(*ids, account_id=account_id, tenant_id=tenant_id, wakes=False)


def priorities(relay: SmtpSink) -> list[int]:
    """Of what came, in order: the first letter of a subject after `p`."""
    return [int(r.data.split(b"Subject: p")[1][:1]) for r in relay.messages]


@pytest.mark.slow
async def test_every_twentieth_mail_is_the_oldest_of_a_lower_priority(house: House) -> None:
    await house.add_account("one", max_connections=1)
    await house.post(*[f"p3-{n}" for n in range(15)], account_id="one", priority=3, wakes=False)
    await house.post(*[f"p2-{n}" for n in range(10)], account_id="one", priority=2, wakes=False)
    high = [f"p1-{n}" for n in range(600)]
    await house.post(*high, account_id="one", priority=1, wakes=False)
    async with house.running():
        await house.until(lambda: len(house.results) == 625)
    order = priorities(house.relay)
    lower = [slot for slot, priority in enumerate(order[:500], 1) if priority != 1]
    assert lower == list(range(20, 501, 20))
    assert [p for p in order if p != 1] == [3] * 15 + [2] * 10


@pytest.mark.slow
async def test_a_tenant_whose_server_never_answers_stops_no_other(
    house: House, other_relay: SmtpSink
) -> None:
    other_relay.hang(Stage.DOT)
    house.make_engine(stop_grace_s=0.05)
    await add_tenant(house, "stuck", relay=other_relay, accounts=60, messages=8)
    async with house.running():
        await until(lambda: other_relay.count >= 18)
        for n in range(6):
            await add_tenant(house, f"t{n}", relay=house.relay, messages=20)
            house.engine.wake(f"t{n}", f"t{n}0")
        await house.until(lambda: len(house.results) == 120)
        assert other_relay.peak == 18  # a tenth of 20 is kept for those that have none


@pytest.mark.slow
async def test_who_has_too_many_connections_gives_them_to_others(
    house: House, other_relay: SmtpSink
) -> None:
    house.relay.delay(Stage.DOT, 0.005)
    other_relay.hang(Stage.DOT)
    house.make_engine(stop_grace_s=0.05, max_connections=10)
    await add_tenant(house, "first", relay=house.relay, accounts=20, messages=60)
    async with house.running():
        await until(lambda: house.relay.open_connections >= 9)
        await add_tenant(house, "second", relay=other_relay, accounts=20, messages=5)
        house.engine.wake_all()
        await until(lambda: other_relay.count >= 5)
        assert len(house.results) < 1200  # the first one's are not at their end
        assert other_relay.peak == 5


async def test_a_small_account_is_served_while_a_big_one_of_its_tenant_sends(
    house: House,
) -> None:
    house.relay.delay(Stage.DOT, 0.005)
    house.make_engine(max_connections=2)
    await house.post(*[f"m{n}" for n in range(2000)], wakes=False)
    async with house.running():
        await house.relay.wait_for(20)
        await house.add_account("small")
        await house.post("small", account_id="small")
        await house.until(lambda: any(r["id"] == "small" for r in house.results))
        assert len(house.results) < 200


async def test_a_slow_server_gets_few_messages_ahead(house: House) -> None:
    house.relay.hang(Stage.DOT)
    house.make_engine(stop_grace_s=0.05)
    await house.post(*[f"m{n}" for n in range(200)], wakes=False)
    async with house.running():
        await house.relay.wait_for(4)
        held = house.engine.snapshot()["claimed"]
        assert 0 < held <= 10


@pytest.mark.slow
async def test_priority_0_overtakes_a_long_queue_in_a_second(house: House) -> None:
    house.relay.delay(Stage.DOT, 0.05)
    low = [f"p3-{n}" for n in range(3000)]
    await house.post(*low, priority=3, wakes=False)
    async with house.running() as engine:
        await house.relay.wait_for(80)
        started, count = time.monotonic(), house.relay.count
        await house.post("p0", priority=0, wakes=False)
        engine.wake("acme", "main", is_urgent=True)
        await house.until(lambda: any(r["id"] == "p0" for r in house.results))
        assert time.monotonic() - started < 1
        assert house.relay.count - count < 20  # 4 connections, and what came meanwhile
        engine.set_active(False)


async def test_many_wake_ups_cost_few_claims(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    claims: list[Any] = []
    real = house.store.claim

    async def claim(*key: str, **how: Any) -> Any:
        claims.append(how)
        return await real(*key, **how)

    monkeypatch.setattr(house.store, "claim", claim)
    house.relay.hang(Stage.DOT)
    house.make_engine(stop_grace_s=0.05)
    await house.post(*[f"m{n}" for n in range(200)], wakes=False)
    async with house.running() as engine:
        await house.relay.wait_for(4)
        before = len(claims)
        for _ in range(100):
            for _ in range(100):
                engine.wake("acme", "main", is_urgent=True)
            await house.row("m0")  # the engine runs meanwhile
        await house.post("urgent", priority=0, wakes=False)
        engine.wake("acme", "main", is_urgent=True)
        while house.engine.snapshot()["claimed"] < 7:
            await house.row("m0")
        assert {how["lowest"] for how in claims[before:]} == {0}
        assert len(claims) - before <= 101
        assert house.engine.snapshot()["claimed"] <= 10


async def test_a_tenant_with_nothing_in_memory_takes_a_place_from_one_with_too_many(
    house: House, other_relay: SmtpSink
) -> None:
    other_relay.hang(Stage.DOT)
    house.make_engine(stop_grace_s=0.05, max_connections=2)  # so 4 places
    await add_tenant(house, "many", relay=other_relay, accounts=10, messages=2)

    async def accounts_held(tenant_id: str) -> int:
        uses = await house.store.uses(tenant_id)
        return sum(1 for use in uses.values() if use.claimed)

    async def has_given(to: str, left: int) -> bool:
        return bool(await accounts_held(to)) and await accounts_held("many") <= left

    async def holds_many() -> bool:
        return await accounts_held("many") >= 3  # one is kept for others

    async with house.running() as engine:
        await until(holds_many)
        for n, name in enumerate(("second", "third"), 1):
            await add_tenant(house, name, relay=other_relay, messages=2)
            engine.wake(name, f"{name}0")
            await until(partial(has_given, name, 4 - n))
