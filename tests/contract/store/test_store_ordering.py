"""`ordered_messages`, `search_messages` turned round, `count_messages`: lists, page by page."""

from __future__ import annotations

import random
from typing import Any

import pytest

from mail_proxy.domain.filter_text import parse_filter
from mail_proxy.domain.filters import Order, only_tenant
from mail_proxy.domain.state import Event, State
from mail_proxy.store import MessageFilter, MessageRow, ordering, searching

NEXT = ["leased", "waiting", "suspended", "held", "in_doubt", "failed", "bounced", "sent"]
SORTED_BY: dict[Order, Any] = {
    Order.TENANT: lambda m: (m.tenant_id, m.priority, m.pk),
    Order.PRIORITY: lambda m: (m.priority, m.pk),
    Order.AGE: lambda m: m.pk,
    Order.NEXT: lambda m: (
        NEXT.index(m.state.value),
        m.due_at if m.state is State.WAITING else 0,
        m.pk,
    ),
}


@pytest.fixture
async def crowd(scene):
    """Messages of three tenants in every state but bounced, some of equal times."""
    dice = random.Random(7)
    for tenant_id in ("beta", "gamma"):
        await scene.add(tenant_id, "main")
    await scene.add("acme", "other")
    accounts = [("acme", "main"), ("acme", "other"), ("beta", "main"), ("gamma", "main")]
    for number in range(120):
        tenant_id, account_id = dice.choice(accounts)
        await scene.post(
            f"m{number:03}",
            tenant_id=tenant_id,
            account_id=account_id,
            priority=dice.choice((0, 2, 2, 2, 3)),
            due_at=scene.now + dice.choice((-9, 0, 0, 5, 60)),
            batch_code=dice.choice((None, "may")),
        )
    for tenant_id, account_id in accounts:
        claim = await scene.claim(12, tenant_id=tenant_id, account_id=account_id)
        messages = claim.messages
        await scene.finish(
            *(scene.accepted(m) for m in messages[:3]),
            *(scene.failed(m) for m in messages[3:6]),
            *(scene.outcome(m, Event.DOUBT, error="lost") for m in messages[6:8]),
            *(scene.outcome(m, Event.PARK, error="poison") for m in messages[8:9]),
        )
    await scene.store.suspend("beta", "may", now=scene.now)
    while any(
        row.state is State.WAITING for row in await found_at_once(scene, "batch:may", "beta")
    ):
        await scene.store.suspend("beta", "may", now=scene.now)
    pause = {"paused_until": scene.now + 60, "paused_reason": "login refused"}
    await scene.store.change_account("acme", "other", pause, now=scene.now)
    return scene


async def found_at_once(scene, text: str = "", tenant_id: str | None = None) -> list[MessageRow]:
    terms = parse_filter(text)
    chosen = MessageFilter(tenant_id or only_tenant(terms), terms, scene.now)
    rows: list[MessageRow] = await scene.rows(chosen)
    return rows


async def pages(
    scene, order: Order, text: str, *, reverse: bool, limit: int, tenant_id: str | None = None
) -> list[MessageRow]:
    terms = parse_filter(text)
    chosen = MessageFilter(tenant_id or only_tenant(terms), terms, scene.now)
    rows: list[MessageRow] = []
    after: Any = None
    for _ in range(500):
        how = {"limit": limit, "after": after, "reverse": reverse}
        if order is Order.TENANT:
            found = await scene.store.search_messages(chosen, **how)
        else:
            found = await scene.store.ordered_messages(chosen, order, **how)
        assert len(found.rows) <= limit
        rows += found.rows
        after = found.after
        if after is None:
            return rows
    raise AssertionError("there is no end of pages")


@pytest.mark.slow
@pytest.mark.parametrize("candidates", [0, 5000], ids=["walked", "sorted"])
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("order", Order)
async def test_pages_in_each_order_are_the_whole_in_that_order(
    crowd, monkeypatch, order, reverse, candidates
):
    monkeypatch.setattr(searching, "CANDIDATES", candidates)
    monkeypatch.setattr(ordering, "WINDOW", 30)
    for text, tenant_id in (
        ("", None),
        ("", "acme"),
        ("state:failed,deferred", None),
        ("state:open -to:nobody", None),
        ("to:bob batch:may", "beta"),
        ("tenant:gamma", None),
        ("id:m00*", None),
        ("pri:3", None),
        ("to:nobody", None),
    ):
        matching = await found_at_once(crowd, text, tenant_id)
        wanted = sorted(matching, key=SORTED_BY[order], reverse=reverse)
        for limit in (9, 500):
            found = await pages(
                crowd, order, text, reverse=reverse, limit=limit, tenant_id=tenant_id
            )
            assert [m.id for m in found] == [m.id for m in wanted]
            assert found == wanted


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("order", Order)
async def test_one_by_one_is_the_same_order(crowd, order, reverse):
    wanted = sorted(await found_at_once(crowd, "batch:may"), key=SORTED_BY[order], reverse=reverse)
    found = await pages(crowd, order, "batch:may", reverse=reverse, limit=1)
    assert [m.id for m in found] == [m.id for m in wanted]


async def test_a_page_is_full_where_nothing_is_filtered(crowd):
    for order in (Order.AGE, Order.PRIORITY, Order.NEXT):
        found = await crowd.store.ordered_messages(MessageFilter(), order, limit=100)
        assert len(found.rows) == 100
    again = await crowd.store.ordered_messages(
        MessageFilter(), Order.NEXT, limit=100, after=found.after
    )
    assert (len(again.rows), again.after) == (20, None)


async def test_every_state_is_in_the_crowd(crowd):
    assert {m.state.value for m in await found_at_once(crowd)} == set(NEXT) - {"bounced"}


@pytest.mark.parametrize(
    "text",
    ["", "state:failed", "state:open -pri:low", "tenant:acme account:other", "batch:may", "to:bob"],
)
async def test_what_matches_is_counted(crowd, text):
    terms = parse_filter(text)
    chosen = MessageFilter(only_tenant(terms), terms, crowd.now)
    n = len(await found_at_once(crowd, text))
    assert n
    assert await crowd.store.count_messages(chosen, most=1000) == (n, False)


async def test_counting_one_by_one_ends_at_a_number(crowd):
    chosen = MessageFilter(None, parse_filter("to:bob"), crowd.now)
    assert await crowd.store.count_messages(chosen, most=50) == (50, True)
    assert await crowd.store.count_messages(chosen, most=120) == (120, False)


async def test_counting_ends_after_some_windows(crowd, monkeypatch):
    monkeypatch.setattr(searching, "WINDOW", 10)
    chosen = MessageFilter(None, parse_filter("to:nobody"), crowd.now)
    assert await crowd.store.count_messages(chosen, most=50) == (0, True)


async def test_what_is_kept_is_not_counted_one_by_one(crowd):
    assert await crowd.store.count_messages(MessageFilter(), most=50) == (120, False)
