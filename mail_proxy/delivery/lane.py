"""One account as the engine sees it: what is claimed and not begun, and when to look again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from mail_proxy.delivery.buffer import Buffer
from mail_proxy.delivery.pace import AT_ONCE, Pace
from mail_proxy.delivery.ring import Key
from mail_proxy.domain.attempt import AttemptResult, Verdict, judge
from mail_proxy.domain.blame import Blame
from mail_proxy.domain.message import LOWEST_PRIORITY
from mail_proxy.domain.retry import RetryPolicy
from mail_proxy.store import Account, Claimed

FIRST_PAUSE_S = 10.0  # after the first fault of an account; doubles with each in a row
LONGEST_PAUSE_S = 900.0
MOST_LENT = 100  # messages of one account whose attachments are being brought


class Need(NamedTuple):
    """What to claim: so many, some of them lower ones, down to the lowest priority wanted."""

    limit: int
    lower: int
    lowest: int


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
    pace: Pace = field(default_factory=Pace)
    _buffer: Buffer = field(default_factory=Buffer)
    _lent: dict[int, tuple[Claimed, Callable[[], object]]] = field(default_factory=dict)  # by pk
    _blame: Blame = field(default_factory=Blame)

    @property
    def key(self) -> Key:
        return self.account.tenant_id, self.account.account_id

    @property
    def held(self) -> int:
        """Messages claimed and not begun."""
        return len(self._buffer) + len(self._lent)

    def add(self, messages: Sequence[Claimed], *, lower: Collection[int] = ()) -> None:
        """Keep what a claim gave; `lower` as `Claim` tells it."""
        self._buffer.add(messages, lower=lower, is_last=self._blame.is_suspect)

    def take(self) -> Claimed | None:
        """The next message to begin; suspects last."""
        return self._buffer.take()

    def judged(self, message: Claimed, result: AttemptResult) -> Verdict:
        """What to do after an attempt, in the light of those before it."""
        return judge(result, self._blame.note(message.pk, result))

    def suspect(self, message: Claimed) -> None:
        """Its attempt was a fault of the account: another one shall probe, it may be to blame."""
        self._blame.suspect(message.pk)

    def clear(self, message: Claimed) -> None:
        """Its attempt told nothing against the account."""
        self._blame.clear(message.pk)

    def lend(self, message: Claimed, recall: Callable[[], object]) -> None:
        """It is being prepared, and not to be begun before it is `returned`. recall: ends that."""
        self._lent[message.pk] = message, recall

    def returned(self, message: Claimed) -> bool:
        """False: it was taken back meanwhile, and is not ours any more."""
        lent = self._lent.get(message.pk)
        if lent is None or lent[0] is not message:
            return False
        del self._lent[message.pk]
        return True

    def take_back(self, chosen: Callable[[Claimed], bool]) -> list[Claimed]:
        """Remove the messages that are not to be begun after all."""
        lent = [(message, recall) for message, recall in self._lent.values() if chosen(message)]
        for message, recall in lent:
            del self._lent[message.pk]
            recall()
        return self._buffer.take_back(chosen) + [message for message, _ in lent]

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
        claimed = [message for message, _ in self._lent.values()]
        if (last := self._buffer.lowest()) is not None:
            claimed.append(last)
        return max(claimed, key=lambda m: (m.priority, m.due_at, m.pk), default=None)

    def wants_claim(self, now: float) -> bool:
        """More is due in the store than is held here."""
        at = self.wake_at()
        if at is None or at > now or self.is_claiming:
            return False
        # What waits for a file server holds nobody up, as long as there is not too much of it.
        if len(self._buffer) < self.pace.low_water and len(self._lent) < MOST_LENT:
            return True
        return self.is_urgent and self._buffer.immediate < self.pace.size

    def need(self, monotonic: float, *, connections: int, most: int) -> Need:
        """What to claim now: of a lane that holds enough only what overtakes the rest.

        connections: that an account may have; most: messages to hold, by the settings.
        """
        if len(self._buffer) >= self.pace.low_water or len(self._lent) >= MOST_LENT:
            return Need(min(AT_ONCE, self.pace.size), 0, 0)
        least = self.account.max_connections or connections
        size = self.pace.resize(monotonic, least=least, most=self.account.batch_size or most)
        n = max(1, min(AT_ONCE, size - len(self._buffer)))
        return Need(n, self._buffer.lower_among(n), LOWEST_PRIORITY)

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
        return bool(self.held or self.running or self.is_claiming)

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
