"""What a dashboard reads: from a running daemon, and from what one leaves when it is gone."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mail_proxy.control.http import HttpControl
from mail_proxy.domain.errors import Invalid, MailProxyError, NotFound, NotRunning, StoreUnavailable
from mail_proxy.domain.reply import Stage
from mail_proxy.domain.state import State
from mail_proxy_tui.feed.actions import in_doubt_of, without_refused
from mail_proxy_tui.feed.at_rest import RestingFeed
from mail_proxy_tui.feed.base import (
    AccountState,
    Action,
    CallbackState,
    Feed,
    Happening,
    MessageKey,
    Order,
    Query,
    Verb,
)
from mail_proxy_tui.feed.live import LiveFeed
from tests.end_to_end.served import PATIENCE_S
from tests.faults.installation import Installation, until

pytestmark = pytest.mark.slow

Running = Any  # see conftest: an instance with a tenant, an account, a relay and an application

TWO = ["later@x.example", "b@x.example"]
HOSTILE = "[/b] $(id) 日本"


@asynccontextmanager
async def live(main: Installation) -> AsyncIterator[LiveFeed]:
    feed = LiveFeed(HttpControl(main.instance.socket_path))
    try:
        yield feed
    finally:
        await feed.aclose()


def at_rest(main: Installation) -> RestingFeed:
    instance = main.instance
    return RestingFeed(instance.name, instance.database_path, instance.log_path)


async def fill(main: Installation, session: aiohttp.ClientSession) -> None:
    """One sent, one refused, one deferred, one scheduled, one held, two of a suspended batch."""
    main.relay.answer(Stage.RCPT, "550 5.1.1 no such user", recipient="gone@x.example")
    main.relay.answer(Stage.RCPT, "451 4.7.1 later", recipient="later@x.example")
    await main.call("suspend", tenant_id="acme", batch_code="sale")
    for id_, fields in (
        ("sent", {}),
        ("refused", {"to": ["gone@x.example"]}),
        (
            f"deferred {HOSTILE}",
            {"to": ["later@x.example", "b@x.example"], "subject": f"\u202e{HOSTILE}"},
        ),
        ("scheduled", {"deferred_ts": 4_000_000_000, "priority": 0}),
        ("held", {"deferred_ts": 4_000_000_000}),
        ("sale-1", {"batch_code": "sale", "priority": 3}),
        ("sale-2", {"batch_code": "sale", "subject": "100%_sale"}),
    ):
        await main.post(session, [id_], **fields)
    await main.call("holdMessages", tenant_id="acme", ids=["held"])
    async with live(main) as feed:
        await until_settled(feed)


async def until_settled(feed: LiveFeed) -> None:
    """Until the relay has answered to all that goes at once."""
    wanted = {"sent": "sent", "refused": "error", f"deferred {HOSTILE}": "deferred"}
    async with asyncio.timeout(PATIENCE_S):
        while True:
            rows = (await feed.page(Query())).rows
            tried = {row.key.id: row.status for row in rows if row.tries}
            if tried == wanted:
                return
            await asyncio.sleep(0.02)


FILTERS = (
    "",
    "state:deferred",
    "state:pending",
    "state:ready,failed",
    "-state:sent",
    "state:all tries:>0",
    "pri:high",
    "pri:<2",
    "to:*@x.example",
    "to:LATER@x.example",
    "sale",
    "id:sale*",
    "id:*-2",
    "batch:sale -id:sale-1",
    "-batch:sale",
    "error:451",
    'error:"no such"',
    "subject:100%_sale",
    f'subject:"\u202e{HOSTILE}"',
    "tenant:acme account:main",
    "tenant:other",
    "age:<1h",
    "age:>1h",
    "created:>=2020-01-01",
    "from:*@*",
    "(x",
)


async def ids_of(feed: Feed, filter_: str) -> list[str] | str:
    """Of all that match, whatever their order; or why the filter cannot be read."""
    try:
        return sorted(row.key.id for row in (await feed.page(Query(filter_))).rows)
    except Invalid as error:
        return str(error)


async def test_the_file_at_rest_tells_what_the_daemon_told(running: Running) -> None:
    async with running() as main, aiohttp.ClientSession() as session:
        await fill(main, session)
        async with live(main) as feed:
            found = {each: await ids_of(feed, each) for each in FILTERS}
            told = {row.key.id: row for row in (await feed.page(Query())).rows}
            letter = await feed.letter(told["refused"].key)
            by_state = (await feed.numbers()).all
            tenant = (await feed.tenants())[0]
        await main.stop()
        rest = at_rest(main)
        assert {each: await ids_of(rest, each) for each in FILTERS} == found
        rows = {row.key.id: row for row in (await rest.page(Query())).rows}
        same_letter = await rest.letter(told["refused"].key)
        numbers = await rest.numbers("acme")
        same_tenant = (await rest.tenants())[0]

    assert len(found[""]) == 7
    assert found["batch:sale -id:sale-1"] == ["sale-2"]
    for id_, row in rows.items():
        live_row = told[id_]
        for name in ("key", "account_id", "state", "status", "priority", "to", "subject", "tries"):
            assert getattr(row, name) == getattr(live_row, name), (id_, name)
        assert row.more_recipients == live_row.more_recipients
    assert rows[f"deferred {HOSTILE}"].next_at == pytest.approx(
        told[f"deferred {HOSTILE}"].next_at, abs=1.0
    )
    assert (numbers.all.deferred, numbers.all.ready, numbers.all.suspended) == (2, 0, 2)
    assert (numbers.all.sent, numbers.all.failed, numbers.all.held) == (1, 1, 1)
    assert (by_state.sent, by_state.failed, by_state.queued) == (1, 1, numbers.all.queued)
    kinds = ["accepted", "attempt", "failed", "reported"]
    assert [entry.kind for entry in letter.timeline] == kinds
    assert [entry.kind for entry in same_letter.timeline] == kinds
    assert same_letter.timeline[1].words == letter.timeline[1].words
    assert letter.timeline[1].words.startswith(f"{main.relay.host}:{main.relay.port}")
    assert same_letter.recipients == letter.recipients
    assert same_letter.headers == letter.headers
    assert same_letter.body == letter.body != ""
    assert (same_tenant.suspended, tenant.suspended) == (("sale",), ("sale",))
    assert same_tenant.callback.state is tenant.callback.state is CallbackState.OK


def fingerprint(folder: Path, names: str = "mail_service.db*") -> dict[str, str]:
    """The files, with what is in them."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob(names))
    }


