"""One account as the engine sees it: what is claimed and not begun, and when to look again."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from mail_proxy.delivery.ring import Key
from mail_proxy.domain.attempt import AttemptResult, Verdict, judge
from mail_proxy.domain.blame import Blame
from mail_proxy.domain.retry import RetryPolicy
from mail_proxy.store import Account, Claimed

FIRST_PAUSE_S = 10.0  # after the first fault of an account; doubles with each in a row
LONGEST_PAUSE_S = 900.0

_Order = tuple[bool, int, float, int]


@dataclass(slots=True)
class Lane:
    """State in memory only; the rows tell the same after a restart.

    All times are monotonic, so that no jump of the wall clock reaches them.

    look_at: when the store is worth asking for more; None: nothing waits.
    limit_until: a limit lets nothing more be claimed before; 0.0: none is known to.
    limit_shown: until when, by the wall clock, and why, as the row of the account tells it.
    failures: faults of the account in a row; while there are any, one connection probes alone.
    is_proven: a login has worked since the lane was made. Until then one connection tries alone:
        servers count wrong passwords, and lock accounts.
    """

    account: Account
    look_at: float | None = 0.0
    paused_until: float = 0.0
    limit_until: float = 0.0
    limit_shown: tuple[float, str] | None = None
    failures: int = 0
    is_proven: bool = False
    running: int = 0  # connections at work, or being opened
    opening: int = 0  # of these, those that are being opened
    is_claiming: bool = False
    timer_at: float | None = None  # the earliest timer that is set for it
    is_urgent: bool = False  # something of priority 0 came in: look even when there is a buffer
    _buffer: list[tuple[_Order, Claimed]] = field(default_factory=list)
    _blame: Blame = field(default_factory=Blame)

    @property
    def key(self) -> Key:
        return self.account.tenant_id, self.account.account_id

    @property
    def held(self) -> int:
        """Messages claimed and not begun."""
        return len(self._buffer)

    def add(self, messages: Iterable[Claimed]) -> None:
        for message in messages:
            is_suspect = self._blame.is_suspect(message.pk)
            order = (is_suspect, message.priority, message.due_at, message.pk)
            heapq.heappush(self._buffer, (order, message))

    def take(self) -> Claimed | None:
        """The next message to begin: priority, then due time, then arrival; suspects last."""
        return heapq.heappop(self._buffer)[1] if self._buffer else None

    def judged(self, message: Claimed, result: AttemptResult) -> Verdict:
        """What to do after an attempt, in the light of those before it."""
        return judge(result, self._blame.note(message.pk, result))

    def suspect(self, message: Claimed) -> None:
        """Its attempt was a fault of the account: another one shall probe, it may be to blame."""
        self._blame.suspect(message.pk)

    def clear(self, message: Claimed) -> None:
        """Its attempt told nothing against the account."""
        self._blame.clear(message.pk)

    def take_back(self, chosen: Callable[[Claimed], bool]) -> list[Claimed]:
        """Remove the messages that are not to be begun after all."""
        back = [message for _, message in self._buffer if chosen(message)]
        if back:
            self._buffer = [entry for entry in self._buffer if not chosen(entry[1])]
            heapq.heapify(self._buffer)
        return back

    def note_due(self, at: float) -> None:
        """Something will be due at `at`."""
        if self.look_at is None or at < self.look_at:
            self.look_at = at

    def wake_at(self) -> float | None:
        """When this lane is to be looked at again if nothing else happens."""
        if self.look_at is None:
            return None
        # What is urgent asks all the same: it may take the place of what is claimed.
        limit_until = 0.0 if self.is_urgent else self.limit_until
        return max(self.look_at, self.paused_until, limit_until)

    def lowest(self) -> Claimed | None:
        """The last in order of what is claimed and not begun."""
        return max(self._buffer)[1] if self._buffer else None

    def wants_claim(self, now: float, low_water: int) -> bool:
        """More is due in the store than is held here."""
        at = self.wake_at()
        if at is None or at > now or self.is_claiming:
            return False
        return self.is_urgent or len(self._buffer) < low_water

    def wants_connection(self, now: float, most: int) -> bool:
        """A buffered message has no connection that will take it, and one may be opened."""
        most = self.account.max_connections or most
        allowed = most if self.is_proven and not self.failures else 1
        has_work = len(self._buffer) > self.opening
        return has_work and self.running < allowed and self.paused_until <= now

    def fault(self, now: float, dice: float) -> float:
        """Pause after a fault of the account; until when."""
        self.failures += 1
        pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(self.failures - 1, 10))
        self.paused_until = now + pause * (1 + dice / 10)
        return self.paused_until

    @property
    def is_active(self) -> bool:
        """Messages of it are in memory, or about to be."""
        return bool(self._buffer or self.running or self.is_claiming)

    def retry_policy(self, default: RetryPolicy) -> RetryPolicy:
        """The account's own plan where it has one."""
        account = self.account
        return default.own(account.retry_delays, account.max_retries, account.max_age)


def matching(ids: frozenset[str] | None, batch_code: str | None) -> Callable[[Claimed], bool]:
    """Tells the messages with one of these ids, and of this batch; None: all."""
    return lambda message: (
        (ids is None or message.id in ids)
        and (batch_code is None or message.batch_code == batch_code)
    )
