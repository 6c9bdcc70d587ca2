"""`claim` and `finish` under limits: what is leased or was sent leaves less for the next claim."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from mail_proxy.domain.limits import DAY_S, HOUR_S, MINUTE_S, Limit, Scope
from mail_proxy.domain.state import Event, RecipientState, State
from mail_proxy.store import open_store


@pytest.fixture
def ids():
    return [f"m{n:02}" for n in range(20)]


async def limit(scene, **limits) -> None:
    """Change the limits of acme's account `main`."""
    await scene.store.change_account("acme", "main", limits, now=scene.now)


async def limit_tenant(scene, **rate_limits) -> None:
    await scene.store.change_tenant("acme", {"rate_limits": rate_limits}, now=scene.now)


async def send(scene, n: int) -> int:
    """Claim up to `n` and deliver them; how many there were."""
    claim = await scene.claim(n)
    await scene.finish(*(scene.accepted(m) for m in claim.messages))
    return len(claim.messages)


async def test_a_claim_takes_no_more_than_the_limit(scene, ids):
    await limit(scene, limit_per_minute=5)
    await scene.post(*ids)

    claim = await scene.claim()

    assert [m.id for m in claim.messages] == ids[:5]
    assert claim.limited is not None
    assert claim.limited.limit == Limit(Scope.ACCOUNT, MINUTE_S, 5)
    assert not claim.limited.is_spent
    assert claim.next_due_at == scene.now


async def test_what_is_leased_counts_for_every_claimer(scene, ids):
    await limit(scene, limit_per_minute=5)
    await scene.post(*ids)

    claims = await asyncio.gather(*(scene.claim(2) for _ in range(6)))

    assert sum(len(claim.messages) for claim in claims) == 5


async def test_what_was_sent_counts_until_its_bucket_has_left_the_window(scene, clock, ids):
    await limit(scene, limit_per_minute=5)
    await scene.post(*ids)
    assert await send(scene, 9) == 5

    claim = await scene.claim()
    assert claim.messages == ()
    assert claim.limited is not None
    assert claim.limited.is_spent
    assert claim.limited.frees_in_s == 61.0

    clock.passed_s = 60.9
    assert await send(scene, 9) == 0
    clock.passed_s = 61.0
    assert await send(scene, 9) == 5


@pytest.mark.parametrize(
    ("name", "window_s", "bucket_s"),
    [("minute", MINUTE_S, 1), ("hour", HOUR_S, 60), ("day", DAY_S, 3600)],
)
async def test_each_window_has_its_own_length(scene, clock, ids, name, window_s, bucket_s):
    await limit(scene, **{f"limit_per_{name}": 3})
    await scene.post(*ids)

    sent = []
    for passed_s in (0.0, window_s - 1.0, window_s + bucket_s):
        clock.passed_s = passed_s
        sent.append(await send(scene, 9))

    assert sent == [3, 0, 3]


async def test_what_is_given_back_leaves_room_at_once(scene, ids):
    await limit(scene, limit_per_minute=2)
    await scene.post(*ids)
    first, second = (await scene.claim()).messages

    await scene.finish(scene.outcome(first, Event.RELEASE, spends_try=False))

    assert [m.id for m in (await scene.claim()).messages] == [first.id]
    assert second.id != first.id


async def test_every_final_dot_counts_whatever_was_answered(scene, ids):
    await limit(scene, limit_per_minute=5)
    await scene.post(*ids)
    held = (await scene.claim()).messages
    later = {"due_at": scene.now + 900, "dot_sent": True}

    await scene.finish(
        scene.accepted(held[0]),
        scene.outcome(held[1], Event.DEFER, **later),
        scene.outcome(held[2], Event.RESEND, **later),
        scene.outcome(held[3], Event.RELEASE, spends_try=False, dot_sent=True),
        scene.failed(held[4]),  # refused at RCPT
    )

    claim = await scene.claim()
    assert len(claim.messages) == 1
    assert claim.limited is not None
    assert (claim.limited.sent, claim.limited.open) == (4, 1)


async def test_an_acceptance_that_comes_late_is_booked(scene, ids):
    await limit(scene, limit_per_minute=2)
    await scene.post(*ids[:3])
    first, _ = (await scene.claim()).messages
    await scene.lapse()

    assert await scene.finish(scene.accepted(first)) == set()

    assert len((await scene.claim()).messages) == 1


async def test_a_tenants_limit_counts_all_its_accounts(scene, ids):
    await scene.add("acme", "other")
    await limit_tenant(scene, hourly=5)
    await scene.post(*ids)
    await scene.post("o1", "o2", "o3", account_id="other")
    assert len((await scene.claim(2, account_id="other")).messages) == 2

    assert await send(scene, 9) == 3

    claim = await scene.claim(account_id="other")
    assert claim.messages == ()
    assert claim.limited is not None
    assert claim.limited.limit == Limit(Scope.TENANT, HOUR_S, 5)
    assert (claim.limited.sent, claim.limited.open) == (3, 2)