async def look_at_all(feed: Feed) -> int:
    """Every question once; how many messages there are."""
    await feed.numbers()
    await feed.tenants()
    await feed.accounts()
    await feed.errors("acme", "main")
    rows = (await feed.page(Query(order=Order.NEXT))).rows
    for row in rows:
        await feed.letter(row.key)
    return len(rows)


@pytest.mark.parametrize("end", ["stopped", "killed"])
async def test_looking_at_a_file_at_rest_changes_nothing(running: Running, end: str) -> None:
    async with running() as main, aiohttp.ClientSession() as session:
        await fill(main, session)
        await (main.stop() if end == "stopped" else main.kill())
        before = fingerprint(main.instance.folder)
        assert await look_at_all(at_rest(main)) == 7
        assert fingerprint(main.instance.folder) == before
        assert ("mail_service.db-wal" in before) == (end == "killed")
        await main.start()
        async with live(main) as feed:
            assert await look_at_all(feed) == 7


async def test_a_file_that_may_not_be_written_is_read(running: Running) -> None:
    async with running() as main, aiohttp.ClientSession() as session:
        await fill(main, session)
        await main.kill()
        folder = main.instance.folder
        folder.chmod(0o500)
        try:
            assert await look_at_all(at_rest(main)) == 7
        finally:
            folder.chmod(0o700)


