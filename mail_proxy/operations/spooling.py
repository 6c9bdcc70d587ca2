"""What was posted and is too large for a row goes into spool files, before the rows are written.

A file that no row names once all is done is removed at once; after a crash the sweep finds it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from pydantic_core import from_json, to_json

from mail_proxy.compose import CheckedRaw
from mail_proxy.domain.attachment import Spooled
from mail_proxy.domain.content import BytesContent
from mail_proxy.domain.errors import ContentChanged, Invalid, StoreError
from mail_proxy.observe import events
from mail_proxy.operations.attached import Posted
from mail_proxy.operations.context import Context
from mail_proxy.store.spool import NEW, Spool, SpoolBatch
from mail_proxy.store.values.intake import NewMessage

SWEEP_AT_ONCE = 200  # files


@dataclass(frozen=True, slots=True)
class Bulk:
    """A message without its content yet. fields: what is stored; the contents are to go aside."""

    message: NewMessage
    fields: dict[str, Any] = field(repr=False)
    contents: tuple[Posted, ...] = ()
    raw: CheckedRaw | None = field(default=None, repr=False)


@asynccontextmanager
async def spooled(ctx: Context, bulks: Sequence[Bulk]) -> AsyncIterator[list[NewMessage | Invalid]]:
    """Inside, the messages have their contents in files, in order; Invalid where one is wrong.

    Raises StoreFull or StoreUnavailable where the files cannot be written.
    """
    if not bulks:
        yield []
        return
    written = await asyncio.to_thread(_write, ctx.spool, bulks)
    async with settled(ctx, _names(written)):
        yield written


@asynccontextmanager
async def relinked(
    ctx: Context, copies: Sequence[NewMessage | Invalid]
) -> AsyncIterator[list[NewMessage | Invalid]]:
    """Inside, copies of messages have files of their own; Invalid where that of the old is gone."""
    if not any(isinstance(copy, NewMessage) and copy.spool for copy in copies):
        yield list(copies)
        return
    linked = await asyncio.to_thread(_link, ctx.spool, copies)
    async with settled(ctx, _names(linked)):
        yield linked


def _names(messages: Sequence[NewMessage | Invalid]) -> list[str]:
    return [m.spool for m in messages if isinstance(m, NewMessage) and m.spool is not None]


@asynccontextmanager
async def settled(ctx: Context, names: Sequence[str]) -> AsyncIterator[None]:
    """Inside, rows are written for these new files; after it those without a row are removed."""
    try:
        yield
    except Exception:
        await _settle(ctx, names)
        raise
    # Cancelled, the rows may yet be written: then nobody settles, and the next start looks.
    await _settle(ctx, names)


async def _settle(ctx: Context, names: Sequence[str]) -> None:
    try:
        await _remove_unnamed(ctx, names)
    except StoreError as error:  # the sweep finds the same files
        events.store_trouble(where="spool", error=error)
    finally:
        ctx.spool.unsettled.difference_update(names)


async def _remove_unnamed(ctx: Context, names: Sequence[str]) -> None:
    await asyncio.to_thread(ctx.spool.remove, await _unnamed(ctx, names))


async def _unnamed(ctx: Context, names: Sequence[str]) -> list[str]:
    named = await ctx.store.spooled(names)
    return [name for name in names if name not in named]


def _write(spool: Spool, bulks: Sequence[Bulk]) -> list[NewMessage | Invalid]:
    written: list[NewMessage | Invalid] = []
    with spool.write() as batch:
        for bulk in bulks:
            try:
                written.append(_written(batch, bulk))
            except Invalid as error:
                written.append(error)
        batch.end()
    return written


def _link(spool: Spool, copies: Sequence[NewMessage | Invalid]) -> list[NewMessage | Invalid]:
    with spool.write() as batch:
        linked = [_linked(batch, copy) for copy in copies]
        batch.end()
    return linked


def _linked(batch: SpoolBatch, copy: NewMessage | Invalid) -> NewMessage | Invalid:
    if isinstance(copy, Invalid) or copy.spool is None:
        return copy
    try:
        name = batch.link(copy.spool)
    except ContentChanged as error:
        return Invalid(str(error))
    content = to_json({**from_json(copy.content), "spool": name})
    return replace(copy, content=content, spool=name)


def _written(batch: SpoolBatch, bulk: Bulk) -> NewMessage:
    with batch.add() as file:
        if bulk.raw is None:
            parts = {content.place: file.put(content.blocks()) for content in bulk.contents}
            told, size_bytes = _told(bulk.fields, parts), sum(p.size_bytes for p in parts.values())
        else:
            part = file.put(BytesContent(bulk.raw.data).blocks())
            told, size_bytes = _raw_told(bulk.raw, part), part.size_bytes
    fields = {**bulk.fields, "spool": file.name, **told}
    return replace(bulk.message, content=to_json(fields), spool=file.name, spooled_bytes=size_bytes)


def _told(fields: Mapping[str, Any], parts: Mapping[int, Spooled]) -> dict[str, Any]:
    """The attachments with the places of what was posted with them."""
    entries = [
        {**entry, "spooled": as_list(parts[place])} if place in parts else entry
        for place, entry in enumerate(fields["attachments"])
    ]
    return {"attachments": entries}


def _raw_told(raw: CheckedRaw, part: Spooled) -> dict[str, Any]:
    told = {"spooled": as_list(part), "is_ascii": raw.is_ascii, "message_id": raw.message_id}
    return {"raw": told}


def as_list(part: Spooled) -> list[Any]:
    return [part.offset, part.size_bytes, part.sha256]


# --- tidying up ---


async def remove_garbage(ctx: Context) -> int:
    """The files of messages that are gone; how many.

    Raises StoreError for the first that cannot be removed, after the others are gone.
    """
    removed = 0
    while names := await ctx.store.spool_garbage(limit=SWEEP_AT_ONCE):
        kept = await asyncio.to_thread(ctx.spool.try_remove, names)
        gone = [name for name in names if name not in kept]
        await ctx.store.forget_spool_garbage(gone)
        removed += len(gone)
        if not gone:
            raise kept[names[0]]
    return removed


async def sweep(ctx: Context) -> int:
    """The files that no row ever named, or that are not whole: a crash left them; how many.

    Raises StoreError for the first that cannot be removed, after the others are gone.
    """
    removed = 0
    kept: dict[str, StoreError] = {}
    names = ctx.spool.names()
    while some := await asyncio.to_thread(_next_of, names):
        # Looked at before the rows are: what is settled between the two has its row.
        left = [name for name in some if name.removesuffix(NEW) not in ctx.spool.unsettled]
        unnamed = await _unnamed(ctx, left)
        kept_now = await asyncio.to_thread(ctx.spool.try_remove, unnamed)
        removed += len(unnamed) - len(kept_now)
        kept |= kept_now
    for error in kept.values():
        raise error
    return removed


def _next_of(names: Iterator[str]) -> Collection[str]:
    return list(islice(names, SWEEP_AT_ONCE))
