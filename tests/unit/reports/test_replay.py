from __future__ import annotations

from mail_proxy.reports.plan import Urge
from mail_proxy.store.values.tenants import Tenant
from tests.unit.reports.conftest import START


async def test_an_old_event_that_was_asked_for_once_more_is_not_parked_at_once(desk, store, http):
    old = START - 40 * 86400
    store.add_event(event_ts=old)
    store.add_event(event_ts=old, replayed_at=START - 1)
    await desk().round(Urge.TIMER)
    assert http.ids == [["m2"]]
    assert store.states() == ["parked", "reported"]


async def test_a_resume_ends_the_wait_of_single_events_too(reporting, store, http, clock):
    store.add_event()
    http.answers.append((200, {"error": ["m1"]}))
    reporter = reporting()
    await http.posted(1)
    await reporter.resume("acme")
    await http.posted(2)
    assert http.ids == [["m1"], ["m1"]]
    assert clock.monotonic() == 0


async def test_a_heartbeat_is_due_when_it_would_be_made(reporting, store, clock):
    reporter = reporting(test_mode=True)
    tenant, idle = store.tenants["acme"], Tenant("idle")
    sync = await store.get_sync_state("acme")
    assert reporter.is_due(tenant, sync)
    assert not reporter.is_due(idle, sync)  # nobody to call
    store.add_tenant(active=False)
    assert not reporter.is_due(store.tenants["acme"], sync)
