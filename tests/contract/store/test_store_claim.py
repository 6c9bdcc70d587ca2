"""`claim`, `ready_accounts`: who sends what, and in which order."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from mail_proxy.domain.state import Event, RecipientState, State
from mail_proxy.store import PendingRecipient, ReadyAccount
from mail_proxy.store.sqlite.leased import CONTENT_BUDGET_BYTES


async def test_a_claim_gives_all_that_an_attempt_needs(scene):
    (posted,) = await scene.post("m1", recipients=("a@example.net", "b@example.net"))

    claimed = await scene.claim_one()

    assert (claimed.pk, claimed.id, claimed.account_id) == (posted.pk, "m1", "main")
    assert claimed.recipients == (
        PendingRecipient(0, "a@example.net"),
        PendingRecipient(1, "b@example.net"),
    )
    assert (claimed.content, claimed.tries) == (b'{"text": "hello"}', 0)
    assert (claimed.return_path, claimed.rfc_message_id) == (
        "ann@acme.example",
        "<m1@acme.example>",
    )
    assert (await scene.look("m1")).state is State.LEASED


async def test_order_is_priority_then_due_time_then_arrival(scene):
    await scene.post("late", priority=1, due_at=scene.now - 1)
    await scene.post("first", priority=0, due_at=scene.now)
    await scene.post("early", priority=1, due_at=scene.now - 2)
    await scene.post("early too", priority=1, due_at=scene.now - 2)
    await scene.post("last", priority=3, due_at=scene.now - 9)

    claimed = [m.id for m in (await scene.claim()).messages]

    assert claimed == ["first", "early", "early too", "late", "last"]


async def test_a_limit_takes_the_first_across_priorities(scene):
    for priority in (3, 2, 1, 0):
        await scene.post(f"a{priority}", f"b{priority}", priority=priority)

    claims = [[m.id for m in (await scene.claim(3)).messages] for _ in range(3)]

    assert claims == [["a0", "b0", "a1"], ["b1", "a2", "b2"], ["a3", "b3"]]


async def test_a_part_of_a_claim_goes_to_the_oldest_of_lower_priorities(scene):
    await scene.post(*(f"high{n}" for n in range(9)), priority=1)
    await scene.post("low", priority=3, due_at=scene.now - 1)
    await scene.post("medium", priority=2, due_at=scene.now - 2)
    await scene.post("young", priority=2)

    claim = await scene.claim(6, lower=2)

    ids = [m.id for m in claim.messages]
    assert ids == ["high0", "high1", "high2", "high3", "medium", "low"]
    assert claim.lower == {m.pk for m in claim.messages if m.priority > 1}


async def test_lower_ones_whose_turn_has_come_by_order_are_not_counted_as_such(scene):
    await scene.post("high", priority=1)
    await scene.post("low0", "low1", priority=3)

    assert (await scene.claim(2, lower=1)).lower != frozenset()
    await scene.post("high1", priority=1)
    assert (await scene.claim(3, lower=1)).lower == frozenset()


async def test_where_nothing_is_of_a_lower_priority_the_whole_claim_goes_by_order(scene):
    await scene.post(*(f"m{n}" for n in range(9)))
    await scene.post("later", priority=3, due_at=scene.now + 60)

    assert [m.id for m in (await scene.claim(4, lower=2)).messages] == ["m0", "m1", "m2", "m3"]


async def test_no_message_is_claimed_as_a_lower_one_of_its_own_priority(scene):
    await scene.post("first", "second", priority=2)
    await scene.post("low", priority=3, due_at=scene.now - 9)

    claims = [[m.id for m in (await scene.claim(1, lower=1)).messages] for _ in range(3)]

    assert claims == [["low"], ["first"], ["second"]]


async def test_a_claim_may_ask_for_the_highest_priority_alone(scene):
    await scene.post("p1", priority=1)
    await scene.post("p0", priority=0)

    claim = await scene.claim(lowest=0)

    assert [m.id for m in claim.messages] == ["p0"]
    assert claim.next_due_at == scene.now


async def test_what_is_not_due_waits_and_says_until_when(scene):
    await scene.post("m1", due_at=scene.now + 60)
    await scene.post("m2", due_at=scene.now + 30, priority=3)

    claim = await scene.claim()

    assert (claim.messages, claim.next_due_at) == ((), scene.now + 30)


async def test_next_due_is_in_the_past_when_more_is_due_than_the_limit(scene):
    await scene.post("m1", "m2", due_at=scene.now - 5)

    claim = await scene.claim(1)

    assert (len(claim.messages), claim.next_due_at) == (1, scene.now - 5)


async def test_next_due_is_none_when_nothing_waits(scene):
    await scene.post("m1")

    assert (await scene.claim()).next_due_at is None


async def test_a_claim_takes_from_its_own_account_only(scene):
    await scene.add("beta", "main")
    await scene.add("acme", "other")
    await scene.post("m1")
    await scene.post("m2", account_id="other")
    await scene.post("m3", tenant_id="beta")

    assert [m.id for m in (await scene.claim()).messages] == ["m1"]


async def test_nothing_is_claimed_for_an_inactive_tenant(scene):
    await scene.post("m1")
    await scene.store.change_tenant("acme", {"active": False}, now=scene.now)

    claim = await scene.claim()

    assert (claim.messages, claim.next_due_at) == ((), None)


async def test_two_claimers_never_get_the_same_message(scene):
    await scene.post(*(f"m{i}" for i in range(400)))

    async def claim_all() -> list[int]:
        mine: list[int] = []
        while claimed := (await scene.claim(7)).messages:
            mine += [m.pk for m in claimed]
        return mine

    claimed = await asyncio.gather(*(claim_all() for _ in range(4)))
    pks = [pk for mine in claimed for pk in mine]

    assert len(pks) == len(set(pks)) == 400


async def test_each_claim_has_a_token_of_its_own(scene):
    await scene.post("m1", "m2")

    assert (await scene.claim_one()).lease_token != (await scene.claim_one()).lease_token


async def test_a_claim_whose_caller_is_gone_is_given_back(scene):
    await scene.post("m1")
    claiming = asyncio.ensure_future(scene.claim())
    await asyncio.sleep(0)

    claiming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await claiming
    await scene.store.set_setting("any", 1)  # the claim's turn is over when this is done
    await scene.store.set_setting("any", 2)  # and so is that of what followed from it

    stored = await scene.look("m1")
    assert (stored.state, stored.tries) == (State.WAITING, 0)


async def test_a_claim_abandoned_while_closing_holds_up_nobody(scene):
    await scene.post("m1")
    claiming = asyncio.ensure_future(scene.claim())
    posting = asyncio.ensure_future(scene.post("m2"))
    await asyncio.sleep(0)

    claiming.cancel()
    await scene.store.close()

    (answer,) = await posting
    assert not answer.reason


async def test_a_message_without_its_content_does_not_block_its_account(scene, database):
    (broken,) = await scene.post("m1")
    await scene.post("m2")
    _lose_content(database, broken.pk)

    claimed = (await scene.claim()).messages

    assert [m.content for m in claimed] == [b"", b'{"text": "hello"}']


async def test_a_claim_brings_no_more_content_than_its_budget(scene):
    half = b"x" * (CONTENT_BUDGET_BYTES // 2)
    await scene.post("m1", "m2", content=half)
    (big,) = await scene.post("m3", content=half + b"big")
    await scene.post("m4", content=b"")

    claimed = (await scene.claim()).messages

    assert [m.content for m in claimed] == [half, half, None, b""]
    assert await scene.store.content("acme", big.pk) == half + b"big"


async def test_the_content_of_a_message_without_one_is_empty(scene, database):
    (broken,) = await scene.post("m1")
    _lose_content(database, broken.pk)

    assert await scene.store.content("acme", broken.pk) == b""
    assert await scene.store.content("acme", broken.pk + 1) == b""


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE messages SET return_path = CAST(x'61ff40' AS TEXT)",
        "UPDATE messages SET rfc_message_id = CAST(x'3cff3e' AS TEXT)",
        "UPDATE recipients SET address = CAST(x'61ff40' AS TEXT)",
        "UPDATE contents SET payload = CAST(x'7bff7d' AS TEXT)",
        "UPDATE contents SET payload = x'7b00ff007d'",
        "UPDATE contents SET payload = NULL",
    ],
)
async def test_bytes_that_are_no_text_do_not_block_an_account(scene, database, change):
    (broken,) = await scene.post("m1")
    _by_hand(database, change)
    await scene.post("m2")

    claimed = (await scene.claim()).messages

    assert [m.id for m in claimed] == ["m1", "m2"]
    assert await scene.store.content("acme", broken.pk) == claimed[0].content


@pytest.mark.parametrize("column", ["id", "batch_code", "rfc_message_id"])
async def test_bytes_that_are_no_text_block_neither_results_nor_recovery(scene, database, column):
    (broken,) = await scene.post("m1")
    _by_hand(database, f"UPDATE messages SET {column} = CAST(x'61ff62' AS TEXT)")
    await scene.post("m2")
    claimed = (await scene.claim()).messages
    assert getattr(claimed[0], column) == r"a\xffb"

    assert [lease.message.pk for lease in await scene.store.leases(None)] == [m.pk for m in claimed]
    assert getattr((await scene.store.leases(None))[0].message, column) == r"a\xffb"
    assert await scene.finish(*map(scene.accepted, claimed)) == {m.pk for m in claimed}
    assert await scene.store.leases(None) == []
    assert broken.pk == claimed[0].pk


async def test_a_claim_tells_how_often_a_message_took_its_daemon_down(scene, database):
    await scene.post("m1")
    _by_hand(database, "UPDATE messages SET lapses = 3")

    assert (await scene.claim_one()).lapses == 3


def _lose_content(database: str, pk: int) -> None:
    _by_hand(database, "DELETE FROM contents WHERE message_pk = ?", pk)


def _by_hand(database: str, change: str, *values: Any) -> None:
    with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as conn, conn:
        conn.execute(change, values)


async def test_a_dead_daemons_leases_are_recovered(scene):
    await scene.post("m1", "m2", "m3")
    await scene.claim(2)

    assert len(await scene.lapse()) == 2

    assert await scene.states(["m1", "m2", "m3"]) == [State.WAITING] * 3
    assert len((await scene.claim()).messages) == 3
    assert (await scene.look("m1")).tries == 0


async def test_a_recovered_message_of_a_suspended_batch_is_suspended(scene):
    await scene.post("m1", batch_code="may")
    await scene.claim()
    await scene.store.suspend("acme", "may", now=scene.now)

    await scene.lapse()

    assert (await scene.look("m1")).state is State.SUSPENDED


async def test_ready_accounts_have_their_earliest_due_time(scene):
    await scene.add("beta", "main")
    await scene.add("acme", "idle")
    await scene.post("m1", due_at=scene.now + 9)
    await scene.post("m2", due_at=scene.now + 5, priority=3)
    await scene.post("m3", tenant_id="beta", due_at=scene.now - 1)

    assert await scene.store.ready_accounts() == [
        ReadyAccount("acme", "main", scene.now + 5),
        ReadyAccount("beta", "main", scene.now - 1),
    ]


async def test_an_account_is_not_ready_without_waiting_messages(scene):
    await scene.post("m1")
    await scene.claim()

    assert await scene.store.ready_accounts() == []


@pytest.mark.parametrize("closed", ["inactive", "suspended"])
async def test_accounts_of_closed_tenants_are_not_ready(scene, closed):
    await scene.post("m1")
    if closed == "inactive":
        await scene.store.change_tenant("acme", {"active": False}, now=scene.now)
    else:
        await scene.store.suspend("acme", None, now=scene.now)

    assert await scene.store.ready_accounts() == []


async def test_a_claim_tells_the_settled_recipients_from_those_to_send_to(scene):
    await scene.post("m1", recipients=("a@example.net", "b@example.net"))
    first = await scene.claim_one()
    (refused, _) = scene.failed(first).recipients
    await scene.finish(scene.outcome(first, Event.DEFER, recipients=(refused,), due_at=scene.now))

    again = await scene.claim_one()

    assert again.recipients == (PendingRecipient(1, "b@example.net"),)
    assert again.tries == 1
    assert [(r.address, r.state, r.reply_code) for r in again.settled] == [
        ("a@example.net", RecipientState.REFUSED, 550)
    ]
