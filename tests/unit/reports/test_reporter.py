from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from mail_proxy.config.settings import ReportSettings
from mail_proxy.domain.clock import SystemClock
from mail_proxy.domain.errors import StoreUnavailable
from mail_proxy.http_out import OutgoingHttp
from mail_proxy.observe.news import News
from mail_proxy.reports import Reporter
from mail_proxy.reports.agenda import COALESCE_S, FIRST_S
from mail_proxy.reports.reporter import STORE_PAUSE_S
from mail_proxy.sinks.reports import ReportSink
from mail_proxy.store.values.reports import SyncState
from tests.patience import PATIENCE_S


async def settle() -> None:
    """Let every task go on until it waits for something from outside."""
    for _ in range(50):
        await asyncio.sleep(0)


@pytest.fixture
def calm(store, clock):
    """No heartbeat is due: only events are posted."""
    for tenant_id in store.tenants:
        store.sync[tenant_id] = SyncState(tenant_id, last_sync_ts=clock.now())


async def test_what_was_left_by_the_last_run_is_posted_at_start(reporting, store, http):
    store.add_event()
    reporting()
    await http.posted(1)
    assert http.ids == [["m1"]]


async def test_at_start_every_active_tenant_with_a_receiver_is_greeted(reporting, store, http):
    store.add_tenant("idle", active=False)
    store.add_tenant("deaf", client_base_url=None)
    store.add_tenant("beta")
    reporting()
    await settle()
    assert sorted(url for url, _ in http.posts) == [
        "http://acme.example/mail-proxy/sync",
        "http://beta.example/mail-proxy/sync",
    ]


@pytest.mark.usefixtures("calm")
async def test_a_wake_posts_within_milliseconds(reporting, store, http, clock):
    reporter = reporting()
    await settle()
    clock.advance(10.0)
    store.add_event()
    reporter.wake("acme")
    await settle()
    clock.advance(FIRST_S * 1.01)
    await http.posted(1)
    assert http.ids == [["m1"]]


@pytest.mark.usefixtures("calm")
async def test_events_of_a_burst_share_a_post(reporting, store, http, clock):
    reporter = reporting()
    await settle()
    for _ in range(5):
        store.add_event()
        reporter.wake("acme")
        await settle()
    clock.advance(COALESCE_S)
    await http.posted(1)
    assert http.ids == [["m1", "m2", "m3", "m4", "m5"]]


@pytest.mark.usefixtures("calm")
async def test_what_is_written_during_a_post_goes_with_the_next(reporting, store, http, clock):
    reporter = reporting()
    await settle()
    http.gate.clear()
    store.add_event()
    reporter.wake("acme")
    clock.advance(COALESCE_S)
    await http.posted(1)
    store.add_event()
    reporter.wake("acme")
    http.gate.set()
    await settle()
    clock.advance(COALESCE_S)
    await http.posted(2)
    assert http.ids == [["m1"], ["m2"]]


async def test_a_receiver_that_hangs_delays_no_other_tenant(reporting, store, http):
    store.add_tenant("beta")
    http.hanging.add("http://acme.example/mail-proxy/sync")
    store.add_event("acme")
    store.add_event("beta")
    reporter = reporting()
    await settle()
    assert store.states() == ["pending", "reported"]
    for task in reporter._rounds:
        task.cancel()


async def test_heartbeats_go_on(reporting, http, clock):
    reporting(interval_s=50.0)
    await http.posted(1)
    await settle()
    clock.advance(50.0)
    await http.posted(2)
    assert http.ids == [[], []]


async def test_a_tenant_that_was_added_without_a_word_is_found_within_a_minute(
    reporting, store, http, clock
):
    reporting()
    await http.posted(1)
    store.add_tenant("beta")
    await settle()
    clock.advance(60.0)
    await http.posted(2)
    assert http.posts[1][0] == "http://beta.example/mail-proxy/sync"


@pytest.mark.usefixtures("calm")
async def test_in_backoff_events_wait_and_run_now_ends_it(reporting, store, http, clock):
    store.add_event()
    http.answers.append((500, {}))
    reporter = reporting()
    await http.posted(1)
    await settle()
    reporter.wake("acme")
    clock.advance(1.0)
    await settle()
    assert len(http.posts) == 1
    reporter.run_now("acme")
    await http.posted(2)


@pytest.mark.usefixtures("calm")
async def test_run_now_for_all_ends_every_backoff(reporting, store, http):
    store.add_event()
    http.answers.append((500, {}))
    reporter = reporting()
    await http.posted(1)
    await settle()
    reporter.run_now(None)
    await http.posted(2)
    assert http.ids == [["m1"], ["m1"]]


