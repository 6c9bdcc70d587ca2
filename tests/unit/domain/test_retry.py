"""When a deferred message is tried again, and when it is given up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.domain.retry import (
    DEFAULT_DELAYS_S,
    EXPIRED,
    JITTER,
    NextTry,
    RetryPolicy,
    next_try,
    too_old,
)

NOW = 1_700_000_000.0
DAY_S = 86400.0
policies = st.builds(
    RetryPolicy,
    delays_s=st.lists(st.floats(0, 1e6), max_size=8).map(tuple),
    max_retries=st.none() | st.integers(0, 20),
    max_age_s=st.floats(1, 1e8),
)
chances = st.floats(0, 1, exclude_max=True)


def following(
    policy: RetryPolicy,
    tries: int,
    *,
    age_s: float = 0.0,
    expires_in: float | None = None,
    dice: float = 0.0,
) -> NextTry:
    return next_try(
        policy,
        tries=tries,
        queued_at=NOW - age_s,
        expires_at=None if expires_in is None else NOW + expires_in,
        now=NOW,
        dice=dice,
    )


@pytest.mark.parametrize(("tries", "delay_s"), list(enumerate(DEFAULT_DELAYS_S, start=1)))
def test_the_default_plan_is_followed(tries: int, delay_s: float) -> None:
    assert following(RetryPolicy(), tries) == NextTry(NOW + delay_s)


def test_the_default_plan_makes_six_attempts_and_gives_up() -> None:
    assert following(RetryPolicy(), 6) == NextTry(None, "Max retries (5) exceeded")


def test_a_short_plan_repeats_its_last_wait() -> None:
    policy = RetryPolicy((10.0, 20.0), max_retries=4)
    waits = [following(policy, tries).at for tries in range(1, 6)]
    assert waits == [NOW + 10.0, NOW + 20.0, NOW + 20.0, NOW + 20.0, None]


def test_a_long_plan_ends_with_the_retries() -> None:
    policy = RetryPolicy((10.0, 20.0, 30.0), max_retries=1)
    assert [following(policy, tries).at for tries in (1, 2)] == [NOW + 10.0, None]


def test_without_a_number_each_wait_is_used_once() -> None:
    policy = RetryPolicy((10.0, 20.0))
    assert [following(policy, tries).at for tries in (1, 2, 3)] == [NOW + 10.0, NOW + 20.0, None]


@pytest.mark.parametrize("policy", [RetryPolicy((), 5), RetryPolicy((10.0,), 0)])
def test_without_waits_or_retries_the_first_try_is_the_last(policy: RetryPolicy) -> None:
    assert following(policy, 1, dice=0.5).at is None


def test_a_plan_of_days_ends_with_the_age() -> None:
    policy = RetryPolicy((3600.0,), max_retries=1000)
    assert following(policy, 9, age_s=5 * DAY_S - 3601).at == NOW + 3600
    assert following(policy, 9, age_s=5 * DAY_S - 3600) == NextTry(
        None, "not delivered within 5 days"
    )


def test_no_try_is_planned_for_the_time_when_it_has_expired() -> None:
    assert following(RetryPolicy(), 1, expires_in=61).at == NOW + 60
    assert following(RetryPolicy(), 1, expires_in=60) == NextTry(None, EXPIRED)


@pytest.mark.parametrize(
    ("max_age_s", "words"),
    [(86400, "1 day"), (129600, "1.5 days"), (7200, "2 hours"), (90, "1.5 minutes"), (5, "5 s")],
)
def test_an_age_is_told_in_its_largest_unit(max_age_s: float, words: str) -> None:
    assert too_old(max_age_s) == f"not delivered within {words}"


@given(policy=policies, tries=st.integers(1, 1000), age_s=st.floats(0, 1e8), dice=chances)
def test_a_retry_is_never_early_at_most_a_tenth_late_and_never_beyond_the_age(
    policy: RetryPolicy, tries: int, age_s: float, dice: float
) -> None:
    at = following(policy, tries, age_s=age_s, dice=dice).at
    if at is None:
        planned = policy.delays_s[min(tries, len(policy.delays_s)) - 1] if policy.delays_s else 0
        is_old = age_s + planned * (1 + JITTER) + 1 >= policy.max_age_s
        assert tries > policy.retries or is_old
    else:
        planned = policy.delays_s[min(tries, len(policy.delays_s)) - 1]
        assert NOW + planned <= at <= NOW + planned * (1 + JITTER) + 1e-6
        assert at < NOW - age_s + policy.max_age_s


@given(policy=policies, age_s=st.floats(0, 1e8), dice=chances)
def test_every_message_is_given_up_in_the_end_with_a_reason(
    policy: RetryPolicy, age_s: float, dice: float
) -> None:
    end = following(policy, policy.retries + 1, age_s=age_s, dice=dice)
    assert end.at is None
    assert end.why


@given(policy=policies, tries=st.integers(1, 30), expires_in=st.floats(0, 1e7), dice=chances)
def test_nothing_is_tried_after_it_has_expired(
    policy: RetryPolicy, tries: int, expires_in: float, dice: float
) -> None:
    at = following(policy, tries, expires_in=expires_in, dice=dice).at
    assert at is None or at < NOW + expires_in
