"""A daemon dies at any step of an attempt: what the next one makes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from mail_proxy.delivery import Journal
from mail_proxy.delivery.replay import MOST_LAPSES
from mail_proxy.domain.attempt import AttemptResult
from mail_proxy.domain.errors import StoreUnavailable
from mail_proxy.domain.reply import Reply, Stage
from mail_proxy.domain.state import Event, RecipientState, State
from mail_proxy.store import Claimed, Lease, Outcome
from tests.delivery.heir import Heir

House = Any
Leave = Callable[[Journal, Claimed], None]

OK = Reply(250, "2.0.0", "queued")
LATER = Reply(451, "4.3.0", "later")
NO = Reply(554, "5.6.0", "no")
SHUT = Reply(421, "4.3.2", "going down")


@pytest.fixture
def heir(house: House) -> Heir:
    return Heir(house)


def claimed_only(journal: Journal, message: Claimed) -> None:
    """Nothing is written of it."""


def begun(journal: Journal, message: Claimed) -> None:
    journal.begin(message)


def composed(journal: Journal, message: Claimed) -> None:
    begun(journal, message)
    journal.composed(message)


def refused(journal: Journal, message: Claimed) -> None:
    begun(journal, message)
    journal.end(message, AttemptResult((None,), Stage.MAIL, NO))


def dotted(journal: Journal, message: Claimed) -> None:
    begun(journal, message)
    journal.dot(message, (OK,) * len(message.recipients))


def replied(reply: Reply | None) -> Leave:
    def leave(journal: Journal, message: Claimed) -> None:
        dotted(journal, message)
        lost = None if reply is not None else "the server closed the connection"
        asked = (OK,) * len(message.recipients)
        journal.end(message, AttemptResult(asked, Stage.DOT, reply, lost=lost, dot_sent=True))

    leave.__name__ = f"replied {reply.code if reply else 'never'}"
    return leave


KNOWN = [
    (claimed_only, State.WAITING, 0),
    (begun, State.WAITING, 0),
    (composed, State.WAITING, 0),
    (refused, State.WAITING, 0),
    (replied(OK), State.SENT, 1),
    (replied(LATER), State.WAITING, 1),
    (replied(NO), State.FAILED, 1),
    (replied(SHUT), State.WAITING, 0),
]


@pytest.mark.parametrize("policy", ["resend", "hold"])
@pytest.mark.parametrize(("leave", "state", "tries"), KNOWN)
async def test_what_is_known_is_recorded_whatever_the_policy(
    house: House, heir: Heir, policy: str, leave: Leave, state: State, tries: int
) -> None:
    await house.add_account("main", in_doubt=policy)
    await house.post("m1", wakes=False)
    (message,) = await heir.claim()
    leave(heir.journal, message)

    await heir.recover()

    row = await house.row("m1")
    assert (row.state, row.tries) == (state, tries)
    assert heir.in_doubt == 0
    assert heir.files == []


@pytest.mark.parametrize("leave", [dotted, replied(None)])
async def test_a_dot_without_a_reply_is_held_or_sent_again_by_policy(
    house: House, heir: Heir, leave: Leave
) -> None:
    await house.add_account("careful", in_doubt="hold")
    await house.post("m1", wakes=False)
    await house.post("m2", account_id="careful", wakes=False)
    for message in [*await heir.claim(), *await claim_of(house, heir, "careful")]:
        leave(heir.journal, message)

    await heir.recover()

    first, second = await house.row("m1"), await house.row("m2")
    assert (first.state, first.tries, second.state) == (State.WAITING, 1, State.IN_DOUBT)
    assert [e.event_type for e in first.events] == ["deferred"]
    assert first.events[0].data["in_doubt"] is True
    assert [e.event_type for e in second.events] == ["in_doubt"]
    assert heir.in_doubt == 2


async def claim_of(house: House, heir: Heir, account_id: str) -> list[Claimed]:
    now, daemon = house.clock.now(), heir.journal.owner.daemon_id
    claim = await house.store.claim("acme", account_id, limit=50, now=now, daemon=daemon)
    return list(claim.messages)


PROVEN = [(replied(OK), State.SENT), (replied(NO), State.FAILED), (refused, State.WAITING)]
UNPROVEN = [(leave, State.IN_DOUBT) for leave in (claimed_only, begun, composed, dotted)]


def by_another_boot(house: House) -> str:
    return "boot-2"


def by_removal(house: House) -> str:
    for path in house.journal_dir.iterdir():
        path.unlink()
    return "boot-1"


def by_damage(house: House) -> str:
    (path,) = house.journal_dir.iterdir()
    with path.open("ab") as file:
        file.write(b"garbage\n")
    return "boot-1"


@pytest.mark.parametrize("spoil", [by_another_boot, by_damage])
@pytest.mark.parametrize(("leave", "state"), PROVEN + UNPROVEN)
async def test_where_the_journal_may_lack_something_all_that_it_does_not_prove_is_in_doubt(
    house: House, heir: Heir, spoil: Callable[[House], str], leave: Leave, state: State
) -> None:
    await house.add_account("main", in_doubt="hold")
    await house.post("m1", wakes=False)
    (message,) = await heir.claim()
    leave(heir.journal, message)

    await heir.recover(boot_id=spoil(house))

    assert (await house.row("m1")).state is state
    assert heir.in_doubt == (state is State.IN_DOUBT)


@pytest.mark.parametrize(("policy", "state"), [("hold", State.IN_DOUBT), ("resend", State.WAITING)])
async def test_without_its_journal_everything_that_a_daemon_held_is_in_doubt(
    house: House, heir: Heir, policy: str, state: State
) -> None:
    await house.add_account("main", in_doubt=policy)
    await house.post("m1", "m2", wakes=False)
    await heir.claim()
    by_removal(house)

    await heir.recover()

    assert [(await house.row(i)).state for i in ("m1", "m2")] == [state, state]
    assert heir.in_doubt == 2


async def test_each_recipient_is_settled_as_the_journal_tells(house: House, heir: Heir) -> None:
    await house.post("m1", wakes=False, to=["a@x.example", "b@x.example", "c@x.example"])
    (message,) = await heir.claim()
    answers = (OK, Reply(550, "5.1.1", "no such user"), LATER)
    heir.journal.begin(message)
    heir.journal.dot(message, answers)
    heir.journal.end(message, AttemptResult(answers, Stage.DOT, OK, dot_sent=True))

    await heir.recover()

    row = await house.row("m1")
    assert row.state is State.WAITING
    states = [r.state for r in row.recipients]
    assert states == [RecipientState.ACCEPTED, RecipientState.REFUSED, RecipientState.PENDING]
    assert row.recipients[1].reply == "550 5.1.1 no such user"


async def test_an_acceptance_is_recorded_although_the_lease_is_gone(
    house: House, heir: Heir
) -> None:
    await house.post("m1", wakes=False)
    (message,) = await heir.claim()
    replied(OK)(heir.journal, message)
    await house.store.finish([outcome_of_lapse(message)], now=house.clock.now())
    assert (await house.row("m1")).state is State.WAITING

    await heir.recover()

    row = await house.row("m1")
    assert (row.state, [e.event_type for e in row.events]) == (State.SENT, ["sent"])


def outcome_of_lapse(message: Claimed) -> Outcome:
    return Outcome(message.tenant_id, message.pk, message.lease_token, Event.LAPSE)


async def test_a_message_that_takes_its_daemon_down_is_parked_at_last(
    house: House, heir: Heir
) -> None:
    await house.post("poison", "m2", wakes=False)
    for lapse in range(MOST_LAPSES + 1):
        claimed = {m.id: m for m in await heir.claim()}
        assert claimed["poison"].lapses == lapse
        assert claimed["m2"].lapses == 0
        heir.journal.begin(claimed["poison"])
        await heir.recover()
        heir = Heir(house)

    row = await house.row("poison")
    assert row.state is State.HELD
    assert row.held_reason == "parked: the daemon died 4 times while it was composed"
    assert [e.event_type for e in row.events] == ["held"]
    assert (await house.row("m2")).state is State.WAITING


class Breaking:
    """The store, which fails at the nth call of a verb that recovery uses."""

    def __init__(self, house: House, n: int) -> None:
        self._store = house.store
        self._left = n

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def _step(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise StoreUnavailable("killed here")

    async def leases(self, *args: Any, **kwargs: Any) -> list[Lease]:
        self._step()
        found: list[Lease] = await self._store.leases(*args, **kwargs)
        return found

    async def finish(self, outcomes: Sequence[Outcome], *, now: float) -> set[int]:
        self._step()
        ours: set[int] = await self._store.finish(outcomes, now=now)
        self._step()
        return ours

    async def forget_daemons(self, daemon_id: str | None) -> None:
        self._step()
        await self._store.forget_daemons(daemon_id)
        self._step()


@pytest.mark.parametrize("steps", range(8))
async def test_a_recovery_that_dies_is_done_again_with_the_same_end(
    house: House, heir: Heir, steps: int
) -> None:
    await house.add_account("main", in_doubt="hold")
    ways = {"sent": replied(OK), "failed": replied(NO), "doubt": dotted, "begun": begun}
    await house.post(*ways, "late", wakes=False)
    claimed = {m.id: m for m in await heir.claim()}
    for id_, leave in ways.items():
        leave(heir.journal, claimed[id_])
    replied(OK)(heir.journal, claimed["late"])
    await house.store.finish([outcome_of_lapse(claimed["late"])], now=house.clock.now())
    try:
        await heir.recover(store=Breaking(house, steps))
    except StoreUnavailable:
        assert heir.files != []

    again = Heir(house)
    await again.recover()

    rows = {id_: await house.row(id_) for id_ in claimed}
    assert {id_: row.state for id_, row in rows.items()} == {
        "sent": State.SENT,
        "failed": State.FAILED,
        "doubt": State.IN_DOUBT,
        "begun": State.WAITING,
        "late": State.SENT,
    }
    assert {len(row.events) for id_, row in rows.items() if id_ != "begun"} == {1}
    (claimed_again,) = await again.claim()
    assert claimed_again.lapses == 1
    assert again.files == [f"{again.journal.owner.daemon_id}-000001.journal"]


async def test_a_message_that_was_composed_is_not_to_blame(house: House, heir: Heir) -> None:
    await house.post("m1", wakes=False)
    (message,) = await heir.claim()
    composed(heir.journal, message)

    await heir.recover()

    (claimed,) = await Heir(house).claim()
    assert claimed.lapses == 0


async def test_one_row_that_cannot_be_written_stops_no_other(
    house: House, heir: Heir, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.post("m1", "bad", "m3", wakes=False)
    claimed = await heir.claim()
    for message in claimed:
        replied(OK)(heir.journal, message)
    bad = claimed[1].pk
    real = house.store.finish

    async def finish(outcomes: Sequence[Outcome], *, now: float) -> set[int]:
        if any(outcome.pk == bad for outcome in outcomes):
            raise ValueError("cannot be written")
        ours: set[int] = await real(outcomes, now=now)
        return ours

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "finish", finish)
        await heir.recover()
    assert await states(house, "m1", "bad", "m3") == [State.SENT, State.LEASED, State.SENT]
    assert heir.files != []  # it tells of an acceptance that is not recorded yet

    await heir.recover()
    assert await states(house, "bad") == [State.SENT]
    assert heir.files == []


async def states(house: House, *ids: str) -> list[State]:
    return [(await house.row(id_)).state for id_ in ids]


async def test_what_waits_for_an_account_that_is_gone_is_held_when_in_doubt(
    house: House, heir: Heir
) -> None:
    await house.post("m1", wakes=False)
    (message,) = await heir.claim()
    dotted(heir.journal, message)
    await house.store.delete_account("acme", "main")

    await heir.recover()

    assert await states(house, "m1") == [State.IN_DOUBT]


async def test_many_leases_are_taken_over_page_by_page(house: House, heir: Heir) -> None:
    ids = [f"m{n}" for n in range(1100)]
    await house.post(*ids, wakes=False)
    now, daemon = house.clock.now(), heir.journal.owner.daemon_id
    heir.journal.open()
    await house.store.claim("acme", "main", limit=1100, now=now, daemon=daemon)

    await heir.recover()

    ((state, _, n),) = (await house.store.standing("acme")).totals
    assert (state, n) == (State.WAITING, 1100)
