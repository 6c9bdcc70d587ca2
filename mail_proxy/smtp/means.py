"""What connections are made with, whatever the relay: certificates, and who opens sockets."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import certifi

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


@dataclass(frozen=True, slots=True)
class Means:
    """One for all relays.

    tls: makes the context that verifies servers. It reads some 140 certificates.
    dial: opens a socket to a host that a tenant's token has set; raises Blocked, OSError.
    """

    tls: TlsContext = verifying_context
    dial: Dial = field(default_factory=lambda: GuardedDial().open)
