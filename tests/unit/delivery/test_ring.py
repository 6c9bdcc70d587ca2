"""Whose turn it is."""

from __future__ import annotations

from mail_proxy.delivery.ring import Ring


def popped(ring: Ring) -> list[tuple[str, str]]:
    keys = []
    while (key := ring.pop()) is not None:
        keys.append(key)
    return keys


def test_tenants_take_turns_whatever_the_number_of_their_accounts() -> None:
    ring = Ring()
    for account in ("1", "2", "3"):
        ring.push(("big", account))
    ring.push(("small", "1"))
    assert popped(ring) == [("big", "1"), ("small", "1"), ("big", "2"), ("big", "3")]


def test_an_account_that_waits_keeps_its_place_when_pushed_again() -> None:
    ring = Ring()
    ring.push(("a", "1"))
    ring.push(("b", "1"))
    ring.push(("a", "1"))
    assert popped(ring) == [("a", "1"), ("b", "1")]


def test_an_empty_ring_has_no_turn() -> None:
    ring = Ring()
    assert not ring
    assert ring.pop() is None
    ring.push(("a", "1"))
    assert ring


def test_who_got_nothing_is_the_first_of_its_tenant_again() -> None:
    ring = Ring()
    for account in ("1", "2"):
        ring.push(("a", account))
    first = ring.pop()
    assert first is not None
    ring.push_first(first)
    ring.push_first(first)
    assert popped(ring) == [("a", "1"), ("a", "2")]


def test_tenants_that_are_passed_over_keep_their_places() -> None:
    ring = Ring()
    for key in (("a", "1"), ("b", "1"), ("a", "2")):
        ring.push(key)
    assert ring.pop({"a"}) == ("b", "1")
    assert ring.pop({"a"}) is None
    assert popped(ring) == [("a", "1"), ("a", "2")]


def test_a_tenant_is_no_other_to_itself() -> None:
    ring = Ring()
    ring.push(("a", "1"))
    assert not ring.has_others("a")
    assert ring.has_others("b")
    ring.push(("b", "1"))
    assert ring.has_others("a")
