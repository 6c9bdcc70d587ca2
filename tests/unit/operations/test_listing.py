from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.state import Event
from mail_proxy.operations import listing
from mail_proxy.store import searching


async def ids(house: Any, **fields: Any) -> list[str]:
    return [m["id"] for m in (await house.call("listMessages", **fields))["messages"]]


async def crowd(house: Any) -> None:
    """One message in each state that a test can reach."""
    await house.tenant("acme", "main")
    await house.post(
        house.mail("sent"), house.mail("failed"), house.mail("retried"), house.mail("doubted")
    )
    claimed = {m.id: m for m in await house.claim("acme", "main")}
    await house.finish(claimed["sent"], Event.ACCEPT)
    await house.finish(claimed["failed"], Event.FAIL, error="550 no such user", error_code=550)
    at = house.clock.now() + 60.5
    await house.finish(claimed["retried"], Event.DEFER, due_at=at, error="451 later")
    await house.finish(claimed["doubted"], Event.DOUBT, error="no answer")
    await house.post(
        house.mail("fresh"),
        house.mail("planned", deferred_ts=at + 60),
        house.mail("b", batch_code="x"),
    )
    await house.call("suspend", tenant_id="acme", batch_code="x")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("pending", {"fresh", "b"}),
        ("deferred", {"retried", "planned"}),
        ("sent", {"sent"}),
        ("error", {"failed"}),
        ("in_doubt", {"doubted"}),
        ("suspended", {"b"}),
        ("held", set()),
        ("bounced", set()),
        ("sent, error", {"sent", "failed"}),
        ("all", {"sent", "failed", "retried", "doubted", "fresh", "planned", "b"}),
    ],
)
async def test_a_status_chooses_messages(house, status, expected):
    await crowd(house)
    assert set(await ids(house, status=status)) == expected
    assert set(await ids(house, status=status, limit=100)) == expected


async def test_active_only_leaves_out_what_is_processed(house):
    await crowd(house)
    found = set(await ids(house, active_only=True))
    assert found == {"retried", "doubted", "fresh", "planned", "b"}
    assert await ids(house, active_only=True, status="sent") == []


async def test_a_sent_message_has_a_sent_ts_and_no_error(house):
    await crowd(house)
    (record,) = (await house.call("listMessages", status="sent"))["messages"]
    assert record["sent_ts"] == int(house.clock.now())
    assert record["recipients"] == [{"address": "ann@example.org", "state": "accepted"}]
    assert not {"error", "error_ts", "deferred_ts", "last_error", "reported_ts"} & record.keys()


async def test_a_failed_message_has_an_error_and_no_sent_ts(house):
    await crowd(house)
    (record,) = (await house.call("listMessages", status="error"))["messages"]
    assert (record["error"], record["error_code"]) == ("550 no such user", 550)
    assert "error_ts" in record
    assert "sent_ts" not in record


async def test_a_deferred_message_is_not_taken_for_an_error(house):
    await crowd(house)
    record = next(
        m
        for m in (await house.call("listMessages", status="deferred"))["messages"]
        if m["id"] == "retried"
    )
    assert record["last_error"] == "451 later"
    assert record["deferred_ts"] == int(house.clock.now()) + 61
    assert record["message"]["retry_count"] == record["tries"] == 1
    assert not {"error", "error_ts"} & record.keys()


async def test_a_pause_of_the_account_defers_its_messages(house):
    await house.tenant("acme", "main")
    await house.post(house.mail())
    until = house.clock.now() + 30.5
    pause = {"paused_until": until, "paused_reason": "login refused"}
    await house.store.change_account("acme", "main", pause, now=house.clock.now())
    (record,) = (await house.call("listMessages"))["messages"]
    assert (record["status"], record["deferred_ts"]) == ("deferred", int(until) + 1)
    house.clock.at += 31
    (record,) = (await house.call("listMessages"))["messages"]
    assert record["status"] == "pending"
    assert "deferred_ts" not in record


