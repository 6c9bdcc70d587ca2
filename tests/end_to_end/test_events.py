"""What happens is told as it happens, by a daemon to those who watch it over HTTP."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mail_proxy.client import AsyncMailProxyClient
from mail_proxy.control.http import HttpControl
from mail_proxy.domain.reply import Stage
from mail_proxy.observe.news import KEPT
from tests.end_to_end.served import PATIENCE_S, in_front
from tests.faults.installation import Installation

pytestmark = pytest.mark.slow

Running = Any  # see conftest: an instance with a tenant, an account, a relay and an application
Event = dict[str, Any]


async def events_of(main: Installation, token: str, **fields: Any) -> list[Event]:
    """All of a stream that ends by itself."""
    async with AsyncMailProxyClient(main.url, token) as proxy, asyncio.timeout(PATIENCE_S):
        return [event async for event in proxy.events(**fields)]


async def opened(events: AsyncIterator[Event], main: Installation) -> Event:
    """The first event of a stream, made to happen: from here on it is surely open."""
    first = asyncio.ensure_future(anext(events))
    while not first.done():
        await main.call("runNow")
        await main.call("suspend", tenant_id="acme", batch_code="unused")
        await asyncio.wait([first], timeout=0.05)
    return first.result()


async def post(main: Installation, session: aiohttp.ClientSession, *names: str) -> None:
    await main.post(session, list(names))


async def test_a_messages_story_is_told_to_its_tenant(running: Running) -> None:
    async with running() as main, aiohttp.ClientSession() as session:
        await main.call("addTenant", id="bravo")
        main.relay.answer(Stage.RCPT, "550 5.1.1 no such user", recipient="gone@x.example")
        await post(main, session, "m-1")
        await main.until_empty()
        await main.post(session, ["m-2"], to=["gone@x.example"])
        await main.until_empty()
        told = await events_of(
            main, main.key, kinds=["accepted", "sent", "failed"], after=0, limit=4
        )
        posted = await events_of(main, main.key, kinds=["posted"], after=0, limit=1)
        await main.call("suspend", tenant_id="bravo")
        every = await events_of(main, main.key, after=0, for_s=0)

    assert [(event["kind"], event.get("id")) for event in told[:-1]] == [
        ("accepted", None),
        ("sent", "m-1"),
        ("accepted", None),
        ("failed", "m-2"),
    ]
    assert "no such user" in told[3]["words"]
    assert told[1]["account_id"] == "main"
    assert told[-1] == {"kind": "end", "words": "as many as were asked for"}
    assert posted[0]["tenant_id"] == "acme"
    assert {event["tenant_id"] for event in every[:-1]} == {"acme"}


async def test_a_broken_account_is_told_and_that_it_works_again(running: Running) -> None:
    async with running() as main, aiohttp.ClientSession() as session:
        main.relay.answer(Stage.MAIL, "421 4.3.2 not now", times=1)
        await post(main, session, "m-1")
        told = await events_of(main, main.key, kinds=["paused"], after=0, limit=1)
        await main.call("resumeAccount", tenant_id="acme", account_id="main")
        after = told[0]["stream_id"]
        resumed = await events_of(main, main.key, kinds=["resumed"], after=after, limit=1)

    assert "not now" in told[0]["words"]
    assert resumed[0]["account_id"] == "main"


async def test_who_comes_again_goes_on_and_who_comes_too_late_learns_it(running: Running) -> None:
    n = KEPT + 300
    async with running() as main, aiohttp.ClientSession() as session:
        await post(main, session, "first")
        await main.until_empty()
        (first, _) = await events_of(main, main.key, kinds=["sent"], after=0, limit=1)
        headers = {"X-API-Token": main.key, "Last-Event-ID": str(first["stream_id"])}
        await post(main, session, "second")
        await main.until_empty()
        url = f"{main.url}/events/stream?kinds=sent&limit=1"
        async with asyncio.timeout(PATIENCE_S), session.get(url, headers=headers) as answer:
            assert '"id":"second"' in await answer.text()

        async with AsyncMailProxyClient(main.url, main.key) as proxy:
            events = proxy.events(["sent", "suspended"])
            async with aclosing(events), asyncio.timeout(PATIENCE_S):
                await opened(events, main)
                names = [f"m-{number}" for number in range(n)]
                for start in range(0, n, 500):
                    await post(main, session, *names[start : start + 500])
                seen: Counter[str] = Counter()
                async for event in events:
                    if event["kind"] == "summary":
                        seen.update(event["counts"])
                    elif event["kind"] == "dropped":
                        seen["sent"] += event["n"]
                    else:
                        seen[event["kind"]] += 1
                    if seen["sent"] >= n:
                        break
        late = await events_of(main, main.key, after=first["stream_id"], for_s=0)

    assert late[0]["kind"] == "dropped"
    assert late[0]["n"] >= 300
    assert len(late) == KEPT + 2


async def test_a_stream_that_nobody_reads_holds_up_no_mail_and_no_stop(running: Running) -> None:
    async with running() as main, aiohttp.ClientSession() as session:
        url = main.url.removeprefix("http://")
        host, port = url.rsplit(":", 1)
        _, writer = await asyncio.open_connection(host, int(port), limit=1)
        head = f"GET /events/stream?after=0 HTTP/1.1\r\nHost: x\r\nX-API-Token: {main.key}\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
        await post(main, session, *(f"m-{n}" for n in range(500)))
        await main.until_empty()
        began = time.monotonic()
        await main.stop()
        writer.close()

    assert time.monotonic() - began < 30


@pytest.mark.parametrize("what", ["revoked", "inactive"])
async def test_a_stream_ends_soon_after_its_token(running: Running, what: str) -> None:
    async with running() as main, AsyncMailProxyClient(main.url, main.key) as proxy:
        events = proxy.events()
        async with aclosing(events), asyncio.timeout(PATIENCE_S):
            await opened(events, main)
            if what == "revoked":
                await main.call("revokeTenantKey", tenant_id="acme")
            else:
                await main.call("updateTenant", tenant_id="acme", active=False)
            began = time.monotonic()
            last = [event async for event in events][-1]

    assert last == {"kind": "end", "words": "the token is not good any more"}
    assert time.monotonic() - began < 20


async def test_a_stop_ends_what_is_open(running: Running) -> None:
    async with running() as main, AsyncMailProxyClient(main.url, main.key) as proxy:
        events = proxy.events()
        async with aclosing(events), asyncio.timeout(PATIENCE_S):
            await opened(events, main)
            stopping = asyncio.ensure_future(main.stop())
            last = [event async for event in events][-1]
            await stopping

    assert last == {"kind": "end", "words": "the daemon stops"}


async def test_too_many_readers_are_told_to_come_later(running: Running) -> None:
    async with running() as main, aiohttp.ClientSession() as session:
        headers = {"X-API-Token": main.key}
        url = f"{main.url}/events/stream"
        answers = [await session.get(url, headers=headers) for _ in range(9)]
        assert [answer.status for answer in answers] == [200] * 8 + [429]
        assert answers[-1].headers["Retry-After"] == "10"
        assert (await answers[-1].json())["limit"] == "streams"
        for answer in answers:
            answer.close()


async def test_the_log_is_followed_from_elsewhere(running: Running) -> None:
    async with running() as main, aiohttp.ClientSession() as session:
        control = HttpControl(main.instance.socket_path)
        lines = control.stream("getLogs", follow="true", lines=1)
        async with aclosing(lines), asyncio.timeout(PATIENCE_S):
            assert (await anext(lines))["kind"] == "line"
            await post(main, session, "m-1")
            async for record in lines:
                if "message_sent" in record["line"]:
                    break
        assert record["level"] == "INFO"
        assert "id=m-1" in record["line"]
        await control.aclose()


def test_a_daemon_without_a_log_file_says_so(tmp_path: Path) -> None:
    with in_front(tmp_path, {"GMP_API_TOKEN": "the-admins-token"}) as running:
        answer = running.request("GET", "/logs")

    assert answer.status_code == 404
    assert "stderr" in answer.json()["error"]
