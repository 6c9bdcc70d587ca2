"""`accept`: what is stored, and what is not."""

from __future__ import annotations

import pytest

from mail_proxy.domain.errors import StoreError
from mail_proxy.domain.state import Event, RecipientState, State
from mail_proxy.store import Outcome, RecipientResult


async def test_a_message_is_stored_with_all_its_fields(scene):
    (accepted,) = await scene.post(
        "m1",
        recipients=("bob@example.net", "eve@example.net"),
        priority=1,
        batch_code="may",
        deferred_ts=1_800_000_100,
        due_at=scene.now + 100,
        expires_at=scene.now + 9000,
    )

    stored = await scene.look("m1")

    assert (stored.pk, accepted.replaced, accepted.reason) == (accepted.pk, False, "")
    assert [r.address for r in stored.recipients] == ["bob@example.net", "eve@example.net"]
    assert {r.state for r in stored.recipients} == {RecipientState.PENDING}
    assert (stored.state, stored.priority, stored.batch_code) == (State.WAITING, 1, "may")
    assert (stored.due_at, stored.deferred_ts) == (scene.now + 100, 1_800_000_100)
    assert (stored.content, stored.size_bytes) == (b'{"text": "hello"}', 17)
    assert (stored.tries, stored.error, stored.sent_at) == (0, None, None)


async def test_answers_come_in_order_and_the_bad_do_not_stop_the_good(scene):
    batch = [scene.message("m1"), scene.message("m2", account_id="none"), scene.message("m3")]

    one, two, three = await scene.store.accept(batch, now=scene.now)

    assert (one.reason, two.reason, three.reason) == ("", "account not found for tenant", "")
    assert one.pk < three.pk
    assert await scene.list_ids() == ["m1", "m3"]


async def test_an_account_of_another_tenant_is_not_found(scene):
    await scene.add("beta", "theirs")

    (answer,) = await scene.post("m1", account_id="theirs")

    assert answer.reason == "account not found for tenant"


async def test_the_same_id_replaces_a_waiting_message_and_keeps_its_place(scene):
    (first,) = await scene.post("m1", recipients=("a@example.net", "b@example.net"))

    (second,) = await scene.post(
        "m1", subject="new", recipients=("c@example.net",), content=b"{}", created_at=scene.now + 5
    )

    stored = await scene.look("m1")
    assert (second.pk, second.replaced, second.reason) == (first.pk, True, "")
    assert (stored.subject, stored.content, stored.created_at) == ("new", b"{}", scene.now)
    assert [r.address for r in stored.recipients] == ["c@example.net"]


async def test_replacing_a_deferred_message_resets_its_tries(scene):
    await scene.post("m1")
    claimed = await scene.claim_one()
    await scene.finish(
        scene.outcome(claimed, Event.DEFER, due_at=scene.now + 60, error="451 later")
    )

    await scene.post("m1")

    stored = await scene.look("m1")
    assert (stored.tries, stored.error, stored.due_at) == (0, None, scene.now)


async def test_a_suspended_message_can_be_replaced_and_stays_suspended(scene):
    await scene.post("m1", batch_code="may")
    await scene.store.suspend("acme", "may", now=scene.now)

    (answer,) = await scene.post("m1", batch_code="may", subject="new")

    assert answer.replaced
    assert (await scene.look("m1")).state is State.SUSPENDED


async def test_a_leased_message_is_not_replaced(scene):
    (first,) = await scene.post("m1")
    await scene.claim_one()

    (answer,) = await scene.post("m1", subject="new")

    assert (answer.pk, answer.reason) == (first.pk, "already sent")
    assert (await scene.look("m1")).subject == "Subject of m1"


async def test_a_sent_message_is_not_replaced(scene):
    await scene.send("m1")

    (answer,) = await scene.post("m1")

    assert answer.reason == "already sent"


async def test_a_message_with_one_settled_recipient_is_not_replaced(scene):
    await scene.post("m1", recipients=("a@example.net", "b@example.net"))
    claimed = await scene.claim_one()
    settled = (RecipientResult(0, RecipientState.ACCEPTED, None),)
    await scene.finish(
        scene.outcome(claimed, Event.DEFER, recipients=settled, due_at=scene.now + 60)
    )

    (answer,) = await scene.post("m1")

    assert answer.reason == "already sent"
    assert (await scene.look("m1")).state is State.WAITING


async def test_a_message_in_doubt_is_not_replaced(scene):
    await scene.post("m1")
    await scene.finish(scene.outcome(await scene.claim_one(), Event.DOUBT))

    (answer,) = await scene.post("m1")

    assert answer.reason == "already sent"


async def test_twice_in_one_batch_the_last_wins(scene):
    batch = [scene.message("m1", subject="first"), scene.message("m1", subject="last")]

    first, last = await scene.store.accept(batch, now=scene.now)

    assert first.pk == last.pk
    assert (first.reason, last.reason) == ("", "")
    assert (await scene.look("m1")).subject == "last"
    assert (await scene.store.standing()).totals == [(State.WAITING, 2, 1)]


async def test_a_duplicate_with_a_bad_account_does_not_drop_the_good_one(scene):
    batch = [scene.message("m1"), scene.message("m1", account_id="none")]

    good, bad = await scene.store.accept(batch, now=scene.now)

    assert (good.reason, bad.reason) == ("", "account not found for tenant")
    assert await scene.list_ids() == ["m1"]


async def test_a_deleted_id_is_free_again(scene):
    (first,) = await scene.post("m1")
    await scene.delete("m1")

    (second,) = await scene.post("m1")

    assert (second.reason, second.replaced) == ("", False)
    assert second.pk > first.pk


async def test_two_tenants_may_use_the_same_id(scene):
    await scene.add("beta", "main")

    await scene.post("m1")
    (theirs,) = await scene.post("m1", tenant_id="beta")

    assert not theirs.replaced
    assert len(await scene.store.find_messages(None, ["m1"])) == 2


@pytest.mark.parametrize("suspended", [None, "may"])
async def test_what_comes_for_a_suspended_tenant_or_batch_is_suspended(scene, suspended):
    await scene.store.suspend("acme", suspended, now=scene.now)

    await scene.post("m1", batch_code="may")

    assert (await scene.look("m1")).state is State.SUSPENDED
    assert (await scene.claim()).messages == ()


async def test_an_empty_batch_is_no_error(scene):
    assert await scene.store.accept([], now=scene.now) == []


async def test_a_text_that_cannot_be_stored_fails_its_batch_with_our_own_error(scene):
    with pytest.raises(StoreError):
        await scene.post("m1", subject="\ud800")

    assert await scene.list_ids() == []


async def test_a_finish_for_another_tenants_message_changes_nothing(scene):
    await scene.add("beta", "main")
    await scene.post("m1")
    claimed = await scene.claim_one()
    forged = Outcome("beta", claimed.pk, claimed.lease_token, Event.ACCEPT)

    assert await scene.finish(forged) == set()
    assert (await scene.look("m1")).state is State.LEASED
