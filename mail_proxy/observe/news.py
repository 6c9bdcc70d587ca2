"""What happens to messages, accounts and reports, for those who watch it live.

A ring in memory. Whoever tells of something pays for one tuple; readers come to fetch it, each at
its own pace. One that falls behind by more than the ring loses what has left it, and learns how
much that was; one that is offered too much to show gets counts in place of the rest.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Collection, Sequence
from itertools import islice
from typing import Any, NamedTuple

from mail_proxy.domain.clock import Clock

OF_MESSAGES = (
    "accepted",
    "sent",
    "deferred",
    "failed",
    "in_doubt",
    "held",
    "freed",
    "retried",
    "resent",
    "settled",
    "deleted",
)
OF_ACCOUNTS = ("paused", "limited", "resumed")
OF_REPORTS = ("posted", "refused", "parked")
OF_SENDING = ("suspended", "activated")
KINDS = (*OF_MESSAGES, *OF_ACCOUNTS, *OF_REPORTS, *OF_SENDING)

KEPT = 2000  # about 1 MB, and two thirds of a second at 3,000 messages a second
LINES_PER_S = 200  # for one reader, after a first burst of as many: more than anybody reads
SUMMARY_S = 1.0
LONGEST_WORDS = 500  # characters
_ROUTINE = frozenset({"accepted", "sent", "deferred", "posted"})  # they make room for the others

# What is kept of one thing that happened: a plain tuple, as it is made for each message.
# Its number among all; its number among its tenant's; time; kind; tenant; account; id; words; n.
_Item = tuple[int, int, float, str, str, str, str, str, int]


class Line(NamedTuple):
    """One event as it is sent. id: where a reader that comes back may go on; None: nowhere."""

    event: str
    id: int | None
    data: dict[str, Any]

    def told(self) -> dict[str, Any]:
        """The same as one object."""
        return self.data if self.id is None else {**self.data, "stream_id": self.id}


class News:
    """The ring. Numbers begin at the time of the start, in microseconds: a restart repeats none."""

    def __init__(self, clock: Clock, *, kept: int = KEPT) -> None:
        self.now = clock.now
        self._ring: deque[_Item] = deque(maxlen=kept)
        self._first = self._last = int(clock.now() * 1_000_000)
        self._own: dict[str, int] = {}  # the last number of each tenant's own counting
        self._asleep: list[asyncio.Event] = []

    def put(
        self,
        kind: str,
        tenant_id: str,
        account_id: str = "",
        id: str = "",  # noqa: A002 - the wire's word
        words: str = "",
        n: int = 1,
    ) -> None:
        """Something happened. n: how many messages, or reports, it happened to.

        tenant_id: empty where it concerns all; then the admin alone is told.
        """
        self._last = last = self._last + 1
        self._own[tenant_id] = own = self._own.get(tenant_id, self._first) + 1
        self._ring.append((last, own, self.now(), kind, tenant_id, account_id, id, words, n))
        if self._asleep:
            self.wake()

    def wake(self) -> None:
        """Readers that wait look again."""
        for event in self._asleep:
            event.set()
        self._asleep.clear()

    async def wait(self) -> None:
        """Until something new is there, or somebody wakes all."""
        event = asyncio.Event()
        self._asleep.append(event)
        try:
            await event.wait()
        finally:
            if event in self._asleep:
                self._asleep.remove(event)

    def reader(
        self,
        tenant_id: str | None = None,
        *,
        kinds: Collection[str] = KINDS,
        after: int | None = None,
    ) -> Reader:
        """tenant_id: what is that tenant's alone; None: everything.

        after: the number of the last line that the reader has; what came since and is still kept
        comes first, and the number may be one of an earlier start. None: from now on.
        """
        return Reader(self, tenant_id, frozenset(kinds), after)

    def last(self, tenant_id: str | None) -> int:
        """The number of the latest one, in that tenant's counting."""
        return self._last if tenant_id is None else self._own.get(tenant_id, self._first)

    def first(self) -> int:
        """The number before the first one of all, in each counting."""
        return self._first

    def since(self, seen: int) -> list[_Item]:
        """What is kept and came after that number of all."""
        n = min(self._last - seen, len(self._ring))
        if n <= 0:
            return []
        return list(islice(reversed(self._ring), n))[::-1]


