"""What one SMTP transaction came to, and what that means for each recipient.

`smtp/` produces an `AttemptResult`; `judge` turns it into a `Verdict`; the engine acts on it.
Policy stands here alone: account, message or recipient is condemned by the stage and the reply.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from mail_proxy.domain.reply import Reply, Stage
from mail_proxy.domain.state import RecipientState


class Scope(StrEnum):
    """Whom a failure condemns."""

    ACCOUNT = "account"
    MESSAGE = "message"
    RECIPIENT = "recipient"


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """One transaction, as far as it went.

    recipients: reply to each RCPT, in envelope order; None where it was not asked or not answered.
    stage: the last stage that was begun.
    reply: the reply that ended it: to MAIL, DATA, the dot, or the RCPT that was the last hope;
        None when the connection was lost.
    lost: why the connection was lost, or None.
    dot_sent: the final dot left, so the server may have taken the message whatever we read.
    """

    recipients: tuple[Reply | None, ...]
    stage: Stage
    reply: Reply | None
    lost: str | None = None
    dot_sent: bool = False

    @property
    def is_accepted(self) -> bool:
        """The server took responsibility for the recipients that it accepted."""
        return self.stage is Stage.DOT and self.reply is not None and self.reply.is_positive


@dataclass(frozen=True, slots=True)
class RecipientVerdict:
    """The new state of one recipient, and the reply that decided it (None: a connection fault)."""

    state: RecipientState
    reply: Reply | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do after an attempt.

    recipients: in envelope order.
    account_fault: a sentence when the account is to be paused, else None; then no try is spent.
    in_doubt: the dot was sent and no reply is known.
    goes_on: there was no room for all recipients in one transaction: the rest goes at once in
        another one, and no try is spent.
    reason: the sentence people read, empty when all were accepted.
    reply: the reply behind `reason`, if there is one.
    dot_sent: the final dot left, so the attempt counts against the limits.
    """

    recipients: tuple[RecipientVerdict, ...]
    account_fault: str | None = None
    in_doubt: bool = False
    goes_on: bool = False
    reason: str = ""
    reply: Reply | None = None
    dot_sent: bool = False

    @property
    def is_settled(self) -> bool:
        """No recipient is left to be tried."""
        return all(r.state is not RecipientState.PENDING for r in self.recipients)


# Replies that speak of the login or the sender, not of this message (RFC 4954, large providers).
_ACCOUNT_CODES = frozenset({421, 530, 534, 535, 538})
_ACCOUNT_ENHANCED = frozenset(
    {
        "4.7.28",  # Gmail: unusual rate
        "5.1.8",  # Microsoft: the account is blocked for spam
        "5.4.5",  # Gmail: daily sending quota
        "5.7.3",  # authentication unsuccessful
        "5.7.8",  # credentials invalid
        "5.7.9",  # authentication mechanism too weak
        "5.7.14",  # Gmail: log in with a browser first
        "5.7.57",  # Microsoft: not authenticated to send
        "5.7.64",  # Microsoft: relaying for this tenant denied
        "5.7.705",  # Microsoft: the tenant exceeded its threshold
        "5.7.708",  # Microsoft: traffic of this address not accepted
    }
)
_SENDER_ENHANCED = frozenset({"5.2.252", "5.7.60"})  # Microsoft: may not send as this sender
# Only such as cannot be said of a recipient's mailbox: "quota exceeded" alone is.
_ACCOUNT_WORDS = re.compile(
    r"(?:sending|outbound|outgoing|submission|sender)\W+(?:\w+\W+){0,2}(?:quota|limit)"
    r"|(?:mails?|e-?mails|messages) per (?:minute|hour|day)"
    r"|(?:your|sender'?s?|sending) account\W+(?:\w+\W+){0,4}"
    r"(?:suspended|disabled|blocked|locked|deactivated)",
    re.IGNORECASE,
)
_SENDER_WORDS = re.compile(
    r"not owned by user|send ?as ?denied"
    r"|not (?:allowed|permitted|authori[sz]ed) to send (?:as|from|mail as|on behalf)",
    re.IGNORECASE,
)


def scope_of(stage: Stage, reply: Reply) -> Scope:
    """Whom a refusal at `stage` condemns."""
    if stage in (Stage.TOKEN, Stage.CONNECT, Stage.TLS, Stage.AUTH) or reply.code in _ACCOUNT_CODES:
        return Scope.ACCOUNT
    if reply.enhanced in _ACCOUNT_ENHANCED or _ACCOUNT_WORDS.search(reply.text):
        return Scope.ACCOUNT
    if is_wrong_sender(reply):
        return Scope.ACCOUNT
    return Scope.RECIPIENT if stage is Stage.RCPT else Scope.MESSAGE


def is_wrong_sender(reply: Reply) -> bool:
    """The login may not send in this name: of all its messages that is true, or of this one."""
    return reply.enhanced in _SENDER_ENHANCED or bool(_SENDER_WORDS.search(reply.text))


def settled_state(reply: Reply) -> RecipientState:
    """5yz ends a recipient; everything else waits."""
    return RecipientState.REFUSED if reply.is_permanent else RecipientState.PENDING


