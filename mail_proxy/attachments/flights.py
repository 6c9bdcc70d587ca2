"""One fetch for all that ask for the same at one time; its content goes with the last of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass

from mail_proxy.domain.clock import Clock
from mail_proxy.domain.content import Content

# How long a landed content is handed to others while somebody holds it. They asked before its fetch
# began; by a clock that was set back that may be anybody, for so long.
FRESH_S = 10.0
Spawn = Callable[[Coroutine[None, None, None], str], asyncio.Task[None]]


@dataclass(frozen=True, slots=True)
class Landed:
    """close: the content is not needed any more."""

    content: Content
    close: Callable[[], None]


Fetch = Callable[[], Coroutine[None, None, Landed]]


class Flight:
    """One fetch, and how many hold on to it.

    begun_at: seconds since the epoch. landed_at: by the monotonic clock.
    """

    def __init__(self, key: Hashable, begun_at: float) -> None:
        self.key = key
        self.begun_at = begun_at
        self.users = 0
        self.task: asyncio.Task[None] | None = None
        self.landed: asyncio.Future[Landed] = asyncio.get_running_loop().create_future()
        self.landed_at: float | None = None


class Flights:
    """Those that are on their way, and those that have landed and are still held."""

    def __init__(self, spawn: Spawn, clock: Clock) -> None:
        self._spawn = spawn
        self._clock = clock
        self._flights: dict[Hashable, Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def find(self, key: Hashable, asked_at: float) -> Flight | None:
        """One that may be joined now by whoever asked at `asked_at`, seconds since the epoch.

        What was fetched before that may be older than what is asked for.
        """
        flight = self._flights.get(key)
        if flight is None or flight.begun_at < asked_at:
            return None
        if flight.landed_at is None:
            return flight
        return flight if self._clock.monotonic() < flight.landed_at + FRESH_S else None

    def start(self, key: Hashable, fetch: Fetch) -> Flight:
        """A new one, to be joined before anything is awaited."""
        flight = self._flights[key] = Flight(key, self._clock.now())
        flight.task = self._spawn(self._fly(flight, fetch), "attachment")
        return flight

    def join(self, flight: Flight) -> None:
        """Hold it, until `leave`."""
        flight.users += 1

    async def content(self, flight: Flight) -> Content:
        """Raises what its fetch raises. Whoever is cancelled has still to leave."""
        return (await asyncio.shield(flight.landed)).content

    def leave(self, flight: Flight) -> None:
        flight.users -= 1
        if flight.users:
            return
        self._drop(flight)
        landed = flight.landed
        if not landed.done():
            landed.cancel()
            assert flight.task is not None
            flight.task.cancel()
        elif not landed.cancelled() and landed.exception() is None:
            landed.result().close()

    async def _fly(self, flight: Flight, fetch: Fetch) -> None:
        try:
            landed = await fetch()
        except asyncio.CancelledError:
            flight.landed.cancel()
            self._drop(flight)
            raise
        except Exception as error:  # noqa: BLE001 - all who wait are to hear of it, bugs included
            self._drop(flight)  # whoever asks from now on tries anew
            if not flight.landed.done():
                flight.landed.set_exception(error)
                flight.landed.exception()  # it counts as heard, even if nobody waits any more
        else:
            if flight.landed.done():  # given up in this moment
                landed.close()
            else:
                flight.landed_at = self._clock.monotonic()
                flight.landed.set_result(landed)

    def _drop(self, flight: Flight) -> None:
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]