async def test_another_tenant_is_not_limited(scene, ids):
    await scene.add("beta", "main")
    await limit_tenant(scene, daily=1)
    await scene.post(*ids, tenant_id="beta")

    assert len((await scene.claim(tenant_id="beta")).messages) == len(ids)


async def test_the_narrowest_of_account_and_tenant_decides(scene, ids):
    await limit(scene, limit_per_minute=7, limit_per_day=4)
    await limit_tenant(scene, per_minute=6)
    await scene.post(*ids)

    claim = await scene.claim()

    assert len(claim.messages) == 4
    assert claim.limited is not None
    assert claim.limited.limit.window_s == DAY_S


async def test_a_limit_that_keeps_nothing_back_is_not_told(scene, ids):
    await limit(scene, limit_per_minute=5)
    await scene.post(*ids[:5])
    await scene.post("later", due_at=scene.now + 60)

    claim = await scene.claim()

    assert (len(claim.messages), claim.limited) == (5, None)


async def test_a_changed_limit_holds_from_the_next_claim_on(scene, ids):
    await limit(scene, limit_per_minute=3)
    await scene.post(*ids)
    assert await send(scene, 9) == 3

    await limit(scene, limit_per_minute=5)
    assert await send(scene, 9) == 2
    await limit(scene, limit_per_minute=2)
    assert await send(scene, 9) == 0
    await limit(scene, limit_per_minute=None)
    assert await send(scene, 9) == 9


async def test_the_window_of_another_length_knows_what_was_sent_under_the_first(scene, ids):
    await limit(scene, limit_per_minute=3)
    await scene.post(*ids)
    await send(scene, 9)

    await limit(scene, limit_per_minute=None, limit_per_day=4)

    assert await send(scene, 9) == 1


async def test_old_buckets_go_as_new_ones_come(scene, clock, ids):
    await limit(scene, limit_per_minute=1)
    await limit_tenant(scene, per_day=1000)
    sent = Counter()
    for n in range(200):
        clock.passed_s = n * 61.0
        await scene.post(f"m{n}")
        sent[await send(scene, 1)] += 1

    claim = await scene.claim()

    assert sent == {1: 200}
    assert claim.limited is None
    rows = await scene.store._readers.read(  # the table has no verb of its own
        lambda conn: conn.exec_driver_sql(
            "SELECT account_id, window_s, count(*) FROM rate_buckets GROUP BY 1, 2"
        ).all()
    )
    most = {MINUTE_S: 62, HOUR_S: 62, DAY_S: 26}
    assert {(account, window) for account, window, _ in rows} == {
        (account, window) for account in ("", "main") for window in most
    }
    assert all(n <= most[window] for _, window, n in rows)


# --- time ---


async def test_a_jump_of_the_wall_clock_changes_nothing(scene, clock, ids):
    await limit(scene, limit_per_minute=5)
    await scene.post(*ids)
    assert await send(scene, 9) == 5

    for jump in (7200.0, -14400.0):
        clock.wall += jump
        assert await send(scene, 9) == 0
    clock.passed_s += 61
    assert await send(scene, 9) == 5


async def test_a_restart_within_one_boot_goes_on_counting(scene, clock, ids, database, keyring):
    await limit(scene, limit_per_hour=5)
    await scene.post(*ids)
    assert await send(scene, 3) == 3
    held = await scene.claim(1)
    assert len(held.messages) == 1
    await scene.store.close()
    clock.wall += 7200
    clock.passed_s += 1800

    scene.store = await open_store(database, keyring=keyring, clock=clock)
    claim = await scene.claim()
    assert len(claim.messages) == 1  # the one of the dead daemon is leased, and counts
    assert claim.limited is not None
    assert claim.limited.frees_in_s is not None
    assert 1800 < claim.limited.frees_in_s <= 1860
    await scene.store.close()


@pytest.mark.parametrize("jump_s", [-7200.0, 0.0])
async def test_after_a_reboot_a_clock_that_was_set_back_makes_no_room(
    scene, clock, ids, database, keyring, monkeypatch, jump_s
):
    await limit(scene, limit_per_minute=5)
    await scene.post(*ids)
    clock.passed_s = 5000.0
    assert await send(scene, 5) == 5
    await scene.store.close()
    monkeypatch.setattr("mail_proxy.store.open.boot_id", lambda: "another")
    clock.wall += jump_s
    clock.passed_s = 20.0

    scene.store = await open_store(database, keyring=keyring, clock=clock)
    assert await send(scene, 9) == 0
    clock.passed_s += 61 if jump_s else 61 + 5000
    assert await send(scene, 9) == 5
    await scene.store.close()


