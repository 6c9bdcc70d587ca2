"""Does harm by chance, so that the same seed does the same again."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from tests.faults.installation import Installation


@dataclass(slots=True)
class Nemesis:
    """Kills, and freezes, a daemon at moments that `chance` picks. harm: what it did, in order."""

    victim: Installation
    chance: random.Random
    harm: list[str] = field(default_factory=list)

    async def wait(self, least_s: float, most_s: float) -> None:
        await asyncio.sleep(self.chance.uniform(least_s, most_s))

    async def kill(self, least_s: float = 0.05, most_s: float = 2.0) -> None:
        """After a random time; it is started again at once."""
        await self.wait(least_s, most_s)
        await self.victim.kill()
        self.harm.append("kill")
        await self.victim.start()

    async def freeze(self, seconds: float) -> None:
        self.victim.freeze()
        self.harm.append("freeze")
        await asyncio.sleep(seconds)
        self.victim.thaw()

    async def haunt(self, times: int, least_s: float, most_s: float) -> None:
        """Kill or freeze that often, with random waits between."""
        for _ in range(times):
            if self.chance.random() < 0.7:
                await self.kill(least_s, most_s)
            else:
                await self.wait(least_s, most_s)
                await self.freeze(self.chance.uniform(0.1, 1.0))
