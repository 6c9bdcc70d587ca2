"""A link between a client and a server on loopback: slow, watched, cut when a test wants it.

async with Link(sink.port, delay_s=0.025) as link:  # round trips of 50 ms
    ... connect to link.host, link.port ...
    link.cut()
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Self

READ_BYTES = 65_536
_ENDING_S = 5.0


class Link:
    """Listens from `async with` on until its end, and passes everything on, in order.

    sent: what the clients said, one entry for each connection.
    """

    def __init__(self, port: int, *, host: str = "127.0.0.1", delay_s: float = 0.0) -> None:
        """host, port: of the server. delay_s: how long each octet travels, in either direction."""
        self.host = "127.0.0.1"
        self.port = 0
        self.sent: list[bytearray] = []
        self._to = (host, port)
        self._delay_s = delay_s
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Close all connections on both sides; what is on its way is lost."""
        for writer in self._writers:
            writer.transport.abort()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_ENDING_S)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        said = bytearray()
        self.sent.append(said)
        try:
            there, onward = await asyncio.open_connection(*self._to)
            self._writers.add(onward)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(reader, onward, said))
                pumps.create_task(self._pump(there, writer, bytearray()))
            self._writers.discard(onward)
        except OSError:
            writer.close()  # the server cannot be reached: the client sees that it is gone
        finally:
            self._writers.discard(writer)
            self._tasks.discard(task)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: bytearray
    ) -> None:
        travelling: deque[bytes] = deque()
        loop = asyncio.get_running_loop()

        def arrive() -> None:
            if data := travelling.popleft():
                writer.write(data)
            else:
                writer.close()

        while True:
            try:
                data = await reader.read(READ_BYTES)
            except OSError:
                data = b""  # reset: the other side sees the end
            said += data
            travelling.append(data)
            if self._delay_s:
                loop.call_later(self._delay_s, arrive)  # a queue: equal times have no order
            else:
                arrive()
            if not data:
                return
