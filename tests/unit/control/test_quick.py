"""The fast way to a running daemon."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mail_proxy.config.instances import Instance
from mail_proxy.control.quick import SocketControl, unreachable
from mail_proxy.domain import errors
from mail_proxy.wire.caller import LOCAL
from tests.patience import PATIENCE_S


@contextmanager
def listener(path: Path, behave: Callable[[socket.socket], None]) -> Iterator[None]:
    """Takes one connection and does with it as it is told."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                behave(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


def test_a_call_reaches_the_door_as_local(daemon, door, instance):
    door.answer = {"ok": True, "removed": 2}

    answer = SocketControl(instance.socket_path).call(
        "deleteMessages", tenant_id="acme", ids=["a", "é"]
    )

    assert answer == {"ok": True, "removed": 2}
    assert door.calls == [("deleteMessages", {"tenant_id": "acme", "ids": ["a", "é"]}, LOCAL)]


@pytest.mark.parametrize(
    "message_id", ["{0}", "a}b{", "a/b", ".", "..", "a b?#%", "é%2F", "x" * 255]
)
def test_any_id_travels_in_a_path(message_id: str, daemon, door, instance):
    SocketControl(instance.socket_path).call("getMessageEvents", id=message_id)

    assert door.calls[0][1] == {"id": message_id}


def test_a_failure_is_raised_as_the_error_it_was(daemon, door, instance):
    door.answer = errors.Conflict("several tenants have it", hint="give a pk")

    with pytest.raises(errors.Conflict, match="several tenants") as e:
        SocketControl(instance.socket_path).call("getMessage", id="1")

    assert e.value.hint == "give a pk"


def test_an_absent_socket_is_not_running(instance: Instance):
    control = SocketControl(instance.socket_path)

    assert not control.answers()
    with pytest.raises(errors.NotRunning):
        control.call("health")


def test_the_socket_of_a_killed_daemon_is_not_running(instance: Instance):
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(instance.socket_path))
    control = SocketControl(instance.socket_path)

    assert not control.answers()
    with pytest.raises(errors.NotRunning):
        control.call("health")


def test_a_daemon_that_goes_away_says_that_the_command_may_have_run(instance: Instance):
    def leave(connection: socket.socket) -> None:
        connection.recv(1)

    with listener(instance.socket_path, leave), pytest.raises(errors.MailProxyError) as e:
        SocketControl(instance.socket_path).call("health")

    assert not isinstance(e.value, errors.NotRunning)
    assert e.value.hint == "the command may have run all the same"


def test_half_an_answer_is_no_answer(instance: Instance):
    def halve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"ok": true')

    with (
        listener(instance.socket_path, halve),
        pytest.raises(errors.MailProxyError, match="went away"),
    ):
        SocketControl(instance.socket_path).call("health")


def test_a_daemon_that_hangs_is_given_up(instance: Instance):
    given_up = threading.Event()

    def hang(connection: socket.socket) -> None:
        given_up.wait(PATIENCE_S)

    with listener(instance.socket_path, hang):
        with pytest.raises(errors.MailProxyError, match=r"within 0\.02 s"):
            SocketControl(instance.socket_path, timeout_s=0.02).call("health")
        given_up.set()


def test_a_call_after_a_long_prompt_works(daemon, door, instance):
    control = SocketControl(instance.socket_path)
    control.call("health")
    control.close()

    assert control.call("health") == {"ok": True}


def test_a_slow_command_is_waited_for(daemon, door, instance):
    async def slow() -> dict[str, object]:
        await asyncio.sleep(0.03)
        return {"ok": True}

    door.answer = slow

    assert SocketControl(instance.socket_path).call("checkAccount", account_id="a")["ok"]


@pytest.mark.slow
def test_the_fast_way_loads_the_standard_library_only():
    heavy = ("pydantic", "aiohttp", "httpx", "asyncio", "sqlalchemy", "sqlite3", "typer", "rich")
    code = f"import sys, mail_proxy.control.open; print([m for m in {heavy} if m in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_a_socket_of_somebody_else_is_told_as_that(tmp_path: Path):
    told = unreachable(tmp_path / "control.sock", PermissionError())

    assert str(told) == f"no right to use {tmp_path}/control.sock"
    assert told.hint == f"ls -l {tmp_path}/control.sock"
