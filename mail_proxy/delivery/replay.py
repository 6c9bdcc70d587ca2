"""From what a dead daemon left in its journal to what is written down. Pure: no clock, no store."""

from __future__ import annotations

from mail_proxy.delivery.outcome import Rules, outcome_of
from mail_proxy.delivery.records import Dotted, Key
from mail_proxy.delivery.segments import Attempt
from mail_proxy.domain.attempt import AttemptResult, judge
from mail_proxy.domain.reply import Reply, Stage
from mail_proxy.domain.state import Event, RecipientState
from mail_proxy.store import Claimed, NewEvent, Outcome, RecipientResult

MOST_LAPSES = 3  # attempts to compose it that may take their daemon down; one more: it is parked

_NO_REPLY = "the daemon died before the reply"
_UNKNOWN = "the daemon died, and what it had begun is not known"
_TAKEN = Reply(250, "", "accepted")  # to RCPT; what the server said exactly is of no use


def replayed(
    message: Claimed,
    attempt: Attempt | None,
    rules: Rules,
    *,
    is_proven: bool,
    now: float,
    dice: float,
) -> Outcome:
    """What becomes of a message whose lease a dead daemon held.

    attempt: what its journal tells; None: nothing. is_proven: what that does not tell of has not
    happened.
    """
    if attempt is not None and attempt.replied is not None:
        result = _result(message, attempt.dotted, attempt.replied.reply, attempt.replied.lost)
    elif attempt is not None and attempt.dotted is not None:
        result = _result(message, attempt.dotted, None, _NO_REPLY)
    elif attempt is not None and attempt.has_ended:
        return _lapsed(message, has_begun=False)
    elif not is_proven:
        result = _result(message, None, None, _UNKNOWN)
    elif attempt is None or attempt.is_composed:
        return _lapsed(message, has_begun=False)
    elif message.lapses < MOST_LAPSES:
        return _lapsed(message, has_begun=True)
    else:
        return _parked(message, now)
    return outcome_of(message, judge(result), rules, now=now, dice=dice)


def late_acceptance(key: Key, attempt: Attempt, now: float) -> Outcome | None:
    """For a lease that is gone: nothing but an acceptance is still of interest.

    It does not count against the limits: whoever ended the lease knew of the dot, and counted it.
    """
    reply = attempt.replied.reply if attempt.replied is not None else None
    if reply is None or not reply.is_positive or attempt.dotted is None:
        return None
    event = NewEvent("sent", now, str(reply), {"sent_ts": int(now)}, reportable=True)
    return Outcome(
        attempt.dotted.tenant_id,
        key.pk,
        key.lease_token,
        Event.ACCEPT,
        recipients=tuple(
            RecipientResult(position, RecipientState.ACCEPTED, reply)
            for position in attempt.dotted.accepted
        ),
        events=(event,),
    )


def _result(
    message: Claimed, dotted: Dotted | None, reply: Reply | None, lost: str
) -> AttemptResult:
    accepted = frozenset(dotted.accepted) if dotted is not None else frozenset[int]()
    refused = dotted.refused if dotted is not None else {}
    return AttemptResult(
        tuple(
            _TAKEN if recipient.position in accepted else refused.get(recipient.position)
            for recipient in message.recipients
        ),
        Stage.DOT,
        reply,
        lost=None if reply is not None else lost,
        dot_sent=True,
    )


def _lapsed(message: Claimed, *, has_begun: bool) -> Outcome:
    return Outcome(
        message.tenant_id, message.pk, message.lease_token, Event.LAPSE, lapsed=has_begun
    )


def _parked(message: Claimed, now: float) -> Outcome:
    why = f"parked: the daemon died {message.lapses + 1} times while it was composed"
    return Outcome(
        message.tenant_id,
        message.pk,
        message.lease_token,
        Event.PARK,
        events=(NewEvent("held", now, why, {"held_ts": int(now), "error": why}, reportable=False),),
        error=why,
        lapsed=True,
    )
