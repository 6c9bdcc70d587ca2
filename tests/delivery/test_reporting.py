"""From the mail server's reply to the application's receipt: engine, store and reporter at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from mail_proxy.config.settings import ReportSettings
from mail_proxy.domain.clock import SystemClock
from mail_proxy.domain.reply import Stage
from mail_proxy.http_out import OutgoingHttp
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.observe.news import News
from mail_proxy.reports import Reporter, ReportStore
from mail_proxy.sinks.reports import ReportSink
from mail_proxy.store import Tenant
from tests.patience import PATIENCE_S

House = Any
SETTINGS = ReportSettings(first_backoff_s=0.01)  # by the real clock


class DiesBeforeMarking:
    """A store that is never told that reports were acknowledged."""

    def __init__(self, store: ReportStore) -> None:
        self._store = store
        self.is_reached = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def mark_reported(self, *_: Any, **__: Any) -> None:
        self.is_reached.set()
        await asyncio.Event().wait()


@asynccontextmanager
async def reporting(store: Any) -> AsyncIterator[Reporter]:
    """A reporter that runs inside the block."""
    async with OutgoingHttp() as http, asyncio.TaskGroup() as tasks:
        reporter = Reporter(
            store,
            http,
            SETTINGS,
            clock=SystemClock(),
            metrics=MailMetrics(),
            news=News(SystemClock()),
        )
        tasks.create_task(reporter.run())
        yield reporter
        await reporter.stop()


async def told_to(house: House, sink: ReportSink) -> None:
    """Reports of the house's tenant go to `sink`."""
    tenant = Tenant("acme", name="Acme Ltd", client_base_url=sink.base_url)
    await house.store.put_tenant(tenant, now=house.clock.now())


async def settle_three(house: House) -> None:
    """One message after the other: sent, refused, put off."""
    house.relay.answer(Stage.RCPT, "550 5.1.1 no such user", recipient="gone@x.example")
    house.relay.answer(Stage.RCPT, "451 4.7.1 later", recipient="full@x.example")
    for n, name in enumerate(("ann", "gone", "full"), 1):
        await house.post(name, to=[f"{name}@x.example"])
        await house.statuses(n)


def kinds(entries: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """Each entry's message, and what became of it."""
    names = ("sent_ts", "error_ts", "deferred_ts")
    return [(entry["id"], name) for entry in entries for name in names if name in entry]


THREE = [("ann", "sent_ts"), ("gone", "error_ts"), ("full", "deferred_ts")]


async def test_what_became_of_each_message_is_reported_once_and_in_order(house: House) -> None:
    # 200 for the greeting, 500 for the first report, then 200.
    async with ReportSink(answers=[200, 500]) as sink:
        await told_to(house, sink)
        async with reporting(house.store) as reporter:
            await sink.wait_for_posts(1)
            house.make_engine(on_event=reporter.wake)
            async with house.running():
                await settle_three(house)
                await sink.wait_for(3)
    assert [post.status for post in sink.posts[:3]] == [200, 500, 200]
    assert kinds(sink.entries) == THREE
    assert len({entry["event_id"] for entry in sink.entries}) == 3
    assert await house.store.unreported("acme", limit=10) == []
    assert (await house.store.get_sync_state("acme")).failures == 0


async def test_reports_that_were_taken_and_not_noted_come_again_with_the_same_event_ids(
    house: House,
) -> None:
    async with house.running():
        await settle_three(house)
    async with ReportSink() as sink:
        await told_to(house, sink)
        dying = DiesBeforeMarking(house.store)
        async with OutgoingHttp() as http, asyncio.TaskGroup() as tasks:
            clock, metrics = SystemClock(), MailMetrics()
            first = Reporter(dying, http, SETTINGS, clock=clock, metrics=metrics, news=News(clock))
            running = tasks.create_task(first.run())
            async with asyncio.timeout(PATIENCE_S):
                await dying.is_reached.wait()
            running.cancel()
        async with reporting(house.store):
            await sink.wait_for(6)
        async with reporting(house.store) as reporter:
            reporter.run_now("acme")
            await sink.wait_for_posts(3)
    assert kinds(sink.entries) == THREE * 2
    ids = [entry["event_id"] for entry in sink.entries]
    assert ids[:3] == ids[3:]
    assert sink.posts[2].body == {"delivery_report": []}
