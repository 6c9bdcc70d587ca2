from __future__ import annotations

import pytest

from mail_proxy.domain.errors import Conflict, Invalid, NotFound
from mail_proxy.domain.state import Event
from mail_proxy.operations import changes


async def test_one_message_comes_with_its_history(house):
    await house.tenant("acme", "main")
    await house.post(house.mail())
    answer = await house.call("getMessage", id="m1")
    assert answer["ok"] is True
    assert (answer["message"]["id"], answer["message"]["history"]) == ("m1", [])


async def test_an_id_of_several_tenants_is_ambiguous_until_one_is_named(house):
    for tenant_id in ("acme", "bravo"):
        await house.tenant(tenant_id, "main")
        await house.post(house.mail(tenant_id=tenant_id))
    with pytest.raises(Conflict):
        await house.call("getMessage", id="m1")
    record = (await house.call("getMessage", id="m1", tenant_id="bravo"))["message"]
    assert record["tenant_id"] == "bravo"
    again = (await house.call("getMessage", id="m1", pk=record["pk"]))["message"]
    assert again["tenant_id"] == "bravo"


async def test_a_pk_of_another_message_is_not_found(house):
    await house.tenant("acme", "main")
    await house.post(house.mail("a"), house.mail("b"))
    pk = (await house.call("getMessage", id="a"))["message"]["pk"]
    with pytest.raises(NotFound):
        await house.call("getMessage", id="b", pk=pk)


async def test_events_are_told_oldest_first(house):
    await house.tenant("acme", "main")
    await house.post(house.mail())
    (claimed,) = await house.claim("acme", "main")
    await house.finish(claimed, Event.DEFER, due_at=house.clock.now(), error="451 later")
    (claimed,) = await house.claim("acme", "main")
    await house.finish(claimed, Event.ACCEPT)
    found = (await house.call("getMessageEvents", id="m1"))["events"]
    assert [event["event_type"] for event in found] == ["deferred", "sent"]
    assert found[0].keys() == {"event_id", "event_type", "event_ts", "event_data"}


async def test_deleting_tells_what_was_there(house):
    await house.tenant("acme", "main")
    await house.post(house.mail("a"), house.mail("b"))
    answer = await house.call("deleteMessages", tenant_id="acme", ids=["a", "x", "a"])
    assert answer == {"ok": True, "removed": 1, "not_found": ["x"], "unauthorized": []}
    assert (await house.post(house.mail("a")))["queued"] == 1


async def test_deleting_nothing_removes_nothing(house):
    await house.tenant("acme", "main")
    answer = await house.call("deleteMessages", tenant_id="acme")
    assert answer == {"ok": True, "removed": 0, "not_found": [], "unauthorized": []}


async def test_what_is_claimed_and_not_begun_is_taken_back_and_deleted(house):
    await house.tenant("acme", "main")
    await house.post(house.mail("waits"), house.mail("begun"))
    claimed = await house.claim("acme", "main")
    house.engine.claimed = [m for m in claimed if m.id == "waits"]
    answer = await house.call("deleteMessages", tenant_id="acme", ids=["waits", "begun"])
    assert (answer["removed"], answer["not_found"]) == (1, ["begun"])
    assert answer["not_possible"] == [
        {"id": "begun", "reason": "being sent now", "state": "leased"}
    ]


async def test_the_admin_names_a_tenant_where_there_are_several(house):
    await house.tenant("acme")
    await house.tenant("bravo")
    verbs = ("delete", "cleanup", "retry", "settle", "hold", "free", "resend")
    for command in (f"{verb}Messages" for verb in verbs):
        with pytest.raises(Invalid, match="tenant_id is required") as caught:
            await house.call(command, **{"as": "sent"})
        assert caught.value.field == "tenant_id"


async def test_a_failed_message_is_retried_with_all_its_tries(house):
    await house.tenant("acme", "main")
    await house.post(house.mail())
    await house.finish((await house.claim("acme", "main"))[0], Event.FAIL, error="550")
    house.engine.asked.clear()
    answer = await house.call("retryMessages", tenant_id="acme", ids=["m1", "x"])
    assert answer == {
        "ok": True,
        "done": ["m1"],
        "not_found": ["x"],
        "not_possible": [],
        "counts": {"done": 1, "not_found": 1, "not_possible": 0},
    }
    assert house.engine.asked[-1] == ("wake_all",)
    record = (await house.call("getMessage", id="m1"))["message"]
    assert (record["status"], record["tries"]) == ("pending", 0)


