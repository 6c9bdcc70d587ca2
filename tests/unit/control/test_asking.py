"""The Control that asks before httpx is imported."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mail_proxy.api import ApiServer
from mail_proxy.control.asking import AskingControl
from mail_proxy.domain import errors
from mail_proxy.wire.caller import LOCAL


@asynccontextmanager
async def control_of(path: Path) -> AsyncIterator[AskingControl]:
    control = AskingControl(path)
    try:
        yield control
    finally:
        await control.aclose()


@asynccontextmanager
async def listener(path: Path, behave: Callable[..., object]) -> AsyncIterator[None]:
    """Does with each connection as it is told."""
    server = await asyncio.start_unix_server(behave, path)
    async with server:
        yield


async def test_a_question_and_a_change_arrive_as_local(daemon, door, instance):
    async with control_of(instance.socket_path) as control:
        assert await control.call("getMessage", id="a/b", tenant_id="acme") == {"ok": True}
        assert await control.call("addTenant", id="acme", name=None) == {"ok": True}

    assert door.calls == [
        ("getMessage", {"id": "a/b", "tenant_id": "acme"}, LOCAL),
        ("addTenant", {"id": "acme", "name": None}, LOCAL),
    ]


@pytest.mark.parametrize(
    "message_id", ["{0}", "a}b{", ".", "..", "../x", "a?b#c%2F", "é", "a b\r\nHost: x"]
)
async def test_any_id_travels_in_a_path(message_id: str, daemon, door, instance):
    async with control_of(instance.socket_path) as control:
        await control.call("getMessageEvents", id=message_id)

    assert door.calls[0][1] == {"id": message_id}


async def test_questions_are_asked_side_by_side(daemon, door, instance):
    both = threading.Event()

    async def meet() -> dict[str, object]:
        if len(door.calls) == 2:
            both.set()
        await asyncio.to_thread(both.wait, 5)
        return {"ok": both.is_set()}

    door.answer = meet
    async with control_of(instance.socket_path) as control:
        answers = await asyncio.gather(control.call("health"), control.call("health"))

    assert answers == [{"ok": True}, {"ok": True}]


async def test_a_failure_is_raised_as_the_error_it_was(daemon, door, instance):
    door.answer = errors.NotFound("message 'x' not found")

    async with control_of(instance.socket_path) as control:
        with pytest.raises(errors.NotFound, match="message 'x' not found"):
            await control.call("getMessage", id="x")


@pytest.mark.parametrize("command", ["health", "addTenant"])
async def test_nobody_at_the_socket_is_not_running(command: str, instance):
    async with control_of(instance.socket_path) as control:
        with pytest.raises(errors.NotRunning):
            await control.call(command)


async def test_after_the_daemon_has_come_a_change_reaches_it(stopped, instance):
    async with control_of(instance.socket_path) as control:
        with pytest.raises(errors.NotRunning):
            await control.call("addTenant", id="acme")
        with stopped.running():
            assert await control.call("addTenant", id="acme") == {"ok": True}


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-",
        b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{",
        b"SSH-2.0-OpenSSH\r\n",
    ],
)
async def test_half_an_answer_is_none(octets: bytes, instance):
    async def tell_half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(octets)
        writer.close()

    async with listener(instance.socket_path, tell_half), control_of(instance.socket_path) as own:
        with pytest.raises(errors.MailProxyError, match=r"went away|is not JSON") as e:
            await own.call("health")

    assert not isinstance(e.value, errors.NotRunning)


async def test_a_question_that_is_given_up_lets_go_of_its_connection(instance):
    heard, left = asyncio.Event(), asyncio.Event()

    async def listen_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        heard.set()
        await reader.read()
        left.set()
        writer.close()

    async with listener(instance.socket_path, listen_on), control_of(instance.socket_path) as own:
        asked = asyncio.create_task(own.call("health"))
        await heard.wait()
        asked.cancel()
        await asyncio.wait_for(left.wait(), 5)

    assert asked.cancelled()


async def test_what_nobody_has_answered_is_closed_like_the_rest(tmp_path):
    gone = tmp_path / ("long" * 30) / "control.sock"  # reached by its folder, which is not there
    async with control_of(gone) as control:
        for command in ("addTenant", "addTenant", "health"):
            with pytest.raises(errors.NotRunning):
                await control.call(command)


@pytest.mark.skipif(sys.platform != "linux", reason="reached through /proc")
async def test_a_path_too_long_for_a_socket_works(settings, stopped, tmp_path):
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    far = replace(settings, state_dir=folder)

    async with ApiServer(stopped.door, far), control_of(far.socket_path) as control:
        assert await control.call("health") == {"ok": True}
        assert await control.call("addTenant", id="acme") == {"ok": True}


_ASKS = """
import asyncio, sys
from pathlib import Path
from mail_proxy.control.asking import AskingControl
from mail_proxy_tui.feed.live import LiveFeed
print(asyncio.run(AskingControl(Path(sys.argv[1])).call("health")))
assert not {"httpx", "pydantic"} & set(sys.modules)
"""


@pytest.mark.slow
def test_a_question_imports_no_client(daemon, instance):
    done = subprocess.run(
        [sys.executable, "-c", _ASKS, instance.socket_path],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("{'ok': True}\n", "")
