"""Fair shares of something that all tenants need: bytes on the disk, or fetches at one time.

While others wait, a tenant has half of it at most, and a tenth is kept for tenants that hold none.
Those that find no room wait in a ring of tenants, so a thousand of one do not stand before another.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass
from types import TracebackType
from typing import Self


class Quota:
    """`total` units. What is larger than all of it gets in alone."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._kept = total // 10
        self._used: Counter[str] = Counter()
        self._in_use = 0
        self._waiting: OrderedDict[str, deque[_Waiting]] = OrderedDict()

    @property
    def in_use(self) -> int:
        return self._in_use

    @property
    def half(self) -> int:
        """What one should ask for at most."""
        return max(1, self._total // 2)

    @property
    def most(self) -> int:
        """What one can ever hold, unless it took more at once while nobody held any."""
        return self._total - self._kept

    async def take(self, who: str, n: int) -> Share:
        """Waits for its turn. Give it back by `close`."""
        waiting = _Waiting(n, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(who, deque()).append(waiting)
        self._let_in()
        try:
            await waiting.turn
        except BaseException:
            if waiting.turn.done() and not waiting.turn.cancelled():
                self._give_back(who, n)  # its turn came in the same moment
            else:
                self._forget(who, waiting)
                self._let_in()  # it may have been what the others waited behind
            raise
        return Share(self, who, n)

    def _grow(self, who: str, n: int) -> bool:
        others_wait = any(other != who for other in self._waiting)
        if not self._fits(who, n, others_wait=others_wait):
            return False
        self._use(who, n)
        return True

    def _fits(self, who: str, n: int, *, others_wait: bool) -> bool:
        if not self._in_use:
            return True
        held = self._used[who]  # a Counter makes no entry for a look
        if not held:
            return self._in_use + n <= self._total
        if others_wait and held + n > self.half:
            return False
        return self._in_use + n <= self._total - self._kept

    def _use(self, who: str, n: int) -> None:
        self._used[who] += n
        self._in_use += n

    def _give_back(self, who: str, n: int) -> None:
        self._use(who, -n)
        if not self._used[who]:
            del self._used[who]
        self._let_in()

    def _let_in(self) -> None:
        """One of each tenant in turn, until nobody fits."""
        while self._let_one_in():
            pass

    def _let_one_in(self) -> bool:
        for who, queue in list(self._waiting.items()):
            waiting = queue[0]
            if self._fits(who, waiting.n, others_wait=len(self._waiting) > 1):
                self._forget(who, waiting)
                if who in self._waiting:
                    self._waiting.move_to_end(who)
                self._use(who, waiting.n)
                waiting.turn.set_result(None)
                return True
            if not self._used[who]:
                return False  # it is the next; else small ones would pass it for ever
        return False

    def _forget(self, who: str, waiting: _Waiting) -> None:
        queue = self._waiting[who]
        queue.remove(waiting)
        if not queue:
            del self._waiting[who]


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    n: int
    turn: asyncio.Future[None]


class Share:
    """What one holds of a quota; as a context it is given back at the end.

    needed: the most that its parts have asked for, in all.
    """

    def __init__(self, quota: Quota, who: str, n: int, whole: Share | None = None) -> None:
        self._quota = quota
        self._who = who
        self._whole = whole
        self._asked = 0
        self._is_closed = False
        self.n = n
        self.needed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def split(self, n: int) -> Share:
        """A share of its own, made of `n` units of this one.

        It grows by what is left here first, and what it does not need any more comes back here as
        long as this one is not closed.
        """
        n = min(n, self.n)
        self.n -= n
        return Share(self._quota, self._who, n, self)

    def grow(self, n: int) -> bool:
        """Hold `n` units at least; False: there is no room for that now."""
        whole = self._whole
        if whole is not None and n > self._asked:
            whole.needed += n - self._asked
            self._asked = n
        if n > self.n:
            lent = 0 if whole is None else min(n - self.n, whole.n)
            more = n - self.n - lent
            if more and not self._quota._grow(self._who, more):
                return False
            if whole is not None:
                whole.n -= lent
            self.n = n
        return True

    def shrink(self, n: int) -> None:
        """Hold `n` units at most."""
        if n < self.n:
            over, self.n = self.n - n, n
            if self._whole is not None and not self._whole._is_closed:
                self._whole.n += over
            else:
                self._quota._give_back(self._who, over)

    def close(self) -> None:
        """Once is enough; again does no harm."""
        self._is_closed = True
        self.shrink(0)
