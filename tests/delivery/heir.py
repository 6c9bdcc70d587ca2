"""The daemon after the one that died."""

from __future__ import annotations

import asyncio
from typing import Any

from mail_proxy.delivery import Journal, Recovery, Told
from mail_proxy.domain.clock import SystemClock
from mail_proxy.domain.errors import StoreUnavailable
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.observe.news import News
from mail_proxy.store import Claimed

House = Any


async def abandon(house: House, running: asyncio.Task[None]) -> None:
    """As kill -9 does: nothing more is written, neither rows nor journal."""
    left = {path: path.read_bytes() for path in house.journal_dir.iterdir()}

    async def gone(*args: Any, **kwargs: Any) -> set[int]:
        raise StoreUnavailable("this daemon is dead")

    house.store.finish, kept = gone, house.store.finish
    try:
        running.cancel()
        await asyncio.wait([running])
        await house.pool.close()
    finally:
        house.store.finish = kept
        for path, content in left.items():
            path.write_bytes(content)


class Heir:
    """Claims as a daemon that will die, and recovers as the next one."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.journal: Journal = house.make_journal()
        self.metrics = MailMetrics()

    async def claim(self) -> list[Claimed]:
        assert self.journal.open()
        owner = self.journal.owner
        claim = await self.house.store.claim(
            "acme", "main", limit=50, now=self.house.clock.now(), daemon=owner.daemon_id
        )
        return list(claim.messages)

    async def recover(self, *, boot_id: str = "boot-1", store: Any = None) -> None:
        self.journal.close(remove=False)
        recovery = Recovery(
            store or self.house.store,
            self.house.journal_dir,
            boot_id=boot_id,
            retry=self.house.settings.retry,
            clock=self.house.clock,
            told=Told(
                self.metrics,
                on_result=lambda _: None,
                on_event=lambda _: None,
                news=News(SystemClock()),
            ),
        )
        await recovery.all()

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.house.journal_dir.iterdir())

    @property
    def in_doubt(self) -> float:
        lines = self.metrics.render().splitlines()
        return sum(float(x.split()[-1]) for x in lines if x.startswith("gmp_in_doubt_total{"))
