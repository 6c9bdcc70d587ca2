"""Connections to servers that tenants chose: one look-up, and only to addresses that were checked.

For SMTP and IMAP, whose libraries take the socket; the name stays theirs to check the certificate.
"""

from __future__ import annotations

import asyncio
import errno
import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from mail_proxy.http_out.allowlist import NOTHING, AllowList
from mail_proxy.http_out.guard import check_host
from mail_proxy.http_out.resolver import GuardedResolver, SystemResolver


class GuardedDial:
    """Opens sockets to hosts that are ordinary ones of the internet, or in the allow-list."""

    def __init__(
        self, allow: AllowList = NOTHING, *, resolver: AbstractResolver | None = None
    ) -> None:
        self.allow = allow
        self._resolver = GuardedResolver(resolver or SystemResolver(), allow)

    async def open(self, host: str, port: int) -> socket.socket:
        """Connected, not blocking, and the caller's. Its addresses are tried in their order.

        Raises Blocked when one of them may not be reached, OSError when none can.
        """
        check_host(host, self.allow, field="host")
        failure: OSError = OSError(errno.EADDRNOTAVAIL, f"there is no address for {host}")
        for found in await self._resolver.resolve(host, port):
            try:
                return await _connected(found)
            except OSError as error:
                failure = error
        raise failure


async def _connected(found: ResolveResult) -> socket.socket:
    sock = socket.socket(found["family"], socket.SOCK_STREAM, found["proto"])
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (found["host"], found["port"]))
    except BaseException:
        sock.close()
        raise
    return sock
