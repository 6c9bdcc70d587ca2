"""The list of who gets no mail, and what `accept` does with a recipient on it."""

from __future__ import annotations

from dataclasses import replace

from mail_proxy.domain.state import Event, RecipientState


async def test_an_address_is_on_its_tenants_list_until_it_is_removed(scene):
    await scene.add("beta", "theirs")
    assert await scene.store.suppress("acme", {"a@b": "left", "@c": None}, now=scene.now) == 2

    asked = ["a@b", "x@c", "@c", "A@b"]
    assert await scene.store.suppressed("acme", asked) == {"a@b": "left", "@c": None}
    assert await scene.store.suppressed("beta", asked) == {}
    assert await scene.store.tenants_with_suppressions() == {"acme"}

    assert await scene.store.unsuppress("acme", "a@b") is True
    assert await scene.store.unsuppress("acme", "a@b") is False
    assert await scene.store.suppressed("acme", asked) == {"@c": None}


async def test_a_new_reason_changes_no_age(scene):
    await scene.store.suppress("acme", {"a@b": "first"}, now=scene.now)
    assert await scene.store.suppress("acme", {"a@b": "second"}, now=scene.now + 9) == 0

    (found,) = await scene.store.find_suppression("acme", "a@b")

    assert (found.reason, found.created_at) == ("second", scene.now)


async def test_thousands_are_added_listed_and_found(scene):
    many = {f"u{n:04}@b": None for n in range(1201)}

    assert await scene.store.suppress("acme", many, now=scene.now) == 1201

    page = await scene.store.list_suppressions("acme", after="u0599@b", limit=3)
    assert [each.address for each in page] == ["u0600@b", "u0601@b", "u0602@b"]
    assert len(await scene.store.suppressed("acme", [*many, "none@b"])) == 1201


async def test_a_suppressed_recipient_is_refused_from_the_start(scene):
    both = scene.message("m1", recipients=("a@example.net", "b@example.net"))
    await scene.store.accept([replace(both, suppressed=((1, "on the list"),))], now=scene.now)

    stored = await scene.look("m1")
    claimed = await scene.claim_one()

    assert [(r.state, r.reply) for r in stored.recipients] == [
        (RecipientState.PENDING, None),
        (RecipientState.REFUSED, "on the list"),
    ]
    assert [r.address for r in claimed.recipients] == ["a@example.net"]
    assert [r.address for r in claimed.settled] == ["b@example.net"]


async def test_no_try_has_settled_it_so_it_can_be_replaced(scene):
    both = scene.message("m1", recipients=("a@example.net", "b@example.net"))
    marked = replace(both, suppressed=((1, "on the list"),))
    await scene.store.accept([marked], now=scene.now)

    (again,) = await scene.store.accept([both], now=scene.now)

    assert (again.replaced, again.reason) == (True, "")
    assert {r.state for r in (await scene.look("m1")).recipients} == {RecipientState.PENDING}


async def test_a_retry_leaves_the_suppressed_refused(scene):
    both = scene.message("m1", recipients=("a@example.net", "b@example.net"))
    await scene.store.accept([replace(both, suppressed=((1, "on the list"),))], now=scene.now)
    claimed = await scene.claim_one()
    await scene.finish(scene.outcome(claimed, Event.FAIL))

    assert await scene.retry("m1") == {"m1"}

    states = [r.state for r in (await scene.look("m1")).recipients]
    assert states == [RecipientState.PENDING, RecipientState.REFUSED]
