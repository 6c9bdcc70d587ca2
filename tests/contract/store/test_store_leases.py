"""Daemons that share a store: their leases, and the counters by which they see each other live."""

from __future__ import annotations

from typing import Any

from mail_proxy.domain.state import Event, RecipientState
from mail_proxy.store import Daemon, Peer

Scene = Any

ONE = Daemon("d1", "boot-1", "here", 1.0)
TWO = Daemon("d2", "boot-1", "here", 1.0)


async def test_leases_are_told_with_whom_they_are_for(scene: Scene) -> None:
    await scene.post("m1", "m2", recipients=("a@x.example", "b@x.example"), batch_code="may")
    held = {m.id: m for m in (await scene.claim()).messages}

    found = await scene.store.leases(None)

    assert [lease.daemon_id for lease in found] == ["d1", "d1"]
    for lease in found:
        claimed = held[lease.message.id]
        assert lease.message.recipients == claimed.recipients
        assert lease.message.lease_token == claimed.lease_token
        assert lease.message.batch_code == "may"


async def test_leases_tell_whom_earlier_attempts_settled(scene: Scene) -> None:
    await scene.post("m1", recipients=("a@x.example", "b@x.example"))
    first = await scene.claim_one()
    (taken, _) = scene.results(first, RecipientState.ACCEPTED, None)
    await scene.finish(scene.outcome(first, Event.RELEASE, recipients=(taken,)))
    await scene.claim()

    (lease,) = await scene.store.leases("d1")

    assert [r.address for r in lease.message.recipients] == ["b@x.example"]
    assert [r.address for r in lease.message.settled] == ["a@x.example"]


async def test_leases_come_in_pages(scene: Scene) -> None:
    await scene.add("beta", "main")
    await scene.post("m1", "m2", "m3")
    await scene.post("m4", tenant_id="beta")
    await scene.claim()
    await scene.claim(tenant_id="beta")
    found, after = [], None
    while page := await scene.store.leases(None, after=after, limit=2):
        found += [lease.message.id for lease in page]
        after = (page[-1].daemon_id, page[-1].message.tenant_id, page[-1].message.pk)

    assert found == ["m1", "m2", "m3", "m4"]


async def test_only_the_leases_of_the_daemon_are_told(scene: Scene) -> None:
    await scene.post("m1", "m2")
    await scene.claim(1)
    await scene.store.claim("acme", "main", limit=1, now=scene.now, daemon="d2")

    assert [lease.message.id for lease in await scene.store.leases("d2")] == ["m2"]
    assert [lease.message.id for lease in await scene.store.leases("d1")] == ["m1"]


async def test_a_peer_is_seen_while_it_holds_something(scene: Scene) -> None:
    await scene.store.renew(ONE)
    await scene.post("m1")
    assert await scene.store.peers("d2") == []
    claimed = await scene.claim_one()

    assert await scene.store.peers("d2") == [Peer("d1", 1)]
    assert await scene.store.peers("d1") == []
    await scene.finish(scene.accepted(claimed))
    assert await scene.store.peers("d2") == []


async def test_a_claim_can_renew(scene: Scene) -> None:
    await scene.post("m1", "m2")
    key = {"tenant_id": "acme", "account_id": "main", "limit": 1, "now": scene.now}
    await scene.store.claim(**key, daemon="d1", renewal=ONE)
    await scene.store.claim(**key, daemon="d1")
    assert await scene.store.peers("d2") == [Peer("d1", 1)]

    await scene.store.renew(ONE)

    assert await scene.store.peers("d2") == [Peer("d1", 2)]


async def test_a_daemon_that_has_ended_is_forgotten(scene: Scene) -> None:
    for daemon in (ONE, TWO):
        await scene.store.renew(daemon)
    await scene.post("m1", "m2")
    await scene.claim(1)
    await scene.store.claim("acme", "main", limit=1, now=scene.now, daemon="d2")

    await scene.store.forget_daemons("d1")

    assert await scene.store.peers("") == [Peer("d2", 1)]
    await scene.store.forget_daemons(None)
    assert await scene.store.peers("") == []
