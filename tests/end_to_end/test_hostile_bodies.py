"""Bodies made to hurt, sent to a real daemon: a 4xx within 2 s, and nobody else feels them."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest

from tests.faults.installation import Installation, until

pytestmark = pytest.mark.slow

ANSWER_S = 2.0
GROWTH_BYTES = 50 * 2**20
PART = b"x" * 2**20
GIGABYTE = 1024 * len(PART)
PATH = "/commands/add-messages"

WHOLE = {
    "100 000 arrays": b'{"messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "100 000 objects": b'{"messages": [' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"]}",
    "a number of 5 000 digits": b'{"messages": [], "default_priority": ' + b"9" * 5000 + b"}",
    "NaN": b'{"messages": [], "default_priority": NaN}',
    "infinity": b'{"messages": [{"id": "1", "deferred_ts": 1e999}]}',
    "half a surrogate pair": b'{"messages": [{"id": "\\ud800", "subject": "\\udc00"}]}',
    "half a pair, and deep": b'{"messages": ["\\ud800", ' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
    "NUL": b'{"messages": [{"id": "1", "from": "a@b.example", "to": "c@d.example", '
    b'"subject": "a\\u0000b"}]}',
    "a raw NUL": b'{"messages": ["\0"]}',
    "no UTF-8": b'{"messages": ["\xff"]}',
    "3 000 000 numbers": b'{"messages": [' + b"1," * 3_000_000 + b"1]}",
    "not an object": b"[1]",
    "cut off": b'{"messages": [{"id": "',
}


class Memory:
    """What the daemon holds, at its highest since the last `forget`."""

    def __init__(self, pid: int) -> None:
        self._proc = Path("/proc") / str(pid)

    def now(self) -> int:
        return self._of("VmRSS")

    def peak(self) -> int:
        return self._of("VmHWM")

    def forget(self) -> None:
        """5: the peak is what is held now (proc_pid_clear_refs(5))."""
        (self._proc / "clear_refs").write_text("5")

    def _of(self, name: str) -> int:
        for line in (self._proc / "status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"/proc tells no {name}")


class Neighbour:
    """Another client, who asks all the time; how long its slowest answer took."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.slowest_s = 0.0
        self.answers = 0

    async def run(self) -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                began = time.monotonic()
                async with session.get(f"{self._url}/health") as answer:
                    assert answer.status == 200
                    await answer.read()
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                self.answers += 1
                await asyncio.sleep(0.005)


Sender = Callable[[bytes, bool], Awaitable[tuple[int, bytes]]]


def sender(main: Installation) -> Sender:
    """Posts a body with its length, or in chunks without; the status and the answer."""
    headers = {"X-API-Token": main.key, "Content-Type": "application/json"}

    async def send(body: bytes, chunked: bool) -> tuple[int, bytes]:
        data = pieces(body) if chunked else BytesIO(body)
        async with (
            aiohttp.ClientSession() as session,
            session.post(main.url + PATH, data=data, headers=headers) as answer,
        ):
            return answer.status, await answer.read()

    return send


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 65536):
        yield body[start : start + 65536]


async def status_of_a_gigabyte(main: Installation, *, chunked: bool) -> int:
    """As a client that reads what it is answered while it sends; it stops when it is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", main.port)
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {GIGABYTE}"
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nX-API-Token: {main.key}\r\n{length}\r\n\r\n"
    sending = asyncio.create_task(send_gigabyte(writer, head.encode(), chunked=chunked))
    try:
        line = await reader.readline()
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.close()
    return int(line.split()[1])


async def send_gigabyte(writer: asyncio.StreamWriter, head: bytes, *, chunked: bool) -> None:
    writer.write(head)
    part = f"{len(PART):x}\r\n".encode() + PART + b"\r\n" if chunked else PART
    for _ in range(1024):
        writer.write(part)
        await writer.drain()


@pytest.fixture
async def watched(running) -> AsyncIterator[tuple[Installation, Memory]]:
    """A daemon beside which a neighbour asks on; in the end both are as well as before."""
    async with running() as main:
        await warm_up(main)
        memory, neighbour = Memory(main.pid), Neighbour(main.url)
        asking = asyncio.create_task(neighbour.run())
        await until(lambda: neighbour.answers > 0)
        memory.forget()
        before = memory.now()
        try:
            yield main, memory
            assert memory.peak() - before < GROWTH_BYTES
            answers = neighbour.answers
            await until(lambda: neighbour.answers > answers)
            assert neighbour.slowest_s < ANSWER_S / 2
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)


async def warm_up(main: Installation) -> None:
    """What every daemon takes once: modules, threads, the statements' cache."""
    async with aiohttp.ClientSession() as session:
        await main.post(session, ["first"])
    await sender(main)(b'{"messages": ["' + b"x" * (2 * 2**20) + b'"]}', False)


async def test_every_hostile_body_gets_a_4xx_soon_and_harms_nobody(watched):
    main, _ = watched
    send = sender(main)
    for name, body in WHOLE.items():
        for chunked in (False, True):
            began = time.monotonic()
            status, answer = await send(body, chunked)
            assert 400 <= status < 500, (name, chunked, answer[:200])
            assert time.monotonic() - began < ANSWER_S, (name, chunked)
            failure = json.loads(answer)
            assert failure["ok"] is False, name
            assert len(answer) < 1000, name


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "in chunks"])
async def test_a_body_of_a_gigabyte_is_refused_while_it_comes(chunked, watched):
    main, _ = watched
    began = time.monotonic()
    assert await status_of_a_gigabyte(main, chunked=chunked) == 413
    assert time.monotonic() - began < ANSWER_S


async def test_a_gzip_bomb_is_refused_unread(watched):
    main, _ = watched
    headers = {"X-API-Token": main.key, "Content-Encoding": "gzip"}
    bomb = await asyncio.to_thread(gzip.compress, bytes(200 * 2**20))
    async with (
        aiohttp.ClientSession() as session,
        session.post(main.url + PATH, data=bomb, headers=headers) as answer,
    ):
        assert answer.status == 415
        assert (await answer.json())["code"] == "unsupported"


def bodies(n: int, size_bytes: int) -> Iterator[bytes]:
    for _ in range(n):
        yield b'{"messages": ["' + b"x" * size_bytes + b'"]}'


async def test_large_bodies_come_one_after_another(running):
    """Five posts of 60 MB: with all of them at once the daemon would hold a gigabyte."""
    async with running() as main:
        await warm_up(main)
        memory = Memory(main.pid)
        memory.forget()
        before = memory.now()
        send = sender(main)
        answers = await asyncio.gather(*(send(body, False) for body in bodies(5, 60 * 2**20)))
        grown = memory.peak() - before
    assert [status for status, _ in answers] == [400] * 5
    # One caller has half of the room: one body of 64 MiB, held as octets and as text.
    assert grown < 200 * 2**20
