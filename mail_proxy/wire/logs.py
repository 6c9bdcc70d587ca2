"""Requests about the log of the instance."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import TypedDict

from mail_proxy.wire.events import ForSeconds
from mail_proxy.wire.fields import Int, Request, Timestamp

MAX_LINES = 10_000

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class GetLogs(Request):
    """The last lines, oldest first.

    lines: how many at most. level: this one and those above it.
    since_ts: not the older ones.
    follow: server-sent events: these lines, then each new one (`event: line`).
    for_s: end a stream after so many seconds; without it, it has no end.
    """

    lines: Int = Field(default=100, ge=0, le=MAX_LINES)
    level: Level | None = None
    since_ts: Timestamp | None = None
    follow: bool = False
    for_s: ForSeconds | None = None


# --- answers ---


class LogRecord(TypedDict):
    """line: as it stands in the file, secrets masked and foreign text escaped.
    time, level: what it begins with; not there in what another program wrote.
    """

    time: NotRequired[str]
    level: NotRequired[str]
    line: str


class Logs(TypedDict):
    ok: Literal[True]
    lines: list[LogRecord]
    stream: NotRequired[SkipJsonSchema[Any]]
