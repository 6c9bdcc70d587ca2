"""Rate limits on a clock in our hands: what the server sees, what is shown, what lifts a pause."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest

from mail_proxy.delivery import Engine
from mail_proxy.domain.reply import Stage
from mail_proxy.domain.state import State
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.observe.news import News
from mail_proxy.smtp import SMTPPool
from mail_proxy.store import Account, Outcome
from tests.delivery.heir import Heir, abandon

House = Any

WINDOW = {"minute": 60, "hour": 3600, "day": 86400}
BUCKET = {"minute": 1, "hour": 60, "day": 3600}


def most_in_a_window(house: House, window_s: float) -> int:
    """By the clock of the server."""
    times = [received.at for received in house.relay.messages]
    return max(sum(at <= other < at + window_s for other in times) for at in times)


async def send_all(house: House, n: int, each: int, window_s: float, bucket_s: float) -> float:
    """Let time pass from pause to pause, `each` messages at a time; seconds that it took."""
    began = house.clock.monotonic()
    for done in range(max(each, len(house.results)), n, each):
        await house.until(lambda done=done: len(house.results) == done)
        await house.until_limited()
        house.clock.advance(window_s - 1)
        house.engine.wake_all()
        house.clock.advance(1 + bucket_s)
        house.engine.wake_all()
    await house.until(lambda: len(house.results) == n)
    return house.clock.monotonic() - began


@pytest.mark.parametrize("name", WINDOW)
async def test_no_window_is_exceeded_and_nine_tenths_are_used(house: House, name: str) -> None:
    window_s, bucket_s = WINDOW[name], BUCKET[name]
    await house.add_account(**{f"limit_per_{name}": 20})
    async with house.running():
        await house.post(*[f"m{n}" for n in range(100)])
        took_s = await send_all(house, 100, 20, window_s, bucket_s)
    assert sorted(house.relay.copies.values()) == [1] * 100
    assert most_in_a_window(house, window_s) == 20
    assert took_s <= 100 * window_s / (0.9 * 20)


async def test_a_restart_forgets_nothing_of_what_was_sent(house: House) -> None:
    await house.add_account(limit_per_minute=20)
    await house.post(*[f"m{n}" for n in range(60)])
    async with house.running():
        await house.until_limited()
    for _ in range(3):
        house.clock.advance(15)
        house.clock.jump(3600)
        house.make_engine()
        async with house.running():
            await house.until_limited()
    house.make_engine()
    async with house.running():
        await send_all(house, 60, 20, 60, 1)
    assert most_in_a_window(house, 60) == 20


async def test_what_a_killed_daemon_has_sent_counts_although_nobody_wrote_it_down(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(outcomes: Sequence[Outcome], *, now: float) -> set[int]:
        await asyncio.Event().wait()
        return set()

    await house.add_account(limit_per_minute=20)
    await house.post(*[f"m{n}" for n in range(60)])
    for _ in range(2):
        so_far = house.relay.count
        with monkeypatch.context() as patch:
            patch.setattr(house.store, "finish", never)
            running = asyncio.ensure_future(house.engine.run())
            await house.relay.wait_for(so_far + 20)
        await abandon(house, running)
        house.clock.advance(40)
        await Heir(house).recover()
        house.make_engine()
        async with house.running():
            await house.until_limited()
        assert house.relay.count == so_far + 20
        house.clock.advance(61)
        house.make_engine()
    async with house.running():
        await house.relay.wait_for(60)
    assert most_in_a_window(house, 60) == 20


@pytest.mark.parametrize("jump_s", [7200, -7200])
async def test_a_jump_of_the_wall_clock_breaks_no_limit_and_stops_nothing(
    house: House, jump_s: float
) -> None:
    await house.add_account(limit_per_minute=20)
    async with house.running():
        await house.post(*[f"m{n}" for n in range(60)])
        await house.until_limited()
        house.clock.jump(jump_s)
        for n in (40, 60):
            for seconds in (30, 31):
                house.clock.advance(seconds)
                house.engine.wake_all()
            await house.until(lambda n=n: len(house.results) == n)
            if n < 60:
                await house.until_limited()
    assert most_in_a_window(house, 60) == 20


async def test_four_claimers_on_one_store_keep_one_limit(house: House) -> None:
    await house.add_account(limit_per_minute=20)
    await house.post(*[f"m{n}" for n in range(60)])
    engines = [house.engine, *(another(house) for _ in range(3))]
    async with AsyncExitStack() as stack:
        group = await stack.enter_async_context(asyncio.TaskGroup())
        for engine in engines:
            group.create_task(engine.run())
            stack.push_async_callback(engine.stop)
        for n in (20, 40, 60):
            await house.until(lambda n=n: len(house.results) == n)
            house.clock.advance(61)
            for engine in engines:
                engine.wake_all()
    assert sorted(house.relay.copies.values()) == [1] * 60
    assert most_in_a_window(house, 60) == 20


def another(house: House) -> Engine:
    """One more engine on the same store."""
    return Engine(
        house.store,
        SMTPPool(house.settings, clock=house.clock),
        house.settings,
        clock=house.clock,
        metrics=MailMetrics(),
        news=News(house.clock),
        journal=house.make_journal(),
        letters=house.letters,
        on_result=house._note,
        on_event=lambda _: None,
    )


async def test_a_reached_limit_shows_in_the_account_and_touches_no_message(house: House) -> None:
    await house.add_account(limit_per_hour=5)
    async with house.running():
        await house.post(*[f"m{n}" for n in range(9)])
        await house.until_limited()
        account = await house.store.get_account("acme", "main")
        assert account.paused_until == house.clock.now() + 3660
        assert account.paused_reason == "the limit of 5 an hour is reached"
        row = await house.row("m8")
        assert (row.state, row.tries, row.updated_at) == (State.WAITING, 0, row.created_at)
    assert re.search(r'gmp_rate_limited_total\{.*"main".*\} 1\.0', house.metrics.render())


async def test_the_pause_goes_when_something_is_sent_again(house: House) -> None:
    await house.add_account(limit_per_minute=5)
    async with house.running() as engine:
        await house.post(*[f"m{n}" for n in range(7)])
        await house.until_limited()
        house.clock.advance(61)
        engine.wake_all()
        await house.statuses(7)
        await house.until_account(lambda a: a.paused_until is None and a.paused_reason is None)


async def test_new_messages_do_not_ask_a_limit_that_is_spent(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.add_account(limit_per_minute=2)
    claims, real = [], house.store.claim

    async def claim(*key: str, **how: Any) -> Any:
        claims.append(key)
        return await real(*key, **how)

    async with house.running() as engine:
        await house.post("m1", "m2", "m3")
        await house.until_limited()
        monkeypatch.setattr(house.store, "claim", claim)
        for n in range(5):
            await house.post(f"n{n}")
        await house.add_account("other")
        await house.post("o1", account_id="other")
        await house.statuses(3)
        assert engine.snapshot()["claimed"] == 0
    assert {account_id for _, account_id in claims} == {"other"}


async def test_a_changed_limit_of_the_account_holds_at_once(house: House) -> None:
    await house.add_account(limit_per_day=5)
    async with house.running() as engine:
        await house.post(*[f"m{n}" for n in range(20)])
        await house.until_limited()
        await house.add_account(limit_per_day=12)
        await engine.refresh("acme", "main")
        await house.statuses(12)
        await house.until_limited()
        await house.add_account()
        await engine.refresh("acme", "main")
        await house.statuses(20)


async def test_a_changed_limit_of_the_tenant_holds_at_once(house: House) -> None:
    async def change(rate_limits: dict[str, int]) -> None:
        fields = {"rate_limits": rate_limits}
        await house.store.change_tenant("acme", fields, now=house.clock.now())

    await change({"daily": 5})
    async with house.running() as engine:
        await house.post(*[f"m{n}" for n in range(20)])
        await house.until_limited()
        account = await house.store.get_account("acme", "main")
        assert account.paused_reason == "the tenant's limit of 5 a day is reached"
        await change({"daily": 12})
        await engine.limits_changed("acme")
        await house.statuses(12)
        await house.until_limited()
        await change({})
        await engine.limits_changed("acme")
        await house.statuses(20)
        await house.until_account(lambda a: a.paused_until is None)


async def test_what_was_claimed_under_a_wider_limit_goes_back(house: House) -> None:
    house.relay.hang(Stage.DOT, times=1)
    house.make_engine(dot_timeout_s=0.2, max_connections_per_account=1)
    async with house.running() as engine:
        await house.post(*[f"m{n}" for n in range(20)])
        await house.relay.wait_for(1)
        limits = {"rate_limits": {"daily": 3}}
        await house.store.change_tenant("acme", limits, now=house.clock.now())
        await engine.limits_changed("acme")
        await house.until_limited()
    assert house.relay.count == 3


async def test_a_tenants_accounts_share_its_limit(house: House) -> None:
    limits = {"rate_limits": {"per_minute": 6}}
    await house.store.change_tenant("acme", limits, now=house.clock.now())
    for name in ("a", "b", "c"):
        await house.add_account(name)
        await house.post(*[f"{name}{n}" for n in range(6)], account_id=name)
    async with house.running() as engine:
        for n in (6, 12, 18):
            await house.until(lambda n=n: len(house.results) == n)
            house.clock.advance(61)
            engine.wake_all()
    assert most_in_a_window(house, 60) == 6


async def test_what_is_given_back_lets_another_account_go_on(house: House) -> None:
    """Main holds all of the tenant's limit, and its server takes no mail."""
    limits = {"rate_limits": {"hourly": 5}}
    await house.store.change_tenant("acme", limits, now=house.clock.now())
    await house.add_account("other")
    house.relay.answer(Stage.MAIL, "421 4.3.2 going down", times=1)
    await house.post(*[f"m{n}" for n in range(5)])
    await house.post("o1", account_id="other")
    async with house.running():
        await house.statuses(1)
    assert house.results[0]["id"] == "o1"


