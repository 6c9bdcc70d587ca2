"""What connections are made with, whatever the relay: certificates, sockets, access tokens."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import certifi

from mail_proxy.domain.errors import RelayUnreachable
from mail_proxy.domain.oauth2 import Grant
from mail_proxy.domain.reply import Stage
from mail_proxy.http_out import GuardedDial

TlsContext = Callable[[], ssl.SSLContext]
Dial = Callable[[str, int], Awaitable[socket.socket]]


def verifying_context() -> ssl.SSLContext:
    """TLS 1.2 or newer, certificate and name checked against the system's authorities.

    Where the system has none, as in bare containers, against those of `certifi`.
    """
    known = ssl.get_default_verify_paths()
    bundle = None if known.cafile or known.capath else certifi.where()
    return ssl.create_default_context(cafile=bundle)


class Tokens(Protocol):
    """Where access tokens come from; `oauth2.AccessTokens` is one."""

    async def get(self, key: tuple[str, str], grant: Grant) -> str:
        """The token of an account. Raises RelayUnreachable, stage TOKEN."""
        ...

    def drop(self, key: tuple[str, str], token: str) -> None:
        """A server has refused it."""
        ...


class _NoTokens:
    async def get(self, key: tuple[str, str], grant: Grant) -> str:  # noqa: ARG002 - as Tokens has it
        raise RelayUnreachable(Stage.TOKEN, "nothing here asks for tokens")

    def drop(self, key: tuple[str, str], token: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Means:
    """One for all relays.

    tls: makes the context that verifies servers. It reads some 140 certificates.
    dial: opens a socket to a host that a tenant's token has set; raises Blocked, OSError.
    """

    tls: TlsContext = verifying_context
    dial: Dial = field(default_factory=lambda: GuardedDial().open)
    tokens: Tokens = field(default_factory=_NoTokens)