# --- reject ---


async def test_what_may_not_wait_ends_when_the_limit_is_spent(scene, ids):
    await limit(scene, limit_per_minute=3, limit_behavior="reject")
    await scene.post(*ids, recipients=("a@example.net", "b@example.net"))
    await scene.post("later", due_at=scene.now + 60)
    assert await send(scene, 3) == 3

    claim = await scene.claim()

    assert [m.id for m in claim.rejected] == ids[3:]
    assert (claim.messages, claim.limited, claim.next_due_at) == ((), None, scene.now + 60)
    row = await scene.look(ids[-1])
    assert (row.state, row.error, row.tries) == (State.FAILED, "rate_limit_exceeded", 0)
    assert row.finished_at == scene.now
    assert {r.state for r in row.recipients} == {RecipientState.REFUSED}
    (event,) = row.events
    assert (event.event_type, event.report_state) == ("error", "pending")
    assert event.data == {"error": "rate_limit_exceeded", "error_ts": int(scene.now)}
    assert {state: n for state, _, n in (await scene.store.standing("acme")).totals} == {
        State.SENT: 3,
        State.FAILED: 17,
        State.WAITING: 1,
    }


async def test_nothing_ends_while_open_ones_may_still_be_given_back(scene, ids):
    await limit(scene, limit_per_minute=3, limit_behavior="reject")
    await scene.post(*ids)
    held = (await scene.claim()).messages

    claim = await scene.claim()
    assert (claim.messages, claim.rejected) == ((), ())
    assert claim.limited is not None
    await scene.finish(scene.outcome(held[0], Event.RELEASE, spends_try=False))

    assert len((await scene.claim()).messages) == 1


async def test_many_end_in_chunks(scene):
    await limit(scene, limit_per_minute=1, limit_behavior="reject")
    await scene.post(*(f"m{n}" for n in range(231)))
    await send(scene, 1)

    claims = [await scene.claim() for _ in range(3)]

    assert [len(claim.rejected) for claim in claims] == [100, 100, 30]
    assert [claim.next_due_at for claim in claims] == [scene.now, scene.now, None]


async def test_a_message_that_somebody_has_waits_for_the_others(scene):
    await limit(scene, limit_per_minute=1, limit_behavior="reject")
    await scene.post("m1", recipients=("a@example.net", "b@example.net"))
    claimed = await scene.claim_one()
    accepted = scene.results(claimed, RecipientState.ACCEPTED, None)[:1]
    gone_on = scene.outcome(
        claimed, Event.RELEASE, recipients=accepted, spends_try=False, dot_sent=True
    )
    await scene.finish(gone_on)

    claim = await scene.claim()

    assert (claim.messages, claim.rejected) == ((), ())
    assert claim.limited is not None
    assert (await scene.look("m1")).state is State.WAITING


# --- all of it together ---


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
async def test_random_claimers_exceed_no_limit(scene, clock, seed):
    """By the times at which the server saw the messages, at any moment of their attempt."""
    chance = random.Random(seed)
    await scene.add("acme", "other", limit_per_minute=4)
    await limit(scene, limit_per_minute=5, limit_per_hour=40)
    await limit_tenant(scene, per_minute=7)
    most = {("main", 60): 5, ("main", 3600): 40, ("other", 60): 4, ("", 60): 7}
    for account_id in ("main", "other"):
        names = [f"{account_id} {n}" for n in range(400)]
        await scene.post(*names, account_id=account_id)
    held, seen = [], []
    for _ in range(400):
        clock.passed_s += chance.choice((0.0, 0.1, 2.0, 30.0))
        if chance.random() < 0.6:
            account_id = chance.choice(("main", "other"))
            claim = await scene.claim(chance.randrange(1, 9), account_id=account_id)
            held += [(clock.passed_s, m) for m in claim.messages]
        ended = [entry for entry in held if chance.random() < 0.5]
        held = [entry for entry in held if entry not in ended]
        outcomes = []
        for claimed_at, m in ended:
            if chance.random() < 0.8:
                seen.append((chance.uniform(claimed_at, clock.passed_s), m.account_id))
                outcomes.append(scene.accepted(m))
            else:
                outcomes.append(scene.outcome(m, Event.RELEASE, spends_try=False))
        await scene.finish(*outcomes)
    assert len(seen) > 100
    for (account_id, window_s), n in most.items():
        times = sorted(at for at, account in seen if account_id in ("", account))
        assert max(sum(at <= t < at + window_s for t in times) for at in times) <= n
