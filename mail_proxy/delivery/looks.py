"""When the whole queue is looked at, besides what wake-ups tell of single accounts."""

from __future__ import annotations

from math import inf

from mail_proxy.config.settings import DeliverySettings

IDLE_LOOK_S = 60.0  # between two looks: a lost wake-up costs no more


class Looks:
    """At the start, on run-now, and at an interval; in test mode on run-now only.

    at: time of the next look, None when only run-now brings one. All times are monotonic.
    is_gated: an interval or the test mode is set, so between two looks nothing new is begun.
    """

    def __init__(self, settings: DeliverySettings) -> None:
        self._interval_s = settings.send_loop_interval_s or IDLE_LOOK_S
        self._test_mode = settings.test_mode
        self._last = -inf
        self.at: float | None = None if settings.test_mode else 0.0
        self.is_gated = settings.test_mode or settings.send_loop_interval_s > 0

    def ask(self, at: float) -> None:
        """Look at that time, whatever the interval."""
        self.at = at

    def is_due(self, now: float) -> bool:
        return self.at is not None and self.at <= now

    def begin(self, now: float) -> None:
        """A look begins: what is due by now may be sent."""
        self._last = now
        self.at = None if self._test_mode else now + self._interval_s

    def allow(self, at: float) -> bool:
        """What is due at `at` may be looked at then, without waiting for the next look."""
        return not self.is_gated or at <= self._last
