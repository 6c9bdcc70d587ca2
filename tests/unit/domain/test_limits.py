"""How many messages may leave now; and that no window is ever exceeded, whatever happens."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail_proxy.domain.limits import (
    BUCKET_S,
    DAY_S,
    HOUR_S,
    MINUTE_S,
    Bucket,
    Limit,
    Scope,
    Use,
    allowance,
    bucket_start,
    changed_limits,
    limits_of_account,
    limits_of_tenant,
    outdated_before,
)

MINUTE = Limit(Scope.ACCOUNT, MINUTE_S, 10)
DAY = Limit(Scope.ACCOUNT, DAY_S, 100)
SEEDS = st.integers(0, 2**32)
WINDOWS = st.sampled_from(sorted(BUCKET_S))


def use(limit: Limit = MINUTE, *buckets: Bucket, open_: int = 0) -> Use:
    return Use(limit, buckets, open_)


def test_what_is_open_and_what_was_sent_leave_the_rest():
    allowed = allowance([use(MINUTE, Bucket(990, 3), open_=2)], wanted=50, now=1000.0)

    assert allowed.n == 5
    assert allowed.reached is not None
    assert (allowed.reached.sent, allowed.reached.open) == (3, 7)


def test_whoever_wants_no_more_than_is_left_meets_no_limit():
    allowed = allowance([use(MINUTE, Bucket(990, 3))], wanted=7, now=1000.0)

    assert (allowed.n, allowed.reached) == (7, None)


def test_without_limits_all_is_allowed():
    assert allowance([], wanted=50, now=0.0).n == 50


def test_a_bucket_counts_until_all_of_it_has_left_the_window():
    full = use(MINUTE, Bucket(1000, 10))

    assert allowance([full], wanted=1, now=1060.9).n == 0
    assert allowance([full], wanted=1, now=1061.0).n == 1


def test_a_limit_that_is_spent_tells_when_the_first_one_leaves():
    spent = use(MINUTE, Bucket(960, 4), Bucket(990, 6))

    reached = allowance([spent], wanted=5, now=1000.0).reached

    assert reached is not None
    assert reached.is_spent
    assert reached.frees_in_s == pytest.approx(21.0)


def test_a_lowered_limit_frees_when_enough_have_left():
    spent = use(MINUTE, Bucket(960, 4), Bucket(990, 10))

    reached = allowance([spent], wanted=5, now=1000.0).reached

    assert reached is not None
    assert reached.frees_in_s == pytest.approx(51.0)


def test_when_open_ones_fill_a_limit_only_their_end_can_tell():
    reached = allowance([use(MINUTE, open_=10)], wanted=1, now=1000.0).reached

    assert reached is not None
    assert not reached.is_spent
    assert reached.frees_in_s is None


def test_a_spent_limit_tells_its_time_also_while_others_are_open():
    reached = allowance([use(MINUTE, Bucket(990, 10), open_=12)], wanted=1, now=1000.0).reached

    assert reached is not None
    assert reached.frees_in_s == pytest.approx(51.0)


def test_of_several_limits_the_one_that_lasts_longest_is_told():
    minute, day = use(MINUTE, Bucket(990, 10)), use(DAY, Bucket(0, 100))

    for uses in ([minute, day], [day, minute]):
        reached = allowance(uses, wanted=1, now=1000.0).reached
        assert reached is not None
        assert reached.limit is DAY


def test_the_narrowest_limit_decides():
    uses = [use(MINUTE, open_=4), use(DAY, Bucket(0, 97))]

    assert allowance(uses, wanted=50, now=1000.0).n == 3


def test_zero_and_nothing_are_no_limit():
    assert limits_of_account(0, None, 5) == (Limit(Scope.ACCOUNT, DAY_S, 5),)
    assert limits_of_tenant({"hourly": 0, "daily": None}) == ()
    assert limits_of_tenant(None) == ()


@pytest.mark.parametrize(
    ("names", "window_s"),
    [
        (("per_minute", "minute"), MINUTE_S),
        (("hourly", "per_hour", "hour"), HOUR_S),
        (("daily", "per_day", "day"), DAY_S),
    ],
)
def test_a_tenant_names_its_windows_as_the_pages_do(names, window_s):
    for name in names:
        assert limits_of_tenant({name: 7}) == (Limit(Scope.TENANT, window_s, 7),)
    assert limits_of_tenant({name: 9 - n for n, name in enumerate(names)}) == (
        Limit(Scope.TENANT, window_s, 10 - len(names)),
    )


def test_words_tell_whose_limit_it_is():
    limit = Limit(Scope.TENANT, HOUR_S, 500)
    reached = allowance([use(limit, open_=500)], wanted=1, now=0.0).reached

    assert reached is not None
    assert reached.words == "the tenant's limit of 500 an hour is reached"


@given(WINDOWS, st.floats(0, 4e9))
def test_a_bucket_is_outdated_exactly_when_it_counts_no_more(window_s, now):
    start = bucket_start(window_s, now)
    assert start <= now < start + BUCKET_S[window_s]
    limit = Limit(Scope.ACCOUNT, window_s, 1)
    edge = outdated_before(window_s, now)
    for bucket in (edge - BUCKET_S[window_s], edge):
        counts = not allowance([use(limit, Bucket(bucket, 1))], wanted=1, now=now).n
        assert counts == (bucket >= edge)


class History:
    """Several claimers on one store; every message is seen by the server between its claim and its
    booking, at any moment; some are given back, some claimers die and are recovered much later."""

    def __init__(self, limit: Limit, chance: random.Random, n_claimers: int) -> None:
        self.limit = limit
        self.chance = chance
        self.now = chance.uniform(0, 1e6)
        self.buckets: Counter[int] = Counter()
        self.seen: list[float] = []
        self.held: list[list[float]] = [[] for _ in range(n_claimers)]  # claimed at

    def use(self) -> Use:
        buckets = tuple(Bucket(start, n) for start, n in sorted(self.buckets.items()))
        return Use(self.limit, buckets, sum(map(len, self.held)))

    def claim(self, claimer: int) -> None:
        wanted = self.chance.choice((1, 3, self.limit.most, 2 * self.limit.most))
        allowed = allowance([self.use()], wanted=wanted, now=self.now)
        self.held[claimer] += [self.now] * allowed.n

    def end(self, claimer: int, *, is_sent: float) -> None:
        """What the claimer holds ends, each with this chance of having been sent."""
        for claimed_at in self.held[claimer]:
            if self.chance.random() < is_sent:
                self.seen.append(
                    self.chance.choice((claimed_at, self.now, self._between(claimed_at)))
                )
                self.buckets[bucket_start(self.limit.window_s, self.now)] += 1
        self.held[claimer].clear()
        edge = outdated_before(self.limit.window_s, self.now)
        self.buckets = Counter({start: n for start, n in self.buckets.items() if start >= edge})

    def _between(self, claimed_at: float) -> float:
        return self.chance.uniform(claimed_at, self.now)

    def most_in_a_window(self) -> int:
        """A window is half open: what was seen exactly W seconds apart is in two of them."""
        seen = sorted(self.seen)
        return max(
            (bisect_left(seen, at + self.limit.window_s) - n for n, at in enumerate(seen)),
            default=0,
        )


@pytest.mark.slow
@given(SEEDS, WINDOWS, st.integers(1, 12), st.integers(1, 4))
@settings(max_examples=1000, deadline=None)
def test_no_window_is_exceeded_whatever_claimers_do(seed, window_s, most, n_claimers):
    chance = random.Random(seed)
    history = History(Limit(Scope.ACCOUNT, window_s, most), chance, n_claimers)
    for _ in range(60):
        claimer = chance.randrange(n_claimers)
        match chance.randrange(4):
            case 0 | 1:
                history.claim(claimer)
            case 2:
                history.end(claimer, is_sent=chance.choice((0.0, 0.5, 1.0)))
            case _:
                step = chance.choice((0.001, 0.02, 0.3, 1.0, 1.1)) * window_s
                history.now += chance.uniform(0, step)
    for claimer in range(n_claimers):
        history.end(claimer, is_sent=1.0)
    assert history.most_in_a_window() <= most
    assert len(history.buckets) <= window_s / BUCKET_S[window_s] + 2


@given(SEEDS, WINDOWS, st.integers(1, 100))
@settings(deadline=None)
def test_nine_tenths_of_a_limit_can_be_used(seed, window_s, most):
    """Whoever sends as soon as he may gets at least 90 % through, over many windows."""
    chance = random.Random(seed)
    history = History(Limit(Scope.ACCOUNT, window_s, most), chance, 1)
    began, windows = history.now, 12
    while history.now < began + windows * window_s:
        allowed = allowance([history.use()], wanted=most, now=history.now)
        history.held[0] = [history.now] * allowed.n
        history.end(0, is_sent=1.0)
        reached = allowance([history.use()], wanted=1, now=history.now).reached
        assert reached is not None
        assert reached.frees_in_s is not None
        history.now += reached.frees_in_s
    assert len(history.seen) >= 0.9 * most * windows


def test_a_new_limit_of_one_window_replaces_that_one_by_all_its_names():
    stored = {"hour": 9, "per_hour": 8, "daily": 50}

    assert changed_limits(stored, {"hourly": 7}) == {"hourly": 7, "daily": 50}
    assert changed_limits(None, {"hourly": 7}) == {"hourly": 7}
