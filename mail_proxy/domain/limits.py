"""How many messages may leave now, and when the next may.

A limit of `most` in `window_s` holds in every window of that length, by the times at which the
server saw the messages. The reason, for any one window of W seconds: each of its messages was
claimed before the server saw it, and booked when its reply had been read, so after the server saw
it. Let M be the one of them that was claimed last, at c. The server saw M at c or later, so the
window began at c - W or later, and every other one of its messages was booked, if it was booked by
c, at c - W or later: it stands in a bucket that still counts, for a bucket counts until all of it
has left the window. If it was not booked by c, it was open, and open messages count. So at c all
the others were counted, M was within the room that they left, and the window holds at most `most`.

All times here are steady: seconds by a clock that never jumps (`store/steady.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal, TypeAlias

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400
Window: TypeAlias = Literal["minute", "hour", "day"]
WINDOWS: dict[int, Window] = {MINUTE_S: "minute", HOUR_S: "hour", DAY_S: "day"}

# A burst at the start of a bucket blocks for a window and a bucket: 98 % of a limit of a minute or
# an hour can be used, 96 % of one of a day, with at most 62 and 26 buckets.
BUCKET_S = {MINUTE_S: 1, HOUR_S: 60, DAY_S: 3600}

REJECTED = "rate_limit_exceeded"  # the error of a message that may not wait for a limit


class Scope(StrEnum):
    """Whose messages a limit counts."""

    ACCOUNT = "account"
    TENANT = "tenant"  # those of all its accounts


_WHOSE = {Scope.ACCOUNT: "the limit of ", Scope.TENANT: "the tenant's limit of "}
_WORDS = {MINUTE_S: "a minute", HOUR_S: "an hour", DAY_S: "a day"}
_TENANT_KEYS = {
    MINUTE_S: ("per_minute", "minute"),
    HOUR_S: ("hourly", "per_hour", "hour"),
    DAY_S: ("daily", "per_day", "day"),
}


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` messages in any `window_s` seconds."""

    scope: Scope
    window_s: int
    most: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """`n` messages were booked within BUCKET_S of their window, from `start` on."""

    start: int
    n: int


@dataclass(frozen=True, slots=True)
class Use:
    """What counts against a limit: buckets in the order of their start, and `open` messages."""

    limit: Limit
    buckets: tuple[Bucket, ...]
    open: int


@dataclass(frozen=True, slots=True)
class Reached:
    """A limit that lets nothing more leave now.

    sent: booked within the window. open: claimed and not ended.
    frees_in_s: until one more may leave if the open ones count on, or, where `is_spent`, until
        one may at the earliest; None: not before an open one ends.
    """

    limit: Limit
    sent: int
    open: int
    frees_in_s: float | None

    @property
    def is_spent(self) -> bool:
        """Reached by what was sent alone: what is given back changes nothing."""
        return self.sent >= self.limit.most

    @property
    def words(self) -> str:
        return (
            f"{_WHOSE[self.limit.scope]}{self.limit.most} {_WORDS[self.limit.window_s]} is reached"
        )


@dataclass(frozen=True, slots=True)
class Allowance:
    """`n` may be claimed now; `reached` is the limit that stops after them, None: no limit does."""

    n: int
    reached: Reached | None


def pause_kind(paused_reason: str | None) -> Literal["limit", "fault"]:
    """What paused an account; the reason of a fault begins with the stage it came at."""
    return "limit" if scope_of_pause(paused_reason) else "fault"


def scope_of_pause(paused_reason: str | None) -> Scope | None:
    """Whose limit paused an account; None for a fault."""
    found = (s for s, words in _WHOSE.items() if (paused_reason or "").startswith(words))
    return next(found, None)


def limits_of_account(minute: int | None, hour: int | None, day: int | None) -> tuple[Limit, ...]:
    """0 and None are no limit."""
    by_window = {MINUTE_S: minute, HOUR_S: hour, DAY_S: day}
    return tuple(Limit(Scope.ACCOUNT, w, most) for w, most in by_window.items() if most)


def limits_of_tenant(rate_limits: Mapping[str, Any] | None) -> tuple[Limit, ...]:
    """Of `rate_limits`; where two names of one window are given the lower number counts."""
    given = rate_limits or {}
    found = ((w, [given[k] for k in keys if given.get(k)]) for w, keys in _TENANT_KEYS.items())
    return tuple(Limit(Scope.TENANT, window_s, min(values)) for window_s, values in found if values)


def changed_limits(stored: Mapping[str, Any] | None, given: Mapping[str, int]) -> dict[str, Any]:
    """`rate_limits` with the windows that `given` names replaced, whatever name they had."""
    windows = [set(keys) for keys in _TENANT_KEYS.values()]
    replaced = set().union(*(keys for keys in windows if keys & given.keys()))
    return {k: v for k, v in (stored or {}).items() if k not in replaced} | dict(given)


def bucket_start(window_s: int, now: float) -> int:
    """Start of the bucket that a message booked now belongs to."""
    return int(now // BUCKET_S[window_s]) * BUCKET_S[window_s]


def outdated_before(window_s: int, now: float) -> int:
    """Buckets that start before this have left the window."""
    return bucket_start(window_s, now) - window_s


def allowance(uses: Sequence[Use], *, wanted: int, now: float) -> Allowance:
    """How many of `wanted` messages may be claimed, and what stops the rest."""
    n = max(0, min([wanted, *(use.limit.most - _total(use, now) for use in uses)]))
    if n == wanted:
        return Allowance(n, None)
    after = (replace(use, open=use.open + n) for use in uses)
    return Allowance(n, max(_reached(after, now), key=_lasts))


def _reached(uses: Iterable[Use], now: float) -> Iterator[Reached]:
    for use in uses:
        if _total(use, now) >= use.limit.most:
            sent = sum(bucket.n for bucket in _counted(use, now))
            yield Reached(use.limit, sent, use.open, _frees_in_s(use, now))


def _lasts(reached: Reached) -> tuple[bool, float]:
    """Of several reached limits the one that lasts longest tells most; one that is surely reached
    before one whose open messages may yet come back."""
    return reached.is_spent, reached.frees_in_s or 0.0


def _total(use: Use, now: float) -> int:
    return use.open + sum(bucket.n for bucket in _counted(use, now))


def _counted(use: Use, now: float) -> Iterator[Bucket]:
    return (bucket for bucket in use.buckets if _leaves_at(use.limit, bucket) > now)


def _leaves_at(limit: Limit, bucket: Bucket) -> int:
    """When the last that may stand in it has left the window."""
    return bucket.start + BUCKET_S[limit.window_s] + limit.window_s


def _frees_in_s(use: Use, now: float) -> float | None:
    left = sent = _total(use, now) - use.open
    # Where those that were sent are enough to reach it, it stays so until enough of them leave,
    # whatever becomes of the open ones.
    room = use.limit.most if sent >= use.limit.most else use.limit.most - use.open
    for bucket in _counted(use, now):
        left -= bucket.n
        if left < room:
            return _leaves_at(use.limit, bucket) - now
    return None
