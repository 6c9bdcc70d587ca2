"""The log of the daemon, for who looks from elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import NotFound
from mail_proxy.observe.lines import iso_utc
from mail_proxy.observe.log import log_path
from mail_proxy.observe.log_lines import POLL_S, Following, LogLine, Wanted, last
from mail_proxy.observe.news import Line
from mail_proxy.operations.context import Context
from mail_proxy.operations.streams import End, Streams
from mail_proxy.wire.logs import GetLogs, LogRecord, Logs

MOST_BYTES = 16 * 2**20  # how far back a search goes: a tenth of a second of work, 100,000 lines
MOST_LINES = 500  # of one look, a quarter of a second; what is above is counted


async def get_logs(ctx: Context, request: GetLogs) -> Logs:
    """The last lines of the log, and those that come when they are followed."""
    path = log_path()
    if path is None:
        raise NotFound(
            "this daemon keeps no log file: it writes its lines to stderr",
            hint="look where its output goes: journalctl, docker logs, ...",
        )
    since = "" if request.since_ts is None else iso_utc(request.since_ts)
    wanted = Wanted(request.level or "", since)
    if not request.follow:
        found = await asyncio.to_thread(last, path, request.lines, wanted, most_bytes=MOST_BYTES)
        return {"ok": True, "lines": [cast("LogRecord", line.record()) for line in found]}
    give_back = ctx.streams.place(ctx.caller)
    try:
        following = await asyncio.to_thread(Following, path, wanted)
    except BaseException:
        give_back()
        raise
    end = End(ctx.streams, now=ctx.clock.monotonic(), for_s=request.for_s)
    stream = LogStream(following, request.lines, ctx.streams, ctx.clock, end, give_back)
    return {"ok": True, "lines": [], "stream": stream}


class LogStream:
    """A Stream of the lines that are added."""

    def __init__(
        self,
        following: Following,
        n: int,
        streams: Streams,
        clock: Clock,
        end: End,
        give_back: Callable[[], None],
    ) -> None:
        self._following = following
        self._n: int | None = n  # of the past that is not told yet
        self._streams = streams
        self._clock = clock
        self._end = end
        self._give_back = give_back

    @property
    def why_over(self) -> str:
        return self._end.why

    async def next(self, wait_s: float) -> list[Line] | None:
        """See `Stream`."""
        if self._n is not None:
            n, self._n = self._n, None
            past = await asyncio.to_thread(self._following.past, n, most_bytes=MOST_BYTES)
            if past:
                return _told(past)
        until = self._clock.monotonic() + wait_s
        while True:
            lines = await asyncio.to_thread(self._look)
            now = self._clock.monotonic()
            if lines:
                await self._streams.rest(self._end.wait_s(POLL_S, now))  # what comes next gathers
                return lines
            if self._end.has_come(now):
                return None
            if now >= until:
                return []
            await self._streams.rest(self._end.wait_s(min(POLL_S, until - now), now))

    def close(self) -> None:
        self._following.close()
        self._give_back()

    def _look(self) -> list[Line]:
        """All that is there, the latest of it when it is much."""
        found: list[LogLine] = []
        lost = 0
        is_more = True
        while is_more:
            lines, is_more = self._following.read()
            found += lines
            if len(found) > MOST_LINES:
                lost += len(found) - MOST_LINES
                found = found[-MOST_LINES:]
        told = _told(found)
        if lost:
            told.insert(0, Line("dropped", None, {"kind": "dropped", "n": lost}))
        return told


def _told(lines: list[LogLine]) -> list[Line]:
    return [Line("line", None, {"kind": "line", **line.record()}) for line in lines]
