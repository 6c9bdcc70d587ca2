"""One empty instance, reached in every way: socket, TCP with the admin's token, database."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

from mail_proxy.api import ApiServer
from mail_proxy.client import MailProxyClient
from mail_proxy.config.instances import Instance, create_folder
from mail_proxy.config.settings import DeliverySettings, HttpSettings, Settings
from mail_proxy.control.local import LocalControl
from mail_proxy.control.quick import SocketControl
from mail_proxy.proxy import MailProxy
from tests.patience import PATIENCE_S

TOKEN = "mp_contract"


class Way(Protocol):
    def call(self, command: str, /, **fields: Any) -> dict[str, Any]: ...


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    instance = Instance("contract", tmp_path / "contract")
    create_folder(instance)
    return Settings(
        name=instance.name,
        state_dir=instance.folder,
        database=str(instance.database_path),
        http=HttpSettings(port=0, stop_grace_s=1.0),
        delivery=DeliverySettings(test_mode=True, stop_grace_s=1.0),
        api_token=TOKEN,
    )


@contextmanager
def daemon(settings: Settings) -> Iterator[str]:
    """The proxy and its API on a thread of their own; yields the URL."""
    stop = asyncio.Event()
    started = threading.Event()
    told: dict[str, Any] = {}

    async def serve() -> None:
        async with (
            await MailProxy.open(settings) as proxy,
            ApiServer(proxy, settings) as server,
        ):
            told.update(loop=asyncio.get_running_loop(), url=server.url)
            proxy.start()
            started.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert started.wait(PATIENCE_S)
        yield told["url"]
    finally:
        told["loop"].call_soon_threadsafe(stop.set)
        thread.join()


@pytest.fixture(params=["socket", "tcp", "local"])
def control(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Way]:
    if request.param == "local":
        local = LocalControl(settings)
        yield local
        local.close()
        return
    with daemon(settings) as url:
        if request.param == "socket":
            yield SocketControl(settings.socket_path)
        else:
            with MailProxyClient(url, TOKEN) as client:
                yield client