async def test_run_now_for_all_spares_a_tenant_that_asked_not_to_be_called(
    reporting, store, http, clock
):
    store.add_tenant("beta")
    for tenant_id in store.tenants:
        store.sync[tenant_id] = SyncState(tenant_id, last_sync_ts=clock.now())
    store.sync["beta"] = replace(store.sync["beta"], next_sync_after=clock.now() + 1000)
    reporter = reporting()
    await settle()
    reporter.run_now(None)
    await settle()
    assert [url for url, _ in http.posts] == ["http://acme.example/mail-proxy/sync"]


async def test_a_paused_tenant_is_reported_to_again_after_resume(reporting, store, http):
    store.add_event()
    http.answers.append((410, {}))
    reporter = reporting()
    await http.posted(1)
    await settle()
    reporter.run_now("acme")
    await settle()
    assert len(http.posts) == 1
    await reporter.resume("acme")
    await http.posted(2)
    await settle()
    assert store.states() == ["reported"]


@pytest.mark.parametrize("answer", [(410, {}), (500, {})])
async def test_a_refusal_of_the_old_receiver_does_not_stop_reports_to_the_new_one(
    reporting, store, http, answer
):
    event = store.add_event()
    http.answers.append(answer)
    http.gate.clear()
    reporter = reporting()
    await http.posted(1)
    store.add_tenant(client_base_url="http://new.example")
    await reporter.resume("acme")
    http.gate.set()
    await http.posted(2)
    await settle()
    assert http.posts[1][0] == "http://new.example/mail-proxy/sync"
    assert http.ids[1] == [event.message_id]
    assert store.states() == ["reported"]
    assert not store.sync["acme"].paused


async def test_when_the_store_fails_the_round_is_repeated(reporting, store, http, clock):
    store.add_event()
    store.trouble = StoreUnavailable("locked")
    reporting()
    await settle()
    store.trouble = None
    clock.advance(STORE_PAUSE_S)
    await http.posted(1)
    assert http.ids == [["m1"]]


async def test_a_bug_for_one_tenant_does_not_stop_the_others(reporting, store, http, caplog):
    store.add_tenant("beta")
    store.add_event("acme", data=None)
    store.add_event("beta")
    reporting()
    await settle()
    assert store.states() == ["pending", "reported"]
    assert 'task_broke where="reports of acme"' in caplog.text


async def test_in_test_mode_nothing_is_posted_before_run_now(reporting, store, http, clock):
    store.add_event()
    reporter = reporting(test_mode=True)
    await settle()
    clock.advance(10_000.0)
    await settle()
    assert http.posts == []
    reporter.run_now(None)
    await http.posted(1)
    await settle()
    clock.advance(10_000.0)
    await settle()
    assert http.ids == [["m1"]]


async def test_in_test_mode_events_of_a_delivery_are_posted(reporting, store, http, clock):
    reporter = reporting(test_mode=True)
    store.add_event()
    reporter.wake("acme")
    clock.advance(FIRST_S)
    await http.posted(1)
    assert http.ids == [["m1"]]


async def test_stop_waits_for_the_post_under_way(reporting, store, http):
    store.add_event()
    http.gate.clear()
    reporter = reporting()
    await http.posted(1)
    async with asyncio.TaskGroup() as tasks:
        stopping = tasks.create_task(reporter.stop())
        await settle()
        assert not stopping.done()
        http.gate.set()
    assert store.states() == ["reported"]


async def test_stop_does_not_wait_for_ever(reporting, store, http, monkeypatch):
    monkeypatch.setattr("mail_proxy.reports.reporter.STOP_GRACE_S", 0.01)
    store.add_event()
    http.hanging.add("http://acme.example/mail-proxy/sync")
    reporter = reporting()
    await http.posted(1)
    async with asyncio.timeout(PATIENCE_S):
        await reporter.stop()
    assert store.states() == ["pending"]


async def test_a_reporter_that_never_ran_stops_at_once(store, http, clock, metrics):
    reporter = Reporter(
        store, http, ReportSettings(), clock=clock, metrics=metrics, news=News(clock)
    )
    async with asyncio.timeout(PATIENCE_S):
        await reporter.stop()
        await reporter.run()
    assert http.posts == []


async def test_over_a_real_connection_an_event_arrives_and_is_acknowledged(store, metrics):
    async with ReportSink() as sink, OutgoingHttp() as http, asyncio.TaskGroup() as tasks:
        store.add_tenant(
            client_base_url=sink.base_url, client_auth={"method": "bearer", "token": "t"}
        )
        reporter = Reporter(
            store,
            http,
            ReportSettings(),
            clock=SystemClock(),
            metrics=metrics,
            news=News(SystemClock()),
        )
        tasks.create_task(reporter.run())
        await sink.wait_for_posts(1)  # the greeting
        event = store.add_event(event_ts=SystemClock().now())
        reporter.wake("acme")
        await sink.wait_for(1)
        await reporter.stop()
    assert sink.entries[0]["event_id"] == str(event.pk)
    assert sink.posts[1].headers["Authorization"] == "Bearer t"
    assert store.states() == ["reported"]