async def test_the_posted_message_comes_back_without_secrets(house):
    await house.tenant("acme", "main", name="Acme Ltd")
    posted = house.mail(cc="bob@example.org", headers={"X-A": "b"}, batch_code="news", priority=1)
    await house.post(posted)
    (record,) = (await house.call("listMessages"))["messages"]
    assert record["message"] == {**posted, "tenant_id": "acme", "account_id": "main"}
    assert (record["tenant_name"], record["batch_code"]) == ("Acme Ltd", "news")
    assert record["pk"].isdigit()


async def test_history_comes_only_when_asked_for(house):
    await crowd(house)
    (record,) = (await house.call("listMessages", status="sent"))["messages"]
    assert "history" not in record
    (record,) = (await house.call("listMessages", status="sent", include_history="true"))[
        "messages"
    ]
    (entry,) = record["history"]
    assert entry["event_type"] == "sent"
    assert entry["metadata"] == {"said": "so", "request_id": record["request_id"]}
    assert entry["description"] == "as told"


async def test_reported_ts_is_when_the_latest_news_was_acknowledged(house):
    await crowd(house)
    events = await house.store.unreported("acme", limit=10)
    sent = [event for event in events if event.message_id == "sent"]
    await house.store.mark_reported("acme", sent, now=house.clock.now() + 5)
    (record,) = (await house.call("listMessages", status="sent"))["messages"]
    assert record["reported_ts"] == int(house.clock.now()) + 5


async def test_pages_follow_each_other_without_a_gap(house):
    await house.tenant("acme", "main")
    await house.tenant("bravo", "main")
    for tenant_id in ("acme", "bravo"):
        await house.post(*(house.mail(f"{n}", tenant_id=tenant_id) for n in range(7)))
    seen, cursor = [], None
    for _ in range(10):
        page = await house.call("listMessages", limit=3, cursor=cursor)
        assert len(page["messages"]) <= 3
        seen += [(m["tenant_id"], m["id"]) for m in page["messages"]]
        cursor = page.get("next_cursor")
        if cursor is None:
            break
    assert seen == [(t, f"{n}") for t in ("acme", "bravo") for n in range(7)]


async def test_a_full_last_page_has_no_cursor(house):
    await house.tenant("acme", "main")
    await house.post(*(house.mail(f"{n}") for n in range(3)))
    assert "next_cursor" not in await house.call("listMessages", limit=3)


async def test_a_rare_status_is_looked_for_page_by_page(house, monkeypatch):
    monkeypatch.setattr(searching, "WINDOW", 2)
    monkeypatch.setattr(searching, "CANDIDATES", 3)
    monkeypatch.setattr(listing, "LOOKS", 2)
    await house.tenant("acme", "main")
    later = house.clock.now() + 100
    await house.post(*(house.mail(f"{n}", deferred_ts=later) for n in range(9)), house.mail("now"))
    for rare in ({"status": "pending"}, {"filter": "now"}, {"filter": "state:ready age:<1h"}):
        found, cursor, bounded = [], None, []
        while not bounded or cursor is not None:
            page = await house.call("listMessages", limit=5, cursor=cursor, **rare)
            found += [m["id"] for m in page["messages"]]
            cursor = page.get("next_cursor")
            bounded.append(page.get("bounded", False))
        assert (found, bounded) == (["now"], [True, True, False])


async def test_a_filter_and_the_single_parameters_find_the_same(house):
    await crowd(house)
    now = house.clock.now()
    for single, text in (
        ({"status": "sent,error"}, "state:sent,failed"),
        ({"active_only": True}, "state:open"),
        ({"batch_code": "x"}, "batch:x"),
        ({"to": "ANN@", "subject": "ell"}, "to:ann@ subject:ELL"),
        ({"since_ts": now, "until_ts": now + 1}, f"since:{now} until:{now + 1}"),
        ({"status": "deferred", "filter": "-planned"}, "state:deferred id:retried"),
    ):
        found = await ids(house, **single)
        assert found == await ids(house, filter=text)
        assert found == await ids(house, filter=text, limit=100)
        assert found


async def test_a_tenant_finds_nothing_of_others_whatever_it_asks_for(house):
    acme = await house.tenant("acme", "main")
    await house.tenant("bravo", "main")
    await house.post(house.mail("secret", tenant_id="bravo"), house.mail("own", tenant_id="acme"))
    for text in ("tenant:bravo", "tenant:*", "secret", "id:secret", "-tenant:acme", "state:all"):
        found = (await house.call("listMessages", acme, filter=text))["messages"]
        assert [m["id"] for m in found] == (["own"] if text in {"tenant:*", "state:all"} else [])
    found = (await house.call("listMessages", filter="tenant:bravo"))["messages"]
    assert [m["id"] for m in found] == ["secret"]


