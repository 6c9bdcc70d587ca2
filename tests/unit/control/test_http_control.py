"""The asynchronous Control: TCP with a token, or the socket without."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mail_proxy.api import ApiServer
from mail_proxy.control.http import HttpControl
from mail_proxy.domain import errors
from mail_proxy.wire.caller import ADMIN, LOCAL


@asynccontextmanager
async def control_of(
    where: str | Path, token: str | None = None, **options: float
) -> AsyncIterator[HttpControl]:
    control = HttpControl(where, token, **options)
    try:
        yield control
    finally:
        await control.aclose()


async def test_over_tcp_the_token_is_the_caller(daemon, door):
    async with control_of(daemon.url, "mp_admin") as control:
        assert await control.call("getMessage", id="a/b", tenant_id="acme") == {"ok": True}

    assert door.calls == [("getMessage", {"id": "a/b", "tenant_id": "acme"}, ADMIN)]


async def test_over_the_socket_the_caller_is_local(daemon, door, instance):
    async with control_of(instance.socket_path) as control:
        await control.call("addTenant", id="acme", name=None)

    assert door.calls == [("addTenant", {"id": "acme", "name": None}, LOCAL)]


@pytest.mark.parametrize("message_id", ["{0}", "a}b{", ".", "..", "../x", "a?b#c%2F", "é"])
async def test_any_id_travels_in_a_path(message_id: str, daemon, door):
    async with control_of(daemon.url, "mp_admin") as control:
        await control.call("getMessageEvents", id=message_id)

    assert door.calls[0][1] == {"id": message_id}


async def test_calls_run_side_by_side(daemon, door):
    both = asyncio.Event()

    async def meet() -> dict[str, object]:
        if len(door.calls) == 2:
            both.set()
        await asyncio.wait_for(both.wait(), 2)
        return {"ok": True}

    both = asyncio.Event()
    door.answer = meet
    async with control_of(daemon.url) as control:
        await asyncio.gather(control.call("health"), control.call("health"))

    assert len(door.calls) == 2


async def test_a_failure_is_raised_as_the_error_it_was(daemon, door):
    door.answer = errors.NotFound("message 'x' not found")

    async with control_of(daemon.url) as control:
        with pytest.raises(errors.NotFound, match="message 'x' not found"):
            await control.call("getMessage", id="x")


async def test_nobody_at_the_port_is_not_running(stopped):
    with stopped.running():
        url = stopped.url

    async with control_of(url) as control:
        with pytest.raises(errors.NotRunning):
            await control.call("health")


async def test_nobody_at_the_socket_is_not_running(instance):
    async with control_of(instance.socket_path) as control:
        with pytest.raises(errors.NotRunning):
            await control.call("health")


async def test_a_daemon_that_hangs_is_given_up(daemon, door):
    async def hang() -> dict[str, object]:
        await asyncio.sleep(0.1)
        return {"ok": True}

    door.answer = hang
    async with control_of(daemon.url, timeout_s=0.02) as control:
        with pytest.raises(errors.MailProxyError, match=r"within 0\.02 s") as e:
            await control.call("health")

    assert not isinstance(e.value, errors.NotRunning)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://127.0.0.1", "http://", "http://[::1", ""])
def test_what_is_no_url_of_a_daemon_is_refused(url: str):
    with pytest.raises(errors.ConfigurationError):
        HttpControl(url)


@pytest.mark.parametrize("token", ["a\r\nX-Other: b", "é", "a\x00"])
def test_a_token_that_cannot_be_a_header_is_refused_and_not_shown(token: str):
    with pytest.raises(errors.ConfigurationError) as e:
        HttpControl("http://127.0.0.1:8000", token)

    assert token not in str(e.value)


async def test_proxies_of_the_environment_do_not_see_the_token(daemon, door, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    async with control_of(daemon.url, "mp_admin") as control:
        assert await control.call("getStatus") == {"ok": True}


@pytest.mark.skipif(sys.platform != "linux", reason="reached through /proc")
async def test_a_path_too_long_for_a_socket_works(settings, stopped, tmp_path):
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    far = replace(settings, state_dir=folder)

    async with ApiServer(stopped.door, far), control_of(far.socket_path) as control:
        assert await control.call("health") == {"ok": True}
