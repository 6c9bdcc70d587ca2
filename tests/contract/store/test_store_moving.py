"""Deleting, retrying, cleaning up, suspending."""

from __future__ import annotations

import asyncio
import time

import pytest

from mail_proxy.domain.state import Event, RecipientState, State

# --- delete ---


async def test_deleting_takes_all_that_belongs_to_a_message(scene):
    await scene.send("m1")

    assert await scene.delete("m1", "absent") == {"m1"}

    assert await scene.list_ids() == []
    assert await scene.store.unreported("acme", limit=9) == []
    assert (await scene.store.standing()).totals == []


async def test_what_is_leased_is_not_deleted(scene):
    await scene.post("m1")
    await scene.claim()

    assert await scene.delete("m1") == set()
    assert await scene.list_ids() == ["m1"]


async def test_deleting_stays_within_the_tenant(scene):
    await scene.add("beta", "main")
    await scene.post("m1", tenant_id="beta")

    assert await scene.delete("m1") == set()
    assert await scene.list_ids(tenant_id="beta") == ["m1"]


# --- retry ---


async def test_retrying_a_failed_message_begins_anew(scene):
    await scene.post("m1", recipients=("a@example.net", "b@example.net"))
    await scene.finish(scene.failed(await scene.claim_one()))

    assert await scene.retry("m1", now=scene.now + 9) == {"m1"}

    stored = await scene.look("m1")
    assert (stored.state, stored.tries, stored.due_at) == (State.WAITING, 0, scene.now + 9)
    assert (stored.finished_at, stored.error_code) == (None, 550)
    assert len((await scene.claim_one(now=scene.now + 9)).recipients) == 2


async def test_retrying_never_sends_again_to_who_was_accepted(scene):
    await scene.post("m1", recipients=("a@example.net", "b@example.net"))
    claimed = await scene.claim_one()
    taken, _ = scene.accepted(claimed).recipients
    _, refused = scene.failed(claimed).recipients
    await scene.finish(
        scene.outcome(claimed, Event.FAIL, recipients=(taken, refused), error="550 no")
    )

    await scene.retry("m1")

    again = await scene.claim_one()
    assert [r.address for r in again.recipients] == ["b@example.net"]
    assert (await scene.look("m1")).recipients[0].state is RecipientState.ACCEPTED


async def test_retrying_brings_a_deferred_message_forward(scene):
    await scene.post("m1", due_at=scene.now + 3600)

    await scene.retry("m1")

    assert len((await scene.claim()).messages) == 1


async def test_retrying_ends_a_doubt(scene):
    await scene.post("m1")
    await scene.finish(scene.outcome(await scene.claim_one(), Event.DOUBT))

    assert await scene.retry("m1") == {"m1"}
    assert (await scene.look("m1")).state is State.WAITING


async def test_sent_leased_suspended_and_absent_messages_are_not_retried(scene):
    await scene.send("sent")
    await scene.post("leased")
    await scene.claim()
    await scene.post("suspended", batch_code="may")
    await scene.store.suspend("acme", "may", now=scene.now)
    ids = ["sent", "leased", "suspended", "absent"]

    assert await scene.retry(*ids) == set()
    assert await scene.states(ids[:3]) == [State.SENT, State.LEASED, State.SUSPENDED]


async def test_retrying_under_a_suspension_waits_for_its_end(scene):
    await scene.post("m1", batch_code="may")
    await scene.finish(scene.failed(await scene.claim_one()))
    await scene.store.suspend("acme", "may", now=scene.now)

    assert await scene.retry("m1") == {"m1"}
    assert (await scene.look("m1")).state is State.SUSPENDED


# --- clean-up ---


async def test_cleaning_up_removes_old_finished_messages_whose_events_are_settled(scene):
    await scene.send("reported")
    events = await scene.store.unreported("acme", limit=9)
    await scene.store.mark_reported("acme", events, now=scene.now)
    await scene.send("unreported")
    await scene.post("open")

    assert await scene.store.cleanup_messages("acme", before=scene.now + 1) == 1
    assert await scene.list_ids() == ["unreported", "open"]


