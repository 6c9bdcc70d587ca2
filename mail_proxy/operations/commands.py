"""The command log as it is looked at."""

from __future__ import annotations

from mail_proxy.operations.context import Context
from mail_proxy.store.commands import CommandRow
from mail_proxy.wire.commands import (
    MAX_LISTED,
    CommandRecord,
    Commands,
    ExportCommands,
    ExportedCommands,
    ListCommands,
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
    """The same for programs, the oldest first."""
    rows = await ctx.store.list_commands(
        **request.model_dump(), limit=MAX_LISTED, oldest_first=True
    )
    return {
        "ok": True,
        "commands": [
            {
                "endpoint": row.endpoint,
                "tenant_id": row.tenant_id,
                "payload": row.payload,
                "command_ts": int(row.command_ts),
            }
            for row in rows
        ],
    }
