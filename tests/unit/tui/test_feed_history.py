"""What went out in each second, from counters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mail_proxy_tui.feed.base import Totals
from mail_proxy_tui.feed.history import History


def test_a_second_has_what_came_in_it() -> None:
    history = History()
    for at, sent in ((0.0, 100), (1.0, 107), (2.0, 107)):
        history.add(at, Totals(sent, 0, 1))
    assert history.sent == [7, 0]
    assert history.failed == [0, 0]


def test_a_longer_interval_is_spread_over_its_seconds() -> None:
    history = History()
    history.add(0.0, Totals(0, 0, 0))
    history.add(5.0, Totals(50, 5, 0))
    assert history.sent == [10] * 5
    assert history.deferred == [1] * 5


def test_a_restart_is_a_gap_and_no_negative_bar() -> None:
    history = History()
    for at, sent in ((0.0, 100), (1.0, 110), (2.0, 3), (3.0, 5)):
        history.add(at, Totals(sent, 0, 0))
    assert history.sent == [10, None, 2]


def test_a_daemon_that_is_down_is_a_gap_of_its_length() -> None:
    history = History()
    history.add(0.0, Totals(100, 0, 0))
    history.add(1.0, Totals(101, 0, 0))
    for at in (2.0, 3.0, 4.0):
        history.add(at, None)
    history.add(6.0, Totals(120, 0, 0))
    history.add(7.0, Totals(121, 0, 0))
    assert history.sent == [1, None, None, None, None, None, 1]


def test_what_is_counted_of_somebody_else_is_no_difference() -> None:
    history = History()
    for at, sent in ((0.0, 100), (1.0, 110)):
        history.add(at, Totals(sent, 0, 0))
    history.break_off()
    for at, sent in ((1.4, 90_000), (2.4, 90_003), (3.4, 90_005)):
        history.add(at, Totals(sent, 0, 0))
    assert history.sent == [10, None, 2]


def test_answers_within_a_second_wait_for_its_end() -> None:
    history = History()
    for n in range(9):
        history.add(n / 4, Totals(n, 0, 0))
    assert history.sent == [4, 4]


def test_only_ten_minutes_are_kept() -> None:
    history = History()
    history.add(0.0, Totals(0, 0, 0))
    history.add(10_000.0, Totals(10_000, 0, 0))
    assert history.sent == [1] * 600


@given(st.lists(st.tuples(st.floats(0.0, 30.0), st.integers(0, 1000)), max_size=30))
def test_nothing_is_lost_or_made_up(steps: list[tuple[float, int]]) -> None:
    history = History(kept_s=10_000)
    at, total = 0.0, 0
    history.add(at, Totals(0, 0, 0))
    for wait, sent in steps:
        at, total = at + wait, total + sent
        history.add(at, Totals(total, 0, 0))
    history.add(at + 1.0, Totals(total, 0, 0))
    assert abs(sum(value or 0 for value in history.sent) - total) < 1e-6 * (total + 1)
    assert len(history.sent) == int(at + 1.0) or abs(len(history.sent) - at - 1.0) < 1.0
