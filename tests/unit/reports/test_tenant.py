from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from mail_proxy.config.settings import ReportSettings
from mail_proxy.http_out import Blocked, Unreachable
from mail_proxy.reports import tenant as tenant_module
from mail_proxy.reports.plan import LOOK_S, Pause, Urge
from mail_proxy.store.values.reports import SyncState


async def rounds(desk, n: int, clock=None) -> Pause:
    """`n` rounds, each at the time that the one before asked for."""
    pause = await desk.round(Urge.TIMER)
    for _ in range(n - 1):
        clock.advance(pause.delay_s)
        pause = await desk.round(Urge.TIMER)
    return pause


# --- events go out ---


async def test_what_waits_is_posted_oldest_first_and_marked(desk, store, http, clock):
    for _ in range(3):
        store.add_event()
    pause = await desk().round(Urge.TIMER)
    assert http.ids == [["m1", "m2", "m3"]]
    assert http.posts[0][0] == "http://acme.example/mail-proxy/sync"
    assert store.states() == ["reported"] * 3
    assert store.sync["acme"].last_sync_ts == clock.now()
    assert pause == Pause(300.0)


async def test_the_requests_whose_news_was_taken_are_told_once(desk, store, http, caplog):
    for request_id in ("post-1", "post-2", "post-1", None):
        store.add_event(data={"sent_ts": 1, "request_id": request_id})
    with caplog.at_level(logging.INFO, logger="mail_proxy"):
        await desk().round(Urge.TIMER)
    assert caplog.records[-1].getMessage() == (
        "requests_reported tenant=acme request_ids=post-1,post-2"
    )


async def test_a_full_post_is_followed_at_once_by_the_next(desk, store, http):
    for _ in range(3):
        store.add_event()
    desk = desk(batch_limit=2)
    assert await desk.round(Urge.TIMER) == Pause(0.0)
    await desk.round(Urge.TIMER)
    assert http.ids == [["m1", "m2"], ["m3"]]


async def test_login_trust_and_deadline_go_along(desk, store, http):
    auth = {"method": "bearer", "token": "t"}
    store.add_tenant(client_auth=auth, url_set_by_admin=False)
    await desk(timeout_s=7.0).round(Urge.TIMER)
    (options,) = http.options
    del options["headers"]
    assert options == {"auth": auth, "trusted": False, "timeout_s": 7.0}


async def test_a_tenants_report_style_is_used(desk, store, http):
    store.add_tenant(report_style="full")
    store.add_event()
    await desk().round(Urge.TIMER)
    assert http.posts[0][1][0]["error"] is None


async def test_a_login_that_cannot_be_read_is_not_left_out(desk, store, http):
    store.add_tenant(secret_unreadable=True)
    store.add_event()
    assert (await desk().round(Urge.TIMER)).holds
    assert http.posts == []
    assert "key is lost" in store.sync["acme"].last_error


async def test_an_inactive_tenant_gets_its_events_and_no_heartbeats(desk, store, http):
    store.add_tenant(active=False)
    assert await desk().round(Urge.TIMER) == Pause(None)
    store.add_event()
    assert await desk().round(Urge.TIMER) == Pause(None)
    assert http.ids == [["m1"]]


async def test_without_a_receiver_events_are_settled_at_once(desk, store, http, metrics):
    store.add_tenant(client_base_url=None)
    store.add_event()
    store.add_event()
    desk = desk(batch_limit=1)
    assert [await desk.round(Urge.TIMER) for _ in range(3)] == [Pause(0.0)] * 2 + [Pause(None)]
    assert store.states() == ["dropped"] * 2
    assert http.posts == []
    assert 'gmp_reports_total{outcome="dropped"} 2.0' in metrics.render()


async def test_a_deleted_tenant_has_no_next_round(desk, http):
    assert await desk("gone").round(Urge.TIMER) == Pause(None)
    assert http.posts == []


# --- failures ---


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((500, {}), "the application answered 500"),
        ((302, {}), "the application answered 302"),
        (Unreachable("no answer"), "no answer"),
        (Blocked("not allowed"), "not allowed"),
    ],
)
async def test_what_is_not_acknowledged_waits_and_comes_again(
    desk, store, http, clock, answer, why
):
    store.add_event()
    http.answers.append(answer)
    desk = desk()
    assert await desk.round(Urge.TIMER) == Pause(5.0, holds=True)
    assert store.sync["acme"] == SyncState(
        "acme", retry_at=clock.now() + 5, failures=1, last_error=why
    )
    clock.advance(5.0)
    await desk.round(Urge.TIMER)
    assert http.ids == [["m1"], ["m1"]]
    assert store.events[1].report_state == "reported"
    assert store.events[1].report_tries == 0
    assert store.sync["acme"].failures == 0
    assert store.sync["acme"].last_error is None


async def test_a_repeat_is_the_same_to_the_byte(desk, store, http, clock):
    store.add_event()
    http.answers.append((500, {}))
    await rounds(desk(), 2, clock)
    assert http.posts[0] == http.posts[1]


async def test_backoff_survives_a_restart(desk, store, http, clock):
    store.add_event()
    http.answers.append((500, {}))
    await desk().round(Urge.TIMER)
    clock.advance(1.0)
    assert await desk().round(Urge.TIMER) == Pause(4.0, holds=True)
    assert len(http.posts) == 1


async def test_the_backoff_grows(desk, store, http, clock):
    store.add_event()
    http.answers.extend([(500, {})] * 4)
    pause = await rounds(desk(), 4, clock)
    assert pause == Pause(40.0, holds=True)


@pytest.mark.parametrize("urge", [Urge.ADMIN, Urge.TENANT])
async def test_run_now_does_not_wait_for_the_backoff(desk, store, http, urge):
    store.add_event()
    http.answers.append((500, {}))
    desk = desk()
    await desk.round(Urge.TIMER)
    await desk.round(urge)
    assert store.states() == ["reported"]


async def test_a_yes_with_an_endless_body_is_a_yes(desk, store, http):
    store.add_event()
    http.answers.append(Unreachable("larger than 1048576 bytes", status=200))
    await desk().round(Urge.TIMER)
    assert store.states() == ["reported"]


async def test_410_pauses_the_tenant(desk, store, http):
    store.add_event()
    http.answers.append((410, {}))
    desk = desk()
    assert await desk.round(Urge.TIMER) == Pause(LOOK_S, holds=True)
    assert store.sync["acme"].paused
    assert await desk.round(Urge.TENANT) == Pause(LOOK_S, holds=True)
    assert len(http.posts) == 1
    assert store.states() == ["pending"]


@pytest.mark.parametrize("paused", [True, False])
async def test_events_that_are_too_old_are_parked_and_the_others_go(
    desk, store, http, clock, paused
):
    store.sync["acme"] = SyncState("acme", paused=paused)
    old = clock.now() - ReportSettings().keep_unreported_s - 1
    for _ in range(5):
        store.add_event(event_ts=old)
    store.add_event()
    await desk(batch_limit=2).round(Urge.TIMER)
    assert store.states() == ["parked"] * 5 + ["pending" if paused else "reported"]
    assert http.ids == ([] if paused else [["m6"]])


# --- refusals by name ---


async def test_a_refused_entry_comes_again_with_backoff_and_delays_no_other(
    desk, store, http, clock
):
    store.add_event()
    store.add_event()
    http.answers.append((200, {"ok": True, "error": ["m1"]}))
    desk = desk()
    assert await desk.round(Urge.TIMER) == Pause(5.0)
    assert store.states() == ["pending", "reported"]
    assert store.events[1].report_tries == 1
    store.add_event()
    await desk.round(Urge.TIMER)
    clock.advance(5.0)
    await desk.round(Urge.TIMER)
    assert http.ids == [["m1", "m2"], ["m3"], ["m1"]]
    assert store.states() == ["reported"] * 3


async def test_an_entry_that_is_always_refused_comes_ten_times_more_and_is_parked(
    desk, store, http, clock, metrics
):
    store.add_tenant(active=False)  # no heartbeats between
    store.add_event()
    http.answers.extend([(200, {"error": ["m1"]})] * 20)
    desk = desk()
    await rounds(desk, 10, clock)
    assert store.states() == ["pending"]
    clock.advance(3600.0)
    assert await desk.round(Urge.TIMER) == Pause(None)
    assert http.ids == [["m1"]] * 11
    assert store.states() == ["parked"]
    assert 'gmp_reports_total{outcome="parked"} 1.0' in metrics.render()


