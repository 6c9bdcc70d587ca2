"""One account as the engine sees it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mail_proxy.delivery.lane import FIRST_PAUSE_S, LONGEST_PAUSE_S, Lane, Need
from mail_proxy.delivery.pace import AT_ONCE, Pace
from mail_proxy.domain.retry import RetryPolicy
from mail_proxy.store import Account, Claimed

Make = Callable[..., Account]
Claim = Callable[..., Claimed]


def test_pauses_double_up_to_the_longest(account: Make) -> None:
    lane = Lane(account())
    pauses = [lane.fault(1000.0, 0.0) - 1000.0 for _ in range(12)]
    assert pauses[:3] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_a_paused_lane_is_looked_at_when_the_pause_ends(account: Make) -> None:
    lane = Lane(account(), look_at=5.0, paused_until=90.0)
    assert lane.wake_at() == 90.0
    assert not lane.wants_claim(80.0)
    assert lane.wants_claim(90.0)


def test_after_a_fault_one_connection_probes_alone(account: Make, claimed: Claim) -> None:
    lane = Lane(account(), failures=1)
    lane.add([claimed(1), claimed(2)])
    assert lane.wants_connection(0.0, most=4)
    lane.running = 1
    assert not lane.wants_connection(0.0, most=4)
    lane.failures, lane.is_proven = 0, True
    assert lane.wants_connection(0.0, most=4)


def test_one_connection_tries_alone_until_a_login_has_worked(account: Make, claimed: Claim) -> None:
    lane = Lane(account())
    lane.add([claimed(1), claimed(2)])
    assert lane.wants_connection(0.0, most=4)
    lane.running = lane.opening = 1
    assert not lane.wants_connection(0.0, most=4)


def test_no_more_connections_are_opened_than_there_are_messages_for_them(
    account: Make, claimed: Claim
) -> None:
    lane = Lane(account(), is_proven=True, running=1, opening=1)
    lane.add([claimed(1)])
    assert not lane.wants_connection(0.0, most=4)
    lane.add([claimed(2)])
    assert lane.wants_connection(0.0, most=4)


def test_a_message_that_brought_a_fault_of_the_account_goes_last(
    account: Make, claimed: Claim
) -> None:
    lane = Lane(account())
    lane.suspect(claimed(1))
    lane.add([claimed(1, priority=0), claimed(2)])
    assert [lane.take(), lane.take()] == [claimed(2), claimed(1, priority=0)]
    lane.clear(claimed(1))
    lane.add([claimed(2), claimed(1)])
    assert lane.take() == claimed(1)


def test_an_account_may_have_fewer_connections_than_the_rule(account: Make, claimed: Claim) -> None:
    lane = Lane(account(max_connections=1), running=1)
    lane.add([claimed(1)])
    assert not lane.wants_connection(0.0, most=4)


def test_a_full_buffer_is_topped_up_only_with_something_urgent(
    account: Make, claimed: Claim
) -> None:
    lane = Lane(account())
    assert lane.need(0.0, connections=8, most=50) == Need(10, 0, 3)
    lane.add([claimed(n) for n in range(8)])
    assert not lane.wants_claim(1.0)
    lane.is_urgent = True
    assert lane.wants_claim(1.0)
    assert lane.need(1.0, connections=8, most=50) == Need(10, 0, 0)


def test_what_a_fast_account_may_hold_comes_in_several_claims(
    account: Make, claimed: Claim
) -> None:
    lane = Lane(account(), pace=Pace(size=500, since=0.0))
    for _ in range(2000):
        lane.pace.ended()
    assert lane.need(1.0, connections=8, most=500).limit == AT_ONCE
    lane.add([claimed(n) for n in range(400)])
    lane.is_urgent = True
    assert lane.need(1.0, connections=8, most=500) == Need(AT_ONCE, 0, 0)


def test_of_what_is_urgent_no_more_is_claimed_than_of_the_rest(
    account: Make, claimed: Claim
) -> None:
    lane = Lane(account(), is_urgent=True)
    lane.need(0.0, connections=8, most=50)
    lane.add([claimed(n, priority=0) for n in range(10)])
    assert not lane.wants_claim(1.0)


@pytest.mark.parametrize(
    ("changes", "policy"),
    [
        ({}, RetryPolicy((60.0,), 3)),
        ({"retry_delays": (5.0, 6.0)}, RetryPolicy((5.0, 6.0))),
        ({"max_retries": 9}, RetryPolicy((60.0,), 9)),
        ({"max_retries": 0}, RetryPolicy((60.0,), 0)),
        ({"max_age": 9.0}, RetryPolicy((60.0,), 3, 9.0)),
    ],
)
def test_an_account_s_own_plan_wins(
    account: Make, changes: dict[str, object], policy: RetryPolicy
) -> None:
    assert Lane(account(**changes)).retry_policy(RetryPolicy((60.0,), 3)) == policy
