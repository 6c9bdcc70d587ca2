from __future__ import annotations

from mail_proxy.operations.chance import DRAWN_OCTETS, Chance


def test_no_octets_are_given_twice():
    chance = Chance()
    given = [chance.octets(16) for _ in range(3 * DRAWN_OCTETS // 16)]
    assert {len(octets) for octets in given} == {16}
    assert len(set(given)) == len(given)
