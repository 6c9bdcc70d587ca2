from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from mail_proxy.domain.errors import Invalid, Malformed, RejectedBatch
from mail_proxy.domain.state import Event
from mail_proxy.operations.intake import Intake


async def reason(house: Any, *messages: Any, **fields: Any) -> dict[str, Any]:
    """The one rejection of a post of which nothing was taken."""
    with pytest.raises(RejectedBatch) as caught:
        await house.post(*messages, **fields)
    assert caught.value.detail == {"error": None, "rejected": caught.value.rejected}
    return caught.value.rejected[0]


async def message(house: Any, message_id: str = "m1") -> dict[str, Any]:
    return (await house.call("getMessage", id=message_id))["message"]


async def test_an_entry_that_is_no_object_is_an_invalid_payload(house):
    assert await reason(house, "hello") == {"id": None, "reason": "invalid payload"}


async def test_without_an_account_an_unknown_tenant_is_what_is_wrong(house):
    expected = {"id": "m1", "reason": "tenant not found", "field": "tenant_id"}
    assert await reason(house, house.mail(tenant_id="none")) == expected


@pytest.mark.parametrize("field", ["id", "tenant_id", "account_id", "from", "to", "subject"])
async def test_a_missing_field_is_told_by_the_old_reason(house, field):
    await house.tenant("acme", "main", "other")
    await house.tenant("bravo")
    entry = house.mail(tenant_id="acme", account_id="other")
    entry |= {"tenant_id": ""} if field == "tenant_id" else {}
    entry |= {"account_id": "unheard-of"} if field == "tenant_id" else {field: ""}
    expected = {"id": None if field == "id" else "m1", "reason": f"missing {field}", "field": field}
    assert await reason(house, entry) == expected


async def test_reasons_come_in_the_old_order(house):
    await house.tenant("acme", "main", "other")
    await house.tenant("bravo")
    entry: dict[str, Any] = {}
    seen = []
    for field, value in (
        ("id", "m1"),
        ("tenant_id", "acme"),
        ("account_id", "nobody"),
        ("from", "no address"),
        ("to", ["no address"]),
        ("subject", "Hello"),
    ):
        seen.append((await reason(house, entry))["reason"])
        entry[field] = value
    seen.append((await reason(house, entry))["reason"])
    assert seen == [
        "missing id",
        "missing tenant_id",
        "missing account_id",
        "missing from",
        "missing to",
        "missing subject",
        "account not found for tenant",
    ]


@pytest.mark.parametrize("to", [[], "", None, ["", None], [""], " , "])
async def test_a_list_without_an_address_is_a_missing_to(house, to):
    await house.tenant("acme", "main")
    assert (await reason(house, house.mail(to=to)))["reason"] == "missing to"


async def test_a_bad_message_spoils_no_other(house):
    await house.tenant("acme", "main")
    bad = house.mail("bad", to=["a@b, c@d"])
    answer = await house.post(house.mail("m1"), bad, 7, house.mail("m2"))
    assert answer["ok"] is True
    assert answer["queued"] == 2
    assert [(r["id"], r.get("field")) for r in answer["rejected"]] == [("bad", "to"), (None, None)]


async def test_an_empty_batch_is_accepted(house):
    assert await house.post() == {"ok": True, "queued": 0, "rejected": []}


async def test_more_than_a_thousand_are_refused_whole(house):
    with pytest.raises(RejectedBatch) as caught:
        await house.post(*range(1001))
    text = "Cannot enqueue more than 1000 messages at once"
    assert str(caught.value) == text
    assert caught.value.detail == {"error": text, "rejected": None}


@pytest.mark.parametrize("fields", [{}, {"messages": None}, {"messages": {"id": 1}}])
async def test_messages_that_are_no_list_are_malformed(house, fields):
    with pytest.raises(Malformed) as caught:
        await house.call("addMessages", **fields)
    assert caught.value.detail[0]["loc"] == ["body", "messages"]
    assert caught.value.detail[0].keys() == {"type", "loc", "msg", "input"}


async def test_the_same_id_replaces_a_waiting_message(house):
    await house.tenant("acme", "main")
    await house.post(house.mail(subject="First"))
    house.clock.at += 60
    answer = await house.post(house.mail(subject="Second"))
    assert answer == {"ok": True, "queued": 1, "rejected": []}
    found = await message(house)
    assert found["message"]["subject"] == "Second"
    assert found["created_at"] == "2023-11-14T22:13:20.000"


async def test_the_last_of_two_equal_ids_in_a_post_wins(house):
    await house.tenant("acme", "main")
    answer = await house.post(house.mail(subject="First"), house.mail(subject="Last"))
    assert answer["queued"] == 2
    listed = (await house.call("listMessages"))["messages"]
    assert [m["message"]["subject"] for m in listed] == ["Last"]


async def test_what_is_claimed_and_not_begun_is_taken_back_and_replaced(house):
    await house.tenant("acme", "main")
    await house.post(house.mail(subject="First"))
    house.engine.claimed = await house.claim("acme", "main")
    answer = await house.post(house.mail(subject="Second"))
    assert answer == {"ok": True, "queued": 1, "rejected": []}
    assert ("recall", "acme", ("m1",), None) in house.engine.asked