async def test_the_file_is_read_while_a_daemon_writes_it(running: Running) -> None:
    async with running() as main, aiohttp.ClientSession() as session:
        await fill(main, session)
        main.freeze()
        try:
            assert await look_at_all(at_rest(main)) == 7
        finally:
            main.thaw()


async def test_pages_go_on_in_every_order(running: Running) -> None:
    async with running() as main, aiohttp.ClientSession() as session:
        await fill(main, session)
        await main.stop()
        rest = at_rest(main)
        for order in Order:
            for is_reversed in (False, True):
                query = Query(order=order, is_reversed=is_reversed)
                whole = await rest.page(query)
                parts, cursor = [], None
                while True:
                    page = await rest.page(query, cursor, 2)
                    parts += page.rows
                    cursor = page.next_cursor
                    if cursor is None:
                        break
                assert tuple(parts) == whole.rows
                assert whole.count == 7
        by_time = [row.key.id for row in (await rest.page(Query(order=Order.NEXT))).rows]
        by_age = [row.key.id for row in (await rest.page(Query(order=Order.AGE))).rows]
        by_priority = [row.priority for row in (await rest.page(Query(order=Order.PRIORITY))).rows]

    assert set(by_time[-2:]) == {"sent", "refused"}
    assert (by_age[0], by_age[-1]) == ("sent", "sale-2")
    assert by_priority == sorted(by_priority)


async def test_without_a_daemon_nothing_is_done_and_nothing_happens(running: Running) -> None:
    async with running() as main:
        await main.stop()
        rest = at_rest(main)
        with pytest.raises(NotRunning):
            await rest.act(Action(Verb.RUN_NOW))
        with pytest.raises(NotRunning):
            await anext(rest.happenings())
        with pytest.raises(NotFound):
            await rest.letter(MessageKey("1", "nobody", "acme"))
        async with live(main) as feed:
            with pytest.raises(NotRunning):
                await feed.numbers()
        async with aclosing(rest.log(100)) as log, asyncio.timeout(PATIENCE_S):
            async for line in log:
                if "daemon_stopped" in line.line:
                    assert (line.level, line.time[-1]) == ("INFO", "Z")
                    break


async def test_a_file_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    feed = RestingFeed("myserver", tmp_path / "none.db", tmp_path / "daemon.log")
    with pytest.raises(StoreUnavailable, match=r"none\.db"):
        await feed.numbers()
    assert fingerprint(tmp_path, "*") == {}


async def test_what_is_done_is_told_message_by_message(running: Running) -> None:
    async with running() as main, aiohttp.ClientSession() as session:
        await fill(main, session)
        async with live(main) as feed:
            rows = {row.key.id: row.key for row in (await feed.page(Query())).rows}
            some = (rows["scheduled"], rows["sent"], rows["held"])
            trial = await feed.act(Action(Verb.RETRY, some), is_trial=True)
            unchanged = await feed.letter(rows["held"])
            done = await feed.act(Action(Verb.RETRY, some))
            freed = await feed.act(Action(Verb.FREE, filter="id:held"))
            matching = await feed.act(Action(Verb.DELETE, filter="batch:sale"), is_trial=True)
            deleted = await feed.act(Action(Verb.DELETE, filter="batch:sale"))
            left = {row.key.id for row in (await feed.page(Query("batch:sale"))).rows}

    assert (trial.done, unchanged.row.state) == (2, State.HELD)
    assert (done.done, done.refused_count) == (2, 1)
    assert done.refused[0].key == rows["sent"]
    assert done.refused[0].reason.startswith("already sent")
    assert (freed.done, freed.refused_count) == (0, 1)
    assert (matching.done, deleted.done, left) == (2, 2, set())


