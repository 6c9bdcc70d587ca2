"""A bug of ours anywhere in an attempt: before the dot it waits, after the dot it is in doubt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mail_proxy.delivery import courier
from mail_proxy.delivery.lane import Lane
from mail_proxy.domain.reply import Stage
from mail_proxy.domain.state import State

House = Any


def broken(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("a bug of ours")


def in_judging(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lane, "judged", broken)


def in_the_rules(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lane, "retry_policy", broken)


def in_the_outcome(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(courier, "outcome_of", broken)


@pytest.mark.parametrize("where", [in_judging, in_the_rules, in_the_outcome])
async def test_after_the_dot_it_is_in_doubt_whatever_broke(
    house: House, monkeypatch: pytest.MonkeyPatch, where: Callable[[pytest.MonkeyPatch], None]
) -> None:
    await house.add_account("main", in_doubt="hold")
    where(monkeypatch)
    async with house.running():
        await house.post("m1")
        assert await house.statuses(1) == ["in_doubt"]
    row = await house.row("m1")
    assert (row.state, row.error) == (State.IN_DOUBT, "in doubt: ZeroDivisionError: a bug of ours")
    assert house.relay.count == 1


@pytest.mark.parametrize("where", [in_the_rules, in_the_outcome])
async def test_before_the_dot_it_waits_and_tries_again_later(
    house: House, monkeypatch: pytest.MonkeyPatch, where: Callable[[pytest.MonkeyPatch], None]
) -> None:
    house.relay.answer(Stage.RCPT, "550 5.1.1 no such user")
    where(monkeypatch)
    async with house.running():
        await house.post("m1")
        assert await house.statuses(1) == ["deferred"]
    row = await house.row("m1")
    assert (row.state, row.due_at) == (State.WAITING, house.clock.now() + 900)
    assert row.error == "ZeroDivisionError: a bug of ours"


async def test_a_bug_after_the_result_was_put_changes_nothing_for_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lane, "clear", broken)
    async with house.running():
        await house.post("m1")
        assert await house.statuses(1) == ["sent"]
    assert (await house.row("m1")).state is State.SENT
