"""The table of states is sound, and says what the store and the wire rely on."""

from __future__ import annotations

import pytest

from mail_proxy.domain.state import (
    FINAL,
    NEXT,
    OPEN,
    Event,
    State,
    sources,
    target,
    wire_status,
)


def reachable(start: State) -> set[State]:
    found = {start}
    while more := {after for (before, _), after in NEXT.items() if before in found} - found:
        found |= more
    return found


@pytest.mark.parametrize("event", Event)
def test_every_event_is_legal_from_somewhere_and_leads_to_one_state(event: Event) -> None:
    assert sources(event)
    assert isinstance(target(event), State)


@pytest.mark.parametrize("state", State)
def test_every_state_is_reached_by_a_new_message(state: State) -> None:
    assert state in reachable(State.WAITING)


@pytest.mark.parametrize("state", sorted(OPEN))
def test_every_open_state_can_end(state: State) -> None:
    assert reachable(state) & FINAL


def test_open_and_final_share_all_states() -> None:
    assert set(State) == OPEN | FINAL
    assert not OPEN & FINAL


def test_sent_and_bounced_never_become_open_again() -> None:
    assert reachable(State.SENT) == {State.SENT, State.BOUNCED}
    assert reachable(State.BOUNCED) == {State.BOUNCED}


def test_only_a_waiting_message_is_claimed() -> None:
    assert sources(Event.CLAIM) == {State.WAITING}


def test_only_a_claim_leads_to_a_lease() -> None:
    assert {event for (_, event), after in NEXT.items() if after is State.LEASED} == {Event.CLAIM}


def test_only_a_leased_message_is_finished_by_the_engine() -> None:
    ends = {event for state, event in NEXT if state is State.LEASED}
    assert ends >= {Event.ACCEPT, Event.FAIL, Event.DEFER, Event.RELEASE, Event.LAPSE, Event.PARK}
    assert all(sources(event) == {State.LEASED} for event in ends)


def test_a_retry_is_for_all_that_is_not_sent_nor_on_its_way() -> None:
    assert sources(Event.RETRY) == {State.WAITING, State.HELD, State.IN_DOUBT, State.FAILED}


def test_a_doubt_is_ended_by_a_person_or_a_proof_only() -> None:
    ways = {event for before, event in NEXT if before is State.IN_DOUBT}
    assert ways == {Event.SETTLE_SENT, Event.SETTLE_FAILED, Event.RETRY}


def test_what_waits_or_is_suspended_expires_and_what_is_held_or_in_doubt_does_not() -> None:
    assert sources(Event.EXPIRE) == sources(Event.EXPIRE_REST)
    assert sources(Event.EXPIRE) == {State.WAITING, State.SUSPENDED}


def test_a_leased_message_cannot_be_held_or_suspended() -> None:
    assert State.LEASED not in sources(Event.HOLD) | sources(Event.SUSPEND)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (State.WAITING, "pending"),
        (State.SUSPENDED, "pending"),
        (State.LEASED, "pending"),
        (State.HELD, "held"),
        (State.IN_DOUBT, "in_doubt"),
        (State.SENT, "sent"),
        (State.FAILED, "error"),
        (State.BOUNCED, "bounced"),
    ],
)
def test_applications_read_one_word_for_each_state(state: State, status: str) -> None:
    assert wire_status(state, is_due=True) == status
    if state is not State.WAITING:
        assert wire_status(state, is_due=False) == status


def test_a_waiting_message_that_is_not_due_is_deferred() -> None:
    assert wire_status(State.WAITING, is_due=False) == "deferred"
