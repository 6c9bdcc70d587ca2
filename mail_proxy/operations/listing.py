"""Messages as they are looked at: filters, pages, and the record of each."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.message import check_text
from mail_proxy.domain.state import OPEN, PENDING, State
from mail_proxy.operations.context import Context
from mail_proxy.operations.records import Records
from mail_proxy.store.values import MessageFilter, MessageRow
from mail_proxy.wire.messages import ListMessages, MessagePage, MessageRecord

PAGE = 50  # rows in one short read
READ_BYTES = 4 * 2**20  # of contents in memory at one time, or one content that is larger
PAGE_BYTES = 16 * 2**20  # of contents after which a page ends early
LOOK_LIMIT = 20_000  # rows looked at for one page, so that a rare status answers soon too

Position = tuple[str, int, int]  # tenant_id, priority, pk
Wanted = Callable[[MessageRow, MessageRecord], bool]

# `pending` and `deferred` are told apart by time, so the store cannot choose alone.
_STATES: dict[str, frozenset[State]] = {
    "pending": PENDING,
    "deferred": frozenset({State.WAITING}),
    "suspended": frozenset({State.SUSPENDED}),
    "held": frozenset({State.HELD}),
    "in_doubt": frozenset({State.IN_DOUBT}),
    "sent": frozenset({State.SENT}),
    "error": frozenset({State.FAILED}),
    "bounced": frozenset({State.BOUNCED}),
}


async def list_messages(ctx: Context, request: ListMessages) -> MessagePage:
    """All messages that match, as a stream; with `limit` a page and its next cursor."""
    words = _words(request.status)
    look = _Look(
        ctx,
        _filter(request, words),
        Records(ctx, with_history=request.include_history),
        words,
    )
    after = None if request.cursor is None else _position(request.cursor)
    if request.limit is None:
        return {"ok": True, "messages": look.stream(after)}
    return await look.page(after, request.limit)


@dataclass(frozen=True, slots=True)
class _Look:
    """One listing. `chosen` None: the filters contradict each other, so nothing matches."""

    ctx: Context
    chosen: MessageFilter | None
    records: Records
    words: frozenset[str]

    async def stream(self, after: Position | None) -> AsyncIterator[MessageRecord]:
        async for rows in self._reads(after):
            for row in rows:
                record = await self.records.record(row)
                if self._matches(row, record):
                    yield record

    async def page(self, after: Position | None, limit: int) -> MessagePage:
        found: list[MessageRecord] = []
        seen = found_bytes = 0
        size = PAGE if self.words else min(PAGE, limit + 1)
        async for rows in self._reads(after, size):
            for row in rows:
                # One more row is there: the page ends before it.
                if len(found) == limit or found_bytes >= PAGE_BYTES:
                    return _page(found, after)
                record = await self.records.record(row)
                if self._matches(row, record):
                    found.append(record)
                    found_bytes += row.size_bytes
                after = (row.tenant_id, row.priority, row.pk)
            seen += len(rows)
            if seen >= LOOK_LIMIT:
                return _page(found, after)
        return _page(found, None)

    async def _reads(
        self, after: Position | None, size: int = PAGE
    ) -> AsyncIterator[list[MessageRow]]:
        """First the rows without their contents, for these may be larger than the memory."""
        if self.chosen is None:
            return
        while True:
            rows = [
                row
                async for row in self.ctx.store.list_messages(self.chosen, limit=size, after=after)
            ]
            for some in _cut(rows):
                yield await self._full(some)
            if len(rows) < size:
                return
            after = (rows[-1].tenant_id, rows[-1].priority, rows[-1].pk)

    async def _full(self, rows: list[MessageRow]) -> list[MessageRow]:
        """The same rows of one tenant with all their parts; those just deleted are left out."""
        ids = [row.id for row in rows]
        full = await self.ctx.store.find_messages(rows[0].tenant_id, ids, full=True)
        by_pk = {row.pk: row for row in full}
        return [by_pk[row.pk] for row in rows if row.pk in by_pk]

    def _matches(self, row: MessageRow, record: MessageRecord) -> bool:
        if not self.words or record["status"] in self.words:
            return True
        return row.state is State.SUSPENDED and "suspended" in self.words


def _cut(rows: list[MessageRow]) -> Iterator[list[MessageRow]]:
    """Runs of rows of one tenant whose contents fit into memory together."""
    run: list[MessageRow] = []
    run_bytes = 0
    for row in rows:
        is_other = bool(run) and run[0].tenant_id != row.tenant_id
        if run and (is_other or run_bytes + row.size_bytes > READ_BYTES):
            yield run
            run, run_bytes = [], 0
        run.append(row)
        run_bytes += row.size_bytes
    if run:
        yield run


def _page(found: list[MessageRecord], next_after: Position | None) -> MessagePage:
    page: MessagePage = {"ok": True, "messages": found}
    if next_after is not None:
        page["next_cursor"] = _cursor(next_after)
    return page


def _words(status: str | None) -> frozenset[str]:
    words = frozenset(word.strip() for word in (status or "").split(",")) - {"", "all"}
    if unknown := sorted(words - _STATES.keys()):
        raise Invalid(
            f"status: '{unknown[0][:40]}' is none of {', '.join(_STATES)}", field="status"
        )
    return words


def _filter(request: ListMessages, words: frozenset[str]) -> MessageFilter | None:
    states = frozenset().union(*(_STATES[word] for word in words)) if words else frozenset(State)
    if request.active_only:
        states &= OPEN
    if not states:
        return None
    return MessageFilter(
        tenant_id=request.tenant_id,
        states=() if states == frozenset(State) else tuple(sorted(states)),
        account_id=request.account_id or None,
        batch_code=request.batch_code or None,
        to=request.to or None,
        subject=request.subject or None,
        since_ts=request.since_ts,
        until_ts=request.until_ts,
    )


def _cursor(position: Position) -> str:
    """Opaque and safe in a URL."""
    packed = json.dumps(position, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _position(cursor: str) -> Position:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        match json.loads(base64.b64decode(padded, altchars=b"-_", validate=True)):
            case [str(tenant_id), int(priority), int(pk)] if abs(pk) < 2**63 > abs(priority):
                return check_text(tenant_id, field="cursor"), priority, pk
    except (ValueError, binascii.Error, RecursionError, Invalid):
        pass  # told below, as every other cursor that is not ours
    raise Invalid("cursor: not one that a listing has given", field="cursor")
