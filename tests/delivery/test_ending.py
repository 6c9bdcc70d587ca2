"""What comes while the engine ends, or when it has ended, changes nothing and breaks nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mail_proxy.delivery.expiry import Expiry
from mail_proxy.delivery.tenure import Tenure

House = Any


async def test_limits_that_change_when_the_engine_has_stopped_change_nothing(house: House) -> None:
    await house.add_account(limit_per_minute=1)
    async with house.running():
        await house.post("m1", "m2")
        await house.until_limited()
    await house.engine.limits_changed("acme")
    assert [result["id"] for result in house.results] == ["m1"]


async def test_what_a_broken_engine_still_wants_to_begin_is_dropped(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    async def work() -> None:
        seen.append("begun")

    async def broken(*_: object) -> None:
        raise OSError("broken")

    async def late(_: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:  # cancelled, for another task has failed
            house.engine._spawn(work(), "late")
            seen.append("dropped")

    monkeypatch.setattr(Tenure, "keep", broken)
    monkeypatch.setattr(Expiry, "run", late)
    with pytest.raises(ExceptionGroup) as caught:
        await house.engine.run()
    assert [str(error) for error in caught.value.exceptions] == ["broken"]
    assert seen == ["dropped"]
