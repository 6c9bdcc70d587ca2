from __future__ import annotations

import pytest

from mail_proxy.domain.errors import Conflict, Invalid, NotFound
from mail_proxy.domain.state import Event
from mail_proxy.store.values.reports import SyncState

URL = "https://app.example.com"


@pytest.fixture
async def told(house):
    """acme with four events that wait; their keys, oldest first."""
    await house.tenant("acme", "main", client_base_url=URL)
    for name in ("m1", "m2", "m3", "m4"):
        await house.post(house.mail(name))
        house.clock.at += 10
    for claimed in await house.claim("acme", "main"):
        await house.finish(claimed, Event.ACCEPT)
        house.clock.at += 10
    return [event.pk for event in await house.store.unreported("acme", limit=9)]


async def mark(house, state: str, *pks: int) -> None:
    waiting = await house.store.unreported("acme", limit=9)
    events = [event for event in waiting if event.pk in pks]
    await house.store.mark_reported("acme", events, now=house.clock.now(), state=state)


async def states(house) -> list[str]:
    words = "pending,parked,reported"
    listed = await house.call("listReports", tenant_id="acme", state=words)
    return [record["state"] for record in listed["reports"]]


# --- listing ---


async def test_what_is_not_acknowledged_is_listed_oldest_first(house, told):
    await mark(house, "reported", told[0])
    await mark(house, "parked", told[2])
    listed = (await house.call("listReports"))["reports"]
    assert [record["event_id"] for record in listed] == [str(pk) for pk in told[1:]]
    first, parked, _ = listed
    assert first["id"] == "m2"
    assert first["event_data"]["said"] == "so"
    assert (first["state"], "parked_ts" in first) == ("pending", False)
    assert (parked["state"], parked["parked_ts"]) == ("parked", int(house.clock.now()))


async def test_pages_join_without_gap_or_overlap(house, told):
    await house.tenant("bravo", "main", client_base_url=URL)
    await house.post(house.mail("x", tenant_id="bravo"))
    (claimed,) = await house.claim("bravo", "main")
    await house.finish(claimed, Event.FAIL)
    await mark(house, "parked", told[1])
    seen, cursor = [], None
    while True:
        page = await house.call("listReports", limit=2, cursor=cursor)
        seen += [record["id"] for record in page["reports"]]
        cursor = page.get("next_cursor")
        if cursor is None:
            break
    assert seen == ["m1", "m2", "m3", "m4", "x"]


async def test_a_tenant_sees_its_own_only(house, told):
    bravo = await house.tenant("bravo")
    assert (await house.call("listReports", bravo))["reports"] == []


@pytest.mark.parametrize("fields", [{"state": "lost"}, {"cursor": "x"}, {"limit": 0}])
async def test_a_listing_that_cannot_be_names_its_field(house, fields):
    with pytest.raises(Invalid) as caught:
        await house.call("listReports", **fields)
    assert caught.value.field == next(iter(fields))


# --- once more ---


async def test_reported_and_parked_events_are_reported_once_more(house, told):
    await mark(house, "reported", *told[:2])
    await mark(house, "parked", told[2])
    await house.store.count_report_try("acme", [told[2]])
    named = [str(told[0]), str(told[2]), "12", "no number"]
    answer = await house.call("replayReports", tenant_id="acme", event_ids=named)
    assert answer == {"ok": True, "replayed": 2, "not_found": ["12", "no number"]}
    assert await states(house) == ["pending", "reported", "pending", "pending"]
    third = (await house.call("listReports"))["reports"][1]
    assert (third["refusals"], third["replayed_ts"]) == (0, int(house.clock.now()))
    assert house.reporter.asked[-1] == ("resume", "acme")


async def test_all_events_of_a_message_are_reported_once_more(house, told):
    await mark(house, "reported", *told)
    answer = await house.call("replayReports", ids=["m2", "m9"])
    assert answer == {"ok": True, "replayed": 1, "not_found": ["m9"]}
    assert await states(house) == ["reported", "pending", "reported", "reported"]


