"""Messages claimed and not begun, in the order of MAIL FROM.

By priority, then due time, then arrival; but every twentieth slot goes to the oldest message of a
lower priority than the first one's, so that low priorities move while high ones never end.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Sequence

from mail_proxy.domain.message import PRIORITIES
from mail_proxy.store import Claimed

LOWER_EVERY = 20  # slots

_Entry = tuple[int, float, int, Claimed]  # priority, due_at, pk


class Buffer:
    """Of one account. Slots are counted over all claims, so that small ones keep the share too."""

    def __init__(self) -> None:
        self._heaps: list[list[_Entry]] = [[] for _ in PRIORITIES]
        self._last: list[_Entry] = []  # begun when nothing else is left
        self._n = 0
        self._slot = 0  # messages taken so far
        self._lower_slot = LOWER_EVERY  # the first slot that the next lower one may have
        self._lower: set[int] = set()  # pks that were claimed for such a slot

    def __len__(self) -> int:
        return self._n

    @property
    def immediate(self) -> int:
        """Messages of the highest priority."""
        return len(self._heaps[0])

    def lower_among(self, n: int) -> int:
        """How many of `n` more messages are to be lower ones, for the slots that they will have."""
        first = max(self._lower_slot, self._slot + 1) + LOWER_EVERY * len(self._lower)
        last = self._slot + self._n + n
        return 0 if last < first else min(n, 1 + (last - first) // LOWER_EVERY)

    def add(
        self,
        messages: Sequence[Claimed],
        *,
        lower: Collection[int] = (),
        is_last: Callable[[int], bool] = lambda _: False,
    ) -> None:
        """Keep what one claim gave.

        lower: the pks that were claimed for slots of lower priorities.
        is_last: tells the pks that are begun when nothing else is left.
        """
        for message in messages:
            heap = self._last if is_last(message.pk) else self._heaps[message.priority]
            heapq.heappush(heap, (message.priority, message.due_at, message.pk, message))
        self._n += len(messages)
        self._lower.update(lower)

    def take(self) -> Claimed | None:
        """The next message to begin."""
        if not self._n:
            return None
        self._n -= 1
        filled = [heap for heap in self._heaps if heap]
        if not filled:
            return heapq.heappop(self._last)[-1]
        self._slot += 1
        if self._slot >= self._lower_slot and len(filled) > 1:
            oldest = min(filled[1:], key=lambda heap: heap[0][1:3])
            self._lower_slot = self._slot + LOWER_EVERY
            message = heapq.heappop(oldest)[-1]
            self._lower.discard(message.pk)
            return message
        message = heapq.heappop(filled[0])[-1]
        if message.pk in self._lower:  # before its slot, for no higher one is here yet
            self._lower.discard(message.pk)
            self._lower_slot = max(self._lower_slot, self._slot) + LOWER_EVERY
        return message

    def lowest(self) -> Claimed | None:
        """The one that strict order would begin last."""
        for heap in (self._last, *reversed(self._heaps)):
            if heap:
                return max(heap)[-1]
        return None

    def take_back(self, chosen: Callable[[Claimed], bool]) -> list[Claimed]:
        """Remove the messages that are not to be begun after all."""
        back: list[Claimed] = []
        for heap in (*self._heaps, self._last):
            chosen_here = [entry[-1] for entry in heap if chosen(entry[-1])]
            if chosen_here:
                heap[:] = [entry for entry in heap if not chosen(entry[-1])]
                heapq.heapify(heap)
                back += chosen_here
        self._n -= len(back)
        self._lower.difference_update(message.pk for message in back)
        return back
