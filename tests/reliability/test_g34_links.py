"""G34: the link of a large file works when its mail leaves, and what has ended is removed."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import re
from email import message_from_bytes, policy
from typing import Any

import aiohttp
import pytest

from mail_proxy.config.instances import Instance
from mail_proxy.domain.clock import SystemClock
from mail_proxy.http_out import OutgoingHttp
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.secrets import Keyring
from mail_proxy.sinks.reports import ReportSink
from mail_proxy.sinks.smtp import SmtpSink
from mail_proxy.storage import Backends, LargeFileStorage
from mail_proxy.store import open_store
from tests.faults.figures import record
from tests.faults.installation import Installation, end
from tests.faults.nemesis import Nemesis
from tests.faults.profile import seeded, sized

pytestmark = pytest.mark.slow

DAY = 86400.0
SIZE = 300_000
LINK = re.compile(r"http://\S+/download/([0-9a-f]{32})-\S+")


class Later(SystemClock):
    """The machine's clock, and as much later as a test says."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


async def test_g34_no_mail_has_a_dead_link_and_no_file_is_forgotten(
    instance: Instance, environ: dict[str, str]
) -> None:
    kills = sized(5, 40)
    chance = seeded("g34")
    octets = {f"m{n}": os.urandom(SIZE) for n in range(8 * kills)}
    async with SmtpSink() as relay, ReportSink() as application:
        main = Installation(instance, environ, relay, application)
        await main.start()
        try:
            await main.prepare()
            await configure(main)
            nemesis = Nemesis(main, chance)
            async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
                group.create_task(post(main, session, octets))
                for _ in range(kills):
                    await nemesis.kill(0.05, sized(0.6, 1.5))
            await main.until_empty()
            linked = await links_of(main, octets)
            await main.stop()
        finally:
            end(instance)
    assert set(linked) == set(octets)
    left, gone = await cleaned(instance)
    assert left == {file_id for ids in linked.values() for file_id in ids}
    assert gone == set()
    record("G34", kills=kills, mails=len(relay.messages), dead_links=0, orphans=0)


async def configure(main: Installation) -> None:
    config = {
        "enabled": True,
        "max_size_mb": 0.1,
        "action": "rewrite",
        "storage_url": "file://",
        "public_base_url": f"http://127.0.0.1:{main.port}",
    }
    await main.call("updateTenant", tenant_id="acme", large_file_config=config)


async def post(
    main: Installation, session: aiohttp.ClientSession, octets: dict[str, bytes]
) -> None:
    for id_, content in octets.items():
        path = "base64:" + base64.b64encode(content).decode()
        attachments = [{"filename": "large.bin", "storage_path": path}]
        await main.post(session, [id_], account_id="main", attachments=attachments)


async def links_of(main: Installation, octets: dict[str, bytes]) -> dict[str, set[str]]:
    """By message, the files that its mails have links to; each link is followed."""
    found: dict[str, set[str]] = {}
    async with aiohttp.ClientSession() as session:
        for received in main.relay.messages:
            mail: Any = message_from_bytes(received.data, policy=policy.default)
            link = LINK.search(mail.get_body(("plain",)).get_content())
            assert link is not None
            async with session.get(link[0]) as answer:
                assert answer.status == 200
                came = hashlib.sha256(await answer.read()).digest()
            assert came == hashlib.sha256(octets[mail["Subject"]]).digest()
            found.setdefault(mail["Subject"], set()).add(link[1])
    return found


async def cleaned(instance: Instance) -> tuple[set[str], set[str]]:
    """What lies in the folder after two days, and when all links have ended: names of folders.

    A part of a file, or one without a row, would be there too.
    """
    clock, folder = Later(), instance.folder / "files"
    keyring = Keyring(None, instance.folder / "secret.key")
    async with (
        OutgoingHttp() as http,
        await open_store(str(instance.database_path), keyring=keyring, clock=clock) as store,
    ):
        backends = Backends(folder)
        storage = LargeFileStorage(store, backends, http, clock=clock, metrics=MailMetrics())
        found = []
        for days in (2, 40):
            clock.ahead = days * DAY
            await storage.clean_up(lambda: False)
            kept = [path for path in folder.rglob("*") if path.is_file()]
            assert {path.name for path in kept} <= {"large.bin"}
            assert {path.stat().st_size for path in kept} <= {SIZE}
            found.append({path.parent.name for path in kept})
        storage.close()
        assert await store.expired_files(now=clock.now() + 400 * DAY, limit=9) == []
    return found[0], found[1]
