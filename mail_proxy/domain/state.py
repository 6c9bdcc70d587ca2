"""The life of a message and of a recipient, in one table.

The store's WHERE clauses, its partial indexes and the diagram in the manual come from `NEXT`.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a message is. One message, one SMTP transaction, all its unsettled recipients."""

    WAITING = "waiting"  # to be sent at `due_at`: arrival, schedule or retry
    SUSPENDED = "suspended"  # its tenant or batch is suspended
    HELD = "held"  # by a person, or parked after it broke its worker
    LEASED = "leased"  # one daemon holds it
    IN_DOUBT = "in_doubt"  # final dot sent, no reply known, policy `hold`
    SENT = "sent"  # at least one recipient accepted, none pending
    FAILED = "failed"  # every recipient refused, or given up
    BOUNCED = "bounced"  # sent, then a DSN said otherwise


class Event(StrEnum):
    """What may happen to a message."""

    CLAIM = "claim"
    ACCEPT = "accept"
    FAIL = "fail"
    DEFER = "defer"
    RELEASE = "release"  # before the dot only; no try spent
    LAPSE = "lapse"  # the lease of a dead daemon; before the dot only
    PARK = "park"  # it broke its worker too often; before the dot only
    DOUBT = "doubt"  # the only way out after a dot without a reply, policy `hold`
    RESEND = "resend"  # the same, policy `resend`
    SETTLE_SENT = "settle_sent"
    SETTLE_FAILED = "settle_failed"
    RETRY = "retry"
    SUSPEND = "suspend"
    ACTIVATE = "activate"
    HOLD = "hold"
    FREE = "free"
    EXPIRE = "expire"
    EXPIRE_REST = "expire_rest"  # some recipients have it already
    REJECT = "reject"
    BOUNCE = "bounce"


NEXT: dict[tuple[State, Event], State] = {
    (State.WAITING, Event.CLAIM): State.LEASED,
    (State.LEASED, Event.ACCEPT): State.SENT,
    (State.LEASED, Event.FAIL): State.FAILED,
    (State.LEASED, Event.DEFER): State.WAITING,
    (State.LEASED, Event.RELEASE): State.WAITING,
    (State.LEASED, Event.LAPSE): State.WAITING,
    (State.LEASED, Event.PARK): State.HELD,
    (State.LEASED, Event.DOUBT): State.IN_DOUBT,
    (State.LEASED, Event.RESEND): State.WAITING,
    (State.IN_DOUBT, Event.SETTLE_SENT): State.SENT,
    (State.IN_DOUBT, Event.SETTLE_FAILED): State.FAILED,
    (State.FAILED, Event.RETRY): State.WAITING,
    (State.IN_DOUBT, Event.RETRY): State.WAITING,
    (State.HELD, Event.RETRY): State.WAITING,
    (State.WAITING, Event.RETRY): State.WAITING,
    (State.WAITING, Event.SUSPEND): State.SUSPENDED,
    (State.SUSPENDED, Event.ACTIVATE): State.WAITING,
    (State.WAITING, Event.HOLD): State.HELD,
    (State.SUSPENDED, Event.HOLD): State.HELD,
    (State.HELD, Event.FREE): State.WAITING,
    (State.WAITING, Event.EXPIRE): State.FAILED,
    (State.SUSPENDED, Event.EXPIRE): State.FAILED,
    (State.WAITING, Event.EXPIRE_REST): State.SENT,
    (State.SUSPENDED, Event.EXPIRE_REST): State.SENT,
    (State.WAITING, Event.REJECT): State.FAILED,
    (State.SENT, Event.BOUNCE): State.BOUNCED,
}

FINAL = frozenset({State.SENT, State.FAILED, State.BOUNCED})
OPEN = frozenset(State) - FINAL  # not yet processed: `active_only` on the wire
# What waits or is on its way: `pending` on the wire. Held or in doubt is what waits for a person.
PENDING = frozenset({State.WAITING, State.SUSPENDED, State.LEASED})


class RecipientState(StrEnum):
    """Where one recipient of a message is."""

    PENDING = "pending"
    ACCEPTED = "accepted"  # the relay took responsibility: never sent to again
    REFUSED = "refused"  # 5yz, or given up
    BOUNCED = "bounced"


def sources(event: Event) -> frozenset[State]:
    """States that `event` is legal from: the guard of the store's UPDATE."""
    return frozenset(state for state, happening in NEXT if happening is event)


def target(event: Event) -> State:
    """The one state that `event` leads to, whatever it came from."""
    (state,) = {after for (_, happening), after in NEXT.items() if happening is event}
    return state


_WIRE = {
    State.WAITING: "pending",
    State.SUSPENDED: "pending",
    State.HELD: "held",
    State.LEASED: "pending",
    State.IN_DOUBT: "in_doubt",
    State.SENT: "sent",
    State.FAILED: "error",
    State.BOUNCED: "bounced",
}


def wire_status(state: State, *, is_due: bool) -> str:
    """The `status` that applications read; a waiting message that is not due is `deferred`."""
    if state is State.WAITING and not is_due:
        return "deferred"
    return _WIRE[state]
