"""Files over HTTP."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

from mail_proxy.api import ApiServer
from mail_proxy.domain.errors import Forbidden, NotFound

PATH = "/download/token/a.txt"
OCTETS = bytes(range(256)) * 4096  # four blocks


async def get(client, door, file, *headers: str, method: str = "GET"):
    door.answer = {"ok": True, "file": file}
    return await client(method, PATH, headers=headers)


async def test_a_file_comes_whole_and_is_never_shown(anonymous, door, offered):
    answered = await get(anonymous, door, offered(OCTETS))

    assert (answered.status, answered.body) == (200, OCTETS)
    headers = answered.headers
    assert headers["content-length"] == str(len(OCTETS))
    assert headers["content-disposition"] == 'attachment; filename="a.txt"'
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("sandbox")
    assert headers["cache-control"] == "private, no-store"
    assert headers["accept-ranges"] == "bytes"
    assert door.payload == {"token": "token", "filename": "a.txt"}


async def test_a_part_comes_as_such(client, door, offered):
    answered = await get(client, door, offered(OCTETS), "Range: bytes=300000-700001")

    assert answered.status == 206
    assert answered.body == OCTETS[300000:700002]
    assert answered.headers["content-range"] == f"bytes 300000-700001/{len(OCTETS)}"
    assert answered.headers["content-length"] == "400002"


async def test_the_rest_is_gone_on_with_while_it_is_the_same_file(client, door, offered):
    first = await get(client, door, offered(OCTETS), "Range: bytes=0-9")
    same = f"If-Range: {first.headers['etag']}"
    other = 'If-Range: "of another file"'

    rest = await get(client, door, offered(OCTETS), "Range: bytes=10-", same)
    whole = await get(client, door, offered(OCTETS), "Range: bytes=10-", other)

    assert (rest.status, first.body + rest.body) == (206, OCTETS)
    assert (whole.status, whole.body) == (200, OCTETS)


async def test_a_part_that_is_not_there_is_refused(client, door, offered):
    answered = await get(client, door, offered(b"0123456789"), "Range: bytes=10-")

    answered.failure(416)
    assert answered.headers["content-range"] == "bytes */10"


async def test_a_head_has_no_body_and_counts_as_no_download(client, door, offered):
    begun = []

    async def begin() -> None:
        begun.append(1)

    head = await get(client, door, offered(begun=begin), method="HEAD")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "10")
    assert begun == []
    await get(client, door, offered(begun=begin), "Range: bytes=99-")
    assert begun == []
    await get(client, door, offered(begun=begin))
    assert begun == [1]


async def test_an_empty_file_is_one(client, door, offered):
    answered = await get(client, door, offered(b""))

    assert (answered.status, answered.body) == (200, b"")


async def test_a_file_elsewhere_is_a_redirect(client, door, offered):
    answered = await get(client, door, offered(redirect_to="https://bucket.example.com/x?sig=1"))

    assert answered.status == 302
    assert answered.headers["location"] == "https://bucket.example.com/x?sig=1"
    assert answered.headers["referrer-policy"] == "no-referrer"


async def test_what_is_refused_and_what_is_gone_differ(client, door):
    door.answer = Forbidden("no")
    (await client("GET", PATH)).failure(403)
    door.answer = NotFound("gone")
    (await client("GET", PATH)).failure(410)


async def test_a_file_of_another_size_than_the_stored_one_is_gone(client, door, offered):
    (await get(client, door, offered(b"0123456789", size_bytes=11))).failure(410)


async def test_a_file_that_shrinks_while_it_is_sent_is_no_whole_one(
    client, door, offered, monkeypatch
):
    monkeypatch.setattr("mail_proxy.api.files.os.pread", lambda file, n, at: b"")

    answered = await get(client, door, offered(OCTETS))

    assert answered.headers["content-length"] == str(len(OCTETS))
    assert answered.body == b""


async def test_a_reader_that_does_not_read_is_cut_off(door, offered, settings, tmp_path):
    """No descriptor is held for it."""
    quick = replace(settings, http=replace(settings.http, body_timeout_s=0.05))
    file = offered(bytes(32 * 2**20))
    opened: list[int] = []

    def remembered() -> int:
        opened.append(file.open())
        return opened[0]

    door.answer = {"ok": True, "file": replace(file, open=remembered)}
    async with ApiServer(door, quick) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        writer.write(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        async with asyncio.timeout(20):
            while is_open(opened[0]):  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
        writer.transport.abort()


def is_open(file: int) -> bool:
    try:
        os.fstat(file)
    except OSError:
        return False
    return True
