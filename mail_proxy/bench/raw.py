"""Bytes ready, ten connections, no queue: what a client alone can do with the same mail server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any

import aiosmtplib

from mail_proxy.bench.children import Verb
from mail_proxy.bench.letter import RECIPIENT, SENDER, composed
from mail_proxy.bench.plan import BenchFailed
from mail_proxy.bench.usage import cpu_s
from mail_proxy.config.settings import DeliverySettings
from mail_proxy.domain.clock import SystemClock
from mail_proxy.smtp import Relay, SMTPPool

Sender = Callable[[str, int, Iterator[bytes]], Awaitable[None]]


@contextlib.asynccontextmanager
async def verbs() -> AsyncIterator[Mapping[str, Verb]]:
    async def send(**fields: Any) -> dict[str, Any]:
        return await _send(**fields)

    yield {"send": send}


async def _send(client: str, host: str, port: int, count: int, connections: int) -> dict[str, Any]:
    """client: `aiosmtplib` or `session`. elapsed_s and cpu_s of it all; bytes: of the messages."""
    messages = [composed(n) for n in range(count)]
    stock = iter(messages)
    worker = {"aiosmtplib": _with_aiosmtplib, "session": _with_session}[client]
    began, used_s = time.perf_counter(), cpu_s(os.getpid())
    async with asyncio.TaskGroup() as tasks:
        for _ in range(connections):
            tasks.create_task(worker(host, port, stock))
    return {
        "elapsed_s": time.perf_counter() - began,
        "cpu_s": cpu_s(os.getpid()) - used_s,
        "bytes": sum(len(message) for message in messages),
    }


async def _with_aiosmtplib(host: str, port: int, stock: Iterator[bytes]) -> None:
    client = aiosmtplib.SMTP(hostname=host, port=port, start_tls=False, local_hostname="localhost")
    try:
        async with client:
            for message in stock:
                await client.sendmail(SENDER, [RECIPIENT], message)
    except aiosmtplib.SMTPException as error:
        raise BenchFailed(f"aiosmtplib failed: {error}") from error


async def _with_session(host: str, port: int, stock: Iterator[bytes]) -> None:
    settings = DeliverySettings(messages_per_connection=10**9)
    pool = SMTPPool(settings, clock=SystemClock())
    session = await pool.acquire(Relay("bench", "raw", host, port, tls_mode="none"))
    try:
        for message in stock:
            result = await session.send(SENDER, [RECIPIENT], message)
            if not result.is_accepted:
                raise BenchFailed(f"a raw message was not taken: {result}")
    finally:
        await pool.release(session)
        await pool.close()
