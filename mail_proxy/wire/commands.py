"""Requests about the command log: who changed what."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from mail_proxy.wire.fields import Int, Request, Text, Timestamp

MAX_LISTED = 10_000


class ExportCommands(Request):
    """tenant_id: of one tenant; without one of all, and of the instance.

    endpoint_filter: a part of the path. cursor: the `next_cursor` of the page before.
    """

    tenant_id: Text | None = None
    since_ts: Timestamp | None = None
    until_ts: Timestamp | None = None
    endpoint_filter: Text | None = None
    cursor: Text | None = None


class ListCommands(Request):
    """endpoint_filter: a part of the path. limit: the latest so many."""

    tenant_id: Text | None = None
    since_ts: Timestamp | None = None
    until_ts: Timestamp | None = None
    endpoint_filter: Text | None = None
    limit: Int = Field(default=100, ge=1, le=MAX_LISTED)


class PurgeCommands(Request):
    """before_ts: what is older goes. limit: how many lines in this request at most."""

    before_ts: Timestamp
    limit: Int = Field(default=MAX_LISTED, ge=1, le=MAX_LISTED)


# --- answers ---


class CommandRecord(TypedDict):
    """tenant_id: empty for the instance. endpoint: the path. payload: its secrets are masked.

    request_id: not there where several posts are summed up.
    """

    id: str
    command_ts: int
    endpoint: str
    tenant_id: str
    caller: str
    payload: dict[str, Any]
    response_status: int
    request_id: NotRequired[str]


class Commands(TypedDict):
    """The latest first. total: of this answer."""

    ok: Literal[True]
    commands: list[CommandRecord]
    total: int


class ExportedCommand(TypedDict):
    endpoint: str
    tenant_id: str
    payload: dict[str, Any]
    command_ts: int


class ExportedCommands(TypedDict):
    """The oldest first; at most 10,000. next_cursor: where the next page begins, if any."""

    ok: Literal[True]
    commands: list[ExportedCommand]
    next_cursor: NotRequired[str]


class CommandsPurged(TypedDict):
    """removed: lines. has_more: older ones are left; ask again."""

    ok: Literal[True]
    removed: int
    has_more: bool
