"""What the engine does with messages that go well, and with those that do not."""

from __future__ import annotations

from typing import Any

from mail_proxy.domain.reply import Stage
from mail_proxy.domain.state import RecipientState, State

House = Any


async def test_a_waiting_message_is_sent_when_the_engine_starts(house: House) -> None:
    await house.post("m1", wakes=False)
    async with house.running():
        assert await house.statuses(1) == ["sent"]
    row = await house.row("m1")
    assert row.state is State.SENT
    assert row.tries == 1
    assert [received.recipients for received in house.relay.messages] == [("ann@example.com",)]
    assert house.told == ["acme"]


async def test_a_new_message_wakes_an_idle_engine(house: House) -> None:
    async with house.running():
        await house.post("m1")
        assert await house.statuses(1) == ["sent"]


async def test_many_messages_arrive_once_each(house: House) -> None:
    ids = [f"m{n}" for n in range(300)]
    async with house.running():
        await house.post(*ids)
        await house.until(lambda: len(house.results) == 300)
    assert sorted(house.relay.copies.values()) == [1] * 300
    assert house.relay.peak <= house.settings.max_connections_per_account


async def test_each_recipient_gets_a_result_and_nobody_gets_two_copies(house: House) -> None:
    house.relay.answer(Stage.RCPT, "550 5.1.1 no such user", recipient="c@x.example")
    house.relay.answer(Stage.RCPT, "451 4.7.1 later", recipient="d@x.example", times=1)
    to = ["a@x.example", "b@x.example", "c@x.example", "d@x.example"]
    async with house.running() as engine:
        await house.post("m1", to=to)
        assert await house.statuses(1) == ["deferred"]
        house.clock.advance(60)
        engine.wake_all()
        assert await house.statuses(2) == ["deferred", "sent"]
    assert house.relay.copies == {"m1 a@x.example": 1, "m1 b@x.example": 1, "m1 d@x.example": 1}
    row = await house.row("m1")
    assert row.state is State.SENT
    states = {r.address: r.state for r in row.recipients}
    assert states.pop("c@x.example") is RecipientState.REFUSED
    assert set(states.values()) == {RecipientState.ACCEPTED}
    final = row.events[-1].data
    assert [entry["recipient"] for entry in final["refused"]] == ["c@x.example"]


async def test_a_refused_message_fails_with_the_reply(house: House) -> None:
    house.relay.answer(Stage.DOT, "554 5.7.1 looks like spam")
    async with house.running():
        await house.post("m1")
        assert await house.statuses(1) == ["error"]
    row = await house.row("m1")
    assert row.state is State.FAILED
    assert row.error == "5.7.1 looks like spam (SMTP 554)"


async def test_a_message_is_not_sent_before_its_time(house: House) -> None:
    async with house.running() as engine:
        await house.post("later", due_at=house.clock.now() + 3600)
        await house.post("now")
        assert await house.statuses(1) == ["sent"]
        house.clock.advance(3600)
        engine.wake_all()
        await house.until(lambda: len(house.results) == 2)
    assert [result["id"] for result in house.results] == ["now", "later"]


async def test_higher_priorities_go_first(house: House) -> None:
    await house.add_account("one", max_connections=1)
    for priority in (3, 2, 1, 0):
        await house.post(f"p{priority}", account_id="one", priority=priority, wakes=False)
    async with house.running():
        await house.until(lambda: len(house.results) == 4)
    subjects = [r.data.split(b"Subject: ")[1][:2].decode() for r in house.relay.messages]
    assert subjects == ["p0", "p1", "p2", "p3"]


async def test_a_server_that_turns_us_away_pauses_the_account_and_costs_no_try(
    house: House,
) -> None:
    house.relay.answer(Stage.CONNECT, "421 4.7.0 go away", times=1)
    async with house.running() as engine:
        await house.post("m1")
        await house.until_paused()
        assert (await house.row("m1")).tries == 0
        house.clock.advance(10)
        engine.wake("acme", "main")
        assert await house.statuses(1) == ["sent"]
    account = await house.store.get_account("acme", "main")
    assert account.failures == 0
    assert account.paused_until is None


async def test_a_connection_that_the_server_closed_costs_nothing(house: House) -> None:
    async with house.running():
        await house.post("m1")
        await house.until(lambda: len(house.results) == 1)
        house.relay.disconnect_idle()
        await house.post("m2")
        await house.until(lambda: len(house.results) == 2)
    assert (await house.row("m2")).tries == 1
    assert (await house.store.get_account("acme", "main")).failures == 0


