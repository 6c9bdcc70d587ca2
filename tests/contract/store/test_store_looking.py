"""Listings, single messages, numbers."""

from __future__ import annotations

import asyncio
import threading

import pytest

from mail_proxy.domain.errors import StoreError, StoreUnavailable
from mail_proxy.domain.filter_text import parse_filter
from mail_proxy.domain.state import Event, State
from mail_proxy.store import MessageFilter, searching
from mail_proxy.store.readers import READERS
from tests.patience import PATIENCE_S


async def test_a_listing_is_in_order_of_tenant_priority_and_arrival(scene):
    await scene.add("beta", "main")
    await scene.post("b1", tenant_id="beta", priority=0)
    await scene.post("a1", priority=3)
    await scene.post("a2", priority=1)
    await scene.post("a3", priority=1)

    assert await scene.list_ids() == ["a2", "a3", "a1", "b1"]


async def test_a_listing_goes_on_over_many_pages(scene):
    await scene.post(*(f"m{i:03}" for i in range(450)))

    assert await scene.list_ids() == [f"m{i:03}" for i in range(450)]


async def test_a_limit_and_a_position_cut_a_listing(scene):
    await scene.post(*(f"m{i}" for i in range(5)))
    first = await scene.store.search_messages(MessageFilter(), limit=2)
    rest = await scene.store.search_messages(MessageFilter(), limit=9, after=first.after)

    assert [m.id for m in first.rows] == ["m0", "m1"]
    assert ([m.id for m in rest.rows], rest.after) == (["m2", "m3", "m4"], None)


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ("tenant:acme", ["m1", "m2"]),
        ("tenant:acme,beta -tenant:b*", ["m1", "m2"]),
        ("tenant:none", []),
        ("account:other", ["m2"]),
        ("account:o*r", ["m2"]),
        ("account:OTHER", []),
        ("account:O*R", []),
        ("batch:may", ["m1"]),
        ("batch:m[a]y", []),
        ("batch:*", ["m1"]),
        ("-batch:may", ["m2", "m3"]),
        ("-batch:*", ["m2", "m3"]),
        ("state:suspended", ["m1"]),
        ("-state:suspended", ["m2", "m3"]),
        ("state:ready,sent", ["m2", "m3"]),
        ("state:pending", ["m1", "m2", "m3"]),
        ("state:open", ["m1", "m2", "m3"]),
        ("-state:all", []),
        ("pri:high", ["m3"]),
        ("pri:0,2", ["m1", "m2"]),
        ("to:BOB@", ["m1"]),
        ("to:e.net", ["m1", "m2", "m3"]),
        ("to:=e.net", []),
        ("to:=BOB@example.net", ["m1"]),
        ("to:*@EXAMPLE.net", ["m1", "m2", "m3"]),
        ("to:*@example", []),
        ("to:b*b@*", ["m1"]),
        ("to:%", []),
        ("to:_ob", []),
        ("-to:bob", ["m2", "m3"]),
        ("from:ANN", ["m1", "m2", "m3"]),
        ("from:=ann@acme.example", []),
        ("subject:50%", ["m2"]),
        ("subject:5__", []),
        ("subject:5/", []),
        ("subject:WEEK", ["m1"]),
        ('subject:"of the"', ["m1"]),
        ('subject:"*"', []),
        ("id:m1,m3", ["m1", "m3"]),
        ("id:m*", ["m1", "m2", "m3"]),
        ("id:M*", []),
        ("id:*2", ["m2"]),
        ("m", ["m1", "m2", "m3"]),
        ("m2", ["m2"]),
        ("zoe", ["m3"]),
        ("*zoe", ["m3"]),
        ("-m2 -zoe", ["m1"]),
        ("tries:0", ["m1", "m2", "m3"]),
        ("tries:>0", []),
        ("error:*", []),
        ("age:>15s", ["m1", "m2"]),
        ("age:<15s", ["m3"]),
        ("age:>=10s", ["m1", "m2", "m3"]),
        ("since:1800000010", ["m2", "m3"]),
        ("until:1800000010", ["m1"]),
        ("since:2027-01-15T08:00:10", ["m2", "m3"]),
        ("since:2027-01-15T09:00:10+01:00 -zoe", ["m2"]),
    ],
)
async def test_a_filter_leaves_what_it_names(scene, chosen, found):
    await scene.add("beta", "main")
    await scene.add("acme", "other")
    await scene.post("m1", batch_code="may", subject="News of the week")
    await scene.post(
        "m2",
        account_id="other",
        subject="50% off",
        recipients=("eve@example.net",),
        created_at=scene.now + 10,
    )
    await scene.post(
        "m3",
        tenant_id="beta",
        subject="500 off",
        recipients=("zoe@example.net",),
        created_at=scene.now + 20,
        priority=1,
    )
    await scene.store.suspend("acme", "may", now=scene.now)

    assert await scene.list_ids(chosen, now=scene.now + 30) == found
    assert await scene.list_ids(chosen, tenant_id="acme", now=scene.now + 30) == [
        id_ for id_ in found if id_ != "m3"
    ]


