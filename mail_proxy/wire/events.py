"""Requests for what is told as it happens."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import TypedDict

from mail_proxy.wire.fields import Int, Number, TenantRequest, Text

LONGEST_S = 366 * 86_400

# Of all streams: what ends them, so that a program may ask for a part.
ForSeconds = Annotated[Number, Field(ge=0, le=LONGEST_S, allow_inf_nan=False)]
Limit = Annotated[Int, Field(ge=1, le=2**31 - 1)]


class StreamEvents(TenantRequest):
    """Server-sent events: `event` is the kind, `data` one JSON object with the same in `kind`.

    kinds: those that are wanted, with commas between; without it all.
    after: the `id` of the last event that is known; what came since is told first, as far as it is
     kept. 0: all that is kept.
    last_event_id: the same; browsers send it when they come again. What is no number is ignored.
    limit: end after so many events.
    for_s: end after so many seconds; without it, and without `limit`, the stream has no end.
    """

    kinds: Text | None = None
    after: Annotated[Int, Field(ge=0, le=2**63 - 1)] | None = None
    last_event_id: Text | None = None
    limit: Limit | None = None
    for_s: ForSeconds | None = None


# --- answers ---


class Streamed(TypedDict):
    """stream: what HTTP sends the lines of; see `operations.streams.Stream`."""

    ok: Literal[True]
    stream: SkipJsonSchema[Any]
