"""When a deferred message is tried again, and when it is given up (RFC 5321 section 4.5.4.1)."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_DELAYS_S = (60.0, 300.0, 900.0, 3600.0, 7200.0)
DEFAULT_MAX_AGE_S = 5 * 86400.0  # RFC 5321 section 4.5.4.1: at least 4 to 5 days
JITTER = 0.1  # upwards only: a message is never early


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """A plan of waits, in seconds; after the last retry, or beyond the age, a message is given up.

    max_retries: None: one for each wait. A plan shorter than this repeats its last wait.
    max_age_s: counts from arrival, from the scheduled time, or from a retry by hand.
    """

    delays_s: tuple[float, ...] = DEFAULT_DELAYS_S
    max_retries: int | None = None
    max_age_s: float = DEFAULT_MAX_AGE_S

    @property
    def retries(self) -> int:
        """How many there are at most."""
        if not self.delays_s:
            return 0
        return len(self.delays_s) if self.max_retries is None else self.max_retries

    def own(
        self,
        delays_s: tuple[float, ...] | None,
        max_retries: int | None,
        max_age_s: float | None,
    ) -> RetryPolicy:
        """This policy with what an account says otherwise; None: nothing."""
        if max_retries is None and not delays_s:
            max_retries = self.max_retries
        return RetryPolicy(delays_s or self.delays_s, max_retries, max_age_s or self.max_age_s)


@dataclass(frozen=True, slots=True)
class NextTry:
    """`at`: seconds since the epoch; None to give up, and `why` says with which limit."""

    at: float | None
    why: str = ""


def next_try(
    policy: RetryPolicy,
    *,
    tries: int,
    queued_at: float,
    expires_at: float | None = None,
    now: float,
    dice: float,
) -> NextTry:
    """The next attempt, or the end.

    tries: attempts already made, at least 1.
    queued_at: since when its age counts. expires_at: it is never sent later. Both since the epoch.
    dice: uniform in [0, 1); spreads retries over the tenth after the planned wait.
    """
    if tries > policy.retries:
        return NextTry(None, f"Max retries ({tries - 1}) exceeded")
    delay = policy.delays_s[min(tries, len(policy.delays_s)) - 1]
    at = now + delay * (1 + JITTER * dice)
    if expires_at is not None and at >= expires_at:
        return NextTry(None, EXPIRED)
    if at >= queued_at + policy.max_age_s:
        return NextTry(None, too_old(policy.max_age_s))
    return NextTry(at)


EXPIRED = "expired before it could be sent"


def too_old(max_age_s: float) -> str:
    """Why a message is given up by its age, in words."""
    for unit_s, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if max_age_s >= unit_s:
            n = round(max_age_s / unit_s, 1)
            return f"not delivered within {n:g} {unit}{'' if n == 1 else 's'}"
    return f"not delivered within {max_age_s:g} s"
