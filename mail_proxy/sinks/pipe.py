"""The bytes of one connection, seen from a server: lines, messages, replies, and its rude ends.

Replies are gathered and leave in one write when the client's bytes are used up, as RFC 2920
section 3.2 asks of servers.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable

READ_BYTES = 262_144
MAX_LINE_BYTES = 65_536
HANDSHAKE_S = 10.0
_CLOSE_BY_RST = struct.pack("ii", 1, 0)  # SO_LINGER, for 0 seconds


class Closed(Exception):
    """The connection has ended, by either side."""


class Pipe:
    """Everything may raise Closed, or ConnectionError."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._buffer = bytearray()
        self._replies: list[bytes] = []

    @property
    def is_used_up(self) -> bool:
        """All that came was taken."""
        return not self._buffer

    async def line(self) -> bytes:
        """One line, without its CRLF."""
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > MAX_LINE_BYTES:
                raise Closed
            await self.fill()
        return self._take(end + 2)[:-2]

    async def message(self, max_bytes: int, before_more: Callable[[int], Awaitable[None]]) -> bytes:
        """The bytes up to the final dot, dots unstuffed; lines end in CRLF, the last one too.

        before_more: told how many octets are there, before the end is looked for in them.
        """
        self._buffer[:0] = b"\r\n"  # the end of the line before: the final dot may come first
        searched = 0
        while True:
            await before_more(len(self._buffer) - 2)
            if (end := self._buffer.find(b"\r\n.\r\n", searched)) >= 0:
                break
            if len(self._buffer) > max_bytes:
                raise Closed
            searched = max(0, len(self._buffer) - 4)
            await self.fill()
        stuffed = self._take(end + len(b"\r\n.\r\n"))[: -len(b".\r\n")]
        return stuffed.replace(b"\r\n.", b"\r\n")[2:]

    async def fill(self) -> None:
        """Read more, once the replies have left."""
        await self.flush()
        data = await self._reader.read(READ_BYTES)
        if not data:
            raise Closed
        self._buffer += data

    def say(self, line: str) -> None:
        """Put a reply with the others."""
        self._replies.append(f"{line}\r\n".encode())

    def say_part(self, part: str) -> None:
        """The same without a line end."""
        self._replies.append(part.encode())

    def interject(self, line: str) -> None:
        """Say a line at once, between the others."""
        self._writer.write(f"{line}\r\n".encode())

    async def flush(self) -> None:
        if self._replies:
            self._writer.write(b"".join(self._replies))
            self._replies.clear()
            await self._writer.drain()

    async def flush_out(self) -> None:
        """The same, until the system has it all: an abort then takes nothing back."""
        await self.flush()
        while self._writer.transport.get_write_buffer_size():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)

    async def drip(self, line: str, seconds: float) -> None:
        """Say a line octet by octet, so many seconds apart."""
        await self.flush()
        for octet in f"{line}\r\n".encode():
            self._writer.write(bytes((octet,)))
            await self._writer.drain()
            await asyncio.sleep(seconds)

    async def encrypt(self, tls: ssl.SSLContext) -> None:
        """Become a TLS server. What was sent in clear is not believed (RFC 3207 section 4.2)."""
        await self.flush()
        self._buffer.clear()
        in_clear = self._writer.transport
        try:
            await self._writer.start_tls(tls, ssl_handshake_timeout=HANDSHAKE_S)
        except AttributeError as error:
            # The client left in that moment: asyncio has no transport then, and trips over it, here
            # and again where the writer ends.
            self._writer._transport = in_clear  # type: ignore[attr-defined]
            raise Closed from error

    def close(self) -> None:
        """Close once all has been said."""
        self._writer.close()

    def abort(self) -> None:
        """Close at once."""
        self._writer.transport.abort()

    def reset(self) -> None:
        """Close at once, with RST in place of FIN."""
        connection: socket.socket = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_BY_RST)
        self.abort()

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken
