from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail_proxy.config.settings import ReportSettings
from mail_proxy.reports import plan
from mail_proxy.reports.entries import Answer
from mail_proxy.reports.plan import LOOK_S, Receiver, Urge
from mail_proxy.store.values.reports import SyncState
from mail_proxy.store.values.tenants import Tenant

NOW = 1_800_000_000.0
SETTINGS = ReportSettings()
IDLE = SyncState("acme", last_sync_ts=NOW - 100)

# --- where to ---


def test_a_tenant_is_called_at_its_base_url_and_path():
    tenant = Tenant("acme", client_base_url="https://a.example/", client_sync_path="/hook")
    assert plan.receiver_of(tenant, SETTINGS).url == "https://a.example/hook"


def test_the_path_has_a_default():
    tenant = Tenant("acme", client_base_url="https://a.example/x/")
    assert plan.receiver_of(tenant, SETTINGS).url == "https://a.example/x/mail-proxy/sync"


@pytest.mark.parametrize("by_admin", [True, False])
def test_trust_follows_who_set_the_url(by_admin):
    tenant = Tenant("acme", client_base_url="https://a.example", url_set_by_admin=by_admin)
    assert plan.receiver_of(tenant, SETTINGS).trusted is by_admin


def test_a_tenants_login_goes_to_its_own_url_only():
    for_all = replace(SETTINGS, client_sync_url="http://10.0.0.1/sync", client_sync_token="t")
    tenant = Tenant("acme", client_auth={"method": "bearer", "token": "own"})
    bearer = {"method": "bearer", "token": "t"}
    assert plan.receiver_of(tenant, for_all) == Receiver("http://10.0.0.1/sync", bearer, True)


def test_the_url_for_all_may_have_a_user_or_no_login():
    named = replace(
        SETTINGS, client_sync_url="http://x", client_sync_user="u", client_sync_password="p"
    )
    assert plan.receiver_of(Tenant("a"), named).auth == {
        "method": "basic",
        "user": "u",
        "password": "p",
    }
    assert plan.receiver_of(Tenant("a"), ReportSettings(client_sync_url="http://x")).auth is None


def test_without_any_url_there_is_no_receiver():
    assert plan.receiver_of(Tenant("acme"), SETTINGS) is None


def test_a_receiver_does_not_show_its_login():
    assert "hunter2" not in repr(Receiver("http://x", {"token": "hunter2"}, True))


# --- backoff ---


def test_the_wait_doubles_up_to_its_limit():
    waits = [plan.backoff_s(SETTINGS, n, 0.0) for n in range(1, 13)]
    assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]


@settings(max_examples=50)
@given(st.integers(1, 10**6), st.floats(0, 1, exclude_max=True))
def test_jitter_adds_at_most_a_tenth(failures, dice):
    least = plan.backoff_s(SETTINGS, failures, 0.0)
    assert least <= plan.backoff_s(SETTINGS, failures, dice) <= least * 1.1


def test_a_post_is_halved_after_repeated_failures_and_never_empty():
    sizes = [plan.batch_size(SETTINGS, n) for n in (0, 1, 2, 3, 10, 11, 5000)]
    assert sizes == [1000, 1000, 500, 250, 1, 1, 1]


@pytest.mark.parametrize(
    ("retry_at", "urge", "expected"),
    [
        (None, Urge.TIMER, 0.0),
        (NOW + 7, Urge.TIMER, 7.0),
        (NOW - 7, Urge.TIMER, 0.0),
        (NOW + 7, Urge.ADMIN, 0.0),
        (NOW + 7, Urge.TENANT, 0.0),
        (NOW + 10**6, Urge.TIMER, 3960.0),  # the clock was set back
    ],
)
def test_backoff_holds_until_its_time_or_until_run_now(retry_at, urge, expected):
    sync = replace(IDLE, retry_at=retry_at)
    assert plan.hold_s(sync, SETTINGS, now=NOW, urge=urge) == pytest.approx(expected)


@pytest.mark.parametrize("urge", list(Urge))
def test_a_paused_tenant_is_held_whoever_asks(urge):
    assert plan.hold_s(replace(IDLE, paused=True), SETTINGS, now=NOW, urge=urge) == LOOK_S


# --- heartbeats ---


@pytest.mark.parametrize(
    ("last_sync", "next_sync", "urge", "expected"),
    [
        (None, None, Urge.TIMER, 0.0),
        (NOW, None, Urge.TIMER, 300.0),
        (NOW - 299, None, Urge.TIMER, 1.0),
        (NOW - 301, None, Urge.TIMER, 0.0),
        (NOW + 9999, None, Urge.TIMER, 300.0),  # the clock was set back
        (NOW - 9999, NOW + 40, Urge.TIMER, 40.0),  # exactly that time, not 300 s after it
        (NOW, NOW + 40, Urge.TIMER, 40.0),
        (NOW, NOW - 1, Urge.TIMER, 0.0),
        (NOW, None, Urge.ADMIN, 0.0),
        (NOW, NOW + 40, Urge.ADMIN, 40.0),  # it asked not to be called
        (NOW, NOW + 40, Urge.TENANT, 0.0),
    ],
)
def test_a_heartbeat_comes_at_its_time(last_sync, next_sync, urge, expected):
    sync = SyncState("acme", last_sync_ts=last_sync, next_sync_after=next_sync)
    assert plan.heartbeat_s(sync, SETTINGS, now=NOW, urge=urge) == expected


def test_an_interval_of_0_makes_no_loop():
    sync = SyncState("acme", last_sync_ts=NOW)
    every_0_s = replace(SETTINGS, interval_s=0.0)
    assert plan.heartbeat_s(sync, every_0_s, now=NOW, urge=Urge.TIMER) == 1.0


def test_an_answer_that_says_nothing_leaves_the_usual_interval():
    assert plan.next_sync_after(Answer(), now=NOW, quiet=0) is None


def test_a_time_that_was_asked_for_is_kept_exactly():
    answer = Answer(next_sync_after=NOW + 12.5)
    assert plan.next_sync_after(answer, now=NOW, quiet=0) == NOW + 12.5


def test_queued_messages_bring_the_next_call_soon_and_ever_later_while_nothing_comes():
    answer = Answer(queued=True)
    waits = [plan.next_sync_after(answer, now=NOW, quiet=n) - NOW for n in (0, 1, 2, 5, 6, 10**6)]
    assert waits == [1, 2, 4, 32, 60, 60]


def test_a_time_in_the_past_makes_no_loop():
    answer = Answer(next_sync_after=NOW - 100)
    assert plan.next_sync_after(answer, now=NOW, quiet=0) == NOW + 1
    assert plan.next_sync_after(answer, now=NOW, quiet=6) == NOW + 60


def test_a_wish_not_to_be_called_wins_over_queued():
    answer = Answer(queued=True, next_sync_after=NOW + 500)
    assert plan.next_sync_after(answer, now=NOW, quiet=0) == NOW + 500


# --- the rest ---


def test_an_event_is_too_old_after_the_time_that_it_is_kept(store):
    event = store.add_event(event_ts=NOW)
    kept = SETTINGS.keep_unreported_s
    assert not plan.is_too_old(event, SETTINGS, now=NOW + kept)
    assert plan.is_too_old(event, SETTINGS, now=NOW + kept + 1)


def test_an_event_comes_again_ten_times(store):
    spent = [plan.is_spent(store.add_event(report_tries=n)) for n in (0, 9, 10, 11)]
    assert spent == [False, False, True, True]


@pytest.mark.parametrize(
    ("changes", "is_worth"),
    [
        ({}, False),
        ({"last_sync_ts": NOW + 4.9}, False),
        ({"last_sync_ts": NOW + 5.0}, True),
        ({"last_sync_ts": NOW - 5.0}, True),
        ({"last_sync_ts": None}, True),
        ({"next_sync_after": NOW + 1}, True),
        ({"failures": 1}, True),
        ({"paused": True}, True),
    ],
)
def test_a_sync_state_is_written_when_something_but_the_moment_changed(changes, is_worth):
    before = SyncState("acme", last_sync_ts=NOW)
    assert plan.is_worth_writing(before, replace(before, **changes)) is is_worth


def test_the_first_sync_is_written():
    assert plan.is_worth_writing(SyncState("acme"), SyncState("acme", last_sync_ts=NOW))
