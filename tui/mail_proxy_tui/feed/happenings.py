"""What happens, as it happens: by server-sent events, or by asking again and again.

Asking is the fallback where a stream breaks off, is refused or has no place: it is the same
command, for what came since and no longer.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from mail_proxy.control.base import Control
from mail_proxy.domain.errors import MailProxyError, NotRunning
from mail_proxy_tui.feed.answers import happening
from mail_proxy_tui.feed.base import POLLED, STREAMED, Happening

KEPT = 1000
POLL_S = 2.0
POLLS = 15  # then a stream is tried again

Rest = Callable[[float], Awaitable[None]]


async def happenings(
    control: Control,
    tenant_id: str | None = None,
    *,
    after: int = 0,
    rest: Rest = asyncio.sleep,
    now: Callable[[], float] = time.time,
) -> AsyncGenerator[Happening, None]:
    """Without an end. after: the last one that is known; 0: all that the daemon still has.

    Says by POLLED, with the reason, that it asks again and again from here on, and by STREAMED that
    it tries a stream anew. Raises NotRunning; MailProxyError when asking fails too.
    """
    known = after
    polls_left = 0
    while True:
        how = {"for_s": 0} if polls_left else {}
        asked = control.stream("streamEvents", after=known, tenant_id=tenant_id, **how)
        try:
            async with aclosing(asked) as events:
                async for event in events:
                    known = event.get("stream_id", known)
                    if event.get("kind") not in (None, "end"):
                        yield happening(event, now())
        except NotRunning:
            raise
        except MailProxyError as error:
            if polls_left:
                raise
            polls_left = POLLS + 1
            yield Happening(now(), POLLED, words=str(error))
        was_polled, polls_left = polls_left == 1, max(0, polls_left - 1)
        await rest(POLL_S)
        if was_polled:
            yield Happening(now(), STREAMED)


class Ring:
    """The last 1,000, oldest first. `version` changes with each that comes."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept: deque[Happening] = deque(maxlen=kept)
        self.version = 0
        self.known = 0  # the number to go on from

    def add(self, happening: Happening) -> None:
        self._kept.append(happening)
        self.version += 1
        if happening.number is not None:
            self.known = max(self.known, happening.number)

    def all(self) -> list[Happening]:
        return list(self._kept)

    def numbered(self) -> list[tuple[int, Happening]]:
        """Each with a number of its own here, that stays while it is kept."""
        return list(enumerate(self._kept, self.version - len(self._kept)))

    def __len__(self) -> int:
        return len(self._kept)
