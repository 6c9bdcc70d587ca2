"""How many messages of an account to claim: what about two seconds need, by its own rate.

So a deletion, a suspension or a higher priority waits for little, and a fast account does not wait
for claims.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST = 10  # messages, of an account whose rate is not known
CLAIM_S = 2.0  # of sending that are claimed ahead
AT_ONCE = 200  # of one claim: half a turn of the store's writer, and their contents fit in it
GROWTH = 4  # of a claim over the one before: a rate measured over a few messages may be an accident
CONTENT_GROWTH = 1.25


@dataclass(slots=True)
class Pace:
    """Of one account; times are monotonic.

    size: messages to hold claimed and not begun.
    since: the last claim; None: there was none.
    """

    size: int = 0
    since: float | None = None
    _ended: int = 0  # messages since then
    _fitting: float = float("inf")  # messages whose contents fit into one claim

    def ended(self) -> None:
        """Another message has ended."""
        self._ended += 1

    def resize(self, now: float, *, least: int, most: int) -> int:
        """The new `size` at the time of a claim, between `least` and `most`."""
        if self.since is None:
            wanted = min(FIRST, self._fitting)
        else:
            rate = self._ended / max(now - self.since, 0.001)
            wanted = min(CLAIM_S * rate, self._fitting, GROWTH * self.size)
        self.size = min(most, max(least, int(wanted)))
        self.since, self._ended = now, 0
        return self.size

    def claimed(self, n: int, *, with_content: int) -> None:
        """A claim gave `n` messages; the contents of the others are read one by one, and slowly."""
        if with_content < n:
            self._fitting = max(1, with_content)
        else:
            self._fitting *= CONTENT_GROWTH

    @property
    def low_water(self) -> int:
        """To claim when fewer are held: a fast account asks as soon as a whole claim has room."""
        return max(1, self.size // 2, self.size - AT_ONCE)
