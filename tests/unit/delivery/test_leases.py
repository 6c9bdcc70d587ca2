"""When a daemon may send under its leases, and when its peers may take them."""

from __future__ import annotations

from typing import Any

import pytest

from mail_proxy.delivery.leases import Leases, Watch
from mail_proxy.delivery.not_now import NotNow
from mail_proxy.store import Daemon, Peer

ME = Daemon("d1", "boot-1", "here", 0.0)


class Hands:
    """A clock that stands where it is put."""

    at = 1000.0

    def monotonic(self) -> float:
        return self.at


class Scene:
    def __init__(self) -> None:
        self.clock = Hands()
        self.gaps = 0
        store: Any = None  # these decisions ask nobody
        clock: Any = self.clock
        self.leases = Leases(store, ME, 60.0, clock, gap=self._gap)

    def _gap(self) -> None:
        self.gaps += 1


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_before_the_first_renewal_nothing_may_be_sent(scene: Scene) -> None:
    assert not scene.leases.may_send()
    assert scene.leases.due_renewal() == ME


@pytest.mark.parametrize(
    ("age", "may_send", "is_due"),
    [
        (0, True, False),
        (14.9, True, False),
        (15, True, True),
        (45, True, True),
        (45.1, False, True),
    ],
)
def test_three_quarters_of_a_lease_may_be_used(
    scene: Scene, age: float, may_send: bool, is_due: bool
) -> None:
    scene.leases.renewed(scene.clock.at)
    since = scene.leases.since
    scene.clock.at += age
    assert scene.leases.may_send() is may_send
    assert (scene.leases.due_renewal() is not None) is is_due
    if may_send:
        scene.leases.check(since)
    else:
        with pytest.raises(NotNow):
            scene.leases.check(since)


def test_the_lease_counts_from_when_the_renewal_was_asked_for(scene: Scene) -> None:
    asked_at = scene.clock.at
    scene.clock.at += 46
    scene.leases.renewed(asked_at)
    assert not scene.leases.may_send()


def test_what_was_held_before_a_gap_is_not_sent_after_it(scene: Scene) -> None:
    scene.leases.renewed(scene.clock.at)
    before = scene.leases.since
    scene.clock.at += 46
    scene.leases.renewed(scene.clock.at)
    assert scene.leases.may_send()
    assert scene.gaps == 2  # the first renewal of all ends a gap too
    with pytest.raises(NotNow):
        scene.leases.check(before)
    scene.leases.check(scene.leases.since)


def test_a_renewal_in_time_changes_nothing_for_what_is_held(scene: Scene) -> None:
    scene.leases.renewed(scene.clock.at)
    before = scene.leases.since
    for _ in range(10):
        scene.clock.at += 40
        scene.leases.renewed(scene.clock.at)
        scene.leases.check(before)


def test_a_renewal_that_took_so_long_that_sending_stopped_begins_anew(scene: Scene) -> None:
    scene.leases.renewed(scene.clock.at)
    scene.clock.at += 40
    asked_at = scene.clock.at
    scene.clock.at += 10
    assert not scene.leases.may_send()
    scene.leases.renewed(asked_at)
    assert scene.leases.may_send()
    assert scene.gaps == 2, "who stopped sending must be told"


def test_an_older_renewal_that_is_told_later_shortens_nothing(scene: Scene) -> None:
    scene.leases.renewed(scene.clock.at)
    scene.leases.renewed(scene.clock.at - 40)
    scene.clock.at += 40
    assert scene.leases.may_send()


def test_a_peer_is_dead_after_a_whole_lease_without_a_renewal() -> None:
    watch = Watch(60.0)
    assert watch.dead([Peer("d2", 1)], 0.0) == []
    assert watch.dead([Peer("d2", 1)], 59.9) == []
    assert watch.dead([Peer("d2", 1)], 60.0) == ["d2"]


def test_a_peer_that_renews_lives() -> None:
    watch = Watch(60.0)
    assert watch.dead([Peer("d2", 1)], 0.0) == []
    assert watch.dead([Peer("d2", 2)], 59.0) == []
    assert watch.dead([Peer("d2", 2)], 118.0) == []
    assert watch.dead([Peer("d2", 2)], 119.0) == ["d2"]


def test_a_peer_that_held_nothing_meanwhile_is_watched_anew() -> None:
    watch = Watch(60.0)
    watch.dead([Peer("d2", 1)], 0.0)
    watch.dead([], 30.0)
    assert watch.dead([Peer("d2", 1)], 61.0) == []
