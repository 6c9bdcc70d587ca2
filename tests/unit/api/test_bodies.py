"""Large bodies lie in files without names until their turn comes."""

from __future__ import annotations

import asyncio
import errno
import json
from dataclasses import replace
from typing import Any

import pytest

from mail_proxy.api import bodies
from mail_proxy.api.budget import SMALL_BYTES
from mail_proxy.config.settings import HttpSettings
from tests.unit.api.conftest import TENANT_TOKEN, Client

LARGE = "é" * 3 * SMALL_BYTES
MOST = 4 * 2**20


@pytest.fixture
def settings(settings):
    return replace(settings, http=HttpSettings(port=0, max_request_bytes=MOST, stop_grace_s=1.0))


def body_of(text: str) -> bytes:
    return json.dumps({"name": text}, ensure_ascii=False).encode()


def head_of(size: int, token: str = "admin-token") -> bytes:
    lines = ("POST /tenant HTTP/1.1", "Host: x", "Connection: close", f"X-API-Token: {token}")
    return "\r\n".join([*lines, f"Content-Length: {size}", "", ""]).encode()


def chunked(body: bytes, size: int = 70_000) -> bytes:
    parts = (body[at : at + size] for at in range(0, len(body), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


async def test_a_large_body_arrives_whole_and_leaves_no_name(client, door, tmp_path):
    before = sorted(tmp_path.iterdir())
    seen = []
    door.answer = lambda: seen.append(sorted(tmp_path.iterdir())) or {"ok": True}
    assert (await client("POST", "/tenant", body_of(LARGE))).status == 200
    assert door.payload == {"name": LARGE}
    assert seen == [before]


@pytest.mark.parametrize("text", ["short", LARGE])
async def test_a_body_without_its_length_arrives_too(client, door, text):
    head = head_of(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    assert (await client.raw(head + chunked(body_of(text)))).status == 200
    assert door.payload == {"name": text}


async def test_one_without_its_length_is_refused_when_it_is_too_large(client, door):
    head = head_of(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    answered = await client.raw(head + chunked(b" " * (MOST + 1)))
    assert answered.failure(413)["code"] == "too_large"
    assert door.calls == []


async def test_bad_json_in_a_large_body_is_told(client, door):
    answered = await client("POST", "/tenant", body_of(LARGE)[:-1])
    assert answered.failure(422)["code"] == "malformed"
    assert door.calls == []


async def test_bodies_that_come_slowly_hold_up_no_other(client, door):
    """Of each caller one body comes slowly; together they are larger than any may be."""
    body, target = body_of(LARGE), "/tenant/acme/webhook-secret"
    slow = []
    for token in ("admin-token", TENANT_TOKEN):
        _, writer = await client.connect()
        head = head_of(MOST, token).replace(b"/tenant", target.encode())
        writer.write(head + body[: SMALL_BYTES + 1])
        await writer.drain()
        slow.append(writer)
    for token in ("admin-token", TENANT_TOKEN):
        assert (await Client(client.connect, token)("POST", target, body)).status == 200
    for writer in slow:
        writer.close()
    assert len(door.calls) == 2


@pytest.fixture
def narrow(monkeypatch):
    """There is memory for one body."""
    monkeypatch.setattr(bodies, "WORKING_BYTES", len(body_of(LARGE)))


async def test_as_many_are_worked_on_as_there_is_memory_for(narrow, client, door):
    now, most = 0, 0

    async def busy(name: str, payload: Any, caller: Any) -> dict[str, Any]:
        nonlocal now, most
        now, most = now + 1, max(most, now + 1)
        for _ in range(100):  # others may come in, if they are let
            await asyncio.sleep(0)
        now -= 1
        return {"ok": True}

    door.open_answer = busy
    answers = await asyncio.gather(*(client("POST", "/tenant", body_of(LARGE)) for _ in range(6)))
    assert [answer.status for answer in answers] == [200] * 6
    assert most == 1


async def test_a_body_that_ends_early_is_told_and_gives_its_room_back(client, door):
    for _ in range(bodies.ARRIVING_BODIES + 1):
        reader, writer = await client.connect()
        writer.write(head_of(MOST) + b"x" * (SMALL_BYTES + 1))
        writer.write_eof()
        await reader.read()
        writer.close()
    assert (await client("POST", "/tenant", body_of(LARGE))).status == 200
    assert len(door.calls) == 1


async def test_a_full_disk_is_told(client, door, monkeypatch):
    def full(file: Any, piece: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(bodies._InFile, "write", full)
    answered = await client("POST", "/tenant", body_of(LARGE))
    assert answered.failure(507)["code"] == "full"
    assert door.calls == []
    monkeypatch.undo()
    assert (await client("POST", "/tenant", body_of(LARGE))).status == 200
