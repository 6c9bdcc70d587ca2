"""A pool of connections and one way to send through it, for the promises of the SMTP session."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from mail_proxy.config.settings import DeliverySettings
from mail_proxy.domain.attempt import AttemptResult
from mail_proxy.domain.clock import SystemClock
from mail_proxy.smtp import Means, Relay, SMTPPool

MAIL = b"Subject: hello\r\n\r\nHow are you?\r\n"


@asynccontextmanager
async def opened_pool(
    trusting: Callable[[], ssl.SSLContext] = ssl.create_default_context, **settings: Any
) -> AsyncIterator[SMTPPool]:
    """Closed at the end. settings: of DeliverySettings."""
    pool = SMTPPool(DeliverySettings(**settings), clock=SystemClock(), means=Means(tls=trusting))
    try:
        yield pool
    finally:
        await pool.close()


def relay_at(port: int, **fields: Any) -> Relay:
    """An account's relay on this machine; fields of Relay."""
    return Relay(
        **{"tenant_id": "t", "account_id": "a", "host": "localhost", "port": port} | fields
    )


async def send(
    pool: SMTPPool,
    relay: Relay,
    data: bytes = MAIL,
    *,
    recipients: Sequence[str] = ("a@x.example",),
    sender: str = "s@x.example",
    **options: Any,
) -> AttemptResult:
    """One message over a session of its own."""
    session = await pool.acquire(relay)
    try:
        return await session.send(sender, recipients, data, **options)
    finally:
        await pool.release(session)
