"""Large files cost a few blocks of memory each, and arrive as they are."""

from __future__ import annotations

import asyncio
import binascii
import json
import os
import sys
from collections import Counter
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import pytest

MIB = 2**20
SENDER = Path(__file__).with_name("big_sender.py")
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the system does not tell the peak of memory"
)


class Discarding(asyncio.Protocol):
    """A server that keeps nothing of a mail but the hash of its last part, decoded."""

    def __init__(self, digests: Counter[bytes]) -> None:
        self._digests = digests

    def connection_made(self, transport) -> None:
        self._transport = transport
        self._held = b""
        self._hash = None  # not in a mail
        self._in_file = False
        transport.write(b"220 hi\r\n")

    def data_received(self, data: bytes) -> None:
        self._held += data
        while self._hash is None and b"\r\n" in self._held:
            line, _, self._held = self._held.partition(b"\r\n")
            self._answer(line)
        if self._hash is not None:
            self._read_mail()

    def _answer(self, line: bytes) -> None:
        if line == b"DATA":
            self._hash, self._in_file = sha256(), False
        self._transport.write(b"354 go\r\n" if line == b"DATA" else b"250 ok\r\n")
        if line == b"QUIT":
            self._transport.close()

    def _read_mail(self) -> None:
        if not self._in_file:
            _, mark, rest = self._held.partition(b"Content-Disposition: attachment")
            _head, empty_line, body = rest.partition(b"\r\n\r\n")
            if mark and empty_line:
                self._held, self._in_file = body, True
        if self._in_file:
            whole = len(self._held) // 78 * 78  # lines but the last have 76 characters
            end = self._held.find(b"\r\n--")
            self._hash.update(binascii.a2b_base64(self._held[: whole if end < 0 else end]))
            self._held = self._held[whole if end < 0 else end :]
        if self._held.endswith(b"\r\n.\r\n"):
            self._digests[self._hash.digest()] += 1
            self._held, self._hash = b"", None
            self._transport.write(b"250 taken\r\n")


@asynccontextmanager
async def discarding():
    digests: Counter[bytes] = Counter()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Discarding(digests), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], digests


@pytest.mark.slow
async def test_twenty_large_mails_at_once_cost_little_memory_and_arrive_whole(tmp_path):
    sizes = [10 * MIB] * 20 + [25_000_000, 0, 1, 57, 262_144]
    paths = [tmp_path / f"{n}.bin" for n in range(len(sizes))]
    for path, size in zip(paths, sizes, strict=True):
        path.write_bytes(os.urandom(size))
    expected = Counter(sha256(path.read_bytes()).digest() for path in paths)
    expected[sha256(b"").digest()] += 1  # the first mail, without a file
    async with discarding() as (port, digests):
        sender = await asyncio.create_subprocess_exec(
            *(sys.executable, str(SENDER), str(port), *map(str, paths)),
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(120):
            told, _ = await sender.communicate()
    assert sender.returncode == 0
    told = json.loads(told)
    assert told["accepted"] == len(sizes)
    assert digests == expected
    assert told["grown_mb"] < 40, told
