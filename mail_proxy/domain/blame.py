"""Whom a refusal condemns when one reply does not tell: what the other messages got decides.

The same 5yz to several messages in a row at MAIL speaks of the account. And a message whose sender
the account may not use is to blame itself when others have gone out since.
"""

from __future__ import annotations

from mail_proxy.domain.attempt import AttemptResult, Scope, is_wrong_sender, scope_of
from mail_proxy.domain.reply import Reply, Stage

IN_A_ROW = 3  # different messages with the same 5yz at MAIL: the account's fault
MOST_SUSPECTS = 100  # remembered for an account


class Blame:
    """What the attempts of one account have shown, in memory only.

    Both memories are small, and forgetting costs no more than one more pause or one more failure.
    """

    def __init__(self) -> None:
        self._code: int | None = None  # the 5yz that MAIL was refused with, last
        self._refused: set[int] = set()  # pks of the messages that got it in a row
        self._delivered = 0
        self._suspects: dict[int, int] = {}  # pk -> deliveries before its attempt

    def note(self, pk: int, result: AttemptResult) -> Scope | None:
        """Whom the reply of this attempt condemns, where that is not for the reply to say."""
        reply = result.reply
        if result.is_accepted:
            self._delivered += 1
        self._note_mail(pk, result)
        if reply is None or not reply.is_permanent:
            return None
        if scope_of(result.stage, reply) is Scope.ACCOUNT:
            return Scope.MESSAGE if self._is_to_blame(pk, result.stage, reply) else None
        return Scope.ACCOUNT if len(self._refused) >= IN_A_ROW else None

    def suspect(self, pk: int) -> None:
        """Its attempt was a fault of the account."""
        if len(self._suspects) >= MOST_SUSPECTS:
            self._suspects.clear()
        self._suspects[pk] = self._delivered

    def clear(self, pk: int) -> None:
        """Its attempt told nothing against the account."""
        self._suspects.pop(pk, None)

    def is_suspect(self, pk: int) -> bool:
        """Others are tried before it."""
        return pk in self._suspects

    def _note_mail(self, pk: int, result: AttemptResult) -> None:
        refusal = _refusal_at_mail(result)
        if refusal is None:
            if result.reply is not None:  # a lost connection says nothing about senders
                self._code = None
                self._refused.clear()
            return
        if refusal.code != self._code:
            self._code = refusal.code
            self._refused.clear()
        if len(self._refused) < IN_A_ROW:
            self._refused.add(pk)

    def _is_to_blame(self, pk: int, stage: Stage, reply: Reply) -> bool:
        # Quotas and suspensions are left to the account: they may come and go between two messages.
        before = self._suspects.get(pk)
        is_about_mail = stage not in (Stage.TOKEN, Stage.CONNECT, Stage.TLS, Stage.AUTH)
        is_first = before is None or self._delivered == before
        return is_about_mail and is_wrong_sender(reply) and not is_first


def _refusal_at_mail(result: AttemptResult) -> Reply | None:
    """The 5yz of a server that refused MAIL."""
    if result.stage is Stage.MAIL and result.reply is not None and result.reply.is_permanent:
        return result.reply
    return None
