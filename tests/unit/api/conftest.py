"""A scripted `MailProxy` behind a real server, and a client that never repairs what it sends."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.api import ApiServer
from mail_proxy.config.settings import HttpSettings, Settings
from mail_proxy.domain.errors import Unauthorized
from mail_proxy.storage import OfferedFile
from mail_proxy.wire.caller import ADMIN, NOBODY, Caller, tenant
from tests.patience import PATIENCE_S

ADMIN_TOKEN = "admin-token"
TENANT_TOKEN = "acme-token"


class FakeDoor:
    """Keeps what it was asked; answers what it was told to, or raises it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any] | None, Caller]] = []
        self.answer: Any = {"ok": True}
        self.addresses: set[str] = set()
        self.broken: Exception | None = None  # instead of looking at a token

    async def open_answer(
        self, name: str, payload: dict[str, Any] | None, caller: Caller
    ) -> dict[str, Any]:
        self.calls.append((name, payload, caller))
        answer = self.answer() if callable(self.answer) else self.answer
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def admit(self, token: str | None, address: str) -> Caller:
        self.addresses.add(address)
        return await self.authenticate(token)

    async def authenticate(self, token: str | None) -> Caller:
        if self.broken is not None:
            raise self.broken
        if token is None:
            return NOBODY
        callers = {ADMIN_TOKEN: ADMIN, TENANT_TOKEN: tenant("acme")}
        if token not in callers:
            raise Unauthorized("Invalid or missing API token")
        return callers[token]

    @property
    def payload(self) -> dict[str, Any] | None:
        """Of the only call."""
        assert len(self.calls) == 1
        return self.calls[0][1]


@dataclass
class Answered:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def failure(self, status: int) -> dict[str, Any]:
        """The body of a failure of that status, its shape checked."""
        assert self.status == status
        assert self.headers["content-type"] == "application/json"
        found: dict[str, Any] = self.json
        assert found["ok"] is False
        assert set(found) >= {"ok", "error", "detail", "code"}
        return found


@dataclass
class Client:
    """One request per connection, byte for byte as given."""

    connect: Callable[[], Any]
    token: str | None = ADMIN_TOKEN
    extra: list[str] = field(default_factory=list)

    async def __call__(
        self, method: str, target: str, body: bytes | None = None, headers: tuple[str, ...] = ()
    ) -> Answered:
        lines = [f"{method} {target} HTTP/1.1", "Host: x", "Connection: close", *headers]
        if self.token is not None:
            lines.append(f"X-API-Token: {self.token}")
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        return await self.raw(head + (body or b""))

    async def raw(self, sent: bytes) -> Answered:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await self.connect()
            writer.write(sent)
            received = await reader.read()
            writer.close()
        return parse(received)


def parse(received: bytes) -> Answered:
    head, _, body = received.partition(b"\r\n\r\n")
    status_line, *lines = head.decode().split("\r\n")
    headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = unchunked(body)
    return Answered(int(status_line.split()[1]), headers, body)


def unchunked(body: bytes) -> bytes:
    """The content of whole chunks. Raises ValueError when the last one is missing."""
    found = bytearray()
    while True:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            return bytes(found)
        found += body[:length]
        body = body[length + 2 :]


@pytest.fixture
def door() -> FakeDoor:
    return FakeDoor()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        name="test",
        state_dir=tmp_path,
        database=str(tmp_path / "mail_service.db"),
        http=HttpSettings(port=0, max_request_bytes=100_000, stop_grace_s=1.0),
    )


@pytest.fixture
async def server(door: FakeDoor, settings: Settings) -> AsyncIterator[ApiServer]:
    async with ApiServer(door, settings) as started:
        yield started


@pytest.fixture
def client(server: ApiServer) -> Client:
    return Client(lambda: asyncio.open_connection("127.0.0.1", server.port))


@pytest.fixture
def anonymous(client: Client) -> Client:
    return replace(client, token=None)


@pytest.fixture
def local(server: ApiServer, settings: Settings) -> Client:
    return Client(lambda: asyncio.open_unix_connection(str(settings.socket_path)), token=None)


@pytest.fixture
def offered(tmp_path: Path) -> Callable[..., OfferedFile]:
    """A file as the door offers it; `begun` is how often a download of it was begun."""

    def offer(octets: bytes = b"0123456789", **changes: Any) -> OfferedFile:
        path = tmp_path / "offered"
        path.write_bytes(octets)
        begun: list[None] = []

        async def begin() -> None:
            begun.append(None)

        return OfferedFile(
            **{
                "disposition": 'attachment; filename="a.txt"',
                "mime_type": "text/html",
                "size_bytes": len(octets),
                "sha256": hashlib.sha256(octets).hexdigest(),
                "created_at": 1_700_000_000.0,
                "open": lambda: os.open(path, os.O_RDONLY),
                "begun": begin,
                **changes,
            }
        )

    return offer