class Reader:
    """One that watches. Numbers it sees are its tenant's own: others' traffic is none of its."""

    def __init__(
        self, news: News, tenant_id: str | None, kinds: frozenset[str], after: int | None
    ) -> None:
        last = news.last(tenant_id)
        self._news = news
        self._tenant_id = tenant_id
        self._kinds = kinds
        self._is_catching_up = after is not None
        self._seen = news.last(None) if after is None else news.first()
        self._told = last if after is None or after > last else max(after, news.first())
        self._allowance = float(LINES_PER_S)
        self._refilled_at: float | None = None
        self._folded: Counter[str] = Counter()
        self._folding_since = 0.0

    def take(self, now: float, *, is_last: bool = False) -> list[Line]:
        """What is new, in order; `dropped` before it and `summary` after it where they are due.

        now: monotonic. is_last: nothing is taken after it, so whatever is owed is due.
        """
        found = self._news.since(self._seen)
        self._seen = self._news.last(None)
        if self._tenant_id is not None:
            found = [item for item in found if item[4] == self._tenant_id]
        found = [item for item in found if self._number(item) > self._told]
        last = self._news.last(self._tenant_id)
        lost, self._told = last - self._told - len(found), last
        lines = [Line("dropped", None, {"kind": "dropped", "n": lost})] if lost else []
        wanted = [item for item in found if item[3] in self._kinds]
        lines += [_line(item, self._number(item)) for item in self._shown(wanted, now)]
        self._is_catching_up = False
        if self._folded and (is_last or now - self._folding_since >= SUMMARY_S):
            lines.append(self._summary(now))
        return lines

    @property
    def owes_summary(self) -> bool:
        """Something was left out that has not been told of yet."""
        return bool(self._folded)

    def _number(self, item: _Item) -> int:
        return item[0] if self._tenant_id is None else item[1]

    def _shown(self, items: Sequence[_Item], now: float) -> Sequence[_Item]:
        """As many as may be shown now; the others are counted."""
        if self._refilled_at is not None:
            earned = (now - self._refilled_at) * LINES_PER_S
            self._allowance = min(float(LINES_PER_S), self._allowance + earned)
        self._refilled_at = now
        if self._is_catching_up:
            return items
        room = int(self._allowance)
        if len(items) <= room:
            self._allowance -= len(items)
            return items
        self._allowance -= room
        rare = [item for item in items if item[3] not in _ROUTINE][:room]
        routine = [item for item in items if item[3] in _ROUTINE][: room - len(rare)]
        shown = sorted(rare + routine)  # by their numbers
        chosen = {item[0] for item in shown}
        if not self._folded:
            self._folding_since = now
        for item in items:
            if item[0] not in chosen:
                self._folded[item[3]] += item[8]
        return shown

    def _summary(self, now: float) -> Line:
        counts = dict(self._folded)
        data = {
            "kind": "summary",
            "ts": round(self._news.now(), 3),
            "seconds": round(now - self._folding_since, 3),
            "n": sum(counts.values()),
            "counts": counts,
        }
        self._folded.clear()
        return Line("summary", self._told, data)


def _line(item: _Item, number: int) -> Line:
    _, _, ts, kind, tenant_id, account_id, id_, words, n = item
    data: dict[str, Any] = {"kind": kind, "ts": round(ts, 3)}
    texts = {"tenant_id": tenant_id, "account_id": account_id, "id": id_}
    data |= {name: text for name, text in texts.items() if text}
    if words:
        data["words"] = words[:LONGEST_WORDS]
    if n != 1:
        data["n"] = n
    return Line(kind, number, data)
