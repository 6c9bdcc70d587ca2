"""Events by a stream, and by asking where there is none."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from mail_proxy.domain.errors import Forbidden, MailProxyError, NotRunning, TooMany
from mail_proxy_tui.feed.base import POLLED, STREAMED, Happening
from mail_proxy_tui.feed.happenings import POLL_S, POLLS, Ring, happenings

Event = dict[str, Any]
Reply = list[Event] | MailProxyError


class ScriptedStreams:
    """Each stream tells what stands in the next reply, and breaks off with the error that does."""

    def __init__(self, *replies: list[Event | MailProxyError]) -> None:
        self.replies = list(replies)
        self.asked: list[dict[str, Any]] = []
        self.rests: list[float] = []

    async def stream(self, command: str, /, **fields: Any) -> AsyncGenerator[Event, None]:
        assert command == "streamEvents"
        self.asked.append(fields)
        if not self.replies:
            raise NotRunning("the script is over")
        for each in self.replies.pop(0):
            if isinstance(each, MailProxyError):
                raise each
            yield each

    async def call(self, command: str, /, **fields: Any) -> dict[str, Any]:
        raise AssertionError(command)

    async def aclose(self) -> None: ...

    async def rest(self, seconds: float) -> None:
        self.rests.append(seconds)

    async def all(self, **how: Any) -> list[Happening]:
        """What is told until the script is over."""
        told: list[Happening] = []
        source = happenings(self, rest=self.rest, now=lambda: 9.0, **how)
        try:
            while True:
                told.append(await anext(source))
        except NotRunning:
            return told


def event(number: int, kind: str = "sent") -> Event:
    return {"kind": kind, "ts": 5.0, "id": f"m-{number}", "stream_id": number}


END: Event = {"kind": "end", "words": "the daemon stops"}


async def test_events_are_told_as_they_come() -> None:
    streams = ScriptedStreams([event(1), event(2), END])
    told = await streams.all(tenant_id="acme")
    assert [(each.number, each.message_id) for each in told] == [(1, "m-1"), (2, "m-2")]
    assert streams.asked[0] == {"after": 0, "tenant_id": "acme"}


async def test_a_stream_that_ends_is_gone_on_with_after_its_last_event() -> None:
    streams = ScriptedStreams([event(1), END], [event(2), END])
    assert len(await streams.all()) == 2
    assert [asked["after"] for asked in streams.asked] == [0, 1, 2]
    assert streams.rests == [POLL_S, POLL_S]


async def test_a_stream_that_breaks_off_is_followed_by_asking() -> None:
    broken = MailProxyError("went away while it told events")
    streams = ScriptedStreams([event(1), broken], [event(2), END], [END])
    told = await streams.all()
    assert [(each.kind, each.number) for each in told] == [
        ("sent", 1),
        (POLLED, None),
        ("sent", 2),
    ]
    assert told[1].words == "went away while it told events"
    assert [asked.get("for_s") for asked in streams.asked] == [None, 0, 0, 0]


async def test_a_stream_is_tried_again_after_a_while() -> None:
    streams = ScriptedStreams([TooMany("no place")], *([END] for _ in range(POLLS)), [event(1)])
    assert [each.kind for each in await streams.all()] == [POLLED, STREAMED, "sent"]
    assert [asked.get("for_s") for asked in streams.asked[: POLLS + 2]] == [
        None,
        *[0] * POLLS,
        None,
    ]


async def test_what_cannot_be_asked_for_either_is_told() -> None:
    broken = MailProxyError("500")
    streams = ScriptedStreams([broken], [broken])
    told = happenings(streams, rest=streams.rest)
    assert (await anext(told)).kind == POLLED
    with pytest.raises(MailProxyError, match="500"):
        await anext(told)


async def test_a_stream_that_alone_is_refused_is_asked_for_instead() -> None:
    streams = ScriptedStreams([Forbidden("no streams here")], [event(1), END])
    assert [each.kind for each in await streams.all()] == [POLLED, "sent"]


async def test_a_daemon_that_is_gone_is_told_at_once() -> None:
    streams = ScriptedStreams()
    with pytest.raises(NotRunning):
        await anext(happenings(streams, rest=streams.rest))
    assert streams.rests == []


def test_the_ring_keeps_the_last_and_knows_where_to_go_on() -> None:
    ring = Ring(kept=2)
    for number in (5, 6, 7):
        ring.add(Happening(0.0, "sent", number=number))
    ring.add(Happening(0.0, "summary"))
    assert [each.number for each in ring.all()] == [7, None]
    assert (ring.known, ring.version, len(ring)) == (7, 4, 2)
