"""What a person does with messages: by ids, by a filter, and what is told of each."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.state import Event
from mail_proxy.operations import changes, tally


async def crowd(house: Any) -> None:
    """One message in each state that a test can reach; `begun` is not given back."""
    await house.tenant("acme", "main")
    names = ("sent", "failed", "doubted", "begun", "claimed")
    await house.post(*(house.mail(name) for name in names))
    claimed = {m.id: m for m in await house.claim("acme", "main")}
    await house.finish(claimed["sent"], Event.ACCEPT)
    await house.finish(claimed["failed"], Event.FAIL, error="550 no such user", error_code=550)
    await house.finish(claimed["doubted"], Event.DOUBT, error="no answer")
    later = house.clock.now() + 60
    await house.post(
        house.mail("waits"),
        house.mail("planned", deferred_ts=later),
        house.mail("b", batch_code="x"),
    )
    await house.call("suspend", tenant_id="acme", batch_code="x")
    house.engine.claimed = [claimed["claimed"]]


ALL = ["sent", "failed", "doubted", "begun", "claimed", "waits", "planned", "b"]


async def states(house: Any) -> dict[str, str]:
    return {m["id"]: m["state"] for m in (await house.call("listMessages"))["messages"]}


@pytest.mark.parametrize("way", ["ids", "filter"])
@pytest.mark.parametrize(
    ("verb", "done", "reasons"),
    [
        (
            "hold",
            {"claimed", "waits", "planned", "b"},
            {
                "sent": "already sent",
                "failed": "already failed",
                "doubted": "in doubt: settle it, or retry it",
                "begun": "being sent now",
            },
        ),
        (
            "retry",
            {"failed", "doubted", "claimed", "waits", "planned"},
            {
                "sent": "already sent: resend it",
                "begun": "being sent now",
                "b": "suspended: activate its tenant or batch",
            },
        ),
        (
            "resend",
            {"sent", "failed"},
            {
                "doubted": "not finished: in doubt",
                "begun": "not finished: being sent now",
                "claimed": "not finished: being sent now",
                "waits": "not finished: waiting",
                "planned": "not finished: waiting",
                "b": "not finished: suspended",
            },
        ),
        (
            "free",
            set(),
            {
                "sent": "not held: already sent",
                "failed": "not held: already failed",
                "doubted": "not held: in doubt",
                "begun": "not held: being sent now",
                "claimed": "not held: being sent now",
                "waits": "not held: waiting",
                "planned": "not held: waiting",
                "b": "not held: suspended",
            },
        ),
    ],
)
async def test_each_message_is_told_what_became_of_it(house, way, verb, done, reasons):
    await crowd(house)
    which = {"ids": [*ALL, "absent"]} if way == "ids" else {"filter": "state:all"}
    answer = await house.call(f"{verb}Messages", tenant_id="acme", **which)
    assert set(answer["done"]) == done
    assert {each["id"]: each["reason"] for each in answer["not_possible"]} == reasons
    assert answer["not_found"] == (["absent"] if way == "ids" else [])
    assert answer["counts"] == {
        "done": len(done),
        "not_found": len(answer["not_found"]),
        "not_possible": len(reasons),
    }


@pytest.mark.parametrize("verb", ["hold", "retry", "resend", "free", "delete", "settle"])
async def test_a_dry_run_changes_nothing_and_tells_the_same(house, verb):
    await crowd(house)
    house.engine.claimed = []
    more = {"as": "sent"} if verb == "settle" else {}
    before = await states(house)
    for which in ({"ids": ALL}, {"filter": "state:all"}):
        fields = {"tenant_id": "acme", **which, **more}
        tried = await house.call(f"{verb}Messages", dry_run=True, **fields)
        assert tried["dry_run"] is True
        assert await states(house) == before
    done = await house.call(f"{verb}Messages", **fields)
    assert {**done, "dry_run": True, "resent": None} == {**tried, "resent": None}


async def test_what_is_held_is_freed_to_where_it_was(house):
    await crowd(house)
    held = await house.call("holdMessages", tenant_id="acme", filter="state:pending,deferred")
    assert set(held["done"]) == {"claimed", "waits", "planned", "b"}
    again = await house.call("holdMessages", tenant_id="acme", ids=["waits"])
    assert again["not_possible"][0]["reason"] == "already held"
    record = (await house.call("getMessage", id="waits"))["message"]
    assert (record["status"], record["why"], record["do"]) == (
        "held",
        "held by admin",
        "mail-proxy myserver acme messages free waits",
    )
    assert await house.claim("acme", "main") == []
    house.engine.asked.clear()
    freed = await house.call("freeMessages", tenant_id="acme", filter="state:held")
    assert freed["counts"]["done"] == 4
    assert ("wake_all",) in house.engine.asked
    now = await states(house)
    assert (now["waits"], now["planned"], now["b"]) == ("waiting", "waiting", "suspended")
    events = (await house.call("getMessageEvents", id="b"))["events"]
    assert [(e["event_type"], e["event_data"]["by"]) for e in events] == [
        ("held", "admin"),
        ("freed", "admin"),
    ]
    assert [m.id for m in await house.claim("acme", "main")] == ["claimed", "waits"]


async def test_what_a_person_did_is_not_reported(house):
    await house.tenant("acme", "main")
    await house.post(house.mail())
    await house.call("holdMessages", tenant_id="acme", ids=["m1"])
    assert await house.store.unreported("acme", limit=9) == []


async def test_a_change_by_filter_goes_in_steps_and_can_go_on(house, monkeypatch, caplog):
    monkeypatch.setattr(changes, "STEP", 3)
    monkeypatch.setattr(tally, "LISTED", 4)
    await house.tenant("acme", "main")
    await house.post(*(house.mail(f"{n}") for n in range(10)))
    seen, cursor = [], None
    with caplog.at_level(logging.INFO, "mail_proxy"):
        for _ in range(3):
            page = await house.call(
                "holdMessages", tenant_id="acme", filter="state:open", limit=4, cursor=cursor
            )
            seen.append(page["counts"]["done"])
            cursor = page.get("next_cursor")
    assert (seen, cursor) == ([4, 4, 2], None)
    assert sum("messages_changed" in record.getMessage() for record in caplog.records) == 3
    whole = await house.call("freeMessages", tenant_id="acme", filter="state:held")
    assert whole["counts"]["done"] == 10


async def test_the_lists_of_a_change_by_filter_are_bounded(house, monkeypatch):
    monkeypatch.setattr(changes, "LISTED", 4)
    await house.tenant("acme", "main")
    await house.post(*(house.mail(f"{n}") for n in range(10)))
    told = await house.call("holdMessages", tenant_id="acme", filter="state:open")
    assert (len(told["done"]), told["counts"]["done"]) == (4, 10)
    told = await house.call("holdMessages", tenant_id="acme", ids=[f"{n}" for n in range(10)])
    assert len(told["not_possible"]) == 10


async def test_what_comes_in_meanwhile_is_not_meant(house, monkeypatch):
    monkeypatch.setattr(changes, "STEP", 2)
    await house.tenant("acme", "main")
    await house.post(*(house.mail(f"{n}") for n in range(5)))
    for claimed in await house.claim("acme", "main"):
        await house.finish(claimed, Event.ACCEPT)
    told = await house.call("resendMessages", tenant_id="acme", filter="state:all")
    assert told["counts"]["done"] == 5  # and not those that it made
    assert len(await states(house)) == 10


async def test_a_row_that_has_changed_since_it_was_found_is_left_alone(house, monkeypatch):
    await house.tenant("acme", "main")
    await house.post(house.mail("a"), house.mail("b"))
    search = house.store.search_keys

    async def searched(*args: Any, **how: Any) -> Any:
        found = await search(*args, **how)
        await house.call("holdMessages", tenant_id="acme", ids=["a"])
        return found

    monkeypatch.setattr(house.store, "search_keys", searched)
    told = await house.call("deleteMessages", tenant_id="acme", filter="state:pending")
    assert (told["removed"], told["not_found"]) == (1, [])
    assert await states(house) == {"a": "held"}


async def test_deleting_by_filter_keeps_its_shape(house):
    await crowd(house)
    told = await house.call("deleteMessages", tenant_id="acme", filter="-state:sent")
    assert (told["removed"], told["not_found"], told["unauthorized"]) == (6, [], [])
    assert told["not_possible"] == [{"id": "begun", "reason": "being sent now", "state": "leased"}]
    assert await states(house) == {"sent": "sent", "begun": "leased"}


@pytest.mark.parametrize(
    ("fields", "field", "text"),
    [
        ({"filter": ""}, "filter", "an empty one is all messages: say state:all"),
        ({"filter": " "}, "filter", "an empty one is all messages: say state:all"),
        ({"filter": "state:lost"}, "filter", "'lost' is no state (at 7)"),
        ({"filter": "m1", "ids": ["m1"]}, "filter", "not both"),
        ({"filter": "m1", "cursor": "x"}, "cursor", "not one that this command has given"),
        ({"filter": "m1", "cursor": "WyJhIiwxLDJd"}, "cursor", "not one that"),
        ({"filter": "m1", "limit": 0}, "limit", ""),
    ],
)
@pytest.mark.parametrize("verb", ["hold", "delete", "resend"])
async def test_a_change_that_cannot_be_understood_changes_nothing(house, verb, fields, field, text):
    await house.tenant("acme", "main")
    await house.post(house.mail())
    with pytest.raises(Invalid) as caught:
        await house.call(f"{verb}Messages", tenant_id="acme", **fields)
    assert caught.value.field == field
    assert text in str(caught.value)
    assert await states(house) == {"m1": "waiting"}


async def test_a_tenant_changes_its_own_messages_only(house):
    acme = await house.tenant("acme", "main")
    await house.tenant("bravo", "main")
    await house.post(house.mail("own", tenant_id="acme"), house.mail("other", tenant_id="bravo"))
    for text in ("tenant:bravo", "other", "tenant:*", "state:all"):
        told = await house.call("holdMessages", acme, filter=text)
        assert "other" not in str(told)
    assert await states(house) == {"own": "held", "other": "waiting"}
    (event,) = (await house.call("getMessageEvents", id="own"))["events"]
    assert event["event_data"]["by"] == "tenant acme"