async def test_what_is_claimed_and_not_begun_is_retried_like_what_waits(house):
    await house.tenant("acme", "main")
    await house.post(house.mail("waits"))
    house.engine.claimed = await house.claim("acme", "main")
    answer = await house.call("retryMessages", tenant_id="acme", ids=["waits"])
    assert answer["done"] == ["waits"]


async def doubtful(house, *names):
    """Messages whose final dot was not answered."""
    await house.tenant("acme", "main")
    await house.post(*(house.mail(name) for name in names))
    for claimed in await house.claim("acme", "main"):
        await house.finish(claimed, Event.DOUBT, error="in doubt: connection lost")


@pytest.mark.parametrize(("outcome", "status"), [("sent", "sent"), ("error", "error")])
async def test_messages_in_doubt_are_settled_one_by_one(house, monkeypatch, outcome, status):
    monkeypatch.setattr(changes, "STEP", 2)
    await doubtful(house, "a", "b", "c", "left")
    await house.post(house.mail("waits"))
    wanted = ["a", "x", "waits", "b", "c", "a"]
    answer = await house.call("settleMessages", tenant_id="acme", ids=wanted, **{"as": outcome})
    assert (answer["done"], answer["not_found"]) == (["a", "b", "c"], ["x"])
    assert answer["not_possible"] == [
        {"id": "waits", "reason": "not in doubt: waiting", "state": "waiting"}
    ]
    assert set(house.reporter.asked) == {("wake", "acme")}
    listed = await house.call("listMessages", status=status)
    assert [m["id"] for m in listed["messages"]] == ["a", "b", "c"]
    held = await house.call("listMessages", status="in_doubt")
    assert [m["id"] for m in held["messages"]] == ["left"]
    told = (await house.call("getMessageEvents", id="a"))["events"]
    assert [event["event_type"] for event in told] == ["in_doubt", status, "settled"]
    word = told[1]["event_data"]["description" if outcome == "sent" else "error"]
    assert word == f"settled by hand as {'sent' if outcome == 'sent' else 'not sent'}"
    again = await house.call("settleMessages", tenant_id="acme", ids=["a"], **{"as": outcome})
    (why,) = again["not_possible"]
    assert why["reason"].startswith("not in doubt: already ")


@pytest.mark.parametrize("word", [None, "failed", 5])
async def test_a_doubt_is_settled_as_sent_or_error_only(house, word):
    await doubtful(house, "a")
    with pytest.raises(Invalid) as caught:
        await house.call("settleMessages", tenant_id="acme", ids=["a"], **{"as": word})
    assert caught.value.field == "as"


async def test_a_message_in_doubt_is_sent_again_by_a_retry(house):
    await doubtful(house, "a")
    answer = await house.call("retryMessages", tenant_id="acme", ids=["a"])
    assert answer["done"] == ["a"]
    assert [m.id for m in await house.claim("acme", "main")] == ["a"]


async def test_cleaning_up_spares_what_is_young_or_unreported(house):
    await house.tenant("acme", "main")
    await house.post(*(house.mail(f"{n}") for n in range(6)))
    for claimed in await house.claim("acme", "main"):
        await house.finish(claimed, Event.ACCEPT)
    events = await house.store.unreported("acme", limit=10)
    await house.store.mark_reported("acme", events[:5], now=house.clock.now())
    assert (await house.call("cleanupMessages", tenant_id="acme"))["removed"] == 0
    house.clock.at += 8 * 86400
    assert await house.call("cleanupMessages", tenant_id="acme") == {"ok": True, "removed": 5}


async def test_an_age_can_be_given(house):
    await house.tenant("acme", "main")
    await house.post(house.mail())
    await house.finish((await house.claim("acme", "main"))[0], Event.ACCEPT)
    events = await house.store.unreported("acme", limit=10)
    await house.store.mark_reported("acme", events, now=house.clock.now())
    house.clock.at += 10
    old = {"tenant_id": "acme", "older_than_seconds": 60}
    assert (await house.call("cleanupMessages", **old))["removed"] == 0
    assert (await house.call("cleanupMessages", **{**old, "older_than_seconds": 0}))["removed"] == 1
