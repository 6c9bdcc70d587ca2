"""File servers that do not answer are left alone for a while.

Else each of a thousand messages would hold a place for 30 seconds to learn the same.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from mail_proxy.attachments.failures import FetchFailed
from mail_proxy.domain.clock import Clock
from mail_proxy.observe import events

MOST_TIMEOUTS = 3  # in a row
FIRST_PAUSE_S = 15.0
LONGEST_PAUSE_S = 240.0
MOST_KNOWN = 10_000  # servers in trouble; of more, the one that was longest untouched is forgotten


@dataclass(slots=True)
class _Trouble:
    timeouts: int = 0
    until: float = 0.0  # by the monotonic clock


class Breaker:
    """Counts timeouts of each (tenant, server); an answer of any kind ends the count."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._troubled: OrderedDict[tuple[str, str], _Trouble] = OrderedDict()

    def check(self, tenant_id: str, host: str) -> None:
        """Raises FetchFailed during a pause. After it one may try, the others wait for that."""
        trouble = self._troubled.get((tenant_id, host))
        if trouble is None or trouble.timeouts < MOST_TIMEOUTS:
            return
        now = self._clock.monotonic()
        if now >= trouble.until:
            trouble.until = now + FIRST_PAUSE_S  # until this one has told how it went
            return
        raise FetchFailed(
            f"{host} gave no answer {trouble.timeouts} times in a row, and is not asked again "
            f"for {trouble.until - now:.0f} s",
            is_permanent=False,
        )

    def timed_out(self, tenant_id: str, host: str) -> None:
        key = (tenant_id, host)
        trouble = self._troubled.setdefault(key, _Trouble())
        self._troubled.move_to_end(key)
        if len(self._troubled) > MOST_KNOWN:
            self._troubled.popitem(last=False)
        trouble.timeouts += 1
        over = trouble.timeouts - MOST_TIMEOUTS
        if over < 0:
            return
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(over, 16))
        trouble.until = self._clock.monotonic() + pause_s
        events.attachment_host_paused(
            tenant=tenant_id, host=host, timeouts=trouble.timeouts, pause_s=pause_s
        )

    def answered(self, tenant_id: str, host: str) -> None:
        self._troubled.pop((tenant_id, host), None)
