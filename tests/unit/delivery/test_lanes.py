"""All accounts that have something to send: their timers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mail_proxy.delivery.lane import Lane
from mail_proxy.delivery.lanes import Lanes
from mail_proxy.store import Account

Make = Callable[..., Account]

MONTH_S = 30 * 86400.0


@pytest.fixture
def lanes() -> Lanes:
    return Lanes(per_account=4)


def test_a_timer_far_ahead_does_not_pile_up_behind_near_ones(lanes: Lanes, account: Make) -> None:
    lane = Lane(account())
    lanes.add(lane)
    for now in range(1000):
        lane.look_at = now + 1.0  # a retry, or a limit that ends
        lanes.consider(lane, now)
        lane.look_at = MONTH_S
        lanes.fire_timers(now + 1.0)
        assert lanes.next_timer() == MONTH_S
    assert len(lanes._timers) < 200
    lanes.fire_timers(MONTH_S)
    assert list(lanes.turns()) == []
    assert lanes.next_newcomer(()) is lane


def test_the_nearest_of_many_timers_fires_first(lanes: Lanes, account: Make) -> None:
    made = [Lane(account(account_id=f"a{n}"), look_at=1000.0 - n) for n in range(300)]
    for lane in made:
        lanes.add(lane)
        lanes.consider(lane, 0.0)
        for at in (600.0, 500.0, 400.0):
            lane.look_at = at
            lanes.consider(lane, 0.0)
    assert lanes.next_timer() == 400.0
    lanes.fire_timers(400.0)
    found = []
    while (lane := lanes.next_newcomer(())) is not None:
        found.append(lane)
    assert len(found) == 300
