"""Where what comes in is put: it is taken while the disk writes, and not more than is bounded."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from pathlib import Path

import pytest

from mail_proxy.attachments.failures import FetchFailed
from mail_proxy.attachments.quota import Quota
from mail_proxy.attachments.sink import MOST_PENDING, Memory, Sink, Workplace
from mail_proxy.attachments.workfiles import Algorithm, Hash, WorkFile, WorkFolder
from mail_proxy.domain.content import BLOCK_BYTES
from mail_proxy.threads import ThreadPool
from tests.patience import PATIENCE_S

BLOCK = os.urandom(BLOCK_BYTES)
LIMIT_BYTES = 2**24


class SlowDisk(WorkFolder):
    """Writes nothing until it is told to; `error` is raised then."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.go_on = threading.Event()
        self.error: OSError | None = None

    def create(self, hashing):
        file = super().create(hashing)
        return SlowFile(file, self)


class SlowFile(WorkFile):
    def __init__(self, file: WorkFile, disk: SlowDisk) -> None:
        self._inner = file
        self._disk = disk

    def add(self, block):
        assert self._disk.go_on.wait(PATIENCE_S)
        if self._disk.error is not None:
            raise self._disk.error
        self._inner.add(block)

    def end(self):
        return self._inner.end()

    def discard(self):
        self._inner.discard()


@pytest.fixture
def disk(tmp_path):
    disk = SlowDisk(tmp_path / "fetched")
    yield disk
    disk.go_on.set()


@pytest.fixture
async def sink(disk):
    threads = ThreadPool(2, "sink")
    share = await Quota(LIMIT_BYTES).take("acme", LIMIT_BYTES)
    sink = Sink(Workplace(disk, Memory(), threads), share, LIMIT_BYTES, Algorithm.MD5)
    yield sink
    disk.go_on.set()
    sink.discard()
    threads.close()


async def test_more_is_taken_while_the_disk_writes(sink, disk):
    async with asyncio.timeout(PATIENCE_S):
        await sink.write(BLOCK)
        await sink.write(BLOCK)
    disk.go_on.set()
    octets = await sink.end()
    assert octets.hash == Hash(Algorithm.MD5, hashlib.md5(2 * BLOCK).hexdigest())
    assert octets.path is not None
    assert octets.path.read_bytes() == 2 * BLOCK


async def test_a_disk_that_is_slower_than_its_source_makes_it_wait(sink, disk):
    taken = 0

    async def fill() -> None:
        nonlocal taken
        while taken < LIMIT_BYTES:
            await sink.write(BLOCK)
            taken += BLOCK_BYTES

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await fill()
    assert taken <= BLOCK_BYTES + MOST_PENDING


async def test_what_the_disk_refuses_late_is_told_all_the_same(sink, disk):
    await sink.write(BLOCK)
    disk.error = OSError(28, "No space left on device")
    disk.go_on.set()
    with pytest.raises(FetchFailed, match="it cannot be kept here: No space left on device"):
        await sink.end()


async def test_what_is_given_up_while_it_is_written_leaves_no_file(sink, disk):
    await sink.write(BLOCK)
    disk.go_on.set()
    sink.discard()
    async with asyncio.timeout(PATIENCE_S):
        while list(disk.path.iterdir()):  # noqa: ASYNC110 - a thread does it
            await asyncio.sleep(0.001)
