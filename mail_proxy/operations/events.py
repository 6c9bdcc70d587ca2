"""What happens, told as it happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import Invalid
from mail_proxy.observe.news import KINDS, SUMMARY_S, Line, News, Reader
from mail_proxy.operations.context import Context
from mail_proxy.operations.streams import End, Streams
from mail_proxy.wire.events import Streamed, StreamEvents

# Between two looks of one reader: five a second are enough for eyes, and a burst costs one of them.
CALM_S = 0.2


async def stream_events(ctx: Context, request: StreamEvents) -> Streamed:
    """What happens to messages, accounts and reports, as it happens."""
    kinds = _kinds(request.kinds)
    tenant_id = request.tenant_id or None
    if tenant_id is not None and not ctx.is_tenant:
        ctx.known_tenant(tenant_id)
    give_back = ctx.streams.place(ctx.caller)
    reader = ctx.news.reader(tenant_id, kinds=kinds, after=_after(request))
    end = End(ctx.streams, now=ctx.clock.monotonic(), for_s=request.for_s)
    stream = EventStream(
        ctx.news, reader, ctx.streams, ctx.clock, end, limit=request.limit, give_back=give_back
    )
    return {"ok": True, "stream": stream}


def _kinds(given: str | None) -> frozenset[str]:
    """Raises Invalid for one that does not exist."""
    if not given:
        return frozenset(KINDS)
    kinds = frozenset(kind.strip() for kind in given.split(",") if kind.strip())
    if unknown := sorted(kinds - frozenset(KINDS)):
        raise Invalid(
            f"kinds: there is no '{unknown[0][:40]}'; there are {', '.join(KINDS)}", field="kinds"
        )
    return kinds


def _after(request: StreamEvents) -> int | None:
    given = request.last_event_id
    if given and given.isascii() and given.isdigit() and len(given) <= 19:
        return int(given)
    return request.after


class EventStream:
    """A Stream of what one reader is told."""

    def __init__(
        self,
        news: News,
        reader: Reader,
        streams: Streams,
        clock: Clock,
        end: End,
        *,
        limit: int | None,
        give_back: Callable[[], None],
    ) -> None:
        self._news = news
        self._reader = reader
        self._streams = streams
        self._clock = clock
        self._end = end
        self._left = limit
        self.close = give_back
        self._calm_until = 0.0

    @property
    def why_over(self) -> str:
        return self._end.why

    async def next(self, wait_s: float) -> list[Line] | None:
        """See `Stream`."""
        if self._left == 0:
            self._end.why = "as many as were asked for"
            return None
        now = self._clock.monotonic()
        await self._streams.rest(self._end.wait_s(self._calm_until - now, now))
        lines = self._look()
        if not lines and not self._end.has_come(self._clock.monotonic()):
            await self._changed(wait_s)
            lines = self._look()
        if not lines and self._end.has_come(self._clock.monotonic()):
            return self._look(is_last=True) or None
        return lines

    def _look(self, *, is_last: bool = False) -> list[Line]:
        now = self._clock.monotonic()
        self._calm_until = now + CALM_S
        lines = self._reader.take(now, is_last=is_last)[: self._left]
        if self._left is not None:
            self._left -= len(lines)
        return lines

    async def _changed(self, wait_s: float) -> None:
        """Until something may be new, at most that long."""
        if self._reader.owes_summary:
            wait_s = min(wait_s, SUMMARY_S)
        try:
            async with asyncio.timeout(self._end.wait_s(wait_s, self._clock.monotonic())):
                await self._news.wait()
        except TimeoutError:
            pass