def is_lack_of_room(reply: Reply | None) -> bool:
    """Too many recipients for one transaction (RFC 5321 section 4.5.3.1.10)."""
    return reply is not None and reply.code == 452 and reply.enhanced in ("", "4.5.3")


def judge(result: AttemptResult, blamed: Scope | None = None) -> Verdict:
    """Decide each recipient's state after `result`.

    blamed: ACCOUNT or MESSAGE where earlier attempts tell whom the reply condemns, whatever
        `scope_of` would say of it alone.
    """
    if result.is_accepted:
        return _after_acceptance(result)  # said first and alone: it is what nearly all come to
    return replace(_judge(result, blamed), dot_sent=result.dot_sent)


def _judge(result: AttemptResult, blamed: Scope | None) -> Verdict:
    if result.lost is not None and result.dot_sent:
        return _pending_rest(result, in_doubt=True, reason=f"in doubt: {result.lost}")
    if result.reply is None:
        return _after_loss(result, result.lost or "the connection was lost")
    if blamed is Scope.MESSAGE:
        return _after_condemnation(result, result.reply)
    if Scope.ACCOUNT in (blamed, scope_of(result.stage, result.reply)):
        why = f"{result.stage.words}: {result.reply}"
        return _pending_rest(result, account_fault=why, reason=why)
    if result.stage is Stage.RCPT:
        return _after_rcpt(result)
    return _after_refusal(result, result.reply)


def _after_loss(result: AttemptResult, why: str) -> Verdict:
    """Lost before MAIL was answered: nothing to do with this message. Later: it may be to blame."""
    is_account = result.stage in (Stage.TOKEN, Stage.CONNECT, Stage.TLS, Stage.AUTH, Stage.MAIL)
    return _pending_rest(result, account_fault=why if is_account else None, reason=why)


def _after_acceptance(result: AttemptResult) -> Verdict:
    recipients = tuple(
        RecipientVerdict(RecipientState.ACCEPTED, result.reply)
        if reply is not None and reply.is_positive
        else _judge_rcpt(reply)
        for reply in result.recipients
    )
    # Each such transaction has settled somebody, so they come to an end.
    goes_on = any(is_lack_of_room(reply) for reply in result.recipients)
    return _told(recipients, goes_on=goes_on, dot_sent=True)


def _after_rcpt(result: AttemptResult) -> Verdict:
    return _told(tuple(_judge_rcpt(reply) for reply in result.recipients))


def _told(
    recipients: tuple[RecipientVerdict, ...], *, goes_on: bool = False, dot_sent: bool = False
) -> Verdict:
    """With the reason of those who must wait; when nobody must, of those who were refused."""
    for state in (RecipientState.PENDING, RecipientState.REFUSED):
        for recipient in recipients:
            if recipient.state is state:
                return Verdict(
                    recipients,
                    goes_on=goes_on,
                    reason=_rcpt_reason(recipient.reply),
                    reply=recipient.reply,
                    dot_sent=dot_sent,
                )
    return Verdict(recipients, dot_sent=dot_sent)


def _after_refusal(result: AttemptResult, reply: Reply) -> Verdict:
    """MAIL, DATA or the dot was refused: those whom RCPT had not refused share that reply."""
    recipients = tuple(
        _judge_rcpt(rcpt)
        if rcpt is not None and not rcpt.is_positive
        else RecipientVerdict(settled_state(reply), reply)
        for rcpt in result.recipients
    )
    return Verdict(recipients, reason=f"{result.stage.words}: {reply}", reply=reply)


def _after_condemnation(result: AttemptResult, reply: Reply) -> Verdict:
    """The same words that blame the account elsewhere; here each refusal stands as it was said."""
    replies = (
        rcpt if rcpt is not None and not rcpt.is_positive else reply for rcpt in result.recipients
    )
    recipients = tuple(RecipientVerdict(settled_state(each), each) for each in replies)
    return Verdict(recipients, reason=f"{result.stage.words}: {reply}", reply=reply)


def _pending_rest(
    result: AttemptResult,
    *,
    account_fault: str | None = None,
    in_doubt: bool = False,
    reason: str,
) -> Verdict:
    """Refusals already read stay; everyone else is still to be sent to."""
    recipients = tuple(
        _judge_rcpt(rcpt)
        if rcpt is not None and rcpt.is_permanent
        else RecipientVerdict(RecipientState.PENDING, None)
        for rcpt in result.recipients
    )
    return Verdict(
        recipients,
        account_fault=account_fault,
        in_doubt=in_doubt,
        reason=reason,
        reply=result.reply,
    )


def _judge_rcpt(reply: Reply | None) -> RecipientVerdict:
    if reply is None or reply.is_positive or scope_of(Stage.RCPT, reply) is Scope.ACCOUNT:
        return RecipientVerdict(RecipientState.PENDING, reply)  # nothing is said about this one
    return RecipientVerdict(settled_state(reply), reply)


def _rcpt_reason(reply: Reply | None) -> str:
    return f"{Stage.RCPT.words}: {reply}" if reply else "no answer for a recipient"
