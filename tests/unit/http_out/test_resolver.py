from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from mail_proxy.http_out import resolver as resolver_module
from mail_proxy.http_out.resolver import SystemResolver
from tests.patience import PATIENCE_S


@pytest.fixture
def dead_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Look-ups of `dead*` hang until it is set; all other names are this machine."""
    end = threading.Event()
    real = socket.getaddrinfo

    def look_up(host: str, *args: Any, **options: Any) -> Any:
        if host.startswith("dead"):
            end.wait(2 * PATIENCE_S)
        return real("127.0.0.1", *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield end
    end.set()


async def test_names_that_hang_hold_up_no_other(dead_end):
    resolver = SystemResolver()
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        dead = [tasks.create_task(resolver.resolve(f"dead{n}.example")) for n in range(50)]
        assert (await resolver.resolve("good.example", 25))[0]["host"] == "127.0.0.1"
        dead_end.set()
    assert {task.result()[0]["host"] for task in dead} == {"127.0.0.1"}


async def test_the_end_of_the_process_does_not_wait_for_names(dead_end):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await SystemResolver().resolve("dead.example")
    left = [t for t in threading.enumerate() if t.name == "resolve dead.example"]
    assert [thread.daemon for thread in left] == [True]


async def test_a_look_up_that_was_given_up_makes_room_when_it_ends(dead_end, monkeypatch):
    monkeypatch.setattr(resolver_module, "AT_ONCE", 1)
    resolver = SystemResolver()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await resolver.resolve("dead.example")
    dead_end.set()
    async with asyncio.timeout(PATIENCE_S):
        assert await resolver.resolve("good.example")


@pytest.mark.parametrize("host", ["a..b", "a" * 64, "nowhere.invalid"])
async def test_what_is_no_name_has_no_address(host):
    with pytest.raises(OSError, match=r"\w"):
        await SystemResolver().resolve(host)
