"""How long tests wait for what takes milliseconds: machines that run them may be busy."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable

PATIENCE_S = 30.0
_LOOK_S = 0.001


async def until(is_true: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait until it is true, where nothing tells of it. Raises TimeoutError.

    There is a moment between two looks: who looks without a pause keeps the interpreter from the
    threads that do what is waited for, the more so on a busy machine.
    """
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = is_true()
            if await found if inspect.isawaitable(found) else found:
                return
            await asyncio.sleep(_LOOK_S)