async def test_a_limit_that_rejects_ends_what_is_beyond_it(house: House) -> None:
    await house.add_account(limit_per_minute=3, limit_behavior="reject")
    async with house.running():
        await house.post(*[f"m{n}" for n in range(250)])
        await house.statuses(250)
        assert sorted(r["status"] for r in house.results) == ["error"] * 247 + ["sent"] * 3
        assert {r["error"] for r in house.results if r["status"] == "error"} == {
            "rate_limit_exceeded"
        }
    assert house.told.count("acme") >= 4
    assert (await house.row("m249")).state is State.FAILED
    assert "gmp_errors_total" in house.metrics.render()


async def test_a_mail_in_two_transactions_counts_twice(house: House) -> None:
    await house.add_account(limit_per_minute=3)
    to = [f"r{n}@x.example" for n in range(4)]
    for address in to[2:]:
        full = "452 4.5.3 too many recipients"
        house.relay.answer(Stage.RCPT, full, recipient=address, times=1)
    async with house.running():
        await house.post("m1", to=to)
        await house.post("m2", "m3")
        await house.until_limited()
    assert len(house.relay.messages) == 3
    assert len(house.results) == 2


async def test_a_fault_and_a_limit_show_one_after_the_other(house: House) -> None:
    account = Account(
        "acme",
        "main",
        house.relay.host,
        house.relay.port,
        tls_mode="none",
        limit_per_minute=2,
        paused_until=house.clock.now() + 600,
        paused_reason="login: 535 5.7.8 no",
        failures=3,
    )
    await house.store.put_account(account, now=house.clock.now())
    async with house.running() as engine:
        await house.post("m1", "m2", "m3")
        house.clock.advance(601)
        engine.wake_all()
        await house.statuses(2)
        await house.until_account(
            lambda a: a.failures == 0 and a.paused_reason == "the limit of 2 a minute is reached"
        )
