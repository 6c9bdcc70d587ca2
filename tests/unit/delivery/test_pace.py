"""How many messages are claimed at a time."""

from __future__ import annotations

from mail_proxy.delivery.pace import AT_ONCE, Pace


def run(pace: Pace, *, per_s: float, seconds: float, start: float, least: int = 4) -> int:
    """Send at a rate, claiming whenever half of the size has been sent; the last size."""
    now, size = start, pace.resize(start, least=least, most=1000)
    while now < start + seconds:
        batch = max(1, size // 2)
        for _ in range(batch):
            pace.ended()
        now += batch / per_s
        size = pace.resize(now, least=least, most=1000)
    return size


def test_a_slow_server_gets_what_its_connections_need() -> None:
    assert run(Pace(), per_s=4 / 5, seconds=60, start=0.0) == 4


def test_two_seconds_of_sending_are_claimed_ahead() -> None:
    assert 158 <= run(Pace(), per_s=80, seconds=10, start=0.0) <= 162


def test_a_fast_account_has_the_most_after_a_few_claims() -> None:
    pace, sizes = Pace(), []
    for n in range(6):
        sizes.append(pace.resize(n / 100, least=4, most=250))
        for _ in range(sizes[-1]):
            pace.ended()
    assert sizes == [10, 40, 160, 250, 250, 250]


def test_an_idle_account_begins_anew_with_little() -> None:
    pace = Pace()
    assert run(pace, per_s=1000, seconds=5, start=0.0) == 1000
    pace.resize(6.0, least=4, most=1000)
    assert pace.resize(600.0, least=4, most=1000) == 4


def test_big_contents_make_claims_small_until_they_fit_again() -> None:
    pace = Pace()
    run(pace, per_s=1000, seconds=5, start=0.0)
    pace.claimed(500, with_content=20)
    assert run(pace, per_s=1000, seconds=1, start=6.0) == 20
    for _ in range(10):
        pace.claimed(20, with_content=20)
    assert run(pace, per_s=1000, seconds=1, start=8.0) > 100


def test_contents_that_do_not_fit_at_all_leave_what_the_connections_need() -> None:
    pace = Pace()
    pace.claimed(4, with_content=0)
    for _ in range(50):
        pace.claimed(4, with_content=0)
    assert run(pace, per_s=1000, seconds=1, start=0.0) == 4
    for _ in range(30):
        pace.claimed(4, with_content=4)
    assert run(pace, per_s=1000, seconds=1, start=2.0) > 100


def test_low_water_is_half_and_never_nothing() -> None:
    pace = Pace()
    assert pace.low_water == 1
    pace.resize(0.0, least=4, most=50)
    assert pace.low_water == 5


def test_a_fast_account_asks_for_more_as_soon_as_a_whole_claim_has_room() -> None:
    pace = Pace()
    run(pace, per_s=2000, seconds=5, start=0.0)
    assert pace.low_water == pace.size - AT_ONCE