async def test_a_processed_id_is_already_sent_and_no_failure(house):
    await house.tenant("acme", "main")
    await house.post(house.mail())
    await house.finish((await house.claim("acme", "main"))[0], Event.ACCEPT)
    answer = await house.post(house.mail())
    rejected = [{"id": "m1", "reason": "already sent"}]
    assert answer == {"ok": True, "queued": 0, "rejected": rejected}


async def test_a_rejected_id_is_free_again(house):
    await house.tenant("acme", "main")
    await reason(house, house.mail(subject=""))
    assert (await house.post(house.mail()))["queued"] == 1


async def test_the_account_tells_the_tenant(house):
    await house.tenant("acme", "main")
    await house.tenant("bravo", "extra")
    await house.post(house.mail(account_id="extra"))
    assert (await message(house))["tenant_id"] == "bravo"


async def test_the_marked_account_is_meant_when_none_is_named(house):
    await house.tenant("acme", "first", "second")
    await house.account("acme", "third", is_default=True)
    await house.account("acme", "fourth", is_default=True)
    await house.post(house.mail())
    assert (await message(house))["account_id"] == "fourth"


async def test_a_tenants_token_supplies_its_tenant(house):
    acme = await house.tenant("acme", "main")
    await house.tenant("bravo", "main")
    await house.post(house.mail(), caller=acme)
    assert (await message(house))["tenant_id"] == "acme"


async def test_accounts_with_work_are_woken_and_urgent_ones_told(house):
    await house.tenant("acme", "main", "other")
    house.engine.asked.clear()
    await house.post(
        house.mail("a", account_id="main"),
        house.mail("b", account_id="other", priority="immediate"),
        house.mail("c", account_id="main"),
    )
    assert house.engine.asked == [("wake", "acme", "main", False), ("wake", "acme", "other", True)]


@pytest.mark.parametrize(
    ("message_priority", "batch_priority", "expected"),
    [
        (None, None, 2),
        (None, "low", 3),
        ("immediate", 3, 0),
        (9, None, 3),
        (-1, None, 0),
        ("1", 0, 1),
    ],
)
async def test_a_priority_comes_from_message_then_batch_then_instance(
    house, message_priority, batch_priority, expected
):
    await house.tenant("acme", "main")
    await house.post(house.mail(priority=message_priority), default_priority=batch_priority)
    assert (await message(house))["priority"] == expected


@pytest.mark.parametrize("given", ["soon", True, 1.5, [], {}])
async def test_a_bad_batch_priority_refuses_the_batch(house, given):
    await house.tenant("acme", "main")
    with pytest.raises(Invalid) as caught:
        await house.post(house.mail(), default_priority=given)
    assert caught.value.field == "default_priority"


async def test_others_get_a_turn_while_a_large_batch_is_checked(house, monkeypatch):
    await house.tenant("acme", "main")
    check, turns, checked = Intake.check, [], []

    def slow(intake: Intake, entry: Any) -> Any:
        house.clock.at += 1.0
        checked.append(entry)
        return check(intake, entry)

    monkeypatch.setattr(Intake, "check", slow)
    posting = asyncio.create_task(house.post(*(house.mail(str(n)) for n in range(9))))
    while len(checked) < 9:
        await asyncio.sleep(0)
        turns.append(len(checked))
    assert (await posting)["queued"] == 9
    assert set(range(2, 9)) <= set(turns)


HUGE = 10**400


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("deferred_ts", float("nan")),
        ("deferred_ts", float("inf")),
        ("deferred_ts", HUGE),
        ("deferred_ts", -1),
        ("deferred_ts", True),
        ("deferred_ts", "tomorrow"),
        ("expires_ts", float("nan")),
        ("expires_ts", HUGE),
        ("expires_ts", True),
        ("expires_ts", "tomorrow"),
        ("expires_ts", 5),  # long ago
        ("priority", True),
        ("priority", 1.5),
        ("priority", "soon"),
        ("batch_code", "x" * 65),
        ("batch_code", 5),
        ("batch_code", "*"),
        ("id", "x" * 256),
        ("id", 5),
        ("id", "a\nb"),
        ("id", "\ud800"),
        ("tenant_id", ["acme"]),
        ("account_id", {"a": 1}),
        ("from", 5),
        ("from", "a@example.com\r\nBcc: b@example.com"),
        ("to", 5),
        ("to", [5]),
        ("to", ["a@example.com\r\nRCPT TO:<b@example.com>"]),
        ("cc", "nobody"),
        ("bcc", ["nobody"]),
        ("reply_to", "nobody"),
        ("return_path", "nobody"),
        ("return_path", 5),
        ("subject", 5),
        ("subject", "a\nBcc: b@example.com"),
        ("body", 5),
        ("body", "a\x00b"),
        ("body", "\ud800"),
        ("content_type", 5),
        ("html", 5),
        ("from_name", "a\nb"),
        ("message_id", "no brackets"),
        ("headers", ["X-A"]),
        ("headers.Bcc", {"Bcc": "b@example.com"}),
        ("headers.X-A", {"X-A": "a\nb"}),
        ("headers.X-A", {"X-A": HUGE}),
        ("raw", "not base64!"),
    ],
)
async def test_a_bad_value_is_a_rejection_that_names_its_field(house, field, value):
    await house.tenant("acme", "main")
    entry = house.mail(**{field.partition(".")[0]: value})
    rejection = await reason(house, entry)
    assert rejection["field"] == field
    assert len(rejection["reason"]) < 400
    json.dumps(rejection, ensure_ascii=False).encode()


