"""Messages with attachments: fetched before a connection is taken, and taken back meanwhile."""

from __future__ import annotations

import asyncio
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from mail_proxy.delivery import preparing
from mail_proxy.delivery.lane import Lane
from mail_proxy.domain.errors import AttachmentFailed, SecretsUnavailable
from mail_proxy.domain.reply import Stage
from mail_proxy.domain.state import State
from mail_proxy.store import Account, Outcome
from tests.patience import until

House = Any

LARGE = "x" * 3_000_000  # more than a claim brings along


async def asked_for(house: House, n: int) -> None:
    """Until so many letters were asked for."""
    async with asyncio.timeout(30):
        while len(house.letters.asked) < n:
            house.letters.asking.clear()
            await house.letters.asking.wait()


async def test_a_mail_goes_out_with_its_attachments(house: House) -> None:
    house.letters.content = b"\x00\xff" * 500
    async with house.running():
        await house.post("m1", attached=2)
        assert await house.statuses(1) == ["sent"]
    mail = message_from_bytes(house.relay.messages[0].data, policy=default)
    parts = list(mail.iter_attachments())
    assert [part.get_payload(decode=True) for part in parts] == [house.letters.content] * 2
    assert not +house.letters.open


async def test_no_connection_is_opened_before_the_attachments_are_here(house: House) -> None:
    house.letters.held["m1"] = asyncio.Event()
    async with house.running():
        await house.post("m1", attached=1)
        await asked_for(house, 1)
        assert house.relay.peak == 0
        house.letters.held["m1"].set()
        assert await house.statuses(1) == ["sent"]


async def test_what_waits_for_its_attachments_holds_up_nothing_else(house: House) -> None:
    house.letters.held["slow"] = asyncio.Event()
    async with house.running():
        await house.post("slow", attached=1)
        await asked_for(house, 1)
        await house.post("quick", "quicker")
        assert await house.statuses(2) == ["sent", "sent"]
        house.letters.held["slow"].set()
        await house.statuses(3)
    assert [result["id"] for result in house.results][-1] == "slow"


async def test_an_attachment_that_will_never_be_there_ends_its_message(house: House) -> None:
    why = "Attachment fetch failed for a.pdf: the server answered 404"
    house.letters.fails["m1"] = [AttachmentFailed(why, is_permanent=True)]
    async with house.running():
        await house.post("m1", attached=1)
        assert await house.statuses(1) == ["error"]
    row = await house.row("m1")
    assert (row.state, row.error, row.tries) == (State.FAILED, why, 1)
    assert row.events[-1].data["error"] == why
    assert house.relay.peak == 0


async def test_others_are_claimed_when_all_that_was_claimed_has_failed(house: House) -> None:
    ids = [f"m{n}" for n in range(100)]  # several claims
    why = AttachmentFailed("there is no such file", is_permanent=True)
    house.letters.fails = {id_: [why] for id_ in ids}
    async with house.running():
        await house.post(*ids, attached=1)
        assert await house.statuses(100) == ["error"] * 100


async def test_an_attachment_that_may_come_later_is_asked_for_again(house: House) -> None:
    why = "Attachment fetch failed for a.pdf: the server answered 503"
    house.letters.fails["m1"] = [AttachmentFailed(why, is_permanent=False)]
    async with house.running() as engine:
        await house.post("m1", attached=1)
        assert await house.statuses(1) == ["deferred"]
        row = await house.row("m1")
        assert (row.state, row.error, row.tries) == (State.WAITING, why, 1)
        house.clock.advance(60)
        engine.wake_all()
        assert await house.statuses(2) == ["deferred", "sent"]
    assert 'gmp_attachment_failures_total{kind="temporary"} 1.0' in house.metrics.render()


async def test_credentials_that_cannot_be_read_cost_their_message_no_try(house: House) -> None:
    why = "the credentials of an attachment cannot be read: the key is gone"
    house.letters.fails["m1"] = [SecretsUnavailable(why)] * 20
    async with house.running() as engine:
        await house.post("m1", attached=1)
        for n in range(20):
            assert (await house.statuses(n + 1))[-1] == "deferred"
            house.clock.advance(1000)
            engine.wake_all()
        assert (await house.statuses(21))[-1] == "sent"
        row = await house.row("m1")
    assert row.tries == 1
    assert {e.data["deferred_reason"] for e in row.events if e.event_type == "deferred"} == {why}


async def test_want_of_room_here_costs_a_message_no_try(house: House) -> None:
    why = "Attachment fetch failed for a.pdf: there is no room for it now"
    failed = AttachmentFailed(why, is_permanent=False, is_ours=True)
    house.letters.fails["m1"] = [failed] * 20
    async with house.running() as engine:
        await house.post("m1", attached=1)
        for n in range(20):
            assert (await house.statuses(n + 1))[-1] == "deferred"
            house.clock.advance(61)
            engine.wake_all()
        assert (await house.statuses(21))[-1] == "sent"
        row = await house.row("m1")
    assert row.tries == 1


async def test_a_message_is_taken_back_from_its_file_server(house: House) -> None:
    house.letters.held["m1"] = asyncio.Event()
    async with house.running() as engine:
        await house.post("m1", attached=1)
        await asked_for(house, 1)
        async with engine.recalled("acme", ids=["m1"]):
            assert (await house.row("m1")).state is State.WAITING
            assert await house.delete("m1") == {"m1"}
        assert house.letters.given_up == ["m1"]


