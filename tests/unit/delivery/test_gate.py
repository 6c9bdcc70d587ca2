"""One attempt alone, the others after it."""

from __future__ import annotations

import asyncio

import pytest

from mail_proxy.delivery.gate import Gate


async def turn() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_who_closes_waits_until_nobody_is_inside() -> None:
    gate = Gate()
    gate.enter()
    gate.enter()
    closing = asyncio.ensure_future(gate.close())
    await turn()
    assert not gate.is_open
    gate.leave()
    await turn()
    assert not closing.done()
    gate.leave()
    await closing


async def test_it_opens_when_the_one_inside_leaves() -> None:
    gate = Gate()
    await gate.close()
    waiting = asyncio.ensure_future(gate.opened())
    gate.enter()
    await turn()
    assert not waiting.done()
    gate.leave()
    await waiting
    assert gate.is_open


async def test_two_that_want_to_be_alone_come_one_after_the_other() -> None:
    gate = Gate()
    await gate.close()
    second = asyncio.ensure_future(gate.close())
    gate.enter()
    await turn()
    assert not second.done()
    gate.leave()
    await second
    assert not gate.is_open


async def test_who_gives_up_while_closing_opens_it() -> None:
    gate = Gate()
    gate.enter()
    closing = asyncio.ensure_future(gate.close())
    await turn()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert gate.is_open


async def test_who_closed_it_and_does_not_enter_opens_it() -> None:
    gate = Gate()
    await gate.close()
    gate.open()
    await gate.opened()
