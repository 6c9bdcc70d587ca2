"""The log of an instance, read from its file: as `getLogs` tells it, while no daemon does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from mail_proxy.observe.log_lines import POLL_S, Following, Wanted


async def log_lines(
    path: Path, lines: int, *, poll_s: float = POLL_S
) -> AsyncGenerator[dict[str, Any], None]:
    """The last so many lines, then each new one; without an end."""
    following = await asyncio.to_thread(Following, path, Wanted())
    try:
        for line in await asyncio.to_thread(following.past, lines):
            yield line.record()
        while True:
            new, is_more = await asyncio.to_thread(following.read)
            for line in new:
                yield line.record()
            if not is_more:
                await asyncio.sleep(poll_s)
    finally:
        following.close()
