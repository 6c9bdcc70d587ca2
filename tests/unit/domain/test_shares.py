"""Of what all tenants need, one cannot take all."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.domain.shares import Shares


@pytest.mark.parametrize(("total", "kept"), [(1, 0), (2, 1), (10, 1), (20, 2), (100, 10)])
def test_a_tenth_is_kept_for_who_has_nothing(total: int, kept: int) -> None:
    shares = Shares(total)
    assert shares.kept == kept
    assert shares.may_take(1, total - kept - 1, others_wait=False) is (total - kept > 0)
    assert not shares.may_take(1, total - kept, others_wait=False)
    assert shares.may_take(0, total - 1, others_wait=True)
    assert not shares.may_take(0, total, others_wait=True)


def test_half_is_the_most_of_one_while_others_wait() -> None:
    shares = Shares(20)
    assert shares.may_take(9, 9, others_wait=True)
    assert not shares.may_take(10, 10, others_wait=True)
    assert shares.may_take(10, 10, others_wait=False)
    assert not shares.is_over(10)
    assert shares.is_over(11)


def test_a_single_connection_goes_to_whoever_comes() -> None:
    shares = Shares(1)
    assert shares.may_take(0, 0, others_wait=True)
    assert not shares.is_over(1)


@given(st.integers(2, 60), st.lists(st.integers(0, 5), max_size=300))
def test_however_they_come_a_tenth_is_left_for_who_has_nothing(
    total: int, comers: list[int]
) -> None:
    shares, held = Shares(total), Counter[int]()
    for tenant in comers:
        if shares.may_take(held[tenant], held.total(), others_wait=False):
            held[tenant] += 1
    newcomers = sum(n == 1 for n in held.values())
    assert held.total() <= total
    assert held.total() - newcomers <= total - shares.kept
