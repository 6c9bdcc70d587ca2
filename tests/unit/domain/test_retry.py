"""When a deferred message is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.domain.retry import DEFAULT_DELAYS_S, JITTER, RetryPolicy, next_attempt_at

NOW = 1_700_000_000.0
policies = st.builds(
    RetryPolicy,
    delays_s=st.lists(st.floats(0, 1e6), max_size=8).map(tuple),
    max_retries=st.integers(0, 20),
)
chances = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(("tries", "delay_s"), list(enumerate(DEFAULT_DELAYS_S, start=1)))
def test_the_default_plan_is_followed(tries: int, delay_s: float) -> None:
    assert next_attempt_at(RetryPolicy(), tries=tries, now=NOW, dice=0.0) == NOW + delay_s


def test_the_default_plan_makes_six_attempts_and_gives_up() -> None:
    assert next_attempt_at(RetryPolicy(), tries=6, now=NOW, dice=0.0) is None


def test_a_short_plan_repeats_its_last_wait() -> None:
    policy = RetryPolicy((10.0, 20.0), max_retries=4)
    waits = [next_attempt_at(policy, tries=tries, now=0.0, dice=0.0) for tries in range(1, 6)]
    assert waits == [10.0, 20.0, 20.0, 20.0, None]


def test_a_long_plan_ends_with_the_retries() -> None:
    policy = RetryPolicy((10.0, 20.0, 30.0), max_retries=1)
    assert next_attempt_at(policy, tries=1, now=0.0, dice=0.0) == 10.0
    assert next_attempt_at(policy, tries=2, now=0.0, dice=0.0) is None


@pytest.mark.parametrize("policy", [RetryPolicy((), 5), RetryPolicy((10.0,), 0)])
def test_without_waits_or_retries_the_first_try_is_the_last(policy: RetryPolicy) -> None:
    assert next_attempt_at(policy, tries=1, now=NOW, dice=0.5) is None


@given(policy=policies, tries=st.integers(1, 1000), dice=chances)
def test_a_retry_is_never_early_and_at_most_a_tenth_late(
    policy: RetryPolicy, tries: int, dice: float
) -> None:
    at = next_attempt_at(policy, tries=tries, now=0.0, dice=dice)
    if at is None:
        assert tries > policy.max_retries or not policy.delays_s
    else:
        planned = policy.delays_s[min(tries, len(policy.delays_s)) - 1]
        assert planned <= at <= planned * (1 + JITTER)


@given(policy=policies, dice=chances)
def test_every_message_is_given_up_in_the_end(policy: RetryPolicy, dice: float) -> None:
    assert next_attempt_at(policy, tries=policy.max_retries + 1, now=NOW, dice=dice) is None
