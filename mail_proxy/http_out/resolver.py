"""Names to addresses, each name once a connection, every address checked before one is used."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from mail_proxy.http_out.allowlist import AllowList
from mail_proxy.http_out.guard import blocked, why_forbidden

# Names whose servers never answer keep their threads for half a minute, whoever gave up on them.
AT_ONCE = 100


class SystemResolver(AbstractResolver):
    """The machine's `getaddrinfo`, each name in a thread of its own.

    Not in a pool: names without an answer would hold up files and hashing, which share the event
    loop's, and the end of the process, which waits for the threads of any.
    """

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises OSError where there is no such name."""
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        found: asyncio.Future[list[Any]] = loop.create_future()

        def look_up() -> None:
            answer = _look_up(host, port, family)
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._deliver, found, answer)

        try:
            threading.Thread(target=look_up, name=f"resolve {host}", daemon=True).start()
        except RuntimeError as error:
            self._free.release()
            raise OSError(errno.EAGAIN, "no thread is left to look it up") from error
        return [_result(host, port, info) for info in await found]

    async def close(self) -> None:
        """Threads end by themselves; nobody waits for them."""

    def _deliver(self, found: asyncio.Future[list[Any]], answer: list[Any] | OSError) -> None:
        self._free.release()
        if found.done():  # given up
            return
        if isinstance(answer, OSError):
            found.set_exception(answer)
        else:
            found.set_result(answer)


def _look_up(host: str, port: int, family: int) -> list[Any] | OSError:
    try:
        return socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    except OSError as error:
        return error
    except Exception:  # noqa: BLE001 - an empty label or one over 63 characters; whoever waits must hear
        return OSError(errno.EINVAL, "no name of a host")


class GuardedResolver(AbstractResolver):
    """Refuses a name if one of its addresses is forbidden: half an answer may be the bait."""

    def __init__(self, inner: AbstractResolver, allow: AllowList) -> None:
        self._inner = inner
        self._allow = allow

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises Blocked; it names the kind of the address and not the address itself, which
        would tell a tenant how our network is laid out."""
        found = await self._inner.resolve(host, port, family)
        if self._allow.has_host(host):
            return found
        for result in found:
            kind = why_forbidden(result["host"], self._allow)
            if kind:
                raise blocked(host, f"it leads to {kind}", self._allow)
        return found

    async def close(self) -> None:
        """The inner one belongs to whoever made it."""


def _result(host: str, port: int, info: Any) -> ResolveResult:
    family, _, proto, _, address = info
    return ResolveResult(
        hostname=host,
        host=_with_zone(address),
        port=port,
        family=family,
        proto=proto,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )


def _with_zone(address: Sequence[Any]) -> str:
    """fe80::1%2: a link-local address is of no use without its interface."""
    is_zoned = len(address) > 3 and address[3] and "%" not in address[0]
    return f"{address[0]}%{address[3]}" if is_zoned else str(address[0])