async def test_what_is_in_doubt_is_settled_and_only_that_is_sent_again(running: Running) -> None:
    names = ("arrived", "lost", "again")
    async with running() as main, aiohttp.ClientSession() as session:
        await main.add_account(in_doubt="hold")
        main.relay.drop(Stage.DOT, times=len(names))
        for name in names:
            await main.post(session, [name])
        await main.post(session, ["waiting"], deferred_ts=4_000_000_000)
        async with live(main) as feed:

            async def all_are_in_doubt() -> bool:
                return (await feed.numbers()).all.in_doubt == len(names)

            await until(all_are_in_doubt)
            rows = {row.key.id: row.key for row in (await feed.page(Query())).rows}
            all_of_them = Action(Verb.SETTLE_SENT, tuple(rows.values()))
            trial = await feed.act(all_of_them, is_trial=True)
            meant = without_refused(all_of_them, trial)
            await feed.act(Action(Verb.SETTLE_SENT, (rows["arrived"],)))
            await feed.act(Action(Verb.SETTLE_FAILED, (rows["lost"],)))
            again = await feed.act(in_doubt_of(Action(Verb.RETRY, filter="state:all")))

            async def is_sent() -> bool:
                return (await feed.letter(rows["again"])).row.state is State.SENT

            await until(is_sent)
            states = {row.key.id: row.state for row in (await feed.page(Query())).rows}

    assert {key.id for key in meant.messages} == set(names)
    assert again.done == 1
    assert states == {
        "arrived": State.SENT,
        "lost": State.FAILED,
        "again": State.SENT,
        "waiting": State.WAITING,
    }


async def test_accounts_are_paused_and_tenants_suspended(running: Running) -> None:
    async with running() as main, live(main) as feed:
        await feed.act(Action(Verb.PAUSE, tenant_id="acme", account_id="main"))
        await feed.act(Action(Verb.SUSPEND, tenant_id="acme"))
        (account,), (tenant,) = await feed.accounts(), await feed.tenants()
        assert (account.state, tenant.suspended) == (AccountState.PAUSED, ("*",))
        await main.stop()
        (account,), (tenant,) = await at_rest(main).accounts(), await at_rest(main).tenants()
        assert (account.state, tenant.suspended) == (AccountState.PAUSED, ("*",))
        await main.start()
        await feed.act(Action(Verb.RESUME, tenant_id="acme", account_id="main"))
        await feed.act(Action(Verb.ACTIVATE, tenant_id="acme"))
        await feed.act(Action(Verb.RUN_NOW, tenant_id="acme"))
        (account,), (tenant,) = await feed.accounts(), await feed.tenants()
    assert (account.state, tenant.suspended) == (AccountState.OK, ())


async def test_events_and_log_lines_are_told_as_they_come(running: Running) -> None:
    async with running() as main, aiohttp.ClientSession() as session:
        await main.post(session, ["m-1"])
        await main.until_empty()
        async with live(main) as feed, asyncio.timeout(PATIENCE_S):
            async with aclosing(feed.happenings("acme")) as told:
                first = await until_kind(told, "sent")
                await main.post(session, ["m-2"])
                second = await until_kind(told, "sent")
            async with aclosing(feed.happenings("acme", first.number or 0)) as told:
                after_first = await until_kind(told, "sent")
            async with aclosing(feed.log(5)) as log:
                assert "m-2" in [line.line async for line in first_lines(log, "id=m-2")][-1]
            await main.kill()
            with pytest.raises(MailProxyError):
                await anext(feed.happenings())

    assert (first.message_id, second.message_id) == ("m-1", "m-2")
    assert after_first == second
    assert second.words.startswith("250")
    assert (second.number or 0) > (first.number or 0)


async def until_kind(told: AsyncIterator[Happening], kind: str) -> Happening:
    async for each in told:
        if each.kind == kind:
            return each
    raise AssertionError("events ended")


async def first_lines(log: AsyncIterator[Any], part: str) -> AsyncIterator[Any]:
    """Up to the one that has it."""
    async for line in log:
        yield line
        if part in line.line:
            return
