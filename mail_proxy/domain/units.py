"""Times, sizes and counts: short for people, exact for programs. Standard library only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, tzinfo
from itertools import pairwise

LATEST_TS = 253_402_300_799  # the last second of the year 9999

_STEPS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


# None: the zone of this machine.
_zone: ContextVar[tzinfo | None] = ContextVar("the zone that local_time shows", default=None)


@contextmanager
def times_in(zone: tzinfo | None) -> Iterator[None]:
    """Within it `local_time` is in this zone; None: in that of this machine."""
    token = _zone.set(zone)
    try:
        yield
    finally:
        _zone.reset(token)


def seconds_of(value: object) -> float | None:
    """Seconds since the epoch of a time on the wire: a number, or ISO text (UTC without zone)."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def rfc3339(value: object) -> str | None:
    """The same time as `2026-11-21T12:04:31Z`; None for what is no time."""
    at = seconds_of(value)
    if at is None:
        return None
    try:
        return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return None


def local_time(value: object) -> str:
    """For detail views: local zone with its offset, or what `times_in` says."""
    at = seconds_of(value)
    if at is None:
        return "-"
    try:
        return (
            datetime.fromtimestamp(at, UTC).astimezone(_zone.get()).strftime("%Y-%m-%d %H:%M:%S %z")
        )
    except (ValueError, OverflowError, OSError):
        return "-"


def duration(seconds: float) -> str:
    """At most two units: `42s`, `2m10s`, `14m`, `3d04h`."""
    left = max(0, int(seconds))
    for (size, unit), (next_size, next_unit) in pairwise(_STEPS):
        if left >= size:
            first, rest = divmod(left, size)
            second = rest // next_size
            # Seconds beside many minutes tell nobody anything.
            if not second or (unit == "m" and first >= 10):
                return f"{first}{unit}"
            return f"{first}{unit}{second:02d}{next_unit}"
    return f"{left}s"


def age(value: object, now: float) -> str:
    """How long ago."""
    at = seconds_of(value)
    return "-" if at is None else duration(now - at)


def until(value: object, now: float) -> str:
    """How long from now; `due` when the time has come."""
    at = seconds_of(value)
    if at is None:
        return "-"
    return "due" if at <= now else duration(at - now)


def size(n_bytes: float) -> str:
    """`512 B`, `48 kB`, `1.5 MB` (powers of 1000)."""
    n = float(n_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if n < 1000:
            return f"{n:.0f} {unit}" if unit == "B" or n >= 10 else f"{n:.1f} {unit}"
        n /= 1000
    return f"{n:.1f} TB"


def count(n: int) -> str:
    """Thousands apart by a space: `9 972`."""
    return f"{n:,}".replace(",", " ")


def messages(n: int) -> str:
    return f"{count(n)} message{'' if n == 1 else 's'}"


def tries(n: int) -> str:
    return f"{count(n)} {'try' if n == 1 else 'tries'}"


def waiting(n: int) -> str:
    """`1 message waits`, `2 messages wait`."""
    return f"{messages(n)} wait{'s' if n == 1 else ''}"