async def test_what_happened_in_a_time_is_reported_once_more(house, told):
    await mark(house, "reported", *told)
    listed = (await house.call("listReports", state="reported"))["reports"]
    times = [record["event_ts"] for record in listed]
    answer = await house.call("replayReports", since_ts=times[1], until_ts=times[3])
    assert answer["replayed"] == 2
    assert await states(house) == ["reported", "pending", "pending", "reported"]
    assert (await house.call("replayReports", until_ts=times[1]))["replayed"] == 1
    assert (await house.call("replayReports", since_ts=0))["replayed"] == 4


async def test_an_event_of_another_tenant_is_not_found(house, told):
    bravo = await house.tenant("bravo", client_base_url=URL)
    await mark(house, "reported", *told)
    for which in ({"event_ids": [str(told[0])]}, {"ids": ["m1"]}):
        answer = await house.call("replayReports", bravo, **which)
        assert answer["replayed"] == 0
        assert len(answer["not_found"]) == 1
    assert (await house.call("replayReports", bravo, since_ts=0))["replayed"] == 0
    assert await states(house) == ["reported"] * 4


@pytest.mark.parametrize("which", [{}, {"ids": [], "event_ids": []}, {"ids": [], "since_ts": 1}])
async def test_it_must_be_clear_which_events_are_meant(house, told, which):
    with pytest.raises(Invalid, match="give event_ids, or ids, or since_ts"):
        await house.call("replayReports", tenant_id="acme", **which)


async def test_without_a_receiver_nothing_is_replayed(house):
    await house.tenant("acme")
    with pytest.raises(Conflict, match="has no URL") as caught:
        await house.call("replayReports", since_ts=0)
    assert caught.value.hint == "mail-proxy myserver tenants update acme --base-url URL"


# --- on again ---


async def test_a_resume_brings_back_what_was_parked_and_tells_what_it_ended(house, told):
    await mark(house, "parked", *told[:3])
    state = SyncState("acme", failures=4, last_error="gone", paused=True)
    await house.store.put_sync_state(state)
    answer = await house.call("resumeReports", tenant_id="acme")
    assert answer == {
        "ok": True,
        "tenant_id": "acme",
        "was_paused": True,
        "failures": 4,
        "unparked": 3,
    }
    assert await states(house) == ["pending"] * 4
    assert house.reporter.asked[-1] == ("resume", "acme")


async def test_an_absent_tenant_is_told(house):
    for command, which in (("resumeReports", {}), ("replayReports", {"since_ts": 0})):
        with pytest.raises(NotFound, match="Tenant 'nobody' not found"):
            await house.call(command, tenant_id="nobody", **which)


# --- how far they have come ---


async def test_the_status_has_what_the_wire_says_and_why_reports_wait(house, told):
    await mark(house, "parked", told[0])
    await house.tenant("bravo", name="B", active=False)
    now = house.clock.now()
    await house.store.put_sync_state(
        SyncState(
            "acme",
            last_sync_ts=now - 5,
            next_sync_after=now + 60,
            retry_at=now + 9,
            failures=2,
            last_error="the application answered 500",
        )
    )
    answer = await house.call("getSyncStatus")
    assert answer["sync_interval_seconds"] == 300
    acme, bravo = answer["tenants"]
    assert acme == {
        "id": "acme",
        "active": True,
        "client_base_url": URL,
        "last_sync_ts": now - 5,
        "next_sync_due": False,
        "in_dnd": True,
        "next_sync_after_ts": now + 60,
        "paused": False,
        "failures": 2,
        "last_error": "the application answered 500",
        "retry_at_ts": now + 9,
        "unreported": 3,
        "parked": 1,
    }
    assert bravo == {
        "id": "bravo",
        "name": "B",
        "active": False,
        "next_sync_due": False,
        "in_dnd": False,
        "paused": False,
        "failures": 0,
        "unreported": 0,
        "parked": 0,
    }


@pytest.mark.parametrize(
    ("state", "times"),
    [
        ("reported", {"reported_ts"}),
        ("parked", {"parked_ts"}),
        ("dropped", set()),  # its tenant has no URL
    ],
)
async def test_a_message_tells_what_became_of_its_report(house, told, state, times):
    await mark(house, state, told[0])
    record = (await house.call("getMessage", tenant_id="acme", id="m1"))["message"]
    (entry,) = record["history"]
    assert entry["report"] == state
    assert entry.keys() & {"reported_ts", "parked_ts"} == times
    assert ("reported_ts" in record) is (state == "reported")
