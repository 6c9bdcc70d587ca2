"""The command log as it is looked at."""

from __future__ import annotations

from mail_proxy.domain.errors import Invalid
from mail_proxy.operations.context import Context
from mail_proxy.store.commands import CommandRow
from mail_proxy.wire.commands import (
    MAX_LISTED,
    CommandRecord,
    Commands,
    CommandsPurged,
    ExportCommands,
    ExportedCommands,
    ListCommands,
    PurgeCommands,
)


async def list_commands(ctx: Context, request: ListCommands) -> Commands:
    """What was changed, by whom, and how it was answered; the latest first."""
    rows = await ctx.store.list_commands(**request.model_dump())
    return {
        "ok": True,
        "commands": [_record(row) for row in rows],
        "total": len(rows),
    }


def _record(row: CommandRow) -> CommandRecord:
    record: CommandRecord = {
        "id": str(row.pk),
        "command_ts": int(row.command_ts),
        "endpoint": row.endpoint,
        "tenant_id": row.tenant_id,
        "caller": row.caller,
        "payload": row.payload,
        "response_status": row.response_status,
    }
    if row.request_id:
        record["request_id"] = row.request_id
    return record


async def export_commands(ctx: Context, request: ExportCommands) -> ExportedCommands:
    """The same for programs, the oldest first, a page at a time."""
    rows = await ctx.store.list_commands(
        **request.model_dump(exclude={"cursor"}),
        after_pk=_pk_of(request.cursor),
        limit=MAX_LISTED + 1,
        oldest_first=True,
    )
    page = rows[:MAX_LISTED]
    answer: ExportedCommands = {
        "ok": True,
        "commands": [
            {
                "endpoint": row.endpoint,
                "tenant_id": row.tenant_id,
                "payload": row.payload,
                "command_ts": int(row.command_ts),
            }
            for row in page
        ],
    }
    if len(rows) > len(page):
        answer["next_cursor"] = str(page[-1].pk)
    return answer


def _pk_of(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise Invalid("cursor: the next_cursor of an answer is needed", field="cursor")
    return int(cursor)


async def purge_commands(ctx: Context, request: PurgeCommands) -> CommandsPurged:
    """Remove the oldest lines of the command log; this request is a line of it."""
    removed = await ctx.store.cleanup_commands(before=request.before_ts, limit=request.limit)
    return {"ok": True, "removed": removed, "has_more": removed == request.limit}
