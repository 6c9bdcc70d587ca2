from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from mail_proxy.http_out import OutgoingHttp


class ScriptedResolver(AbstractResolver):
    """Answers each look-up with the next list of addresses; the last one stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked.append(host)
        if not self._answers:
            raise OSError("no such name")
        addresses = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        pass


class Receiver:
    """A server on loopback that answers every request with the same bytes."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.port = 0
        self.reads_first = True
        self.keeps_open = False
        self.by_path: dict[str, bytes] = {}  # answers of their own
        self.answer_with()
        self.hold = asyncio.Event()
        self.hold.set()

    def answer_with(
        self, body: bytes = b"{}", status: str = "200 OK", *headers: str, length: int | None = None
    ) -> None:
        """`length`: announced, if it is not the body's own."""
        announced = len(body) if length is None else length
        kept = "keep-alive" if self.keeps_open else "close"
        lines = (f"HTTP/1.1 {status}", f"Content-Length: {announced}", f"Connection: {kept}")
        self.answer = "\r\n".join((*lines, *headers)).encode() + b"\r\n\r\n" + body

    def url(self, host: str = "127.0.0.1", path: str = "/sync") -> str:
        return f"http://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            if self.reads_first:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head + await reader.read(_length(head)))
            await self.hold.wait()
            path = self.requests[-1].split(b" ")[1].decode() if self.requests else ""
            writer.write(self.by_path.get(path, self.answer))
            await writer.drain()
            if self.keeps_open:
                await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client went away, which some tests are about
        finally:
            writer.close()


def _length(head: bytes) -> int:
    lines = [n for n in head.lower().split(b"\r\n") if n.startswith(b"content-length:")]
    return int(lines[0].split(b":")[1]) if lines else 0


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "0.0.0.0", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    yield receiver
    receiver.hold.set()
    server.close()


@pytest.fixture
async def http() -> AsyncIterator[OutgoingHttp]:
    async with OutgoingHttp() as client:
        yield client


@pytest.fixture
def scripted() -> type[ScriptedResolver]:
    return ScriptedResolver
