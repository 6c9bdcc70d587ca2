"""Messages whose time is over end, with one report; what merely waits does not."""

from __future__ import annotations

from typing import Any

from mail_proxy.delivery.expiry import CHUNK, LOOK_S
from mail_proxy.domain.reply import Stage
from mail_proxy.domain.state import State

House = Any
DAY_S = 86400.0
REFUSED = "login refused: 535 5.7.8 no"


async def reported(house: House) -> list[tuple[str, str]]:
    events = await house.store.unreported("acme", limit=1000)
    return [(event.message_id, event.event_type) for event in events]


async def test_a_message_of_a_paused_account_fails_at_its_time_with_one_report(
    house: House,
) -> None:
    house.relay.answer(Stage.CONNECT, "421 4.3.2 closing")
    async with house.running():
        await house.post("m1", expires_at=house.clock.now() + 15)
        await house.until_paused()
        house.clock.advance(15 + LOOK_S)
        assert await house.statuses(1) == ["error"]
    row = await house.row("m1")
    assert row.state is State.FAILED
    assert row.error.startswith("expired before it could be sent: ")
    assert row.tries == 0
    assert await reported(house) == [("m1", "error")]
    assert house.told == ["acme"]


async def test_what_expired_while_nothing_ran_ends_at_the_start_and_is_not_sent(
    house: House,
) -> None:
    ids = [f"m{n}" for n in range(CHUNK + 1)]
    await house.post(*ids, expires_at=house.clock.now() + 5, wakes=False)
    house.clock.advance(5)
    async with house.running():
        assert await house.statuses(len(ids)) == ["error"] * len(ids)
    assert house.relay.count == 0


async def test_a_suspended_message_expires_too(house: House) -> None:
    await house.post("m1", expires_at=house.clock.now() + 5, wakes=False)
    await house.store.suspend("acme", None, now=house.clock.now())
    house.clock.advance(5)
    async with house.running():
        assert await house.statuses(1) == ["error"]


async def test_a_message_that_is_not_sent_in_time_is_tried_no_more(house: House) -> None:
    house.relay.answer(Stage.RCPT, "451 4.7.1 later")
    async with house.running():
        await house.post("m1", expires_at=house.clock.now() + 30)
        assert await house.statuses(1) == ["error"]
    row = await house.row("m1")
    assert row.error == "expired before it could be sent: recipient refused: 451 4.7.1 later" or (
        row.error == "expired before it could be sent: 4.7.1 later (SMTP 451)"
    )


async def test_what_is_too_old_ends_when_its_account_fails(house: House) -> None:
    house.relay.answer(Stage.CONNECT, "421 4.3.2 closing")
    await house.post("old", wakes=False)
    house.clock.advance(5 * DAY_S)
    await house.post("new", wakes=False)
    async with house.running():
        assert await house.statuses(1) == ["error"]
        assert (await house.row("old")).error.startswith("not delivered within 5 days: ")
    assert (await house.row("new")).state is State.WAITING


async def test_an_account_may_have_an_age_of_its_own(house: House) -> None:
    await house.add_account(max_age=3600.0)
    house.relay.answer(Stage.CONNECT, "421 4.3.2 closing")
    await house.post("m1", wakes=False)
    house.clock.advance(3600)
    async with house.running():
        assert await house.statuses(1) == ["error"]
    assert (await house.row("m1")).error.startswith("not delivered within 1 hour: ")


async def test_a_week_without_a_daemon_costs_no_message_anything(house: House) -> None:
    await house.post("m1", wakes=False)
    house.clock.advance(7 * DAY_S)
    async with house.running():
        assert await house.statuses(1) == ["sent"]


async def test_in_test_mode_nothing_expires_before_run_now(house: House) -> None:
    house.make_engine(test_mode=True)
    await house.post("m1", expires_at=house.clock.now() + 5, wakes=False)
    house.clock.advance(60)
    async with house.running() as engine:
        await engine.recall(None)
        assert (await house.row("m1")).state is State.WAITING
        engine.run_now(None)
        assert await house.statuses(1) == ["error"]
