"""Messages that end without an attempt."""

from __future__ import annotations

from typing import Any

import pytest

from mail_proxy.domain.state import Event, RecipientState, State
from mail_proxy.store import MessageRow
from mail_proxy.store.fates import BY_HAND_NOT_SENT, given_up, settled_failed, settled_sent

Scene = Any
ACCEPTED, REFUSED, PENDING = (
    RecipientState.ACCEPTED,
    RecipientState.REFUSED,
    RecipientState.PENDING,
)


async def end(scene: Scene, *rows: MessageRow, now: float | None = None) -> set[int]:
    at = scene.now if now is None else now
    endings = [given_up(row, "too late", now=at) for row in rows]
    ended: set[int] = await scene.store.end_messages(endings, now=at)
    return ended


async def expired(scene: Scene, now: float) -> list[str]:
    return [row.id for row in await scene.store.expired(now=now, limit=100)]


async def doubtful(scene: Scene, id_: str = "m1", **changes: Any) -> MessageRow:
    """A message whose final dot was not answered."""
    await scene.post(id_, **changes)
    claimed = await scene.claim_one()
    await scene.finish(scene.outcome(claimed, Event.DOUBT))
    row: MessageRow = await scene.look(id_)
    return row


async def test_what_has_expired_is_found_whether_it_waits_or_is_suspended(scene: Scene) -> None:
    at = scene.now
    await scene.post("soon", expires_at=at + 10)
    await scene.post("later", expires_at=at + 20)
    await scene.post("never")
    await scene.post("batch", expires_at=at + 10, batch_code="may")
    await scene.store.suspend("acme", "may", now=at)
    assert await expired(scene, at + 9) == []
    assert sorted(await expired(scene, at + 10)) == ["batch", "soon"]


async def test_what_has_expired_is_not_claimed(scene: Scene) -> None:
    await scene.post("soon", expires_at=scene.now + 10)
    await scene.post("never")
    claim = await scene.claim(now=scene.now + 10)
    assert [message.id for message in claim.messages] == ["never"]
    assert claim.next_due_at is None


async def test_an_expired_message_fails_once_with_its_recipients(scene: Scene) -> None:
    await scene.post("m1", expires_at=scene.now + 10, recipients=("a@x.example", "b@x.example"))
    row = await scene.look("m1")
    assert await end(scene, row) == {row.pk}
    assert await end(scene, row) == set()
    after = await scene.look("m1")
    assert (after.state, after.error, after.finished_at) == (State.FAILED, "too late", scene.now)
    assert [r.state for r in after.recipients] == [REFUSED, REFUSED]
    (event,) = after.events
    assert event.data["error"] == "too late"
    assert event.report_state == "pending"
    assert await scene.store.count_pending("acme") == 0


async def test_a_message_that_somebody_has_ends_as_sent_and_lists_the_others(scene: Scene) -> None:
    await scene.post("m1", recipients=("a@x.example", "b@x.example"))
    claimed = await scene.claim_one()
    first, _ = scene.results(claimed, ACCEPTED, None)
    waits = scene.outcome(claimed, Event.DEFER, recipients=(first,), due_at=scene.now + 60)
    await scene.finish(waits)
    await end(scene, await scene.look("m1"))
    after = await scene.look("m1")
    assert after.state is State.SENT
    assert [r.state for r in after.recipients] == [ACCEPTED, REFUSED]
    told = after.events[-1].data
    assert told["sent_ts"] == int(scene.now)
    assert told["refused"] == [{"recipient": "b@x.example", "error": "too late"}]


@pytest.mark.parametrize("change", ["claimed", "replaced", "deleted"])
async def test_a_message_that_has_changed_since_it_was_read_is_left_alone(
    scene: Scene, change: str
) -> None:
    await scene.post("m1", expires_at=scene.now + 10)
    row = await scene.look("m1")
    if change == "claimed":
        await scene.claim_one()
    elif change == "replaced":
        later = scene.message("m1", expires_at=scene.now + 99)
        await scene.store.accept([later], now=scene.now + 1)
    else:
        await scene.delete("m1")
    assert await end(scene, row, now=scene.now + 11) == set()
    assert await scene.store.unreported("acme", limit=9) == []


async def test_what_waits_too_long_is_found_by_its_account_and_due_time(scene: Scene) -> None:
    await scene.add("acme", "other")
    for priority in range(4):
        await scene.post(f"old{priority}", due_at=scene.now - 100, priority=priority)
    await scene.post("new")
    await scene.post("foreign", account_id="other", due_at=scene.now - 100)
    found = await scene.store.overdue("acme", "main", before=scene.now - 50, limit=100)
    assert [row.id for row in found] == ["old0", "old1", "old2", "old3"]
    some = await scene.store.overdue("acme", "main", before=scene.now - 50, limit=3)
    assert len(some) == 3


async def test_an_expired_message_cannot_be_retried(scene: Scene) -> None:
    await scene.post("m1", expires_at=scene.now + 10)
    await end(scene, await scene.look("m1"), now=scene.now + 10)
    assert await scene.retry("m1", now=scene.now + 11) == set()


async def test_the_age_counts_anew_after_a_retry_by_hand(scene: Scene) -> None:
    await scene.post("m1", created_at=scene.now - 1000)
    assert (await scene.claim_one()).queued_at == scene.now - 1000
    await scene.lapse()
    await scene.retry("m1")
    assert (await scene.claim_one()).queued_at == scene.now


async def test_the_age_counts_from_the_scheduled_time(scene: Scene) -> None:
    await scene.post("m1", deferred_ts=int(scene.now) - 5, created_at=scene.now - 1000)
    assert (await scene.claim_one()).queued_at == scene.now - 5


async def test_a_doubt_that_is_settled_as_sent_is_sent(scene: Scene) -> None:
    row = await doubtful(scene)
    ending = settled_sent(row, now=scene.now)
    assert await scene.store.end_messages([ending], now=scene.now) == {row.pk}
    after = await scene.look("m1")
    assert (after.state, after.error, after.sent_at) == (State.SENT, None, scene.now)
    assert [r.state for r in after.recipients] == [ACCEPTED]
    assert after.events[-1].data == {
        "sent_ts": int(scene.now),
        "description": "settled by hand as sent",
    }
    assert await scene.store.count_pending("acme") == 0


async def test_a_doubt_that_is_settled_as_not_sent_fails(scene: Scene) -> None:
    row = await doubtful(scene)
    ending = settled_failed(row, now=scene.now)
    assert await scene.store.end_messages([ending], now=scene.now) == {row.pk}
    after = await scene.look("m1")
    assert (after.state, after.error) == (State.FAILED, BY_HAND_NOT_SENT)
    assert [r.state for r in after.recipients] == [REFUSED]
    assert after.events[-1].data == {"error_ts": int(scene.now), "error": BY_HAND_NOT_SENT}


async def test_only_a_doubt_is_settled(scene: Scene) -> None:
    await scene.post("m1")
    ending = settled_sent(await scene.look("m1"), now=scene.now)
    assert await scene.store.end_messages([ending], now=scene.now) == set()


async def test_a_doubt_is_retried(scene: Scene) -> None:
    await doubtful(scene)
    assert await scene.retry("m1") == {"m1"}
    assert (await scene.claim_one()).id == "m1"
