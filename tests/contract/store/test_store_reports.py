"""Events that wait for their report, the state of reporting, the command log."""

from __future__ import annotations

from mail_proxy.store import SyncState


async def test_unreported_events_come_oldest_first_and_bounded(scene):
    await scene.send("m1")
    await scene.send("m2")
    await scene.send("m3")

    events = await scene.store.unreported("acme", limit=2)

    assert [e.message_id for e in events] == ["m1", "m2"]
    assert events[0].pk < events[1].pk
    assert (events[0].report_state, events[0].report_tries) == ("pending", 0)
    assert (events[0],) == (await scene.look("m1")).events


async def test_a_reported_event_is_not_reported_again(scene):
    await scene.send("m1")
    (event,) = await scene.store.unreported("acme", limit=9)

    await scene.store.mark_reported("acme", [event], now=scene.now + 5)

    assert await scene.store.unreported("acme", limit=9) == []
    assert await scene.store.tenants_with_reports() == []
    (stored,) = (await scene.look("m1")).events
    assert (stored.report_state, stored.reported_ts) == ("reported", scene.now + 5)


async def test_a_parked_event_waits_no_more(scene):
    await scene.send("m1")
    (event,) = await scene.store.unreported("acme", limit=9)

    await scene.store.mark_reported("acme", [event], now=scene.now, state="parked")

    assert await scene.store.unreported("acme", limit=9) == []
    assert (await scene.look("m1")).events[0].report_state == "parked"


async def test_tries_of_a_report_are_counted(scene):
    await scene.send("m1")
    (event,) = await scene.store.unreported("acme", limit=9)

    await scene.store.count_report_try("acme", [event.pk])
    await scene.store.count_report_try("acme", [event.pk])

    assert (await scene.store.unreported("acme", limit=9))[0].report_tries == 2


async def test_events_are_marked_within_their_tenant_only(scene):
    await scene.add("beta", "main")
    await scene.send("m1")
    (event,) = await scene.store.unreported("acme", limit=9)

    await scene.store.mark_reported("beta", [event], now=scene.now)
    await scene.store.count_report_try("beta", [event.pk])

    (untouched,) = await scene.store.unreported("acme", limit=9)
    assert untouched == event


async def test_only_tenants_with_something_to_report_are_named(scene):
    await scene.add("beta", "main")
    await scene.add("idle", "main")
    await scene.post("m1", tenant_id="beta")
    claim = await scene.claim(tenant_id="beta")
    await scene.finish(scene.accepted(claim.messages[0]))
    await scene.send("m1")

    assert await scene.store.tenants_with_reports() == ["acme", "beta"]


async def test_many_events_are_marked_at_once(scene):
    ids = [f"m{i}" for i in range(700)]
    await scene.post(*ids)
    claim = await scene.claim(700)
    await scene.finish(*(scene.accepted(m) for m in claim.messages))
    events = await scene.store.unreported("acme", limit=1000)

    await scene.store.mark_reported("acme", events, now=scene.now)

    assert (len(events), await scene.store.unreported("acme", limit=9)) == (700, [])


async def test_the_state_of_reporting_of_a_deleted_tenant_is_not_kept(scene):
    await scene.store.delete_tenant("acme")
    await scene.store.put_sync_state(SyncState("acme", 1.0))

    assert await scene.store.get_sync_state("acme") == SyncState("acme")


async def test_the_state_of_reporting_is_kept(scene):
    store = scene.store
    assert await store.get_sync_state("acme") == SyncState("acme")
    state = SyncState("acme", 1.0, 2.0, 3.0, 4, "503", paused=True)

    await store.put_sync_state(SyncState("acme", 9.0))
    await store.put_sync_state(state)

    assert await store.get_sync_state("acme") == state


# --- looked at, and once more ---


async def test_reports_are_listed_by_state_tenant_and_age(scene):
    await scene.add("beta", "main")
    await scene.post("x", tenant_id="beta")
    claim = await scene.claim(tenant_id="beta")
    await scene.finish(scene.accepted(claim.messages[0]))
    for name in ("m1", "m2", "m3"):
        await scene.send(name)
    first, second, _ = await scene.store.unreported("acme", limit=9)
    await scene.store.mark_reported("acme", [first], now=scene.now)
    await scene.store.mark_reported("acme", [second], now=scene.now, state="parked")

    async def listed(*states, tenant_id=None, limit=9, after=None):
        found = await scene.store.list_reports(tenant_id, states, limit=limit, after=after)
        return [event.message_id for event in found]

    assert await listed("pending", "parked") == ["m2", "m3", "x"]
    assert await listed("parked") == ["m2"]
    assert await listed("reported", tenant_id="beta") == []
    assert await listed("pending", "parked", "reported", tenant_id="acme") == ["m1", "m2", "m3"]
    assert await listed("pending", "parked", limit=1, after=("acme", second.pk)) == ["m3"]
    counts = await scene.store.report_counts(most=1)
    assert {t: (c.pending, c.parked) for t, c in counts.items()} == {"acme": (1, 1), "beta": (1, 0)}


async def test_only_what_was_reportable_is_reported_once_more(scene):
    await scene.send("m1")
    (event,) = await scene.store.unreported("acme", limit=9)
    await scene.store.count_report_try("acme", [event.pk])
    await scene.store.mark_reported("acme", [event], now=scene.now)

    assert await scene.store.replay_events("beta", [event.pk], now=scene.now) == set()
    assert await scene.store.replay_events("acme", [event.pk, 5], now=scene.now) == {event.pk}

    (again,) = await scene.store.unreported("acme", limit=9)
    assert (again.pk, again.data, again.report_tries) == (event.pk, event.data, 0)
    assert (again.reported_ts, again.replayed_at) == (None, scene.now)
    await scene.store.mark_reported("acme", [again], now=scene.now, state="none")
    assert await scene.store.replay_events("acme", [event.pk], now=scene.now) == set()
    assert await scene.store.replay_messages("acme", ["m1"], now=scene.now) == {}


async def test_a_replay_is_not_undone_by_the_round_under_way(scene):
    await scene.send("m1")
    (read,) = await scene.store.unreported("acme", limit=9)
    for at in (scene.now + 0.123456, scene.now + 7.654321):
        await scene.store.replay_events("acme", [read.pk], now=at)

        await scene.store.mark_reported("acme", [read], now=scene.now)

        (read,) = await scene.store.unreported("acme", limit=9)
    await scene.store.mark_reported("acme", [read], now=scene.now)
    assert await scene.store.unreported("acme", limit=9) == []


async def test_what_was_parked_meanwhile_is_not_marked(scene):
    await scene.send("m1")
    (read,) = await scene.store.unreported("acme", limit=9)
    await scene.store.mark_reported("acme", [read], now=scene.now, state="parked")

    await scene.store.mark_reported("acme", [read], now=scene.now)

    assert (await scene.look("m1")).events[0].report_state == "parked"


async def test_sync_states_are_read_by_tenant(scene):
    state = SyncState("acme", failures=2)
    await scene.store.put_sync_state(state)
    assert await scene.store.sync_states() == {"acme": state}
