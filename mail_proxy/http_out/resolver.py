"""Names to addresses, each name once a connection, every address checked before one is used."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from mail_proxy.http_out.errors import Blocked
from mail_proxy.http_out.guard import HINT, Network, why_forbidden

# Threads of our own: names whose servers never answer must not hold up files and hashing,
# which share the event loop's few.
THREADS = 16


class SystemResolver(AbstractResolver):
    """The machine's `getaddrinfo`, in threads."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="resolve")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises OSError where there is no such name."""
        try:
            found = await asyncio.get_running_loop().run_in_executor(
                self._threads, self._look_up, host, port, family
            )
        except UnicodeError as error:  # an empty label, or one over 63 characters
            raise OSError(errno.EINVAL, "no name of a host") from error
        return [_result(host, port, info) for info in found]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    @staticmethod
    def _look_up(host: str, port: int, family: int) -> list[Any]:
        return socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)


class GuardedResolver(AbstractResolver):
    """Refuses a name if one of its addresses is forbidden: half an answer may be the bait."""

    def __init__(self, inner: AbstractResolver, allow: Sequence[Network]) -> None:
        self._inner = inner
        self._allow = allow

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises Blocked; it names the kind of the address and not the address itself, which
        would tell a tenant how our network is laid out."""
        found = await self._inner.resolve(host, port, family)
        for result in found:
            kind = why_forbidden(result["host"], self._allow)
            if kind:
                raise Blocked(
                    f"{host} may not be called: it leads to {kind}", field="url", hint=HINT
                )
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
