"""G25: memory is bounded, whatever is queued and attached, posted or fetched."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mail_proxy.bench.children import Child
from mail_proxy.bench.plan import Plan
from mail_proxy.bench.stand import mail_server_words
from mail_proxy.bench.usage import forget_peak, peak_mb, resident_mb
from mail_proxy.config.instances import Instance
from tests.faults.figures import record
from tests.faults.file_server import FileServer
from tests.faults.installation import Installation, end, until
from tests.faults.letters import file_of, md5_of, octets, posted
from tests.faults.profile import sized

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

CEILING_MB = 150.0
SIZE = 5 * 2**20
REFERENCES, POSTED = sized((120, 10), (5_000, 100))
CLIENTS = 4
SETTINGS = {"GMP_ALLOWED_NETWORKS": FileServer.host}
LIMIT = 50 * 2**20  # GMP_ATTACHMENT_MAX_MB, as it is where nobody sets it
TOO_LARGE = 200 * 2**20
ON_THE_WAY = 16 * 2**20  # in buffers of the two ends and the kernel's


@dataclass(frozen=True)
class Discarding:
    """A mail server that keeps nothing: Postfix's smtp-sink where there is one."""

    child: Child
    host: str
    port: int

    async def count(self) -> int:
        answer = await asyncio.to_thread(self.child.ask, "count")
        return int(answer["messages"])


@dataclass(frozen=True)
class Place:
    main: Installation
    files: FileServer
    session: aiohttp.ClientSession


@asynccontextmanager
async def placed(instance: Instance, environ: dict[str, str], folder: Path) -> AsyncIterator[Place]:
    words = mail_server_words(Plan(), folder)
    with Child("mail", *words) as child:
        relay = Discarding(child, **child.ask("where"))
        async with FileServer() as files, aiohttp.ClientSession() as session:
            main = Installation(instance, {**environ, **SETTINGS}, relay, files)
            await main.start()
            try:
                await main.prepare()
                yield Place(main, files, session)
            finally:
                await asyncio.to_thread(end, instance)


async def post_all(place: Place, ids: list[str], attachment: dict[str, Any], batch: int) -> None:
    """By several clients at once."""
    batches = iter([ids[first : first + batch] for first in range(0, len(ids), batch)])

    async def client() -> None:
        for some in batches:
            await place.main.post(place.session, some, attachments=[attachment])

    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(client())


async def test_g25_memory_is_bounded_whatever_is_attached(
    instance: Instance, environ: dict[str, str], tmp_path: Path
) -> None:
    data = octets(SIZE)
    async with placed(instance, environ, tmp_path) as place:
        main = place.main
        idle_mb = resident_mb(main.pid)
        folder = instance.folder / "attachments" / "acme"
        folder.mkdir(mode=0o700, parents=True)
        (folder / "file").write_bytes(data)
        url = place.files.put("/shared", data)
        ways = {
            "file": file_of("f.bin", "file", fetch_mode="filesystem"),
            "url": file_of("f.bin", url),
            "cached": file_of("f.bin", url, content_md5=md5_of(data)),
        }
        await main.call("suspend")  # all are queued before the first is sent
        forget_peak(main.pid)
        for way, attachment in ways.items():
            ids = [f"{way}-{n}" for n in range(REFERENCES // len(ways))]
            await post_all(place, ids, attachment, 100)
        whole = [f"posted-{n}" for n in range(POSTED)]
        await post_all(place, whole, posted("f.bin", data), 1)
        accepting_mb = peak_mb(main.pid)
        total = REFERENCES // len(ways) * len(ways) + POSTED
        assert main.open_messages() + suspended(main) == total
        forget_peak(main.pid)
        began = time.monotonic()
        await main.call("activate")
        await main.until_empty(timeout_s=120 + total)
        took_s = time.monotonic() - began
        sending_mb = peak_mb(main.pid)
        ended = dict(main.query("SELECT state, count(*) FROM messages GROUP BY state"))
        came = await main.relay.count()
    record(
        "G25",
        references=total - POSTED,
        posted=POSTED,
        mb_each=round(SIZE / 1e6, 1),
        idle_mb=round(idle_mb),
        accepting_mb=round(accepting_mb),
        sending_mb=round(sending_mb),
        mb_per_s=round(total * SIZE / took_s / 1e6),
    )
    assert ended == {"sent": total}
    assert came >= total
    assert max(accepting_mb, sending_mb) < CEILING_MB


def suspended(main: Installation) -> int:
    return int(main.query("SELECT count(*) FROM messages WHERE state = 'suspended'")[0][0])


async def test_g25_an_answer_without_end_is_cut_at_the_limit(
    instance: Instance, environ: dict[str, str], tmp_path: Path
) -> None:
    async with placed(instance, environ, tmp_path) as place:
        forget_peak(place.main.pid)
        url = place.files.pour("/large", None, TOO_LARGE)
        await place.main.post(place.session, ["m"], attachments=[file_of("f.bin", url)])
        await place.files.wait_for(1)
        peak = peak_mb(place.main.pid)
        work = instance.folder / "cache" / "fetched"
        await until(lambda: not list(work.iterdir()))
    (report,) = place.files.entries
    poured = place.files.poured["/large"]
    record("G25 too large", poured_mb=round(poured / 1e6), peak_mb=round(peak))
    assert "f.bin: it is larger than 50 MiB" in report["error"]
    assert LIMIT <= poured < LIMIT + ON_THE_WAY
    assert peak < CEILING_MB
