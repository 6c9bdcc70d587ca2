"""Large files at emulators of the clouds: what is stored, linked, refused and removed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from mail_proxy.domain.attachment import Attachment, Mode
from mail_proxy.domain.clock import SystemClock
from mail_proxy.domain.content import BytesContent
from mail_proxy.domain.errors import AttachmentFailed
from mail_proxy.domain.stored_file import FileState, StoredFile
from mail_proxy.http_out import OutgoingHttp
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.secrets import Keyring
from mail_proxy.storage import Backends, LargeFileStorage
from mail_proxy.storage.errors import NotStored
from mail_proxy.storage.objects import Digest
from mail_proxy.store import MailProxyDb, open_store
from mail_proxy.store.values.tenants import Tenant
from tests.clouds.conftest import Cloud

pytestmark = pytest.mark.slow

DAY = 86400.0
GONE = (403, 404)  # S3 tells only those who may list a bucket that something is not in it
NAME = 'Übersicht "2026".html'


async def fetched(url: str) -> requests.Response:
    return await asyncio.to_thread(requests.get, url, timeout=30)


class Later(SystemClock):
    """The machine's clock, and as much later as a test says."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


class House:
    """An instance whose tenant `acme` keeps large files in a cloud."""

    def __init__(self, store: MailProxyDb, folder: Path, http: OutgoingHttp) -> None:
        self.store = store
        self.clock = Later()
        self.backends = Backends(folder)
        self.storage = LargeFileStorage(
            store, self.backends, http, clock=self.clock, metrics=MailMetrics()
        )

    async def configure(self, cloud: Cloud, **changes: Any) -> None:
        config = {
            "enabled": True,
            "max_size_mb": 0.001,
            "storage_url": cloud.storage_url,
            "action": "rewrite",
            "file_ttl_days": 30,
            **changes,
        }
        tenant = Tenant("acme", large_file_config=config, storage_auth=cloud.auth)
        await self.store.put_tenant(tenant, now=self.clock.now())

    async def link(self, octets: bytes, *, pk: int = 1) -> str:
        """Of the only file of a message."""
        attachment, content = Attachment(NAME, Mode.BASE64), BytesContent(octets)
        applied = await self.storage.applied(
            "acme", pk, {"body": "Good day"}, [attachment], [content]
        )
        (found,) = re.findall(r"https?://\S+", applied.fields["body_text"])
        return str(found)

    async def file(self, pk: int = 1) -> StoredFile:
        (found,) = await self.store.stored_files_of("acme", pk)
        return found

    async def clean_up(self) -> int:
        return await self.storage.clean_up(lambda: False)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    keyring = Keyring(None, tmp_path / "secret.key")
    clock = SystemClock()
    async with (
        OutgoingHttp() as http,
        await open_store(str(tmp_path / "queue.db"), keyring=keyring, clock=clock) as store,
    ):
        made = House(store, tmp_path / "files", http)
        yield made
        made.storage.close()


# Less than a part, just one, several with a rest.
@pytest.mark.parametrize("size", [2000, 5 * 2**20, 12 * 2**20 + 3])
async def test_a_link_leads_to_the_same_octets_for_a_browser_to_keep(
    house: House, cloud: Cloud, size: int
):
    await house.configure(cloud)
    octets = os.urandom(size)

    answered = await fetched(await house.link(octets))

    assert answered.status_code == 200
    assert hashlib.sha256(answered.content).digest() == hashlib.sha256(octets).digest()
    shown = answered.headers["Content-Disposition"]
    assert shown.startswith("attachment; filename=\"Ubersicht_2026.html\"; filename*=UTF-8''%C3%9C")


async def test_a_changed_link_is_refused(house: House, azure: Cloud):
    """The other emulators check no signatures."""
    await house.configure(azure)
    url = await house.link(b"x" * 2000)
    parts = urlsplit(url)
    signature = re.search(r"sig=([^&]+)", url)
    assert signature is not None
    for changed in (
        url.replace(signature[1], "A" + signature[1][1:] if signature[1][0] != "A" else "B"),
        re.sub(r"se=(\d{4})", lambda found: f"se={int(found[1]) + 1}", url),
        url.replace("sp=r", "sp=rw"),
        url.partition("?")[0],
        url.replace(parts.path, parts.path[:-1]),
    ):
        assert changed != url
        assert (await fetched(changed)).status_code in GONE