async def test_ok_false_refuses_all_and_counts_a_try(desk, store, http, clock):
    store.add_event()
    store.add_event(report_tries=10)
    http.answers.append((200, {"ok": False}))
    desk = desk()
    assert await desk.round(Urge.TIMER) == Pause(5.0, holds=True)
    assert store.states() == ["pending", "parked"]
    assert store.events[1].report_tries == 1
    clock.advance(5.0)
    await desk.round(Urge.TIMER)
    assert store.states() == ["reported", "parked"]


async def test_a_receiver_that_refuses_everything_by_name_is_held_as_a_whole(
    desk, store, http, monkeypatch
):
    monkeypatch.setattr(tenant_module, "MAX_HELD", 1)
    store.add_event()
    store.add_event()
    http.answers.append((200, {"error": ["m1", "m2"]}))
    assert await desk().round(Urge.TIMER) == Pause(5.0, holds=True)
    assert store.states() == ["pending", "pending"]


# --- heartbeats ---


async def test_an_active_tenant_gets_an_empty_report_at_each_interval(desk, http, clock):
    desk = desk()
    assert await rounds(desk, 3, clock) == Pause(300.0)
    assert http.ids == [[], [], []]


async def test_between_two_heartbeats_nothing_is_posted(desk, http, clock):
    desk = desk()
    await desk.round(Urge.TIMER)
    clock.advance(100.0)
    assert await desk.round(Urge.TIMER) == Pause(200.0)
    assert len(http.posts) == 1


async def test_a_heartbeat_waits_for_the_time_that_was_asked_for_and_events_do_not(
    desk, store, http, clock
):
    http.answers.append((200, {"next_sync_after": clock.now() + 1000}))
    desk = desk()
    assert await desk.round(Urge.TIMER) == Pause(1000.0)
    clock.advance(500.0)
    assert await desk.round(Urge.ADMIN) == Pause(500.0)
    store.add_event()
    await desk.round(Urge.TIMER)
    assert http.ids == [[], ["m1"]]


async def test_the_time_that_was_asked_for_survives_a_restart(desk, store, http, clock):
    http.answers.append((200, {"next_sync_after": clock.now() + 1000}))
    await desk().round(Urge.TIMER)
    assert await desk().round(Urge.TIMER) == Pause(1000.0)


async def test_run_now_of_a_tenant_calls_it_in_any_case(desk, http, clock):
    http.answers.append((200, {"next_sync_after": clock.now() + 1000}))
    desk = desk()
    await desk.round(Urge.TIMER)
    await desk.round(Urge.TENANT)
    assert http.ids == [[], []]


async def test_queued_brings_the_next_call_soon_and_ever_later(desk, http, clock):
    http.answers.extend([(200, {"queued": 5})] * 9)
    desk = desk()
    waits = []
    for _ in range(9):
        pause = await desk.round(Urge.TIMER)
        waits.append(pause.delay_s)
        clock.advance(pause.delay_s)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


async def test_events_make_queued_soon_again(desk, store, http, clock):
    http.answers.extend([(200, {"queued": 5})] * 5)
    desk = desk()
    await rounds(desk, 4, clock)
    store.add_event()
    assert await desk.round(Urge.TIMER) == Pause(1.0)


async def test_a_failed_heartbeat_is_repeated_with_backoff(desk, store, http, clock):
    http.answers.append((500, {}))
    assert await desk().round(Urge.TIMER) == Pause(5.0, holds=True)
    assert store.sync["acme"].failures == 1


# --- writing ---


async def test_many_posts_in_a_moment_write_the_sync_state_once(desk, store, clock):
    desk = desk()
    for _ in range(20):
        store.add_event()
        await desk.round(Urge.TIMER)
        clock.advance(0.05)
    assert store.sync_writes == 1


async def test_the_errors_of_a_tenant_do_not_change_what_it_asked_for(desk, store, http, clock):
    before = SyncState("acme", last_sync_ts=1.0, next_sync_after=clock.now() - 1)
    store.sync["acme"] = before
    http.answers.append((500, {}))
    await desk().round(Urge.TIMER)
    after = store.sync["acme"]
    assert replace(after, retry_at=None, failures=0, last_error=None) == before
