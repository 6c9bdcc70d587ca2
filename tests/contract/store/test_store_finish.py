"""`finish`: results of attempts, and leases that are lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mail_proxy.domain.reply import Reply
from mail_proxy.domain.state import Event, RecipientState, State, target
from mail_proxy.store import PendingRecipient, RecipientResult

LATER = Reply(451, "4.7.1", "later")


async def test_an_accepted_message_is_sent(scene):
    await scene.post("m1")
    claimed = await scene.claim_one()

    assert await scene.finish(scene.accepted(claimed), now=scene.now + 3) == {claimed.pk}

    stored = await scene.look("m1")
    assert (stored.state, stored.tries, stored.error) == (State.SENT, 1, None)
    assert (stored.sent_at, stored.finished_at) == (scene.now + 3, scene.now + 3)
    (recipient,) = stored.recipients
    assert (recipient.state, recipient.reply_code) == (RecipientState.ACCEPTED, 250)
    assert recipient.reply == "250 2.0.0 queued"
    assert [(e.event_type, e.report_state) for e in stored.events] == [("sent", "pending")]


async def test_a_failed_message_keeps_its_reason_and_is_never_sent(scene):
    await scene.post("m1")

    await scene.finish(scene.failed(await scene.claim_one()), now=scene.now + 3)

    stored = await scene.look("m1")
    assert (stored.state, stored.sent_at, stored.finished_at) == (State.FAILED, None, scene.now + 3)
    assert (stored.error, stored.error_code) == ("recipient refused: 550 5.1.1 no such user", 550)
    assert stored.error_at == scene.now + 3
    assert stored.recipients[0].state is RecipientState.REFUSED


async def test_a_deferred_message_waits_until_its_next_try(scene):
    await scene.post("m1")
    claimed = await scene.claim_one()

    await scene.finish(
        scene.outcome(
            claimed,
            Event.DEFER,
            recipients=scene.results(claimed, RecipientState.PENDING, LATER),
            due_at=scene.now + 60,
            error="451 4.7.1 later",
            error_code=451,
        )
    )

    stored = await scene.look("m1")
    assert (stored.state, stored.tries, stored.due_at) == (State.WAITING, 1, scene.now + 60)
    assert (stored.error_code, stored.finished_at) == (451, None)
    assert (stored.recipients[0].state, stored.recipients[0].reply_code) == (
        RecipientState.PENDING,
        451,
    )
    assert (await scene.claim()).messages == ()
    assert len((await scene.claim(now=scene.now + 60)).messages) == 1


async def test_a_success_after_a_failure_wipes_the_error(scene):
    await scene.post("m1")
    await scene.finish(
        scene.outcome(await scene.claim_one(), Event.DEFER, due_at=scene.now, error="later")
    )

    await scene.finish(scene.accepted(await scene.claim_one()))

    stored = await scene.look("m1")
    assert (stored.error, stored.error_at, stored.tries) == (None, None, 2)


async def test_a_released_message_is_as_before(scene):
    await scene.post("m1")

    await scene.finish(scene.outcome(await scene.claim_one(), Event.RELEASE))

    stored = await scene.look("m1")
    assert (stored.state, stored.tries, stored.due_at) == (State.WAITING, 0, scene.now)


async def test_an_accounts_fault_spends_no_try(scene):
    await scene.post("m1")

    await scene.finish(
        scene.outcome(await scene.claim_one(), Event.DEFER, due_at=scene.now, spends_try=False)
    )

    assert (await scene.look("m1")).tries == 0


@pytest.mark.parametrize(
    "event",
    [
        *(Event.ACCEPT, Event.FAIL, Event.DEFER, Event.RELEASE),
        *(Event.LAPSE, Event.PARK, Event.DOUBT, Event.RESEND),
    ],
)
async def test_the_state_after_an_event_is_that_of_the_table(scene, event):
    await scene.post("m1")

    await scene.finish(scene.outcome(await scene.claim_one(), event, due_at=scene.now))

    assert (await scene.look("m1")).state is target(event)


@pytest.mark.parametrize("event", sorted(set(Event)))
async def test_only_a_leased_message_can_be_finished(scene, event):
    await scene.post("m1")
    claimed = await scene.claim_one()
    await scene.finish(scene.outcome(claimed, Event.RELEASE))

    assert await scene.finish(scene.outcome(claimed, event)) == set()
    assert (await scene.look("m1")).state is State.WAITING


async def test_a_lost_lease_cannot_finish(scene):
    await scene.post("m1")
    lost = await scene.claim_one()
    await scene.lapse()
    held = await scene.claim_one()

    assert await scene.finish(scene.failed(lost)) == set()

    stored = await scene.look("m1")
    assert (stored.state, stored.tries, stored.events) == (State.LEASED, 0, ())
    assert await scene.finish(scene.accepted(held)) == {held.pk}


async def test_a_late_acceptance_of_a_waiting_message_is_recorded(scene):
    await scene.post("m1")
    lost = await scene.claim_one()
    await scene.lapse()

    assert await scene.finish(scene.accepted(lost)) == set()

    stored = await scene.look("m1")
    assert (stored.state, stored.tries, len(stored.events)) == (State.SENT, 1, 1)
    assert stored.recipients[0].state is RecipientState.ACCEPTED
    assert (await scene.claim()).messages == ()


async def test_a_late_acceptance_takes_a_message_from_another_lease(scene):
    await scene.post("m1")
    lost = await scene.claim_one()
    await scene.lapse()
    held = await scene.claim_one()

    await scene.finish(scene.accepted(lost))

    assert (await scene.look("m1")).state is State.SENT
    assert await scene.finish(scene.failed(held)) == set()
    assert (await scene.look("m1")).state is State.SENT


async def test_a_late_acceptance_of_some_leaves_the_others_to_be_sent(scene):
    await scene.post("m1", recipients=("a@example.net", "b@example.net"))
    lost = await scene.claim_one()
    await scene.lapse()
    one = (RecipientResult(0, RecipientState.ACCEPTED, None),)

    await scene.finish(scene.accepted(lost, recipients=one))

    assert (await scene.look("m1")).state is State.WAITING
    assert (await scene.claim_one()).recipients == (PendingRecipient(1, "b@example.net"),)


@pytest.mark.parametrize("event", [Event.DEFER, Event.RELEASE])
async def test_a_late_result_settles_those_whom_it_knows_to_be_accepted(scene, event):
    await scene.post("m1", recipients=("a@example.net", "b@example.net"))
    lost = await scene.claim_one()
    await scene.lapse()
    mixed = (
        RecipientResult(0, RecipientState.ACCEPTED, None),
        RecipientResult(1, RecipientState.PENDING, None),
    )
    late = scene.outcome(lost, event, recipients=mixed, events=(scene.event("deferred"),))

    assert await scene.finish(late) == set()

    assert (await scene.look("m1")).events == ()
    assert (await scene.claim_one()).recipients == (PendingRecipient(1, "b@example.net"),)


async def test_a_late_result_that_settles_the_last_ends_the_message(scene):
    await scene.post("m1", recipients=("a@example.net",))
    lost = await scene.claim_one()
    await scene.lapse()
    results = scene.results(lost, RecipientState.ACCEPTED, None)

    await scene.finish(scene.outcome(lost, Event.RELEASE, recipients=results))

    stored = await scene.look("m1")
    assert (stored.state, stored.tries) == (State.SENT, 0)
    assert [e.event_type for e in stored.events] == ["sent"]


async def test_a_successor_unsettles_nobody_whom_a_late_result_has_accepted(scene):
    await scene.post("m1", recipients=("a@example.net", "b@example.net"))
    lost = await scene.claim_one()
    await scene.lapse()
    held = await scene.claim_one()
    one = (RecipientResult(0, RecipientState.ACCEPTED, None),)
    await scene.finish(scene.accepted(lost, recipients=one))

    both = scene.results(held, RecipientState.PENDING, None)
    await scene.finish(scene.outcome(held, Event.DEFER, recipients=both, due_at=scene.now))

    assert (await scene.claim_one()).recipients == (PendingRecipient(1, "b@example.net"),)


async def test_a_message_that_its_successor_fails_is_sent_where_a_late_result_was_accepted(scene):
    await scene.post("m1", recipients=("a@example.net", "b@example.net"))
    lost = await scene.claim_one()
    await scene.lapse()
    held = await scene.claim_one()
    one = (RecipientResult(0, RecipientState.ACCEPTED, None),)
    await scene.finish(scene.accepted(lost, recipients=one))
    refused = [
        {"recipient": address, "error": "no such user", "code": 550}
        for address in ("a@example.net", "b@example.net")
    ]
    told = replace(scene.event("error"), data={"error_ts": 1, "error": "no", "refused": refused})

    assert await scene.finish(replace(scene.failed(held), events=(told,))) == {held.pk}

    stored = await scene.look("m1")
    assert (stored.state, stored.error, stored.tries) == (State.SENT, None, 1)
    assert stored.sent_at is not None
    states = [recipient.state for recipient in stored.recipients]
    assert states == [RecipientState.ACCEPTED, RecipientState.REFUSED]
    event = stored.events[-1]
    assert (event.event_type, event.data["refused"]) == ("sent", refused[1:])


async def test_lapses_are_counted_while_attempts_take_their_daemon_down(scene):
    await scene.post("m1")
    for _ in range(2):
        claimed = await scene.claim_one()
        await scene.finish(scene.outcome(claimed, Event.LAPSE, lapsed=True))
    await scene.lapse()  # claimed by nobody, so this is no third one
    claimed = await scene.claim_one()
    assert (claimed.lapses, claimed.tries) == (2, 0)

    await scene.finish(scene.outcome(claimed, Event.DEFER, due_at=scene.now))

    assert (await scene.claim_one()).lapses == 0


async def test_a_parked_message_tells_why_and_is_not_claimed(scene):
    await scene.post("m1")

    await scene.finish(scene.outcome(await scene.claim_one(), Event.PARK, error="it broke us"))

    stored = await scene.look("m1")
    assert (stored.state, stored.held_reason, stored.tries) == (State.HELD, "it broke us", 0)
    assert (await scene.claim()).messages == ()


async def test_a_repeated_acceptance_tells_nothing_twice(scene):
    await scene.post("m1")
    claimed = await scene.claim_one()
    await scene.finish(scene.accepted(claimed))

    assert await scene.finish(scene.accepted(claimed)) == set()

    stored = await scene.look("m1")
    assert (len(stored.events), stored.tries) == (1, 1)


async def test_one_run_with_the_same_message_twice_writes_it_once(scene):
    await scene.post("m1")
    claimed = await scene.claim_one()

    assert await scene.finish(scene.accepted(claimed), scene.accepted(claimed)) == {claimed.pk}

    assert len((await scene.look("m1")).events) == 1


async def test_results_of_a_deleted_message_are_nobodys(scene):
    await scene.post("m1")
    claimed = await scene.claim_one()
    await scene.store.delete_tenant("acme")

    assert await scene.finish(scene.accepted(claimed)) == set()


async def test_what_is_deferred_under_a_suspension_is_suspended(scene):
    await scene.post("m1", batch_code="may")
    claimed = await scene.claim_one()
    await scene.store.suspend("acme", "may", now=scene.now)

    await scene.finish(scene.outcome(claimed, Event.DEFER, due_at=scene.now))

    assert (await scene.look("m1")).state is State.SUSPENDED


async def test_events_that_nobody_waits_for_are_kept_and_not_reported(scene):
    await scene.post("m1")
    claimed = await scene.claim_one()
    quiet = scene.event("deferred", reportable=False)

    await scene.finish(scene.outcome(claimed, Event.DEFER, due_at=scene.now, events=(quiet,)))

    assert [e.event_type for e in await scene.store.message_events("acme", claimed.pk)] == [
        "deferred"
    ]
    assert await scene.store.unreported("acme", limit=9) == []


async def test_many_outcomes_are_written_together(scene):
    await scene.post(*(f"m{i}" for i in range(60)))
    claimed = (await scene.claim()).messages
    outcomes = [
        scene.accepted(m) if m.pk % 2 else scene.outcome(m, Event.DEFER, due_at=scene.now + 9)
        for m in claimed
    ]

    assert await scene.finish(*outcomes) == {m.pk for m in claimed}

    left = [m.pk for m in claimed if not m.pk % 2]
    assert [m.pk for m in (await scene.claim(now=scene.now + 9)).messages] == left


async def test_finishing_nothing_is_no_error(scene):
    assert await scene.finish() == set()
