"""Where the API listens: a TCP port, and the file of the instance."""

from __future__ import annotations

import asyncio
import socket
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mail_proxy.api import ApiServer
from mail_proxy.api import listen as api_listen
from mail_proxy.api.listen import listen_tcp
from mail_proxy.config.settings import Settings
from mail_proxy.config.unix_socket import connect
from mail_proxy.domain.errors import ConfigurationError
from tests.patience import PATIENCE_S


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def with_http(settings: Settings, **changes: object) -> Settings:
    return replace(settings, http=replace(settings.http, **changes))


async def test_only_loopback_listens_by_default(door, settings):
    async with ApiServer(door, settings) as server:
        assert server.url == f"http://127.0.0.1:{server.port}"


async def test_a_wildcard_host_is_reached_by_loopback(door, settings):
    async with ApiServer(door, with_http(settings, host="0.0.0.0")) as server:
        assert server.url == f"http://127.0.0.1:{server.port}"


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 on this machine")
async def test_an_ipv6_host_stands_in_brackets(door, settings):
    async with ApiServer(door, with_http(settings, host="::1")) as server:
        assert server.url == f"http://[::1]:{server.port}"
        _, writer = await asyncio.open_connection("::1", server.port)
        writer.close()


async def test_a_port_in_use_is_named_with_a_hint(door, settings, taken):
    with pytest.raises(ConfigurationError, match=rf"127\.0\.0\.1:{taken}: the port is in use") as e:
        await ApiServer(door, with_http(settings, port=taken)).start()

    assert e.value.hint
    assert not settings.socket_path.exists()


def test_without_a_port_the_first_free_one_is_taken(taken, monkeypatch):
    with listen_tcp("127.0.0.1", 0) as free:
        after = free.getsockname()[1]
    monkeypatch.setattr(api_listen, "_PORTS", (taken, after))

    with listen_tcp("127.0.0.1", None) as found:
        assert found.getsockname()[1] == after


def test_when_no_port_is_free_that_is_told(taken, monkeypatch):
    monkeypatch.setattr(api_listen, "_PORTS", (taken,))

    with pytest.raises(ConfigurationError, match="free"):
        listen_tcp("127.0.0.1", None)


@pytest.mark.parametrize(
    ("host", "port"), [("192.0.2.1", 0), ("no such host", 0), ("127.0.0.1", 70000)]
)
def test_an_address_that_cannot_be_had_is_told(host: str, port: int):
    with pytest.raises(ConfigurationError, match=host):
        listen_tcp(host, port)


async def test_the_socket_is_its_owners_alone(server, settings):
    mode = settings.socket_path.stat().st_mode

    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


async def test_a_stopped_server_leaves_nothing_behind(door, settings):
    server = ApiServer(door, settings)
    await server.start()
    port = server.port
    await server.stop()

    assert not settings.socket_path.exists()
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_the_socket_of_a_killed_daemon_is_replaced(door, settings):
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(settings.socket_path))

    async with ApiServer(door, settings):
        connect(settings.socket_path, 1).close()


async def test_the_socket_of_a_living_daemon_is_left_alone(server, door, settings):
    with pytest.raises(ConfigurationError, match="another daemon"):
        await ApiServer(door, settings).start()

    connect(settings.socket_path, 1).close()


async def test_a_file_in_the_way_is_not_removed(door, settings):
    settings.socket_path.write_text("precious")

    with pytest.raises(ConfigurationError, match="not a socket"):
        await ApiServer(door, settings).start()

    assert settings.socket_path.read_text() == "precious"


async def test_a_folder_that_is_not_there_is_told(door, settings, tmp_path):
    gone = replace(settings, state_dir=tmp_path / "gone")

    with pytest.raises(ConfigurationError, match=r"control\.sock"):
        await ApiServer(door, gone).start()


async def test_the_socket_of_a_successor_is_left_alone(door, settings):
    server = ApiServer(door, settings)
    await server.start()
    settings.socket_path.unlink()
    settings.socket_path.write_text("of the next daemon")
    await server.stop()

    assert settings.socket_path.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="reached through /proc")
async def test_a_path_too_long_for_a_socket_works(door, settings, tmp_path: Path):
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    far = replace(settings, state_dir=folder)

    async with ApiServer(door, far):
        assert stat.S_IMODE(far.socket_path.stat().st_mode) == 0o600
        connect(far.socket_path, 1).close()

    assert not far.socket_path.exists()


async def test_a_running_request_ends_before_the_server_stops(door, settings):
    server = ApiServer(door, settings)
    await server.start()
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow_answer(name, payload, caller):
        begun.set()
        await may_end.wait()
        return {"ok": True, "late": True}

    door.open_answer = slow_answer
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        await begun.wait()
        stopping = tasks.create_task(server.stop())
        await asyncio.sleep(0)
        may_end.set()
        await stopping
        answered = await reader.read()
    writer.close()

    assert b'"late":true' in answered
