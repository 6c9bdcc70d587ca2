"""G18: higher priority first, and of every twenty at least one slot for the oldest lower one."""

from __future__ import annotations

from typing import Any

import pytest

from mail_proxy.domain.reply import Stage
from tests.faults.figures import record
from tests.faults.profile import sized

pytestmark = pytest.mark.slow

Sites = Any  # see conftest
HIGH, LOW = sized((600, 10), (4_000, 100))


async def test_g18_low_priority_moves_while_high_waits(site: Sites) -> None:
    async with site(max_connections=2) as here:
        await here.call("suspend")
        await here.post_many([f"low{n}" for n in range(LOW)], priority=3)
        await here.post_many([f"high{n}" for n in range(HIGH)], priority=1)
        await here.relay.delay(Stage.DOT, 0.002)
        await here.call("activate")
        await here.until_empty()
        order = [mail.id for mail in await here.relay.seen()]
        await here.check()
    last_low = max(n for n, id_ in enumerate(order) if id_.startswith("low"))
    first_hundred = sum(id_.startswith("low") for id_ in order[:100])
    assert last_low <= LOW * 20 + 100  # 100: what one claim may hold more than its share
    assert first_hundred <= 10
    record("G18", high=HIGH, low=LOW, last_low_at=last_low, low_in_the_first_hundred=first_hundred)