async def test_a_bad_filter_tells_the_place_and_the_word(house):
    with pytest.raises(Invalid) as caught:
        await house.call("listMessages", filter="to:ann stat:sent")
    assert str(caught.value) == "filter: there is no 'stat:' (at 8). Did you mean 'state:'?"
    assert caught.value.detail == {"position": 8, "word": "stat", "suggestion": "state"}


async def test_without_a_limit_all_come_as_a_stream(house, monkeypatch):
    monkeypatch.setattr(listing, "PAGE", 2)
    await house.tenant("acme", "main")
    await house.post(*(house.mail(f"{n}") for n in range(5)))
    answer = await house.door.open("listMessages", {}, house.admin)
    first = await anext(answer["messages"])
    assert first["id"] == "0"
    assert [m["id"] async for m in answer["messages"]] == ["1", "2", "3", "4"]


async def test_filters_narrow_the_list(house):
    await house.tenant("acme", "main", "other")
    await house.post(
        house.mail("a", account_id="main", batch_code="news", subject="Spring sale"),
        house.mail("b", account_id="other", to=["bob@example.org"]),
    )
    assert await ids(house, account_id="main") == ["a"]
    assert await ids(house, batch_code="news") == ["a"]
    assert await ids(house, to="bob@") == ["b"]
    assert await ids(house, subject="sale") == ["a"]
    assert await ids(house, since_ts=house.clock.now() + 1) == []
    assert await ids(house, until_ts=str(house.clock.now() + 1)) == ["a", "b"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "lost"),
        ("cursor", "x"),
        ("cursor", "WzEsMiwzXQ"),
        ("cursor", "é"),
        ("cursor", "[" * 1000),
        ("limit", 0),
        ("limit", 10**30),
        ("limit", True),
        ("limit", "many"),
        ("since_ts", "nan"),
        ("since_ts", float("inf")),
        ("until_ts", True),
        ("to", "\ud800"),
        ("to", "x" * 1001),
        ("subject", "x" * 1001),
        ("filter", "state:lost"),
        ("filter", "x" * 4001),
        ("filter", "\ud800"),
        ("account_id", 5),
    ],
)
async def test_a_bad_filter_names_its_field(house, field, value):
    with pytest.raises(Invalid) as caught:
        await house.call("listMessages", **{field: value})
    assert caught.value.field == field


@pytest.mark.parametrize("tenant_id", ["\ud800", "a\0b"])
async def test_a_cursor_with_what_no_database_takes_is_refused(house, tenant_id):
    forged = base64.urlsafe_b64encode(json.dumps([tenant_id, 0, 0]).encode()).decode()
    with pytest.raises(Invalid) as caught:
        await house.call("listMessages", limit=3, cursor=forged.rstrip("="))
    assert caught.value.field == "cursor"


async def test_large_contents_are_read_a_few_at_a_time(house, monkeypatch):
    await house.tenant("acme", "main")
    await house.tenant("bravo", "main")
    sizes = {"a": 300, "b": 300, "c": 5000, "d": 300}
    for tenant_id in ("acme", "bravo"):
        mails = (house.mail(n, tenant_id=tenant_id, body="x" * sizes[n]) for n in sizes)
        await house.post(*mails)
    reads, find = [], house.store.find_messages

    async def find_messages(tenant_id: str, ids: list[str], *, full: bool) -> Any:
        reads.append((tenant_id, "".join(ids)))
        return await find(tenant_id, ids, full=full)

    monkeypatch.setattr(house.store, "find_messages", find_messages)
    monkeypatch.setattr(listing, "READ_BYTES", 1000)
    assert await ids(house) == [*sizes, *sizes]
    assert reads == [(t, run) for t in ("acme", "bravo") for run in ("ab", "c", "d")]


