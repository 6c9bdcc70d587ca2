"""Streams of events and of the log, below any face."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.domain.errors import Invalid, NotFound, TooMany
from mail_proxy.observe import log
from mail_proxy.observe.news import Line
from mail_proxy.operations.streams import MOST, MOST_OF_ONE, MOST_OF_TENANTS, Stream, Streams
from mail_proxy.wire.caller import ADMIN, tenant
from tests.patience import PATIENCE_S


async def opened(house: Any, name: str = "streamEvents", caller: Any = ADMIN, **fields: Any) -> Any:
    return (await house.call(name, caller, **fields))["stream"]


async def taken(stream: Stream) -> list[Line]:
    """What is there, until the end."""
    found: list[Line] = []
    async with asyncio.timeout(PATIENCE_S):
        while (lines := await stream.next(0.01)) is not None:
            found += lines
    stream.close()
    return found


@pytest.fixture
async def city(house: Any) -> Any:
    for tenant_id in ("acme", "bravo"):
        await house.call("addTenant", id=tenant_id)
    return house


async def test_what_is_there_is_told_and_then_it_is_over(city: Any) -> None:
    city.context.news.put("sent", "acme", id="m-1")
    stream = await opened(city, after=0, kinds="sent", for_s=0)
    assert [line.data["id"] for line in await taken(stream)] == ["m-1"]
    assert stream.why_over == "the time that was asked for is over"


async def test_a_tenants_stream_is_of_that_tenant(city: Any) -> None:
    for tenant_id in ("acme", "bravo"):
        city.context.news.put("sent", tenant_id, id=f"of {tenant_id}")
    asked = {"after": 0, "for_s": 0, "kinds": "sent"}
    own = await taken(await opened(city, caller=tenant("acme"), **asked))
    named = await taken(await opened(city, tenant_id="bravo", **asked))
    every = await taken(await opened(city, **asked))
    assert [line.data["tenant_id"] for line in own] == ["acme"]
    assert [line.data["tenant_id"] for line in named] == ["bravo"]
    assert [line.data["tenant_id"] for line in every] == ["acme", "bravo"]


async def test_a_limit_ends_it(city: Any) -> None:
    for n in range(5):
        city.context.news.put("sent", "acme", id=f"m-{n}")
    stream = await opened(city, after=0, kinds="sent", limit=3)
    assert len(await taken(stream)) == 3
    assert stream.why_over == "as many as were asked for"


async def test_what_was_left_out_is_counted_at_the_end(city: Any) -> None:
    stream = await opened(city, kinds="sent", for_s=0)
    for n in range(900):
        city.context.news.put("sent", "acme", id=f"m-{n}")
    *lines, summary = await taken(stream)
    assert (summary.event, len(lines) + summary.data["n"]) == ("summary", 900)


async def test_what_comes_while_it_waits_is_told(city: Any) -> None:
    stream = await opened(city, kinds="failed", limit=1)
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(stream.next(60))
        await asyncio.sleep(0)
        city.context.news.put("failed", "acme", id="m-1")
    assert [line.data["id"] for line in waiting.result() or ()] == ["m-1"]


async def test_a_stop_ends_all_at_once(city: Any) -> None:
    stream = await opened(city)
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(stream.next(60))
        await asyncio.sleep(0)
        city.context.streams.stop()
        city.context.news.wake()
    assert waiting.result() is None
    assert stream.why_over == "the daemon stops"
    assert await (await opened(city)).next(60) is None


async def test_the_header_of_a_browser_wins_and_nonsense_in_it_is_no_error(city: Any) -> None:
    news = city.context.news
    news.put("sent", "acme", id="m-1")
    (first,) = await taken(await opened(city, after=0, for_s=0, kinds="sent"))
    asked = {"after": 0, "for_s": 0, "kinds": "sent"}
    assert await taken(await opened(city, last_event_id=str(first.id), **asked)) == []
    for nonsense in ("x", "-1", "٣", "9" * 40):
        assert len(await taken(await opened(city, last_event_id=nonsense, **asked))) == 1


@pytest.mark.parametrize("fields", [{"kinds": "sent,odd"}, {"limit": 0}, {"for_s": -1}])
async def test_what_is_wrong_is_named(city: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        await opened(city, **fields)
    assert refused.value.field == next(iter(fields))


async def test_a_tenant_that_is_not_there_has_no_stream(city: Any) -> None:
    with pytest.raises(NotFound):
        await opened(city, tenant_id="absent")


def test_tenants_never_take_the_admins_place() -> None:
    streams = Streams()
    for _ in range(MOST_OF_ONE):
        streams.place(tenant("acme"))
    with pytest.raises(TooMany) as refused:
        streams.place(tenant("acme"))
    assert (refused.value.limit, refused.value.retry_after_s) == ("streams", 10.0)
    for n in range(MOST_OF_TENANTS - MOST_OF_ONE):
        streams.place(tenant(f"t-{n}"))
    with pytest.raises(TooMany):
        streams.place(tenant("another"))
    last = [streams.place(ADMIN) for _ in range(MOST - MOST_OF_TENANTS)][-1]
    with pytest.raises(TooMany):
        streams.place(ADMIN)
    last()
    last()  # once is enough
    streams.place(ADMIN)
    with pytest.raises(TooMany):
        streams.place(ADMIN)


async def test_a_closed_stream_gives_its_place_back(city: Any) -> None:
    for _ in range(MOST + 1):
        (await opened(city)).close()


async def test_people_are_told_of_what_people_do(city: Any) -> None:
    await city.call("addAccount", tenant_id="acme", id="main", host="h.example", port=25)
    await city.post(city.mail("m-1"), tenant_id="acme")
    await city.call("holdMessages", tenant_id="acme", ids=["m-1"])
    await city.call("pauseAccount", tenant_id="acme", account_id="main", reason="moving")
    await city.call("resumeAccount", tenant_id="acme", account_id="main")
    await city.call("suspend", tenant_id="acme", batch_code="may")
    told = await taken(await opened(city, tenant_id="acme", after=0, for_s=0))
    assert [line.event for line in told] == ["accepted", "held", "paused", "resumed", "suspended"]
    words = [line.data.get("words") for line in told]
    assert words[1:] == ["by admin", "by admin: moving", "by admin", "batch may by admin"]
    assert told[1].data["id"] == "m-1"


# --- the log ---

INFO = "2026-01-31T12:03:57.250Z INFO message_sent id=1"
WARNING = "2026-01-31T12:04:00.000Z WARNING account_paused why=x"


@pytest.fixture
def path(tmp_path: Path) -> Any:
    """The log of this process; what is in it the test writes."""
    path = tmp_path / "daemon.log"
    log.configure("CRITICAL", path=path)
    yield path
    log.unconfigure()


def write(path: Path, *lines: str) -> None:
    path.write_text("".join(f"{line}\n" for line in lines))


async def test_without_a_log_file_the_reason_is_told(house: Any) -> None:
    with pytest.raises(NotFound, match="stderr"):
        await house.call("getLogs")


async def test_the_last_lines_are_told_with_time_and_level(house: Any, path: Path) -> None:
    write(path, INFO, "odd", WARNING)
    answer = await house.call("getLogs", lines=2)
    assert answer["lines"] == [
        {"line": "odd"},
        {"time": "2026-01-31T12:04:00.000Z", "level": "WARNING", "line": WARNING},
    ]
    found = await house.call("getLogs", level="WARNING", since_ts=1_769_861_000)
    assert [line["line"] for line in found["lines"]] == [WARNING]
    assert (await house.call("getLogs", since_ts=1_800_000_000))["lines"] == []


async def test_new_lines_are_followed_over_a_rotation(house: Any, path: Path) -> None:
    write(path, INFO, WARNING)
    stream = await opened(house, "getLogs", follow=True, lines=1)
    told = await stream.next(1.0) or []
    with path.open("a") as file:
        file.write(f"{INFO} before\n")
    os.replace(path, f"{path}.1")  # noqa: PTH105 - as the log does it
    write(path, f"{INFO} after")
    async with asyncio.timeout(PATIENCE_S):
        while len(told) < 3:
            told += await stream.next(1.0) or []
    stream.close()
    assert [line.data["line"] for line in told] == [WARNING, f"{INFO} before", f"{INFO} after"]
    assert {line.event for line in told} == {"line"}


async def test_of_too_many_new_lines_the_latest_are_told(house: Any, path: Path) -> None:
    stream = await opened(house, "getLogs", follow=True, lines=0)
    with path.open("a") as file:
        file.write(f"{INFO}\n" * 3000)
    told = await stream.next(1.0)
    stream.close()
    assert told is not None
    assert (told[0].event, told[0].data["n"], len(told)) == ("dropped", 2500, 501)


async def test_following_ends_with_its_time_and_with_the_daemon(house: Any, path: Path) -> None:
    assert await taken(await opened(house, "getLogs", follow=True, for_s=0)) == []
    stream = await opened(house, "getLogs", follow=True)
    house.context.streams.stop()
    assert await taken(stream) == []
    assert stream.why_over == "the daemon stops"
