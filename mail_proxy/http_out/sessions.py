"""The sessions that calls go through: one for hosts that are checked, one for those that are not.

No proxies from the environment, no cookies, no credentials from files.
"""

from __future__ import annotations

import socket
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from mail_proxy import __version__
from mail_proxy.http_out.allowlist import AllowList
from mail_proxy.http_out.guard import blocked, why_forbidden
from mail_proxy.http_out.resolver import GuardedResolver

MAX_CONNECTIONS = 200
# Applications of many tenants share a host, and waiting for a connection counts against the
# deadline: with 8, as many tenants that hang made all others of their host late.
MAX_CONNECTIONS_PER_HOST = 100
KEEP_ALIVE_S = 4.0  # many servers close after 5 s: be first, or a post meets a closed door


class Sessions:
    """Two pools of connections, opened when they are needed."""

    def __init__(self, allow: AllowList, resolver: AbstractResolver) -> None:
        self._allow = allow
        self._resolver = resolver
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def close(self) -> None:
        """Close what is open. Once is enough; again does no harm."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()
        await self._resolver.close()

    def of(self, target: URL, *, trusted: bool) -> aiohttp.ClientSession:
        """Two: else a tenant could use a connection that was opened for the admin's URL."""
        # A name that the admin has allowed is as good as a URL that the admin has set.
        is_free = trusted or self._allow.has_host(target.raw_host or "")
        if is_free not in self._sessions:
            self._sessions[is_free] = _session(self._connector(is_free))
        return self._sessions[is_free]

    def _connector(self, is_free: bool) -> aiohttp.TCPConnector:
        if is_free:
            return _connector(self._resolver)
        guarded = GuardedResolver(self._resolver, self._allow)
        return _connector(guarded, socket_factory=self._guarded_socket)

    def _guarded_socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """The last wall: whatever led here, nothing connects to a forbidden address."""
        family, kind, proto, _, address = info
        forbidden = why_forbidden(str(address[0]), self._allow)
        if forbidden:
            raise blocked(str(address[0]), f"it is {forbidden}", self._allow)
        return socket.socket(family, kind, proto)


def _connector(resolver: AbstractResolver, **options: Any) -> aiohttp.TCPConnector:
    return aiohttp.TCPConnector(
        resolver=resolver,
        use_dns_cache=False,  # a cached answer would outlive its check
        limit=MAX_CONNECTIONS,
        limit_per_host=MAX_CONNECTIONS_PER_HOST,
        keepalive_timeout=KEEP_ALIVE_S,
        **options,
    )


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"mail-proxy/{__version__}"},
        timeout=aiohttp.ClientTimeout(total=None),  # each call has a deadline of its own
        auto_decompress=False,  # whoever reads does it, within the byte limit
        trust_env=False,
    )