async def test_a_link_is_good_for_as_long_as_the_place_signs(house: House, cloud: Cloud):
    await house.configure(cloud)
    query = parse_qs(urlsplit(await house.link(b"x" * 2000)).query)
    until = (await house.file()).expires_at

    signed_s = next(
        (int(query[name][0]) for name in ("X-Amz-Expires", "X-Goog-Expires") if name in query), None
    )
    if signed_s is None:  # Azure signs for as long as it is told
        assert 30 * DAY < until - time.time() <= 31 * DAY
    else:
        assert 7 * DAY - 60 < signed_s <= 7 * DAY
        assert abs(until - time.time() - signed_s) < 60


async def test_objects_are_called_by_tenant_and_chance(house: House, cloud: Cloud):
    await house.configure(cloud)
    url = await house.link(b"x" * 2000)

    pattern = r"/letters/mail/large/acme/[0-9a-f]{32}/Ubersicht_2026\.html$"
    assert re.search(pattern, urlsplit(url).path)


async def test_another_try_uses_the_same_object(house: House, cloud: Cloud):
    await house.configure(cloud)
    first = await house.link(b"x" * 2000)
    second = await house.link(b"x" * 2000)

    assert urlsplit(first).path == urlsplit(second).path
    assert (await fetched(second)).content == b"x" * 2000


async def test_what_is_over_is_removed_also_of_a_deleted_tenant(house: House, cloud: Cloud):
    await house.configure(cloud)
    urls = [await house.link(b"x" * 2000, pk=pk) for pk in (1, 2)]
    kept = await house.file(2)
    house.clock.ahead = 20 * DAY
    # The second one gets a later end, as another try of its message gives it.
    await house.store.file_ready(kept, expires_at=house.clock.now() + 90 * DAY)
    house.clock.ahead = 40 * DAY

    assert await house.clean_up() == 1
    assert (await fetched(urls[0])).status_code in GONE
    assert (await fetched(urls[1])).status_code == 200

    await house.store.delete_tenant("acme")
    assert await house.clean_up() == 1
    assert (await fetched(urls[1])).status_code in GONE
    assert await house.clean_up() == 0


async def test_octets_that_change_make_no_object(house: House, cloud: Cloud):
    await house.configure(cloud)

    class Changing(BytesContent):
        times = 0

        def blocks(self) -> Any:
            self.times += 1
            yield b"x" * 3_000_000 if self.times == 1 else b"y" * 3_000_000

    attachment, content = Attachment(NAME, Mode.BASE64), Changing(b"x" * 3_000_000)
    with pytest.raises(AttachmentFailed) as caught:
        await house.storage.applied("acme", 1, {"body": ""}, [attachment], [content])

    assert caught.value.is_permanent is False
    file = await house.file()
    assert file.state is FileState.UPLOADING
    objects = house.backends.open(file.location, cloud.auth)
    with pytest.raises(NotStored):
        await house.backends.run("acme", lambda: objects.check(file.key, Digest(3_000_000, "", "")))
    house.clock.ahead = 2 * DAY
    assert await house.clean_up() == 1


async def test_a_bucket_that_is_not_there_is_told(house: House, cloud: Cloud):
    await house.configure(cloud, storage_url=cloud.storage_url.replace("letters", "nowhere"))

    with pytest.raises(AttachmentFailed) as caught:
        await house.link(b"x" * 2000)

    assert caught.value.is_permanent is False
    told = "Attachment upload failed for Übersicht"
    assert str(caught.value).startswith(told)


async def test_the_test_of_a_storage_goes_through_all_steps(house: House, cloud: Cloud):
    await house.configure(cloud)
    tenant = await house.store.get_tenant("acme")
    assert tenant is not None

    steps = await house.storage.check("acme", tenant)

    assert [(step.name, step.why) for step in steps] == [
        (name, None) for name in ("write", "link", "read", "delete")
    ]
