"""An account at fault is paused, ever longer, and costs its messages nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from mail_proxy.domain.reply import Stage
from mail_proxy.domain.state import State
from mail_proxy.sinks.smtp import SmtpSink
from mail_proxy.store import MessageFilter

House = Any
QUEUED = 500


@pytest.fixture
async def locked(house: House) -> AsyncIterator[SmtpSink]:
    """A server that wants a login; the account `main` has another password."""
    async with SmtpSink(users={"me": "right"}) as relay:
        house.relay = relay
        await house.add_account(user="me", password="wrong")
        yield relay


def later(house: House, seconds: float) -> None:
    """Time passes, and the engine notices."""
    house.clock.advance(seconds)
    house.engine.wake_all()


def logins(relay: SmtpSink) -> int:
    return sum(command.line.upper().startswith("AUTH") for command in relay.commands)


async def until_failed(house: House, failures: int) -> float:
    """Wait for the fault of that number; when the pause after it ends, since the start."""
    await house.until_account(lambda account: account.failures >= failures)
    account = await house.store.get_account("acme", "main")
    return float(account.paused_until - house.began)


async def test_a_wrong_password_is_tried_three_times_in_the_first_minute(
    house: House, locked: SmtpSink
) -> None:
    house.began = house.clock.now()
    async with house.running() as engine:
        await house.post(*[f"m{n}" for n in range(QUEUED)])
        for failures, ends_at in ((1, 10.0), (2, 30.0), (3, 70.0)):
            assert await until_failed(house, failures) == ends_at
            later(house, ends_at - 0.5 - (house.clock.now() - house.began))
            await engine.recall(None)
            await house.row("m1")
            assert logins(locked) == failures
            later(house, 0.5)
        await until_failed(house, 4)
    assert logins(locked) == 4  # the fourth one after 70 seconds
    rows = [await house.row(f"m{n}") for n in range(0, QUEUED, 50)]
    assert {(row.state, row.tries) for row in rows} == {(State.WAITING, 0)}


async def test_all_go_when_the_password_is_mended_and_no_try_was_spent(
    house: House, locked: SmtpSink
) -> None:
    house.began = house.clock.now()
    async with house.running() as engine:
        await house.post(*[f"m{n}" for n in range(QUEUED)])
        await until_failed(house, 1)
        account = await house.store.get_account("acme", "main")
        assert account.paused_reason.startswith("login refused: 535")
        healthy = {"paused_until": None, "paused_reason": None, "failures": 0}
        mended = replace(account, password="right", **healthy)
        await house.store.put_account(mended, now=house.clock.now())
        await engine.refresh("acme", "main")
        assert await house.statuses(QUEUED) == ["sent"] * QUEUED
    found = await house.store.search_messages(MessageFilter("acme"), limit=2 * QUEUED)
    assert [row.tries for row in found.rows] == [1] * QUEUED
    account = await house.store.get_account("acme", "main")
    assert (account.failures, account.paused_until, account.paused_reason) == (0, None, None)


@pytest.mark.parametrize(
    "stage", [Stage.CONNECT, Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.DOT], ids=str
)
async def test_421_at_any_stage_pauses_the_account_and_spends_no_try(
    house: House, stage: Stage
) -> None:
    house.relay.answer(stage, "421 4.3.2 going down", times=1)
    async with house.running():
        await house.post("m1")
        await house.until_paused()
        account = await house.store.get_account("acme", "main")
        assert "421 4.3.2 going down" in account.paused_reason
        later(house, 10)
        assert await house.statuses(1) == ["sent"]
    assert (await house.row("m1")).tries == 1
    assert set(house.relay.copies.values()) == {1}


async def test_one_connection_probes_an_account_that_has_failed(
    house: House, locked: SmtpSink
) -> None:
    house.began = house.clock.now()
    async with house.running():
        await house.post(*[f"m{n}" for n in range(QUEUED)])
        for failures in (1, 2, 3):
            later(house, await until_failed(house, failures))
        await until_failed(house, 4)
    assert (locked.peak, locked.connections) == (1, 4)


async def test_a_pause_outlives_the_daemon(house: House, locked: SmtpSink) -> None:
    house.began = house.clock.now()
    async with house.running():
        await house.post("m1")
        await until_failed(house, 1)
    house.make_engine()
    async with house.running() as engine:
        later(house, 9)
        await engine.recall(None)
        await house.row("m1")
        assert logins(locked) == 1
        later(house, 1)
        await until_failed(house, 2)
    assert logins(locked) == 2


async def test_a_mail_that_cannot_be_built_says_nothing_for_its_account(house: House) -> None:
    house.began = house.clock.now()
    house.relay.answer(Stage.MAIL, "421 4.7.0 not today")
    async with house.running():
        await house.post("m1")
        assert await until_failed(house, 1) == 10.0
        await house.post("bad", content=b"no json")
        later(house, 10.0)
        assert await house.statuses(1) == ["deferred"]
        assert await until_failed(house, 2) == 30.0