async def test_a_dot_without_a_reply_is_sent_again_and_marked(house: House) -> None:
    house.relay.drop(Stage.DOT, when="before", times=1)
    async with house.running() as engine:
        await house.post("m1")
        assert await house.statuses(1) == ["deferred"]
        house.clock.advance(60)
        engine.wake_all()
        assert await house.statuses(2) == ["deferred", "sent"]
    row = await house.row("m1")
    assert [event.data.get("in_doubt") for event in row.events] == [True, None]
    assert house.relay.copies["m1 ann@example.com"] == 2
    assert len({r.data for r in house.relay.messages}) == 1  # the same Message-ID and Date


async def test_a_dot_without_a_reply_is_held_where_the_account_says_so(house: House) -> None:
    await house.add_account("careful", in_doubt="hold")
    house.relay.drop(Stage.DOT, when="before", times=1)
    async with house.running():
        await house.post("m1", account_id="careful")
        assert await house.statuses(1) == ["in_doubt"]
    assert (await house.row("m1")).state is State.IN_DOUBT
    assert house.relay.copies["m1 ann@example.com"] == 1


async def test_a_message_that_cannot_be_composed_waits_and_spares_the_others(house: House) -> None:
    async with house.running():
        await house.post("bad", content=b"no json")
        await house.post("good")
        await house.until(lambda: len(house.results) == 2)
    assert {r["id"]: r["status"] for r in house.results} == {"bad": "deferred", "good": "sent"}


async def test_stopping_gives_back_what_was_not_begun(house: House) -> None:
    house.relay.hang(Stage.DOT, times=1)
    await house.add_account("one", max_connections=1)
    house.make_engine(stop_grace_s=0.05)
    async with house.running():
        await house.post(*[f"m{n}" for n in range(5)], account_id="one")
        await house.relay.wait_for(1)
    rows = [await house.row(f"m{n}") for n in range(5)]
    assert {row.state for row in rows} == {State.WAITING}
    assert [row.tries for row in rows] == [1, 0, 0, 0, 0]  # the first: dot sent, no reply


async def test_recalled_messages_stay_back_while_something_is_changed(house: House) -> None:
    await house.add_account("slow", max_connections=1)
    house.relay.delay(Stage.DOT, 0.02)
    ids = [f"m{n}" for n in range(20)]
    async with house.running() as engine:
        await house.post(*ids, account_id="slow")
        await house.relay.wait_for(1)
        async with engine.recalled("acme"):
            removed = await house.delete(*ids)
            removed -= {result["id"] for result in house.results}  # sent before it was removed
        await house.until(lambda: len(house.results) == 20 - len(removed))
    assert removed
    assert len(house.relay.messages) == 20 - len(removed)


async def test_test_mode_sends_nothing_until_it_is_told_to(house: House) -> None:
    house.make_engine(test_mode=True)
    async with house.running() as engine:
        await house.post("m1")
        engine.wake_all()
        assert house.relay.connections == 0
        engine.run_now(None)
        assert await house.statuses(1) == ["sent"]


async def test_run_now_in_test_mode_sends_all_that_is_due_then_and_nothing_later(
    house: House,
) -> None:
    house.make_engine(test_mode=True)
    await house.post(*[f"m{n}" for n in range(60)], wakes=False)  # more than a first claim takes
    await house.post(*[f"p{n}" for n in range(30)], priority=0, wakes=False)
    async with house.running() as engine:
        engine.run_now(None)
        await house.until(lambda: len(house.results) == 90)
        house.clock.advance(1)
        await house.post("late", priority=0)
        await house.row("late")
    assert house.relay.count == 90


async def test_a_switched_off_scheduler_sends_nothing(house: House) -> None:
    async with house.running() as engine:
        engine.set_active(False)
        await house.post("m1")
        engine.set_active(True)
        assert await house.statuses(1) == ["sent"]


async def test_a_new_password_is_used_at_once(house: House) -> None:
    async with house.running() as engine:
        house.relay.answer(Stage.CONNECT, "421 4.7.0 go away", times=1)
        await house.post("m1")
        await house.until_paused()
        await house.store.change_account(
            "acme", "main", {"paused_until": None, "failures": 0}, now=house.clock.now()
        )
        await engine.refresh("acme", "main")
        assert await house.statuses(1) == ["sent"]


async def test_the_timeline_tells_of_each_attempt_its_server_and_time(house: House) -> None:
    house.relay.answer(Stage.MAIL, "550 5.7.1 no")
    async with house.running():
        await house.post("m1")
        assert await house.statuses(1) == ["error"]
    row = await house.row("m1")
    (event,) = await house.store.message_events(row.tenant_id, row.pk)
    attempt = event.data["attempt"]
    assert attempt["server"].endswith(f":{house.relay.port}")
    assert 0 <= attempt["seconds"] < 10
    assert "tls" not in attempt
    assert "attempt" not in event.reported