async def test_the_time_of_sending_is_never_early(house):
    await house.tenant("acme", "main")
    later = house.clock.now() + 100
    await house.post(house.mail(deferred_ts=later + 0.2))
    found = await message(house)
    assert (found["status"], found["deferred_ts"]) == ("deferred", int(later) + 1)


async def test_a_message_may_expire_and_is_never_late(house):
    await house.tenant("acme", "main")
    later = house.clock.now() + 100
    await house.post(house.mail(expires_ts=later + 0.8))
    found = await message(house)
    assert (found["expires_ts"], found["message"]["expires_ts"]) == (int(later), int(later))


async def test_a_message_that_expires_before_it_may_be_sent_is_refused(house):
    await house.tenant("acme", "main")
    later = int(house.clock.now()) + 100
    with pytest.raises(RejectedBatch) as caught:
        await house.post(house.mail(deferred_ts=later, expires_ts=later))
    assert caught.value.rejected[0]["field"] == "expires_ts"


async def test_a_time_that_has_passed_is_now(house):
    await house.tenant("acme", "main")
    await house.post(house.mail(deferred_ts=5))
    assert (await message(house))["status"] == "pending"


async def test_unknown_fields_are_ignored_and_friendly_ones_kept(house):
    await house.tenant("acme", "main")
    await house.post(house.mail(from_name="Shop", html=True, weather={"sun": [1]}))
    posted = (await message(house))["message"]
    assert (posted["from_name"], posted["html"]) == ("Shop", True)
    assert "weather" not in posted


async def test_from_addr_is_an_alias(house):
    await house.tenant("acme", "main")
    entry = house.mail(from_addr="other@example.com")
    del entry["from"]
    await house.post(entry)
    assert (await message(house))["message"]["from"] == "other@example.com"


async def test_the_envelope_has_each_address_once_and_the_plain_sender(house):
    await house.tenant("acme", "main")
    await house.post(
        house.mail(
            **{"from": "Shop <shop@example.com>"},
            to="Ann <ann@example.org>, bob@example.org",
            cc=["ann@example.org"],
            bcc=["eve@example.org"],
        )
    )
    (claimed,) = await house.claim("acme", "main")
    assert claimed.return_path == "shop@example.com"
    addresses = [recipient.address for recipient in claimed.recipients]
    assert addresses == ["ann@example.org", "bob@example.org", "eve@example.org"]


@pytest.mark.parametrize(
    ("given", "expected"), [("Back <back@example.com>", "back@example.com"), ("<>", "")]
)
async def test_a_return_path_is_an_address_or_the_null_path(house, given, expected):
    await house.tenant("acme", "main")
    await house.post(house.mail(return_path=given))
    (claimed,) = await house.claim("acme", "main")
    assert claimed.return_path == expected


async def test_a_message_id_is_fixed_at_acceptance(house):
    await house.tenant("acme", "main")
    await house.post(house.mail("given", message_id="<own@example.net>"), house.mail("made"))
    given, made = sorted(await house.claim("acme", "main"), key=lambda m: m.id)
    assert given.rfc_message_id == "<own@example.net>"
    assert made.rfc_message_id.endswith("@example.com>")
    assert len(made.rfc_message_id) > 32


async def test_a_pec_account_takes_no_bcc_and_its_own_return_path_only(house):
    await house.tenant("acme")
    await house.account("acme", "pec", is_pec_account=True)
    assert (await reason(house, house.mail(bcc="eve@example.org")))["field"] == "bcc"
    await house.post(house.mail(return_path="back@example.com"))
    (claimed,) = await house.claim("acme", "pec")
    assert claimed.return_path == "shop@example.com"


async def test_a_mailing_to_too_many_is_refused(house):
    await house.tenant("acme", "main")
    crowd = [f"a{n}@example.org" for n in range(1001)]
    assert "1000 addresses" in (await reason(house, house.mail(to=crowd)))["reason"]
    some = {"to": crowd[:500], "cc": crowd[500:]}
    assert "1000 recipients" in (await reason(house, house.mail(**some)))["reason"]


async def test_messages_of_an_inactive_tenant_wait(house):
    await house.tenant("acme", "main", active=False)
    assert (await house.post(house.mail()))["queued"] == 1
    assert await house.claim("acme", "main") == []