async def test_a_page_of_large_contents_ends_early(house, monkeypatch):
    monkeypatch.setattr(listing, "PAGE_BYTES", 1000)
    await house.tenant("acme", "main")
    await house.post(*(house.mail(f"{n}", body="x" * 600) for n in range(3)))
    first = await house.call("listMessages", limit=3)
    assert [m["id"] for m in first["messages"]] == ["0", "1"]
    second = await house.call("listMessages", limit=3, cursor=first["next_cursor"])
    assert [m["id"] for m in second["messages"]] == ["2"]
    assert "next_cursor" not in second


async def test_what_is_deleted_while_it_is_listed_is_left_out(house, monkeypatch):
    monkeypatch.setattr(listing, "READ_BYTES", 1)
    await house.tenant("acme", "main")
    await house.post(*(house.mail(f"{n}") for n in range(3)))
    answer = await house.door.open("listMessages", {}, house.admin)
    assert (await anext(answer["messages"]))["id"] == "0"
    await house.call("deleteMessages", tenant_id="acme", ids=["1"])
    assert [m["id"] async for m in answer["messages"]] == ["2"]


async def test_an_order_is_kept_over_pages_both_ways(house):
    await house.tenant("acme", "main")
    await house.tenant("bravo", "main")
    at = house.clock.now()
    await house.post(
        house.mail("soon", tenant_id="bravo", deferred_ts=at + 10),
        house.mail("late", tenant_id="acme", deferred_ts=at + 90, priority=0),
        house.mail("now", tenant_id="bravo", priority=3),
        house.mail("later", tenant_id="acme", deferred_ts=at + 20),
    )
    wanted = {
        "next": ["now", "soon", "later", "late"],
        "age": ["soon", "late", "now", "later"],
        "priority": ["late", "soon", "later", "now"],
        "tenant": ["late", "later", "soon", "now"],
    }
    for order, expected in wanted.items():
        for reverse in (False, True):
            for brief in (False, True):
                seen, cursor = [], None
                while not seen or cursor is not None:
                    page = await house.call(
                        "listMessages",
                        limit=3,
                        cursor=cursor,
                        order=order,
                        reverse=reverse,
                        brief=brief,
                    )
                    seen += [m["id"] for m in page["messages"]]
                    cursor = page.get("next_cursor")
                assert seen == (expected[::-1] if reverse else expected)
            assert await ids(house, order=order, reverse=reverse) == seen


async def test_a_cursor_is_of_its_order_alone(house):
    await house.tenant("acme", "main")
    await house.post(*(house.mail(f"{n}") for n in range(3)))
    page = await house.call("listMessages", limit=1, order="next")
    for other in ({"order": "age"}, {"order": "next", "reverse": True}, {}):
        with pytest.raises(Invalid, match="cursor"):
            await house.call("listMessages", limit=1, cursor=page["next_cursor"], **other)


async def test_a_brief_list_has_what_lists_show(house):
    await house.tenant("acme", "main")
    await house.post(house.mail("m1", body="long", batch_code="x"))
    (full,) = (await house.call("listMessages"))["messages"]
    (brief,) = (await house.call("listMessages", brief=True))["messages"]
    assert full["message"]["body"] == "long"
    assert brief == {
        **full,
        "message": {k: v for k, v in full["message"].items() if k not in ("body", "to")},
    }
    assert brief["message"]["subject"] == full["message"]["subject"]
    assert brief["max_tries"] > 1


async def test_what_matches_is_counted_when_it_is_asked_for(house, monkeypatch):
    monkeypatch.setattr(listing, "MOST_COUNTED", 2)
    acme = await house.tenant("acme", "main")
    await house.tenant("bravo", "main")
    await house.post(*(house.mail(f"{n}", tenant_id="acme", batch_code="x") for n in range(3)))
    await house.post(house.mail("other", tenant_id="bravo"))
    plain = await house.call("listMessages", limit=1)
    assert "count" not in plain

    async def counted(caller=house.admin, **fields):
        page = await house.call("listMessages", caller, limit=1, count=True, **fields)
        return page["count"], page.get("count_is_bounded", False)

    assert await counted() == (4, False)
    assert await counted(acme) == (3, False)
    assert await counted(filter="batch:x") == (2, True)
    assert await counted(acme, filter="tenant:bravo") == (0, False)
