"""Who is on a tenant's list gets no mail of it, and the sender is told so."""

from __future__ import annotations

from typing import Any

import pytest

from mail_proxy.domain.errors import Invalid, NotFound, RejectedBatch
from mail_proxy.domain.state import Event
from mail_proxy.operations import Directory


@pytest.fixture
async def acme(house):
    return await house.tenant("acme", "main")


async def suppress(house, *addresses: Any, **fields: Any) -> dict[str, Any]:
    return await house.call("addSuppressions", addresses=list(addresses), **fields)


async def listing(house, **fields: Any) -> list[str]:
    answer = await house.call("listSuppressions", **fields)
    return [entry["address"] for entry in answer["suppressions"]]


async def refusal(house, **fields: Any) -> dict[str, Any]:
    with pytest.raises(RejectedBatch) as caught:
        await house.post(house.mail(**fields))
    return caught.value.rejected[0]


# --- the list ---


async def test_what_is_added_is_listed_by_address(house, acme):
    answer = await suppress(
        house, "Zoe@Example.org", {"address": "ann@example.org", "reason": "bounced"}, reason="away"
    )
    assert answer == {"ok": True, "added": 2, "updated": 0, "rejected": []}
    told = (await house.call("listSuppressions", acme))["suppressions"]
    assert [(t["address"], t["reason"]) for t in told] == [
        ("ann@example.org", "bounced"),
        ("zoe@example.org", "away"),
    ]
    assert told[0]["created_at"] == "2023-11-14T22:13:20.000"


async def test_a_new_reason_takes_the_place_of_the_old_one(house, acme):
    await suppress(house, "ann@example.org", reason="first")
    house.clock.at += 60
    answer = await suppress(house, "ANN@example.org", "bob@example.org", reason="second")
    assert (answer["added"], answer["updated"]) == (1, 1)
    (ann,) = (await house.call("listSuppressions", address="ann@EXAMPLE.org"))["suppressions"]
    assert (ann["reason"], ann["created_at"]) == ("second", "2023-11-14T22:13:20.000")


async def test_the_list_comes_in_pages(house, acme):
    await suppress(house, *(f"a{n}@example.org" for n in range(5)))
    page = await house.call("listSuppressions", limit=2)
    seen = [entry["address"] for entry in page["suppressions"]]
    while "next_cursor" in page:
        page = await house.call("listSuppressions", limit=2, cursor=page["next_cursor"])
        seen += [entry["address"] for entry in page["suppressions"]]
    assert seen == [f"a{n}@example.org" for n in range(5)]


@pytest.mark.parametrize("asked", ["ann@example.org", "ANN@Example.Org"])
async def test_one_address_is_looked_for(house, acme, asked):
    await suppress(house, "ann@example.org", "anna@example.org")
    assert await listing(house, address=asked) == ["ann@example.org"]
    assert await listing(house, address="bob@example.org") == []


async def test_a_bad_address_spoils_no_other(house, acme):
    bad = ["no address", "", 7, None, {"reason": "x"}, {"address": "a@b.example", "reason": 7}]
    answer = await suppress(house, "ann@example.org", *bad, "a@b, c@d", "x\ud800@example.org")
    assert answer["added"] == 1
    assert [entry["field"] for entry in answer["rejected"]] == [
        *(["address"] * 5),
        "reason",
        "address",
        "address",
    ]
    assert answer["rejected"][0]["address"] == "no address"
    assert answer["rejected"][-1]["address"] is None


async def test_nothing_but_bad_addresses_is_a_failure(house, acme):
    with pytest.raises(RejectedBatch):
        await suppress(house, "none")


@pytest.mark.parametrize("addresses", [[], ["a@example.org"] * 10_001])
async def test_the_number_of_addresses_is_bounded(house, acme, addresses):
    with pytest.raises(Invalid):
        await suppress(house, *addresses)


