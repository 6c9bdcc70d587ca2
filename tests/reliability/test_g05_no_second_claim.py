"""G5: a message is sent by one claimer at a time, however many there are."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.delivery.conftest import House
from tests.faults.profile import sized

CLAIMERS = 4


async def test_g5_four_claimers_send_each_message_once(house: House) -> None:
    total = sized(500, 2000)
    ids = [f"m{n}" for n in range(total)]
    await house.post(*ids, wakes=False)
    engines = []
    pools = []
    for _ in range(CLAIMERS):
        engines.append(house.make_engine())
        pools.append(house.pool)
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(engine.run()) for engine in engines]
        async with asyncio.timeout(60):
            await house.relay.wait_for(total, timeout_s=60)
            await house.until(lambda: len(house.results) >= total)
        for engine in engines:
            await engine.stop()
        await asyncio.gather(*running)
    for pool in pools:
        await pool.close()
    assert len(house.relay.copies) == total
    assert set(house.relay.copies.values()) == {1}
    assert house.relay.peak > 1


async def test_g5_what_one_has_claimed_no_other_gets(house: House, tmp_path: Path) -> None:
    await house.post(*[f"m{n}" for n in range(200)], wakes=False)
    claims = await asyncio.gather(
        *(
            house.store.claim("acme", "main", limit=30, now=house.clock.now(), daemon=f"d{n % 4}")
            for n in range(12)
        )
    )
    pks = [message.pk for claim in claims for message in claim.messages]
    assert len(pks) == len(set(pks)) == 200
