"""How the daemon is, as far as one can tell from here, and when to ask it again. Pure.

    connecting -> live <-> slow
         |          \\      /
         +--------> down, refused

Times are of a clock that only grows; each step gives a new Link.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from mail_proxy.domain.errors import Forbidden, MailProxyError, NotRunning, Unauthorized

SLOW_S = 2.0  # an answer that takes longer is slow
ASK_S = 10.0  # and one that takes this long is none
BACKOFF_S = (1.0, 2.0, 4.0, 8.0, 10.0)  # the last one is repeated
_MOST_FACTOR = 32
_REST_FACTOR = 50  # a list takes a fiftieth of the time: 50 ms at a million queued, so each 2.5 s
_MOST_REST_S = 5.0


class Phase(StrEnum):
    CONNECTING = "connecting"
    LIVE = "live"
    SLOW = "slow"  # it answers, later than it should
    DOWN = "down"
    REFUSED = "refused"  # it does not take our token: asking again would not help


@dataclass(frozen=True, slots=True)
class Link:
    """reason, hint: why it is not live, and the next command.

    is_absent: nobody listens there, so the daemon is not running; else it may be running.
    latency_s: of the last answer, or how long one is waited for by now.
    failures: in a row. factor: by how much the interval is longer, while it is slow.
    seen_at: its last answer; retry_at: when it is tried again, None: not by itself.
    """

    phase: Phase = Phase.CONNECTING
    reason: str = ""
    hint: str = ""
    is_absent: bool = False
    latency_s: float = 0.0
    failures: int = 0
    factor: int = 1
    seen_at: float | None = None
    retry_at: float | None = None

    @property
    def is_up(self) -> bool:
        return self.phase in (Phase.LIVE, Phase.SLOW)

    def answered(self, now: float, took_s: float) -> Link:
        """An answer came, after so many seconds."""
        if took_s <= SLOW_S:
            return Link(Phase.LIVE, latency_s=took_s, seen_at=now)
        factor = min(self.factor * 2, _MOST_FACTOR)
        return Link(Phase.SLOW, latency_s=took_s, factor=factor, seen_at=now)

    def waited(self, took_s: float) -> Link:
        """No answer yet: slow, when it was live and has been waited for too long."""
        if not self.is_up or took_s <= SLOW_S:
            return self
        return replace(self, phase=Phase.SLOW, latency_s=took_s)

    def lost(self, now: float, error: MailProxyError) -> Link:
        """No answer, or a refusal."""
        told = replace(
            self,
            reason=str(error),
            hint=error.hint or "",
            is_absent=isinstance(error, NotRunning),
            failures=self.failures + 1,
            factor=1,
        )
        if isinstance(error, Unauthorized | Forbidden):
            return replace(told, phase=Phase.REFUSED, retry_at=None)
        wait_s = BACKOFF_S[min(self.failures, len(BACKOFF_S) - 1)]
        return replace(told, phase=Phase.DOWN, retry_at=now + wait_s)

    def at_once(self, now: float) -> Link:
        """A person wants to know now."""
        return replace(self, retry_at=now, failures=0)

    def ask_at(self, asked_at: float, interval_s: float) -> float | None:
        """When to ask next, if it was asked at `asked_at`; None: not before `at_once`."""
        match self.phase:
            case Phase.CONNECTING:
                return asked_at
            case Phase.LIVE | Phase.SLOW:
                return asked_at + interval_s * self.factor
            case Phase.DOWN | Phase.REFUSED:
                return self.retry_at

    def countdown_s(self, now: float) -> int | None:
        """Whole seconds until the next try; None where there is none."""
        if self.is_up or self.retry_at is None:
            return None
        return max(0, -int(-(self.retry_at - now) // 1))


def rest_s(took_s: float) -> float:
    """How long after a list was asked for it is asked for again by itself at the soonest."""
    return min(took_s * _REST_FACTOR, _MOST_REST_S)


def versions_differ(ours: str, theirs: str | None) -> bool:
    """Worth a line on the screen; a daemon that was not asked yet differs in nothing."""
    return theirs is not None and theirs != ours