async def test_what_is_removed_gets_mail_again(house, acme):
    await suppress(house, "ann@example.org")
    assert (await refusal(house))["field"] == "to"
    assert await house.call("removeSuppression", address="Ann@Example.org") == {"ok": True}
    assert (await house.post(house.mail()))["queued"] == 1
    with pytest.raises(NotFound):
        await house.call("removeSuppression", address="ann@example.org")


async def test_a_list_belongs_to_its_tenant(house, acme):
    beta = await house.tenant("beta", "main")
    await house.call("addSuppressions", acme, addresses=["ann@example.org"])
    assert await listing(house, caller=beta) == []
    with pytest.raises(NotFound):
        await house.call("removeSuppression", beta, address="ann@example.org")
    assert (await house.post(house.mail(), caller=beta))["queued"] == 1


async def test_an_absent_tenant_has_no_list(house, acme):
    for command, fields in (
        ("listSuppressions", {}),
        ("addSuppressions", {"addresses": ["a@example.org"]}),
        ("removeSuppression", {"address": "a@example.org"}),
    ):
        with pytest.raises(NotFound, match="Tenant 'nobody' not found"):
            await house.call(command, tenant_id="nobody", **fields)


async def test_a_deleted_tenants_list_goes_with_it(house, acme):
    await suppress(house, "ann@example.org")
    await house.call("deleteTenant", tenant_id="acme")
    await house.tenant("acme", "main")
    assert await listing(house) == []
    assert (await house.post(house.mail()))["queued"] == 1


async def test_after_a_start_the_lists_count_on(house, acme):
    await suppress(house, "ann@example.org")
    directory = Directory()
    await directory.load(house.store)
    assert directory.is_suppressing("acme")


# --- the mail ---


async def test_a_suppressed_recipient_is_refused_at_once(house, acme):
    await suppress(house, "ann@example.org", reason="has unsubscribed")
    assert await refusal(house) == {
        "id": "m1",
        "reason": "recipient suppressed: ann@example.org (has unsubscribed)",
        "field": "to",
    }
    assert (await house.call("listMessages"))["messages"] == []


async def test_without_a_reason_none_is_told(house, acme):
    await suppress(house, "ann@example.org")
    assert (await refusal(house))["reason"] == "recipient suppressed: ann@example.org"


@pytest.mark.parametrize(
    ("on_list", "to"),
    [
        ("ann@example.org", "ANN@Example.ORG"),
        ("ANN@example.org", "ann@example.org"),
        ("ann@example.org", "Ann <ann@example.org>"),
        ("info@bücher.example", "info@xn--bcher-kva.example"),
        ("info@xn--bcher-kva.example", "Info@Bücher.example"),
        ("@example.org", "anybody@EXAMPLE.org"),
        ("@Bücher.example", "anybody@xn--bcher-kva.example"),
        ("jose\u0301@example.org", "JOS\u00c9@example.org"),
        ('"a.b"@example.org', '"A.B"@example.org'),
    ],
)
async def test_an_address_is_found_however_it_is_written(house, acme, on_list, to):
    await suppress(house, on_list)
    assert (await refusal(house, to=[to]))["reason"].startswith("recipient suppressed: ")


@pytest.mark.parametrize(
    ("on_list", "to"),
    [
        ("ann@example.org", "anna@example.org"),
        ("ann@example.org", "ann@sub.example.org"),
        ("@example.org", "ann@sub.example.org"),
        ("@example.org", "ann@notexample.org"),
        ("ann@example.org", "ann+news@example.org"),
    ],
)
async def test_another_address_is_another(house, acme, on_list, to):
    await suppress(house, on_list)
    assert (await house.post(house.mail(to=[to])))["queued"] == 1


