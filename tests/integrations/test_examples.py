"""The example applications: an order is confirmed by mail, and the shop knows that it was sent."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.installation import Installation

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
SERVERS = {
    "flask": ["-m", "flask", "--app", "flask_shop", "run", "--port", "{port}"],
    "fastapi": ["-m", "uvicorn", "fastapi_shop:app", "--port", "{port}"],
    "django": ["django_shop.py", "runserver", "{port}", "--noreload"],
}
POSTS: dict[str, dict[str, Any]] = {
    "flask": {"data": {"email": "ann@example.net"}},
    "fastapi": {"params": {"email": "ann@example.net"}},
    "django": {"data": {"email": "ann@example.net"}},
}
PATIENCE_S = 30.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@asynccontextmanager
async def shop(kind: str, main: Installation, port: int) -> AsyncIterator[httpx.AsyncClient]:
    """The example as a process, told where the proxy is; it answers when this begins."""
    told = await main.call("createWebhookSecret", tenant_id="acme")
    environ = os.environ | {
        "MAIL_PROXY_URL": main.url,
        "MAIL_PROXY_TOKEN": main.key,
        "MAIL_PROXY_SECRET": told["secret"],
    }
    arguments = [argument.format(port=port) for argument in SERVERS[kind]]
    server = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
        [sys.executable, *arguments],
        cwd=EXAMPLES,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            await until_it_answers(client, server)
            yield client
    finally:
        server.send_signal(signal.SIGINT)
        try:
            await asyncio.to_thread(server.communicate, timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            server.kill()
            await asyncio.to_thread(server.communicate)


async def until_it_answers(client: httpx.AsyncClient, server: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            assert server.poll() is None, server.communicate()[1].decode()
            try:
                await client.get("/orders/none")
                return
            except httpx.TransportError:
                await asyncio.sleep(0.1)


async def mail_of(client: httpx.AsyncClient, number: str) -> dict[str, Any]:
    """What the shop tells of an order, once its mail is settled."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            order: dict[str, Any] = (await client.get(f"/orders/{number}")).json()
            if order["mail"] != "queued":
                return order
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("kind", SERVERS)
async def test_an_order_is_confirmed_and_the_shop_is_told(kind: str, running):
    port = free_port()
    async with running() as main:
        await main.call(
            "updateTenant", tenant_id="acme", client_base_url=f"http://127.0.0.1:{port}"
        )
        await main.call("updateTenant", tenant_id="acme", client_sync_path="/mail-proxy/sync")
        async with shop(kind, main, port) as client:
            assert (await client.post("/orders/17", **POSTS[kind])).status_code == 202
            assert await mail_of(client, "17") == {"mail": "sent"}
            forged = await client.post("/mail-proxy/sync", json={"delivery_report": []})
            assert forged.status_code == 401
    (received,) = main.relay.messages
    assert received.recipients == ("ann@example.net",)
    assert b"Subject: Your order 17" in received.data
