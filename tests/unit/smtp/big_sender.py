"""Send one mail for each file, all at once, and tell by how much the memory grew: a process.

usage: big_sender.py PORT FILE...  ->  {"grown_mb": ..., "accepted": ..., "mb_per_s": ...}
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import uvloop

from mail_proxy.compose import Stamp, build
from mail_proxy.config.settings import DeliverySettings
from mail_proxy.domain.clock import SystemClock
from mail_proxy.domain.content import BLOCK_BYTES
from mail_proxy.smtp import Relay, SMTPPool

FIELDS = {"from": "a@b.example", "to": ["c@d.example"], "subject": "s", "body": ".\n"}


class File:
    """A whole file as a content."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size_bytes = path.stat().st_size

    def blocks(self) -> Iterator[bytes]:
        with self._path.open("rb") as opened:
            while block := opened.read(BLOCK_BYTES):
                yield block


def peak_kb() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1])


async def send(pool: SMTPPool, relay: Relay, path: Path | None, n: int) -> bool:
    fields, stamp = FIELDS, Stamp(f"<{n}@b.example>", 0.0, str(n))
    contents = []
    if path is not None:
        fields = FIELDS | {"attachments": [{"filename": path.name, "storage_path": "/x"}]}
        contents = [File(path)]
    built = build(fields, stamp, contents)
    session = await pool.acquire(relay)
    try:
        return (await session.send("a@b.example", ["c@d.example"], built.data)).is_accepted
    finally:
        await pool.release(session)


async def main(port: int, paths: list[Path]) -> None:
    settings = DeliverySettings(
        max_connections_per_account=len(paths), max_connections=2 * len(paths)
    )
    pool = SMTPPool(settings, clock=SystemClock())
    relay = Relay("t", "a", "127.0.0.1", port, tls_mode="none")
    await send(pool, relay, None, 0)
    before_kb, began = peak_kb(), time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        sending = [tasks.create_task(send(pool, relay, path, n)) for n, path in enumerate(paths, 1)]
    elapsed_s = time.perf_counter() - began
    await pool.close()
    told = {
        "grown_mb": (peak_kb() - before_kb) / 1024,
        "accepted": sum(task.result() for task in sending),
        "mb_per_s": sum(path.stat().st_size for path in paths) / 1e6 / elapsed_s,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), [Path(name) for name in sys.argv[2:]]))