async def test_content_and_events_come_only_when_asked_for(scene):
    await scene.send("m1")

    (bare,) = await scene.store.find_messages("acme", ["m1"])
    (full,) = await scene.store.find_messages("acme", ["m1"], full=True)

    assert (bare.content, bare.events) == (None, ())
    assert (full.content, [e.event_type for e in full.events]) == (b'{"text": "hello"}', ["sent"])
    assert bare.recipients == full.recipients


async def test_a_message_is_found_by_its_pk(scene):
    (posted,) = await scene.post("m1")

    found = await scene.store.get_by_pk(posted.pk, full=True)

    assert (found.id, found.content) == ("m1", b'{"text": "hello"}')
    for other in (posted.pk + 1, 0, -1, 2**63, 10**5000):
        assert await scene.store.get_by_pk(other) is None


async def test_messages_are_found_by_id_within_a_tenant_only(scene):
    await scene.add("beta", "main")
    await scene.post("m1", "m2")
    await scene.post("m1", tenant_id="beta")

    assert [m.id for m in await scene.store.find_messages("acme", ["m2", "m1", "m9"])] == [
        "m1",
        "m2",
    ]
    assert [m.tenant_id for m in await scene.store.find_messages(None, ["m1"])] == ["acme", "beta"]


async def test_more_ids_than_a_statement_takes_are_found(scene):
    ids = [f"m{i}" for i in range(1200)]
    await scene.post(*ids)

    assert len(await scene.store.find_messages("acme", ids)) == 1200


async def test_counts_follow_each_change(scene):
    await scene.post("m1", "m2", "m3")
    await scene.post("m4", priority=0)
    await scene.claim(1)

    assert (await scene.store.standing("acme")).totals == [
        (State.LEASED, 0, 1),
        (State.WAITING, 2, 3),
    ]
    assert (await scene.store.standing("none")).totals == []


async def test_what_waits_or_is_on_its_way_is_pending(scene):
    await scene.send("m1", batch_code="may")
    await scene.post("m0", batch_code="may")
    await scene.finish(scene.outcome(await scene.claim_one(), Event.DOUBT))
    await scene.post("m2", batch_code="may")
    await scene.post("m3")
    await scene.store.suspend("acme", "may", now=scene.now)

    assert await scene.store.count_pending("acme") == 2
    assert await scene.store.count_pending("acme", "may") == 1
    assert await scene.store.count_pending("none") == 0


async def test_messages_that_go_before_another_are_counted_up_to_a_number(scene):
    await scene.add("acme", "other")
    await scene.post("m1", "m2")
    await scene.post("later", due_at=scene.now - 1, deferred_ts=1)
    await scene.post("urgent", priority=0)
    await scene.post("urgent, not due", priority=0, due_at=scene.now + 1)
    await scene.post("low", priority=3)
    await scene.post("of another account", account_id="other", priority=0)

    async def ahead(id_: str, most: int = 100) -> int:
        return await scene.store.count_ahead(await scene.look(id_), now=scene.now, most=most)

    assert [await ahead(id_) for id_ in ("urgent", "later", "m1", "m2", "low")] == [0, 1, 2, 3, 4]
    assert await ahead("low", most=2) == 2