async def test_letters_are_let_go_of_when_the_account_fails(house: House) -> None:
    house.relay.answer(Stage.MAIL, "421 4.7.0 go away")
    async with house.running():
        await house.post(*[f"m{n}" for n in range(5)], attached=1)
        await house.until_paused()
        await house.engine.recall("acme")
        assert not +house.letters.open
    assert {(await house.row(f"m{n}")).tries for n in range(5)} == {0}


async def test_a_content_that_did_not_come_with_its_claim_is_looked_at_too(house: House) -> None:
    async with house.running():
        await house.post("m1", "m2", attached=1, body=LARGE)
        await house.post("m3", attached=1)
        assert await house.statuses(3) == ["sent"] * 3
    assert sorted(house.letters.asked) == ["m1", "m2", "m3"]


async def test_a_file_that_is_not_what_it_was_is_not_sent(house: House) -> None:
    house.letters.content = b"x" * 200_000
    house.letters.changes = 1
    async with house.running() as engine:
        await house.post("m1", attached=1)
        assert await house.statuses(1) == ["deferred"]
        assert "not what it was" in (await house.row("m1")).error
        assert not house.relay.messages
        house.clock.advance(60)
        engine.wake_all()
        assert await house.statuses(2) == ["deferred", "sent"]


async def test_a_stop_waits_for_no_file_server(house: House) -> None:
    house.letters.held["m1"] = asyncio.Event()
    async with house.running() as engine:
        await house.post("m1", attached=1)
        await asked_for(house, 1)
        await engine.stop()
    assert (await house.row("m1")).state is State.WAITING
    assert house.letters.given_up == ["m1"]


async def test_a_bug_in_fetching_puts_its_message_off_and_no_other(house: House) -> None:
    house.letters.fails["m1"] = [ValueError("boom")]
    async with house.running():
        await house.post("m1", attached=1)
        await house.post("m2")
        await house.statuses(2)
    assert (await house.row("m1")).state is State.WAITING
    assert "boom" in (await house.row("m1")).error
    assert (await house.row("m2")).state is State.SENT


async def test_many_that_wait_for_their_file_servers_hold_up_nothing_else(house: House) -> None:
    slow = [f"s{n}" for n in range(30)]
    for id_ in slow:
        house.letters.held[id_] = asyncio.Event()
    async with house.running():
        await house.post(*slow, attached=1)
        await asked_for(house, 30)
        await house.post("quick", "quicker")
        assert await house.statuses(2) == ["sent", "sent"]
        for id_ in slow:
            house.letters.held[id_].set()
        await house.statuses(32)


async def test_a_message_is_not_sent_after_its_time_for_its_attachments_came_late(
    house: House,
) -> None:
    house.letters.held["m1"] = asyncio.Event()
    async with house.running() as engine:
        await house.post("m1", attached=1, expires_at=house.clock.now() + 5)
        await asked_for(house, 1)
        house.clock.advance(20)
        house.letters.held["m1"].set()
        await until(lambda: house.letters.open.get("m1") == 0)  # closed without a result
        await engine.recall("acme")  # it is written that it waits again
        engine.run_now(None)
        assert await house.statuses(1) == ["error"]
    assert not house.relay.messages


async def test_a_bug_after_a_failed_fetch_does_not_end_the_engine(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> Outcome:
        raise OverflowError("a bug of ours")

    monkeypatch.setattr(preparing, "outcome_of", broken)
    house.letters.fails["m1"] = [AttachmentFailed("404", is_permanent=True)]
    async with house.running():
        await house.post("m1", attached=1)
        assert await house.statuses(1) == ["deferred"]
        await house.post("m2")
        assert await house.statuses(2) == ["deferred", "sent"]


async def test_letters_are_let_go_of_when_their_result_cannot_be_written(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = house.store.finish

    async def refuses_one(outcomes: list[Outcome], *, now: float) -> set[int]:
        if any(outcome.pk == first for outcome in outcomes):
            raise ValueError("a bug of ours")
        found: set[int] = await finish(outcomes, now=now)
        return found

    await house.post("m1", attached=1, wakes=False)
    first = (await house.row("m1")).pk
    monkeypatch.setattr(house.store, "finish", refuses_one)
    async with house.running() as engine:
        await until(lambda: bool(house.relay.messages) and not +house.letters.open)
        monkeypatch.setattr(house.store, "finish", finish)
        await engine.stop()


async def test_recipients_of_a_message_without_its_attachment_are_told_why(house: House) -> None:
    why = "Attachment fetch failed for a.pdf: the server answered 404"
    house.letters.fails["m1"] = [AttachmentFailed(why, is_permanent=True)]
    async with house.running():
        await house.post("m1", attached=1, to=["a@x.example", "b@x.example"])
        await house.statuses(1)
    refused = (await house.row("m1")).events[-1].data["refused"]
    assert [entry["error"] for entry in refused] == [why, why]


async def test_a_lower_one_that_waits_for_its_attachments_leaves_others_their_slots(
    house: House,
) -> None:
    await house.post(*[f"low{n}" for n in range(3)], priority=3, attached=1, wakes=False)
    await house.post("high", priority=1, wakes=False)
    claim = await house.store.claim(
        "acme", "main", limit=4, lower=3, lowest=3, now=house.clock.now(), daemon="d"
    )
    assert len(claim.lower) == 3
    lane, fresh = (Lane(Account("acme", "main", "127.0.0.1", 25)) for _ in range(2))
    house.engine._take(lane, claim)
    lane.take_back(lambda _: True)
    wanted = [each.need(0.0, connections=200, most=200).lower for each in (lane, fresh)]
    assert wanted[0] == wanted[1] > 0
