"""When a deferred message is tried again (RFC 5321 section 4.5.4.1)."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_DELAYS_S = (60.0, 300.0, 900.0, 3600.0, 7200.0)
JITTER = 0.1  # upwards only: a message is never early


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """A plan of waits, in seconds, one for each retry; after the last one the message is given up.

    A plan shorter than `max_retries` repeats its last wait.
    """

    delays_s: tuple[float, ...] = DEFAULT_DELAYS_S
    max_retries: int = len(DEFAULT_DELAYS_S)


def next_attempt_at(policy: RetryPolicy, *, tries: int, now: float, dice: float) -> float | None:
    """Time of the next attempt in seconds since the epoch, or None to give up.

    tries: attempts already made, at least 1.
    dice: uniform in [0, 1); spreads retries over the tenth after the planned wait.
    """
    if tries > policy.max_retries or not policy.delays_s:
        return None
    delay = policy.delays_s[min(tries, len(policy.delays_s)) - 1]
    return now + delay * (1 + JITTER * dice)