async def test_the_others_get_their_mail_and_the_report_tells_who_does_not(house, acme):
    await suppress(house, "bob@example.org", reason="bounced")
    everybody = {"to": ["ann@example.org"], "cc": ["bob@example.org"], "bcc": ["eve@example.org"]}
    assert (await house.post(house.mail(**everybody)))["queued"] == 1
    record = (await house.call("getMessage", id="m1"))["message"]
    why = "recipient suppressed: bob@example.org (bounced)"
    assert record["status"] == "pending"
    assert record["recipients"] == [
        {"address": "ann@example.org", "state": "pending"},
        {"address": "bob@example.org", "state": "refused", "reply": why},
        {"address": "eve@example.org", "state": "pending"},
    ]
    (claimed,) = await house.claim("acme", "main")
    assert [r.address for r in claimed.recipients] == ["ann@example.org", "eve@example.org"]
    assert [(r.address, r.reply) for r in claimed.settled] == [("bob@example.org", why)]


async def test_all_of_several_are_a_rejection_that_names_the_first(house, acme):
    await suppress(house, "@example.org", reason="gone")
    rejection = await refusal(house, to=["ann@example.org", "bob@example.org"])
    expected = "recipient suppressed: ann@example.org (gone), and 1 more"
    assert rejection["reason"] == expected


async def test_in_a_batch_only_their_own_message_is_rejected(house, acme):
    await suppress(house, "bob@example.org")
    bad = house.mail("bad", to=["bob@example.org"])
    answer = await house.post(house.mail("m1"), bad, house.mail("m2"))
    assert (answer["queued"], [e["id"] for e in answer["rejected"]]) == (2, ["bad"])


async def test_a_message_with_somebody_suppressed_can_still_be_replaced(house, acme):
    await suppress(house, "bob@example.org")
    both = {"to": ["ann@example.org", "bob@example.org"]}
    await house.post(house.mail(**both))
    assert (await house.post(house.mail(subject="new", **both)))["queued"] == 1
    record = (await house.call("getMessage", id="m1"))["message"]
    assert record["message"]["subject"] == "new"
    assert [r["state"] for r in record["recipients"]] == ["pending", "refused"]


async def test_a_retry_does_not_send_to_the_suppressed(house, acme):
    await suppress(house, "bob@example.org")
    await house.post(house.mail(to=["ann@example.org", "bob@example.org"]))
    (claimed,) = await house.claim("acme", "main")
    await house.finish(claimed, Event.FAIL)
    await house.call("retryMessages", ids=["m1"])
    (again,) = await house.claim("acme", "main")
    assert [r.address for r in again.recipients] == ["ann@example.org"]


async def test_what_is_resent_is_checked_anew(house, acme):
    both = {"to": ["ann@example.org", "bob@example.org"]}
    await house.post(house.mail("one"), house.mail("two", **both))
    for claimed in await house.claim("acme", "main"):
        await house.finish(claimed, Event.FAIL)
    await suppress(house, "ann@example.org", reason="left")
    for dry_run in (True, False):
        answer = await house.call("resendMessages", ids=["one", "two"], dry_run=dry_run)
        assert answer["done"] == ["two"]
        (refused,) = answer["not_possible"]
        assert refused["id"] == "one"
        assert refused["reason"] == "recipient suppressed: ann@example.org (left)"
    (again,) = await house.claim("acme", "main")
    assert [r.address for r in again.recipients] == ["bob@example.org"]


async def test_a_tenant_without_a_list_costs_no_look(house, acme, monkeypatch):
    monkeypatch.setattr(house.store, "suppressed", None)  # whoever asks fails
    assert (await house.post(house.mail()))["queued"] == 1


async def test_a_large_list_and_a_large_batch_find_each_other(house, acme):
    await suppress(house, *(f"u{n}@example.org" for n in range(0, 2000, 2)))
    batch = [house.mail(f"m{n}", to=[f"U{n}@example.org"]) for n in range(1000)]
    answer = await house.post(*batch)
    assert answer["queued"] == 500
    assert {entry["id"] for entry in answer["rejected"]} == {f"m{n}" for n in range(0, 1000, 2)}