async def test_cleaning_up_spares_the_young(scene):
    await scene.post("m1")
    await scene.finish(scene.accepted(await scene.claim_one(), events=()), now=scene.now)

    assert await scene.store.cleanup_messages("acme", before=scene.now) == 0
    assert await scene.store.cleanup_messages("acme", before=scene.now + 1) == 1


async def test_cleaning_up_is_bounded_and_goes_over_all_tenants(scene):
    await scene.add("beta", "main")
    for tenant_id in ("acme", "beta"):
        await scene.post("m1", "m2", tenant_id=tenant_id)
        claim = await scene.claim(tenant_id=tenant_id)
        await scene.finish(*(scene.accepted(m, events=()) for m in claim.messages))

    removed = [
        await scene.store.cleanup_messages(None, before=scene.now + 1, limit=3) for _ in range(3)
    ]

    assert removed == [3, 1, 0]


async def test_a_message_is_kept_until_its_last_report_is_old_too(scene):
    await scene.send("m1")
    (event,) = await scene.store.unreported("acme", limit=9)
    await scene.store.mark_reported("acme", [event], now=scene.now + 100, state="parked")

    assert await scene.store.cleanup_messages("acme", before=scene.now + 100) == 0
    assert await scene.store.cleanup_messages("acme", before=scene.now + 101) == 1


async def test_what_nobody_acknowledges_hides_nothing_behind_it(scene):
    await scene.post(*[f"old{n}" for n in range(600)])
    claim = await scene.claim(600)
    await scene.finish(*(scene.accepted(m) for m in claim.messages))
    await scene.post("young")
    await scene.finish(scene.accepted(await scene.claim_one(), events=()), now=scene.now + 1)

    assert await scene.store.cleanup_messages(None, before=scene.now + 9) == 1
    assert len(await scene.list_ids()) == 600


async def test_old_commands_go_those_of_tenants_that_are_gone_too(scene):
    async def log(tenant_id):
        await scene.store.log_command(
            tenant_id=tenant_id,
            command_ts=scene.now,
            endpoint="/tenant",
            caller="admin",
            payload={},
            response_status=200,
        )

    for tenant_id in ("", "acme", "gone", "gone"):
        await log(tenant_id)
    cut = time.time() + 0.01  # keys tell when a line was written, by the machine's own clock
    while time.time() < cut:
        pass
    await log("acme")

    assert await scene.store.cleanup_commands(before=cut, limit=3) == 3
    assert await scene.store.cleanup_commands(before=cut) == 1
    assert await scene.store.cleanup_commands(before=cut) == 0
    assert await scene.store.cleanup_commands(before=time.time() + 1) == 1


async def test_free_pages_go_back_to_the_disk_as_many_as_are_asked_for(scene):
    await scene.post(*[f"m{n}" for n in range(400)], content=b"x" * 5000)
    assert await scene.delete(*[f"m{n}" for n in range(400)])
    free, pages = await scene.store.free_pages()
    assert free > 100

    await scene.store.shrink(50)

    assert await scene.store.free_pages() == (free - 50, pages - 50)


# --- suspension ---


async def test_a_suspended_tenant_is_not_claimed_from_until_it_is_activated(scene):
    await scene.post("m1", "m2")

    await scene.store.suspend("acme", None, now=scene.now)

    assert await scene.states(["m1", "m2"]) == [State.SUSPENDED] * 2
    assert (await scene.claim()).messages == ()
    assert await scene.store.suspended_batches("acme") == ["*"]
    assert await scene.store.activate("acme", None, now=scene.now)
    assert len((await scene.claim()).messages) == 2
    assert await scene.store.suspended_batches("acme") == []


