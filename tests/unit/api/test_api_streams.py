"""Server-sent events as they come over the wire."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from mail_proxy.api import ApiServer, streams
from mail_proxy.config.settings import Settings
from mail_proxy.domain.errors import Forbidden, StoreUnavailable, Unauthorized
from mail_proxy.observe.news import Line
from tests.patience import PATIENCE_S


class ScriptedStream:
    """Tells what it was given, then ends, or waits until it is closed."""

    def __init__(self, *looks: list[Line], ends: bool = True) -> None:
        self._looks = list(looks)
        self._ends = ends
        self.closed = asyncio.Event()
        self.why_over = "the daemon stops"

    async def next(self, wait_s: float) -> list[Line] | None:
        if self._looks:
            return self._looks.pop(0)
        await asyncio.sleep(0)
        return None if self._ends else []

    @property
    def left(self) -> int:
        return len(self._looks)

    def close(self) -> None:
        self.closed.set()


def events(text: str) -> list[dict[str, str]]:
    """Each event by its fields; comments are left out."""
    blocks = [block.splitlines() for block in text.split("\n\n") if block]
    return [
        dict(line.split(": ", 1) for line in block)
        for block in blocks
        if not block[0].startswith(":")
    ]


async def test_each_line_is_one_event_and_the_end_says_why(door: Any, client: Any) -> None:
    told = {"kind": "failed", "words": "a\nb\u2028c\x85 \udc80 é"}
    stream = ScriptedStream([Line("failed", 7, told), Line("dropped", None, {"n": 3})], [])
    door.answer = {"ok": True, "stream": stream}
    answer = await client("GET", "/events/stream")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.body.isascii()
    retry, first, second, end = events(answer.body.decode())
    assert retry == {"retry": "3000"}
    assert (first["event"], first["id"], json.loads(first["data"])) == ("failed", "7", told)
    assert (second["event"], json.loads(second["data"])) == ("dropped", {"n": 3})
    assert "id" not in second
    assert json.loads(end["data"]) == {"kind": "end", "words": "the daemon stops"}
    assert stream.closed.is_set()


async def test_the_header_and_the_query_are_fields(door: Any, client: Any) -> None:
    door.answer = {"ok": True, "stream": ScriptedStream()}
    await client("GET", "/events/stream?kinds=sent&limit=2", headers=("Last-Event-ID: 41",))
    assert door.payload == {"kinds": "sent", "limit": "2", "last_event_id": "41"}


async def test_a_quiet_stream_gives_signs_of_life(
    door: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_S", 0.0)
    door.answer = {"ok": True, "stream": ScriptedStream([], [])}
    assert (await client("GET", "/events/stream")).body.count(b": still here\n\n") == 2


@pytest.mark.parametrize("error", [Unauthorized("revoked"), Forbidden("not active")])
async def test_a_stream_ends_with_its_token(
    door: Any, client: Any, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(streams, "LOOK_S", 0.0)
    stream = ScriptedStream(ends=False)

    def answer() -> dict[str, Any]:
        door.broken = error  # from here on
        return {"ok": True, "stream": stream}

    door.answer = answer
    *_, end = events((await client("GET", "/events/stream")).body.decode())
    assert json.loads(end["data"])["words"] == "the token is not good any more"
    assert stream.closed.is_set()


async def test_a_store_that_is_away_says_nothing_of_a_token(
    door: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LOOK_S", 0.0)

    def answer() -> dict[str, Any]:
        door.broken = StoreUnavailable("away")
        return {"ok": True, "stream": ScriptedStream([], [], [Line("sent", 1, {})])}

    door.answer = answer
    _, told, end = events((await client("GET", "/events/stream")).body.decode())
    assert told["event"] == "sent"
    assert "the daemon stops" in end["data"]


async def test_the_place_of_a_reader_that_is_gone_is_given_back(
    door: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LOOK_S", 0.0)
    stream = ScriptedStream(ends=False)
    door.answer = {"ok": True, "stream": stream}
    reader, writer = await client.connect()
    writer.write(b"GET /events/stream HTTP/1.1\r\nHost: x\r\nX-API-Token: admin-token\r\n\r\n")
    async with asyncio.timeout(PATIENCE_S):
        assert b"200 OK" in await reader.readuntil(b"retry: 3000")
        writer.close()
        await stream.closed.wait()


async def test_a_reader_that_does_not_read_is_cut_off(door: Any, settings: Settings) -> None:
    quick = replace(settings, http=replace(settings.http, body_timeout_s=0.05))
    line = Line("sent", 1, {"words": "x" * 2**20})
    stream = ScriptedStream(*([line] for _ in range(32)), ends=False)
    door.answer = {"ok": True, "stream": stream}
    async with ApiServer(door, quick) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        writer.write(b"GET /events/stream HTTP/1.1\r\nHost: x\r\nX-API-Token: admin-token\r\n\r\n")
        async with asyncio.timeout(PATIENCE_S):
            await reader.readuntil(b"\r\n\r\n")
            await stream.closed.wait()
        writer.transport.abort()
    assert stream.left > 0


async def test_logs_that_are_not_followed_are_json(door: Any, client: Any) -> None:
    door.answer = {"ok": True, "lines": []}
    answer = await client("GET", "/logs?lines=5")
    assert answer.json == {"ok": True, "lines": []}
