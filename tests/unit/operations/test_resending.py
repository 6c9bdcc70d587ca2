"""Finished messages once more, as new ones: to whom, under which ids, and only once with a key."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mail_proxy.domain.errors import Conflict, Invalid, StoreUnavailable
from mail_proxy.domain.state import Event, RecipientState
from mail_proxy.operations import changes
from mail_proxy.store import Outcome, RecipientResult
from mail_proxy.store.copying import MAX_DOUBLINGS
from mail_proxy.wire.caller import ADMIN


async def states(house: Any) -> dict[str, str]:
    listed = (await house.call("listMessages", tenant_id="acme"))["messages"]
    return {message["id"]: message["state"] for message in listed}


async def sent_to_some(house: Any, **fields: Any) -> None:
    """`m1` went to ann and was refused by bob."""
    await house.tenant("acme", "main")
    mail = house.mail(to=["ann@example.org", "bob@example.org"], **fields)
    await house.post(mail, caller=ADMIN.asking("post-1"))
    (claimed,) = await house.claim("acme", "main")
    results = (
        RecipientResult(0, RecipientState.ACCEPTED, None),
        RecipientResult(1, RecipientState.REFUSED, None),
    )
    outcome = Outcome("acme", claimed.pk, claimed.lease_token, Event.ACCEPT, results)
    await house.store.finish([outcome], now=house.clock.now())


@pytest.mark.parametrize(
    ("recipients", "addresses"),
    [("all", ["ann@example.org", "bob@example.org"]), ("refused", ["bob@example.org"])],
)
async def test_a_resent_message_is_a_new_one(house, recipients, addresses):
    await sent_to_some(house, batch_code="may", priority=1)
    fields = {"tenant_id": "acme", "ids": ["m1"], "recipients": recipients}
    told = await house.call("resendMessages", ADMIN.asking("again-1"), **fields)
    assert told["resent"] == [{"id": "m1", "new_id": "m1-r1"}]
    old = (await house.call("getMessage", id="m1"))["message"]
    new = (await house.call("getMessage", id="m1-r1"))["message"]
    assert (old["state"], new["state"], new["tries"]) == ("sent", "waiting", 0)
    assert [r["address"] for r in new["recipients"]] == addresses
    assert (new["batch_code"], new["priority"]) == ("may", 1)
    assert new["message"] == {**old["message"], "id": "m1-r1"}
    assert (new["request_id"], old["request_id"]) == ("again-1", "post-1")
    by = {"by": "admin", "request_id": "again-1"}
    assert [h["metadata"] for h in old["history"]] == [{**by, "new_id": "m1-r1"}]
    assert [h["metadata"] for h in new["history"]] == [{**by, "of_id": "m1"}]
    claimed, first = (await house.claim("acme", "main"))[0], old
    assert claimed.id == "m1-r1"
    assert claimed.rfc_message_id != first
    assert (await house.call("resendMessages", tenant_id="acme", ids=["m1"]))["resent"] == [
        {"id": "m1", "new_id": "m1-r2"}
    ]


async def finished(house: Any, *names: str) -> None:
    await house.tenant("acme", "main")
    await house.post(*(house.mail(name) for name in names))
    for claimed in await house.claim("acme", "main"):
        await house.finish(claimed, Event.ACCEPT)


async def test_a_resend_that_comes_again_with_its_key_makes_nothing_new(house):
    await finished(house, "m1", "m2")
    fields = {"tenant_id": "acme", "ids": ["m1", "none", "m2"], "idempotency_key": "k"}

    told = [await house.call("resendMessages", **fields) for _ in range(3)]
    for claimed in await house.claim("acme", "main"):
        await house.finish(claimed, Event.ACCEPT)
    told.append(await house.call("resendMessages", **fields))

    assert told == [told[0]] * 4
    assert [each["new_id"] for each in told[0]["resent"]] == ["m1-r1", "m2-r1"]
    assert told[0]["not_found"] == ["none"]
    assert set(await states(house)) == {"m1", "m2", "m1-r1", "m2-r1"}
    house.clock.at += 86401
    assert len((await house.call("resendMessages", **fields))["resent"]) == 2


async def test_a_resend_that_was_interrupted_goes_on_where_it_was(house, monkeypatch):
    await finished(house, "m1", "m2", "m3")
    fields = {"tenant_id": "acme", "ids": ["m1", "m2", "m3"], "idempotency_key": "k"}
    monkeypatch.setattr(changes, "STEP", 2)
    copy_messages, asked = house.store.copy_messages, []

    async def interrupted(*args: Any, **kwargs: Any) -> Any:
        asked.append(len(args[1]))
        if len(asked) == 2:
            raise StoreUnavailable("the power is gone")
        return await copy_messages(*args, **kwargs)

    monkeypatch.setattr(house.store, "copy_messages", interrupted)

    with pytest.raises(StoreUnavailable):
        await house.call("resendMessages", **fields)
    told = await house.call("resendMessages", **fields)

    assert asked == [2, 1, 1]
    assert [each["new_id"] for each in told["resent"]] == ["m1-r1", "m2-r1", "m3-r1"]
    assert await house.call("resendMessages", **fields) == told
    assert len(await states(house)) == 6


async def test_a_key_of_a_resend_that_made_nothing_is_free(house):
    await finished(house, "m1")
    fields = {"tenant_id": "acme", "idempotency_key": "k"}
    await house.call("resendMessages", ids=["none"], **fields)
    await house.call("resendMessages", ids=["m1"], dry_run=True, **fields)

    told = await house.call("resendMessages", ids=["m1"], **fields)

    assert told["resent"] == [{"id": "m1", "new_id": "m1-r1"}]


@pytest.mark.parametrize("other", [{"ids": ["m2"]}, {"recipients": "refused"}, {"new_id": "x"}])
async def test_a_key_of_another_resend_is_a_conflict(house, other):
    await finished(house, "m1", "m2")
    fields = {"tenant_id": "acme", "ids": ["m1"], "idempotency_key": "k"}
    await house.call("resendMessages", **fields)

    with pytest.raises(Conflict, match="Idempotency-Key"):
        await house.call("resendMessages", **{**fields, **other})
    with pytest.raises(Conflict, match="Idempotency-Key"):
        await house.post(house.mail("m9"), idempotency_key="k")


async def test_a_filter_takes_no_key(house):
    await finished(house, "m1")
    fields = {"tenant_id": "acme", "filter": "state:sent", "idempotency_key": "k"}

    with pytest.raises(Invalid, match="with ids, not with a filter") as caught:
        await house.call("resendMessages", **fields)

    assert caught.value.field == "idempotency_key"
    assert set(await states(house)) == {"m1"}


async def test_an_id_can_be_given_to_a_resent_message_and_none_is_taken_over(house):
    await sent_to_some(house)
    await house.post(house.mail("taken"))
    fields = {"tenant_id": "acme", "ids": ["m1"]}
    told = await house.call("resendMessages", **fields, new_id="taken")
    assert told["not_possible"][0]["reason"] == "there is a message with the new id"
    told = await house.call("resendMessages", **fields, new_id="mine")
    assert told["resent"] == [{"id": "m1", "new_id": "mine"}]
    for bad in ({"ids": ["m1", "taken"]}, {"ids": [], "filter": "m1"}):
        with pytest.raises(Invalid, match="for one message alone"):
            await house.call("resendMessages", **{**fields, **bad}, new_id="x")
    with pytest.raises(Invalid) as caught:
        await house.call("resendMessages", **fields, new_id="a\nb")
    assert caught.value.field == "new_id"


async def test_what_cannot_be_resent_tells_why(house):
    await sent_to_some(house)
    await house.post(house.mail("fine"))
    (claimed,) = await house.claim("acme", "main")
    await house.finish(claimed, Event.ACCEPT)
    told = await house.call("resendMessages", tenant_id="acme", ids=["fine"], recipients="refused")
    assert told["not_possible"][0]["reason"] == "no recipient was refused"
    await house.store._write(_empty, "fine")
    told = await house.call("resendMessages", tenant_id="acme", ids=["fine"])
    assert told["not_possible"][0]["reason"] == "its content is gone"
    await house.store.delete_account("acme", "main")
    told = await house.call("resendMessages", tenant_id="acme", ids=["m1"])
    assert told["not_possible"][0]["reason"] == "account not found for tenant"


async def test_a_resend_keeps_the_limit_of_the_queue(house):
    await house.tenant("acme", "main", max_queued=2)
    await house.post(house.mail("a"), house.mail("b"))
    for claimed in await house.claim("acme", "main"):
        await house.finish(claimed, Event.ACCEPT)
    await house.post(house.mail("c"))
    told = await house.call("resendMessages", tenant_id="acme", filter="state:sent")
    assert told["resent"] == [{"id": "a", "new_id": "a-r1"}]
    assert told["not_possible"] == [{"id": "b", "reason": "queue full", "state": "sent"}]


def _empty(conn: Any, _id: str) -> None:
    conn.exec_driver_sql("UPDATE contents SET payload = NULL")
    conn.exec_driver_sql(
        'UPDATE contents SET payload = \'{"from": "a@example.org"}\' WHERE message_pk ='
        " (SELECT pk FROM messages WHERE id = 'm1')"
    )


async def test_a_long_id_is_cut_before_it_is_continued(house):
    await house.tenant("acme", "main")
    name = "i" * 255
    await house.post(house.mail(name))
    (claimed,) = await house.claim("acme", "main")
    await house.finish(claimed, Event.ACCEPT)
    told = await house.call("resendMessages", tenant_id="acme", ids=[name])
    assert told["resent"][0]["new_id"] == "i" * 240 + "-r1"


async def test_the_next_id_of_a_resent_message_is_free_however_many_there_are(house):
    await house.tenant("acme", "main")
    await house.post(house.mail("a"))
    (claimed,) = await house.claim("acme", "main")
    await house.finish(claimed, Event.ACCEPT)
    ids = {"tenant_id": "acme", "ids": ["a"]}
    made = [(await house.call("resendMessages", **ids))["resent"][0]["new_id"] for _ in range(9)]
    assert made == [f"a-r{n}" for n in range(1, 10)]
    await house.post(*(house.mail(f"a-r{2**n}") for n in range(4, MAX_DOUBLINGS)))
    (last,) = (await house.call("resendMessages", **ids))["resent"]
    assert re.fullmatch("a-r[0-9a-f]{12}", last["new_id"])
