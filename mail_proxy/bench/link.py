"""A link with a long way: what comes in goes out later, in order, at any rate."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import cast

_HOST = "127.0.0.1"


class _End(asyncio.Protocol):
    """One end of a connection through the link."""

    def __init__(self, delay_s: float) -> None:
        self.other: _End | None = None
        self._delay_s = delay_s
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []  # due before the other end was connected

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        if self._early:
            self._transport.write(b"".join(self._early))

    def data_received(self, data: bytes) -> None:
        # Timers of one length fire in the order in which they were set.
        asyncio.get_running_loop().call_later(self._delay_s, self._pass_on, data)

    def _pass_on(self, data: bytes) -> None:
        assert self.other is not None
        self.other.write(data)

    def write(self, data: bytes) -> None:
        if self._transport is None:
            self._early.append(data)
        elif not self._transport.is_closing():
            self._transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's way
        assert self.other is not None
        asyncio.get_running_loop().call_later(self._delay_s, self.other.close)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


@contextlib.asynccontextmanager
async def slow_link(port: int, delay_s: float) -> AsyncIterator[int]:
    """A port that leads to `port`, each way taking `delay_s`."""
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as connecting:

        def accept() -> _End:
            near, far = _End(delay_s), _End(delay_s)
            near.other, far.other = far, near
            connecting.create_task(_connect(far, port))
            return near

        server = await loop.create_server(accept, _HOST, 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()


async def _connect(far: _End, port: int) -> None:
    await asyncio.get_running_loop().create_connection(lambda: far, _HOST, port)
