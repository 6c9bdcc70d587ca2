"""What `accept` does beside storing: it keeps the answer, and it knows when a queue is full."""

from __future__ import annotations

import asyncio

import pytest

from mail_proxy.domain.errors import StoreError
from mail_proxy.domain.state import Event
from mail_proxy.store.values.intake import KeptAnswer

FULL = "queue full"


def kept(scene, key: str = "k", **fields) -> KeptAnswer:
    given = {"tenant_id": "acme", "body_sha256": "ab", "response": "{}", "created_at": scene.now}
    return KeptAnswer(key=key, **(given | fields))


async def accept(scene, *names: str, **options) -> list[str]:
    """Post them as one batch; the reasons."""
    batch = [scene.message(name) for name in names]
    answers = await scene.store.accept(batch, now=scene.now, **options)
    return [answer.reason for answer in answers]


async def test_what_is_kept_of_an_answer_is_there_with_the_messages(scene):
    seen = []

    def keep(verdicts):
        seen.append([verdict.reason for verdict in verdicts])
        return kept(scene, response='{"queued":1}')

    batch = [scene.message("m1"), scene.message("m2", account_id="none")]
    await scene.store.accept(batch, now=scene.now, keep=keep)

    assert seen == [["", "account not found for tenant"]]
    found = await scene.store.find_answer("acme", "k", since=scene.now)
    assert found == kept(scene, response='{"queued":1}')
    assert await scene.list_ids() == ["m1"]


async def test_a_key_belongs_to_its_tenant_and_to_its_time(scene):
    await accept(scene, "m1", keep=lambda _: kept(scene))

    find = scene.store.find_answer
    assert await find("acme", "k", since=scene.now) is not None
    assert await find("acme", "k", since=scene.now + 1) is None
    assert await find("beta", "k", since=scene.now) is None
    assert await find("", "k", since=scene.now) is None
    assert await find("acme", "K", since=scene.now) is None


async def test_nothing_is_kept_where_nothing_is_wanted(scene):
    await accept(scene, "m1", keep=lambda _: None)

    assert await scene.store.find_answer("acme", "k", since=0) is None


async def test_a_later_answer_takes_the_place_of_the_first(scene):
    await accept(scene, "m1", keep=lambda _: kept(scene, response="1"))
    await accept(scene, "m2", keep=lambda _: kept(scene, response="2"))

    assert (await scene.store.find_answer("acme", "k", since=0)).response == "2"


async def test_an_answer_that_cannot_be_kept_keeps_the_messages_out_too(scene):
    with pytest.raises(StoreError):
        await accept(scene, "m1", keep=lambda _: kept(scene, response=None))

    assert await scene.list_ids() == []


async def test_answers_are_forgotten_a_few_at_a_time_the_oldest_first(scene):
    for n in range(5):
        answer = kept(scene, f"k{n}", created_at=scene.now + n)
        await accept(scene, f"m{n}", keep=lambda _, answer=answer: answer)

    assert await scene.store.forget_answers(before=scene.now + 4, limit=3) == 3
    assert await scene.store.find_answer("acme", "k2", since=0) is None
    assert await scene.store.find_answer("acme", "k3", since=0) is not None
    assert await scene.store.forget_answers(before=scene.now + 4, limit=3) == 1
    assert await scene.store.forget_answers(before=scene.now + 4, limit=3) == 0


async def test_a_batch_for_which_there_is_no_room_is_not_stored(scene):
    limit = {"max_queued": {"acme": 2}}

    assert await accept(scene, "m1", **limit) == [""]
    assert await accept(scene, "m2", "m3", **limit) == [FULL, FULL]
    assert await accept(scene, "m2", **limit) == [""]
    assert await accept(scene, "m3", **limit) == [FULL]
    assert await scene.list_ids() == ["m1", "m2"]


async def test_what_takes_the_place_of_another_needs_no_room(scene):
    limit = {"max_queued": {"acme": 1}}
    await accept(scene, "m1", **limit)

    assert await accept(scene, "m1", "m1", **limit) == ["", ""]
    assert await accept(scene, "m1", "m2", **limit) == ["", FULL]


async def test_the_same_id_twice_in_a_batch_takes_one_place(scene):
    assert await accept(scene, "m1", "m1", max_queued={"acme": 1}) == ["", ""]


async def test_what_is_finished_makes_room(scene):
    limit = {"max_queued": {"acme": 1}}
    await accept(scene, "m1", **limit)
    claimed = await scene.claim_one()
    assert await accept(scene, "m2", **limit) == [FULL]

    await scene.finish(scene.outcome(claimed, Event.ACCEPT))

    assert await accept(scene, "m2", **limit) == [""]


async def test_a_full_queue_is_one_tenants_own(scene):
    await scene.add("beta", "theirs")
    theirs = {"tenant_id": "beta", "account_id": "theirs"}
    batch = [scene.message("m1"), scene.message("b1", **theirs), scene.message("b2", **theirs)]

    answers = await scene.store.accept(batch, now=scene.now, max_queued={"beta": 1})

    assert [answer.reason for answer in answers] == ["", FULL, FULL]


async def test_posts_that_come_together_do_not_pass_the_limit_together(scene):
    posts = [accept(scene, f"m{n}", max_queued={"acme": 10}) for n in range(40)]

    answers = await asyncio.gather(*posts)

    assert sorted(reason for (reason,) in answers) == [""] * 10 + [FULL] * 30
    assert len(await scene.list_ids()) == 10