async def test_suspending_a_batch_leaves_the_others(scene):
    await scene.post("m1", batch_code="may")
    await scene.post("m2", batch_code="june")
    await scene.post("m3")

    await scene.store.suspend("acme", "may", now=scene.now)

    claim = await scene.claim()
    assert [m.id for m in claim.messages] == ["m2", "m3"]
    assert claim.next_due_at is None


async def test_suspended_batches_are_sorted(scene):
    for code in ("june", "may", "april", "may"):
        await scene.store.suspend("acme", code, now=scene.now)

    assert await scene.store.suspended_batches("acme") == ["april", "june", "may"]


async def test_one_batch_cannot_be_activated_while_the_tenant_is_suspended(scene):
    await scene.post("m1", batch_code="may")
    await scene.store.suspend("acme", "may", now=scene.now)
    await scene.store.suspend("acme", None, now=scene.now)

    assert not await scene.store.activate("acme", "may", now=scene.now)
    assert (await scene.look("m1")).state is State.SUSPENDED


async def test_activating_the_tenant_ends_the_suspensions_of_its_batches_too(scene):
    await scene.post("m1", batch_code="may")
    await scene.store.suspend("acme", "may", now=scene.now)

    assert await scene.store.activate("acme", None, now=scene.now)

    assert (await scene.look("m1")).state is State.WAITING


async def test_activating_one_batch_leaves_another_suspended(scene):
    await scene.post("m1", batch_code="may")
    await scene.post("m2", batch_code="june")
    await scene.store.suspend("acme", "may", now=scene.now)
    await scene.store.suspend("acme", "june", now=scene.now)

    assert await scene.store.activate("acme", "may", now=scene.now)

    assert await scene.states(["m1", "m2"]) == [State.WAITING, State.SUSPENDED]


async def test_activating_what_is_not_suspended_is_fine(scene):
    assert await scene.store.activate("acme", "may", now=scene.now)
    assert await scene.store.activate("acme", None, now=scene.now)


async def test_a_suspension_leaves_other_tenants_alone(scene):
    await scene.add("beta", "main")
    await scene.post("m1", tenant_id="beta")

    await scene.store.suspend("acme", None, now=scene.now)

    assert len((await scene.claim(tenant_id="beta")).messages) == 1


@pytest.mark.slow
async def test_a_suspension_and_its_end_may_overlap(scene):
    await scene.post(*(f"m{i}" for i in range(5000)))
    suspending = asyncio.ensure_future(scene.store.suspend("acme", None, now=scene.now))
    while not await scene.store.suspended_batches("acme"):  # noqa: ASYNC110 - the store tells
        await asyncio.sleep(0)

    await scene.store.activate("acme", None, now=scene.now)
    await suspending

    assert (await scene.store.standing()).totals == [(State.WAITING, 2, 5000)]


async def test_a_clock_that_was_set_back_leaves_only_schedules_as_they_are(scene):
    before, now = scene.now, scene.now - 7200
    await scene.post(*[f"m{n}" for n in range(1100)], due_at=before)
    await scene.post("retry", due_at=before + 60)
    await scene.post("tomorrow", due_at=before + 86400)
    schedule = int(before) + 30
    await scene.post("scheduled", due_at=float(schedule), deferred_ts=schedule)
    await scene.post("due already", due_at=now - 5)

    await scene.store.set_back(7200, now=now)

    due = {id_: (await scene.look(id_)).due_at for id_ in ("m0", "m1099", "retry", "tomorrow")}
    assert due == {"m0": now, "m1099": now, "retry": now + 60, "tomorrow": now + 86400}
    assert (await scene.look("scheduled")).due_at == schedule
    assert (await scene.look("due already")).due_at == now - 5
    assert len((await scene.claim(2000, now=now)).messages) == 1101


async def test_what_comes_back_after_the_clock_was_set_back_is_due(scene):
    await scene.post("m1")
    claimed = await scene.claim_one()

    await scene.finish(scene.outcome(claimed, Event.RELEASE), now=scene.now - 7200)

    assert len((await scene.claim(now=scene.now - 7200)).messages) == 1
