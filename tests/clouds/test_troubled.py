"""A storage that answers 500, or cuts uploads: the message waits, and nothing is lost or left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import pytest

from mail_proxy.domain.errors import AttachmentFailed
from mail_proxy.domain.stored_file import FileState
from tests.clouds.conftest import BUCKET, Cloud
from tests.clouds.test_clouds import DAY, House, fetched, house

__all__ = ["house"]  # the fixture
pytestmark = pytest.mark.slow

OCTETS = bytes(range(256)) * 25_000  # 6.4 MB: more than one part
_500 = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class Front:
    """Stands before the storage. trouble: `500`, `cut` (after 100,000 octets) or none."""

    port_behind: int
    trouble: str = ""
    troubled: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self._open.add(writer)
            if self.trouble == "500":
                await reader.readuntil(b"\r\n\r\n")
                self.troubled += 1
                writer.write(_500)
                await writer.drain()
                return
            behind, to_behind = await asyncio.open_connection("127.0.0.1", self.port_behind)
            self._open.add(to_behind)
            back = asyncio.ensure_future(_copy(behind, writer))
            await self._forward(reader, to_behind)
            if self.trouble:
                back.cancel()
            else:
                await back
        finally:
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came = 0
        while octets := await reader.read(65536):
            came += len(octets)
            if self.trouble == "cut" and came > 100_000:
                self.troubled += 1
                break
            writer.write(octets)
            await writer.drain()
        writer.close()

    def close(self) -> None:
        for writer in self._open:
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while octets := await reader.read(65536):
            writer.write(octets)
            await writer.drain()
    writer.close()


def _kept(s3: Cloud, file_id: str) -> list[str]:
    """Of that file: itself, and parts of what is none yet, which are paid for too."""
    client = pytest.importorskip("boto3").client(
        "s3",
        endpoint_url=s3.auth["endpoint_url"],
        aws_access_key_id=s3.auth["key"],
        aws_secret_access_key=s3.auth["secret"],
        region_name=s3.auth["region"],
    )
    files = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    parts = client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    return [each["Key"] for each in (*files, *parts) if file_id in each["Key"]]


@pytest.fixture
async def front(s3: Cloud, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Front, Cloud]]:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # its library waits long between its own tries
    front = Front(urlsplit(s3.auth["endpoint_url"]).port or 0)
    server = await asyncio.start_server(front.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    auth = {**s3.auth, "endpoint_url": f"http://127.0.0.1:{port}"}
    yield front, replace(s3, auth=auth)
    server.close()
    front.close()


@pytest.mark.parametrize("trouble", ["500", "cut"])
async def test_an_upload_in_trouble_comes_again_and_leaves_nothing_else(
    house: House, front: tuple[Front, Cloud], s3: Cloud, trouble: str
):
    before, cloud = front
    await house.configure(cloud)
    before.trouble = trouble

    with pytest.raises(AttachmentFailed) as caught:
        await house.link(OCTETS)

    assert caught.value.is_permanent is False
    assert before.troubled > 0
    begun = await house.file()
    assert begun.state is FileState.UPLOADING

    before.trouble = ""
    link = await house.link(OCTETS)
    answer = await fetched(link)
    assert answer.content == OCTETS
    whole = await house.file()
    assert _kept(s3, whole.file_id) != []
    assert (whole.file_id, whole.state) == (begun.file_id, FileState.READY)

    house.clock.ahead = 40 * DAY
    while await house.clean_up():
        pass
    assert not await house.store.stored_files_of("acme", 1)
    assert not (await fetched(link)).ok
    assert _kept(s3, whole.file_id) == []


async def test_what_cannot_be_removed_now_is_removed_later(
    house: House, front: tuple[Front, Cloud]
):
    before, cloud = front
    await house.configure(cloud)
    link = await house.link(OCTETS[:3000])
    house.clock.ahead = 40 * DAY
    before.trouble = "500"

    assert await house.clean_up() == 0

    assert len(await house.store.stored_files_of("acme", 1)) == 1
    before.trouble = ""
    house.clock.ahead += 7200
    assert await house.clean_up() == 1
    assert not (await fetched(link)).ok
