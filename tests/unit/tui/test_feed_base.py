"""What the values of a feed work out by themselves."""

from __future__ import annotations

import pytest

from mail_proxy.domain.errors import NotRunning
from mail_proxy_tui.feed.base import Action, Cells, Feed, Gauge, Order, Query, Verb
from tests.unit.tui.fake_feed import FakeFeed, message


def test_queued_is_what_is_not_finished() -> None:
    cells = Cells(1, 2, 4, 8, 16, 32, failed=64, sent=128, bounced=256)
    assert cells.queued == 63


def test_queued_needs_no_count_of_the_deferred() -> None:
    assert Cells(ready=3, deferred=None, held=1).queued == 4


@pytest.mark.parametrize(
    ("used", "limit", "fraction"), [(0, 10, 0), (5, 10, 0.5), (30, 10, 1), (1, 0, 0)]
)
def test_a_gauge_is_never_more_than_full(used: int, limit: int, fraction: float) -> None:
    assert Gauge("hour", used, limit).fraction == fraction


async def test_the_fake_feed_pages_as_a_feed_does() -> None:
    fake = FakeFeed()
    feed: Feed = fake
    fake.rows = [message(n) for n in range(5)]
    first = await feed.page(Query(order=Order.AGE), limit=3)
    rest = await feed.page(Query(), first.next_cursor, limit=3)
    assert [row.key.pk for row in (*first.rows, *rest.rows)] == ["0", "1", "2", "3", "4"]
    assert (first.count, rest.next_cursor) == (5, None)


async def test_the_fake_feed_without_a_daemon_does_nothing() -> None:
    feed = FakeFeed()
    feed.can_act = False
    with pytest.raises(NotRunning):
        await feed.act(Action(Verb.RUN_NOW))
    assert feed.acted == []