async def test_the_oldest_waiting_is_the_first_that_is_due(scene):
    await scene.add("beta", "main")
    await scene.post("m1", created_at=scene.now - 5, due_at=scene.now - 5)
    await scene.post("m2", created_at=scene.now - 9, due_at=scene.now - 9, priority=3)
    await scene.post("m3", created_at=scene.now - 50, due_at=scene.now + 50)
    await scene.post("m4", tenant_id="beta", created_at=scene.now - 70, due_at=scene.now - 70)

    assert (await scene.store.standing("acme")).oldest_waiting_at == scene.now - 9
    assert (await scene.store.standing()).oldest_waiting_at == scene.now - 70


async def test_what_is_not_due_or_waits_for_a_paused_account_is_deferred(scene, clock):
    await scene.add("acme", "other")
    await scene.add("beta", "main")
    await scene.post("due", "due too")
    await scene.post("later", due_at=scene.now + 50)
    for id_, at in (("o1", 0), ("o2", 50)):
        await scene.post(id_, account_id="other", priority=3, due_at=scene.now + at)
    await scene.post("b1", tenant_id="beta")

    async def deferred(tenant_id: str | None = None) -> dict[int, int]:
        return dict((await scene.store.standing(tenant_id)).deferred)

    until = {"paused_until": scene.now + 9, "paused_reason": "login refused"}
    stopped = {"stopped_at": scene.now, "stopped_reason": "by hand"}

    assert await deferred() == {2: 1, 3: 1}
    await scene.store.change_account("acme", "other", until, now=scene.now)
    assert await deferred("acme") == {2: 1, 3: 2}
    await scene.store.change_account("beta", "main", until, now=scene.now)
    assert await deferred() == {2: 2, 3: 2}
    assert await deferred("acme") == {2: 1, 3: 2}
    clock.wall += 10  # the pauses are over
    await scene.store.change_account("beta", "main", stopped, now=scene.now)
    assert await deferred() == {2: 1, 3: 1}  # what a person has paused waits for no time


async def test_nothing_waiting_has_no_age(scene):
    await scene.post("m1", due_at=scene.now + 1)

    assert (await scene.store.standing()).oldest_waiting_at is None


async def test_message_events_are_oldest_first(scene):
    await scene.post("m1")
    for event_type in ("deferred", "deferred again"):
        claimed = await scene.claim_one()
        events = (scene.event(event_type),)
        await scene.finish(scene.outcome(claimed, Event.DEFER, due_at=scene.now, events=events))

    events = await scene.store.message_events("acme", claimed.pk)

    assert [e.event_type for e in events] == ["deferred", "deferred again"]
    assert (events[0].message_id, events[0].account_id, events[0].priority) == ("m1", "main", 2)
    assert events[0].data == {"id": "m"}


async def test_a_closed_store_is_unavailable(scene):
    await scene.store.close()

    with pytest.raises(StoreUnavailable, match="closed"):
        await scene.store.standing()
    with pytest.raises(StoreUnavailable, match="closed"):
        await scene.post("m1")


async def test_a_search_for_what_no_database_holds_raises_our_own_error(scene):
    with pytest.raises(StoreError):
        await scene.list_ids("subject:\ud800")


async def test_long_searches_leave_a_connection_to_the_other_reads(scene, monkeypatch):
    begun, may_end = [threading.Event() for _ in range(READERS - 1)], threading.Event()
    search, waiting, extra = searching.search_keys, iter(begun), threading.Event()

    def slow(*args, **kwargs):
        if not may_end.is_set():
            next(waiting, extra).set()
            may_end.wait(PATIENCE_S)
        return search(*args, **kwargs)

    monkeypatch.setattr(searching, "search_keys", slow)
    await scene.post("m1")
    chosen = MessageFilter("acme", parse_filter("m1"), scene.now)
    try:
        asked = [
            asyncio.ensure_future(scene.store.search_keys(chosen, limit=9))
            for _ in range(2 * READERS)
        ]
        for each in begun:
            assert await asyncio.to_thread(each.wait, 5)

        assert (await scene.store.get_tenant("acme")).tenant_id == "acme"
        assert not any(search.done() for search in asked)
    finally:
        may_end.set()
    for found in await asyncio.gather(*asked):
        assert [key.id for key in found.rows] == ["m1"]
