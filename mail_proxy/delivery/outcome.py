"""From the verdict on an attempt to what is written down and told. Pure: no clock, no store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from mail_proxy.domain.attempt import Verdict
from mail_proxy.domain.reply import Reply
from mail_proxy.domain.retry import RetryPolicy, next_try
from mail_proxy.domain.state import Event, RecipientState
from mail_proxy.store import Claimed, NewEvent, Outcome, RecipientResult
from mail_proxy.store.fates import refusal

BROKEN_WAIT_S = 900.0  # after a bug of ours, which time alone does not mend
MEND_WAIT_S = 900.0  # for a person
ROOM_WAIT_S = 60.0  # for other messages, to give back what they hold


@dataclass(frozen=True, slots=True)
class Rules:
    """What the account says about failures."""

    retry: RetryPolicy
    in_doubt: str = "resend"  # or hold


def outcome_of(
    message: Claimed, verdict: Verdict, rules: Rules, *, now: float, dice: float
) -> Outcome:
    """What becomes of `message` after an attempt that ended in `verdict`."""
    outcome = _outcome_of(message, verdict, rules, now, dice)
    if outcome.dot_sent == verdict.dot_sent:
        return outcome
    return replace(outcome, dot_sent=verdict.dot_sent)


def _outcome_of(
    message: Claimed, verdict: Verdict, rules: Rules, now: float, dice: float
) -> Outcome:
    results = tuple(
        RecipientResult(recipient.position, judged.state, judged.reply)
        for recipient, judged in zip(message.recipients, verdict.recipients, strict=True)
    )
    if verdict.account_fault is not None:
        return _released(message, results, verdict)
    if verdict.goes_on and not verdict.is_settled:
        return _gone_on(message, results)
    if verdict.in_doubt and rules.in_doubt == "hold":
        return _doubtful(message, results, verdict, now)
    if verdict.is_settled:
        return _final(
            message, results, verdict.reason, verdict.reply, now, dot_sent=verdict.dot_sent
        )
    tries = message.tries + 1
    following = next_try(
        rules.retry,
        tries=tries,
        queued_at=message.queued_at,
        expires_at=message.expires_at,
        now=now,
        dice=dice,
    )
    if following.at is None:
        return _given_up(message, results, verdict, following.why, now)
    return _deferred(message, results, verdict, following.at, now)


def released(message: Claimed) -> Outcome:
    """Back to WAITING untouched: it was not begun, or nothing was sent of it."""
    return Outcome(
        message.tenant_id, message.pk, message.lease_token, Event.RELEASE, spends_try=False
    )


def broken(message: Claimed, error: Exception, *, dot_sent: bool, now: float) -> Outcome:
    """A bug of ours ended the attempt where its result was to be judged.

    After the dot a person decides, whatever the policy: the rules themselves are in question.
    """
    why = f"{type(error).__name__}: {error}"[:500]
    if dot_sent:
        verdict = Verdict((), in_doubt=True, reason=f"in doubt: {why}")
        return replace(_doubtful(message, (), verdict, now), dot_sent=True)
    return _deferred(message, (), Verdict((), reason=why), now + BROKEN_WAIT_S, now)


def put_off(message: Claimed, why: str, *, now: float, wait_s: float = MEND_WAIT_S) -> Outcome:
    """Looked at again in a while; no try is spent on what is no fault of the message."""
    verdict = Verdict((), reason=why)
    return replace(_deferred(message, (), verdict, now + wait_s, now), spends_try=False)


def cause_of(reason: str, reply: Reply | None) -> str:
    """The sentence of an error: the cause, and the SMTP code when one is known."""
    if reply is None:
        return reason
    words = " ".join(part for part in (reply.enhanced, reply.text) if part) or "refused"
    return f"{words} (SMTP {reply.code})"


def _released(message: Claimed, results: tuple[RecipientResult, ...], verdict: Verdict) -> Outcome:
    settled = tuple(r for r in results if r.state is not RecipientState.PENDING)
    return Outcome(
        message.tenant_id,
        message.pk,
        message.lease_token,
        Event.RELEASE,
        recipients=settled,
        error=verdict.account_fault,
        error_code=verdict.reply.code if verdict.reply else None,
        spends_try=False,
    )


def _gone_on(message: Claimed, results: tuple[RecipientResult, ...]) -> Outcome:
    """Its other recipients had no room beside those that were settled: they are next."""
    return Outcome(
        message.tenant_id,
        message.pk,
        message.lease_token,
        Event.RELEASE,
        recipients=results,
        spends_try=False,
    )


def _doubtful(
    message: Claimed, results: tuple[RecipientResult, ...], verdict: Verdict, now: float
) -> Outcome:
    data = {"in_doubt_ts": int(now), "error": verdict.reason}
    event = NewEvent("in_doubt", now, verdict.reason, data, reportable=True)
    return Outcome(
        message.tenant_id,
        message.pk,
        message.lease_token,
        Event.DOUBT,
        recipients=results,
        events=(event,),
        error=verdict.reason,
    )


def _deferred(
    message: Claimed,
    results: tuple[RecipientResult, ...],
    verdict: Verdict,
    due_at: float,
    now: float,
) -> Outcome:
    cause = cause_of(verdict.reason, verdict.reply)
    data: dict[str, Any] = {"deferred_ts": int(due_at), "deferred_reason": cause}
    if verdict.in_doubt:
        data["in_doubt"] = True
    event = NewEvent("deferred", now, cause, data, reportable=True)
    return Outcome(
        message.tenant_id,
        message.pk,
        message.lease_token,
        Event.RESEND if verdict.in_doubt else Event.DEFER,
        recipients=results,
        events=(event,),
        due_at=due_at,
        error=cause,
        error_code=verdict.reply.code if verdict.reply else None,
    )


def _given_up(
    message: Claimed,
    results: tuple[RecipientResult, ...],
    verdict: Verdict,
    why: str,
    now: float,
) -> Outcome:
    """No further try: who is still pending is refused with the last reply."""
    ended = tuple(
        RecipientResult(r.position, RecipientState.REFUSED, r.reply)
        if r.state is RecipientState.PENDING
        else r
        for r in results
    )
    cause = cause_of(verdict.reason, verdict.reply)
    reason = f"{why}: {cause}"
    final = _final(message, ended, reason, verdict.reply, now, is_worded=True)
    if not verdict.in_doubt:
        return final
    events = tuple(replace(event, data=event.data | {"in_doubt": True}) for event in final.events)
    return replace(final, events=events)  # some of those who are refused here may have it


def _final(
    message: Claimed,
    results: tuple[RecipientResult, ...],
    reason: str,
    reply: Reply | None,
    now: float,
    *,
    is_worded: bool = False,
    dot_sent: bool = False,
) -> Outcome:
    """SENT when anybody has accepted it, in this attempt or an earlier one; else FAILED."""
    refused = list(_refused(message, results, reason))
    states = [r.state for r in results] + [r.state for r in message.settled]
    if RecipientState.ACCEPTED in states:
        data: dict[str, Any] = {"sent_ts": int(now)}
        if refused:
            data["refused"] = refused
        event = NewEvent("sent", now, _accepting_reply(results), data, reportable=True)
        return Outcome(
            message.tenant_id,
            message.pk,
            message.lease_token,
            Event.ACCEPT,
            recipients=results,
            events=(event,),
            dot_sent=dot_sent,
        )
    cause = reason if is_worded else cause_of(reason, reply)
    data = {"error_ts": int(now), "error": cause}
    if len(refused) > 1:
        data["refused"] = refused
    event = NewEvent("error", now, cause, data, reportable=True)
    return Outcome(
        message.tenant_id,
        message.pk,
        message.lease_token,
        Event.FAIL,
        recipients=results,
        events=(event,),
        error=cause,
        error_code=reply.code if reply else None,
    )


def _accepting_reply(results: tuple[RecipientResult, ...]) -> str:
    for result in results:
        if result.state is RecipientState.ACCEPTED:
            return str(result.reply)
    return "accepted in an earlier attempt"


def _refused(
    message: Claimed, results: tuple[RecipientResult, ...], reason: str
) -> Iterator[dict[str, Any]]:
    """`recipient`, `code`, `error` of everyone refused, also in earlier attempts.

    reason: for those whom no server has refused.
    """
    for row in message.settled:
        if row.state is RecipientState.REFUSED:
            yield refusal(row.address, row.reply_code, row.reply or "refused")
    addresses = {r.position: r.address for r in message.recipients}
    for result in results:
        if result.state is RecipientState.REFUSED:
            code = result.reply.code if result.reply else None
            words = cause_of("", result.reply) if result.reply else reason
            yield refusal(addresses[result.position], code, words)
