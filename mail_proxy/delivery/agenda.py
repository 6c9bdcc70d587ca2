"""What the dispatcher looks at next: single accounts that were woken, the whole queue at times."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from mail_proxy.config.settings import DeliverySettings
from mail_proxy.delivery.lane import Lane
from mail_proxy.delivery.lanes import Lanes
from mail_proxy.delivery.looks import Looks
from mail_proxy.delivery.ring import Key
from mail_proxy.domain.clock import Clock, on_monotonic
from mail_proxy.domain.state import Event
from mail_proxy.store import Claimed, Outcome


class Agenda:
    """Everybody notes here what has come up; the dispatcher waits for it and takes it."""

    def __init__(self, lanes: Lanes, settings: DeliverySettings, clock: Clock) -> None:
        self.looks = Looks(settings)
        self._lanes = lanes
        self._clock = clock
        self._test_mode = settings.test_mode
        self._woken: set[Key] = set()
        self._wake = asyncio.Event()

    def again(self) -> None:
        """Another round at once, for whatever reason."""
        self._wake.set()

    def look(self) -> None:
        """At the whole queue, at once."""
        self.looks.ask(self._clock.monotonic())
        self._wake.set()

    def wake(self, key: Key, *, is_urgent: bool = False) -> None:
        """Something of that account has become due; a gated engine waits for its next look."""
        if self.looks.is_gated:
            return
        lane = self._lanes.get(key)
        if lane is not None:
            lane.note_due(self._clock.monotonic())
            lane.is_urgent = lane.is_urgent or is_urgent
        self._woken.add(key)
        self._wake.set()

    def revisit(self, lane: Lane) -> None:
        """Something has changed for it: may it connect or claim now?"""
        self._woken.add(lane.key)
        self._wake.set()

    def note(self, lane: Lane, at: float) -> None:
        """Look again at `at`, of the wall clock as in the rows.

        Between the looks of a gated engine only for what was due at the last one.
        """
        moment = on_monotonic(self._clock, at)
        if self.looks.allow(moment):
            lane.note_due(moment)

    def written(self, message: Claimed, outcome: Outcome) -> None:
        """An attempt has ended: note the time at which the message, if it waits again, is due."""
        if outcome.event is Event.RELEASE:
            self._waits_again(message, min(message.due_at, self._clock.now()))
        elif outcome.due_at is not None:
            self._waits_again(message, outcome.due_at)

    def _waits_again(self, message: Claimed, at: float) -> None:
        """A lane that was forgotten meanwhile is opened anew."""
        key = (message.tenant_id, message.account_id)
        lane = self._lanes.get(key)
        if lane is not None and lane.failures and self._test_mode:
            return  # the end of its pause is not a run-now
        if lane is not None:
            self.note(lane, at)
            self.revisit(lane)
        elif not self.looks.is_gated:
            self._woken.add(key)
            self._wake.set()

    # --- the dispatcher's side ---

    def begin_round(self) -> None:
        """What is noted from here on ends the next `wait`."""
        self._wake.clear()

    def take_woken(self) -> Iterator[Key]:
        """Accounts to look at, also those that are woken meanwhile."""
        while self._woken:
            yield self._woken.pop()

    async def wait(self, at_most_s: float) -> None:
        """Until something is noted, or for so long."""
        try:
            async with asyncio.timeout(at_most_s):
                await self._wake.wait()
        except TimeoutError:
            return
