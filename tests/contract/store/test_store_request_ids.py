"""The request that brought a message stays with it, and goes into its events."""

from __future__ import annotations

from typing import Any

import pytest

from mail_proxy.domain.actions import Action
from mail_proxy.domain.state import Event
from mail_proxy.store import Act
from mail_proxy.store.fates import given_up

Scene = Any


async def told(scene: Scene, id_: str = "m1") -> list[Any]:
    """The request_id of each of its events."""
    return [event.data.get("request_id") for event in (await scene.look(id_)).events]


async def test_who_sends_a_message_and_who_takes_it_over_knows_its_request(scene: Scene) -> None:
    await scene.post("m1", request_id="post-1")
    claimed = await scene.claim_one()
    (lease,) = await scene.store.leases(None)
    row = await scene.look("m1")
    assert (claimed.request_id, lease.message.request_id, row.request_id) == ("post-1",) * 3


@pytest.mark.parametrize("outcome", ["accepted", "failed"])
async def test_how_it_ends_is_told_with_its_request(scene: Scene, outcome: str) -> None:
    await scene.post("m1", request_id="post-1")
    await scene.finish(getattr(scene, outcome)(await scene.claim_one()))
    assert await told(scene) == ["post-1"]
    (event,) = await scene.store.unreported("acme", limit=9)
    assert event.data == {"id": "m", "request_id": "post-1"}


async def test_what_came_without_a_request_tells_none(scene: Scene) -> None:
    await scene.send("m1")
    row = await scene.look("m1")
    assert row.request_id is None
    assert [event.data for event in row.events] == [{"id": "m"}]


async def test_an_acceptance_that_comes_late_is_told_with_it(scene: Scene) -> None:
    await scene.post("m1", request_id="post-1")
    claimed = await scene.claim_one()
    await scene.lapse()
    assert await scene.finish(scene.accepted(claimed)) == set()
    assert await told(scene) == ["post-1"]


async def test_an_end_without_an_attempt_is_told_with_it(scene: Scene) -> None:
    await scene.post("m1", request_id="post-1")
    ending = given_up(await scene.look("m1"), "too late", now=scene.now)
    await scene.store.end_messages([ending], now=scene.now)
    assert await told(scene) == ["post-1"]


async def test_what_a_limit_rejects_is_told_with_it(scene: Scene) -> None:
    await scene.add("acme", "main", limit_per_minute=1, limit_behavior="reject")
    await scene.post("m0")
    await scene.finish(scene.accepted(await scene.claim_one()))
    await scene.post("m1", request_id="post-1")
    (rejected,) = (await scene.claim()).rejected
    assert rejected.request_id == "post-1"
    assert await told(scene) == ["post-1"]


async def test_a_post_that_replaces_brings_its_own(scene: Scene) -> None:
    await scene.post("m1", request_id="post-1")
    await scene.post("m1", request_id="post-2")
    assert (await scene.look("m1")).request_id == "post-2"


async def test_what_a_person_does_is_told_with_the_request_that_did_it(scene: Scene) -> None:
    await scene.post("m1", request_id="post-1")
    act = Act(Action.HOLD, scene.now, "admin", request_id="hold-1")
    await scene.store.change_messages("acme", ["m1"], act)
    await scene.store.change_messages("acme", ["m1"], act._replace(action=Action.FREE))
    await scene.finish(scene.accepted(await scene.claim_one()))
    assert await told(scene) == ["hold-1", "hold-1", "post-1"]


async def test_a_retry_keeps_the_request_that_brought_it(scene: Scene) -> None:
    await scene.post("m1", request_id="post-1")
    await scene.finish(scene.outcome(await scene.claim_one(), Event.FAIL, error="no"))
    act = Act(Action.RETRY, scene.now, "admin", request_id="retry-1")
    await scene.store.change_messages("acme", ["m1"], act)
    assert (await scene.claim_one()).request_id == "post-1"
