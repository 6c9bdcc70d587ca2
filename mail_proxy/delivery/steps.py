"""The steps of one attempt, as the journal and the fence see them."""

from __future__ import annotations

from collections.abc import Sequence

from mail_proxy.delivery.gate import Gate
from mail_proxy.delivery.journal import Journal
from mail_proxy.delivery.leases import Leases
from mail_proxy.delivery.not_now import NotNow
from mail_proxy.domain.attempt import AttemptResult
from mail_proxy.domain.reply import Reply
from mail_proxy.store import Claimed


class Steps:
    """`begin`, `composed`, perhaps `dot` and `replied`, `end`.

    dot_sent: from here on the relay may have the mail.
    """

    def __init__(self, message: Claimed, journal: Journal, leases: Leases, gate: Gate) -> None:
        self._message = message
        self._gate = gate
        self._is_inside = False
        self._journal = journal
        self._leases = leases
        self._since = leases.since
        self._is_written = False  # how it ended
        self.dot_sent = False

    def begin(self) -> None:
        """Before anything is done. Raises NotNow."""
        self._gate.enter()
        self._is_inside = True
        try:
            self._journal.begin(self._message)
        except NotNow:
            self._leave()
            raise

    def composed(self) -> None:
        """If the daemon dies from here on, this message is not to blame."""
        self._journal.composed(self._message)
        self._leave()

    def dot(self, replies: Sequence[Reply | None]) -> None:
        """Right before the final dot leaves. Raises NotNow, then it must not."""
        self._leases.check(self._since)
        self._journal.dot(self._message, replies)
        self.dot_sent = True

    def replied(self, result: AttemptResult) -> None:
        """The reply to the dot is read. Never raises."""
        self._journal.end(self._message, result)
        self._is_written = True

    def end(self, result: AttemptResult | None) -> None:
        """Whatever the result is, None included: cancelled, or broken."""
        self._leave()
        if not self._is_written and (result is not None or not self.dot_sent):
            self._journal.end(self._message, result)

    def _leave(self) -> None:
        if self._is_inside:
            self._is_inside = False
            self._gate.leave()
