"""Requests about messages, and the record of a message."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, Field, GetPydanticSchema, TypeAdapter
from typing_extensions import TypedDict

from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.filters import Order
from mail_proxy.wire.fields import Int, Seconds, TenantRequest, Text, Timestamp
from mail_proxy.wire.posted import PostedMessage

MAX_BATCH = 1000
MAX_IDS = 10_000
MAX_PAGE = 10_000
MAX_KEY_CHARS = 255


def _key(value: str) -> str:
    if not (1 <= len(value) <= MAX_KEY_CHARS and value.isascii() and value.isprintable()):
        raise Invalid(
            f"Idempotency-Key: use 1 to {MAX_KEY_CHARS} printable ASCII characters",
            field="idempotency_key",
        )
    return value


IdempotencyKey = Annotated[str, AfterValidator(_key)]


# Taken as anything, described as what they should be.
Posted = Annotated[
    list[Any],
    GetPydanticSchema(
        get_pydantic_json_schema=lambda _, show: show(TypeAdapter(list[PostedMessage]).core_schema)
    ),
]


class AddMessages(TenantRequest):
    """Each message is checked alone, so that a bad one spoils no other.

    messages: at most 1000.
    default_priority: for messages without one; 0 to 3 or its word, checked as theirs is.
    idempotency_key: over HTTP the header `Idempotency-Key`.
    """

    # The default is None, which is no list: an absent one is told like one of the wrong type.
    messages: Posted = Field(default=None, validate_default=True)
    default_priority: Any = None
    idempotency_key: IdempotencyKey | None = None


class MessageIds(TenantRequest):
    """The caller's ids of some messages."""

    ids: list[Text] = Field(default_factory=list, max_length=MAX_IDS)


class ChangeMessages(MessageIds):
    """Some messages by their ids, or all that a filter finds.

    filter: such as `state:failed to:*@example.com`; docs/filters.md has the words.
    limit: with a filter, how many to look at now; `next_cursor` goes on. Without one, all.
    cursor: the `next_cursor` of the part before.
    dry_run: only tell what would be done.
    """

    filter: Text | None = None
    limit: Int | None = Field(default=None, ge=1, le=MAX_IDS)
    cursor: Text | None = None
    dry_run: bool = False


class SettleMessages(ChangeMessages):
    """as: what became of messages in doubt, as a person knows it."""

    as_: Literal["sent", "error"] = Field(alias="as")


class ResendMessages(ChangeMessages):
    """recipients: all of each message, or only those who were refused or came back.

    new_id: of the new message, where one alone is resent; else `<id>-r<n>`.
    idempotency_key: with `ids`; over HTTP the header `Idempotency-Key`.
    """

    recipients: Literal["all", "refused"] = "all"
    new_id: Text | None = None
    idempotency_key: IdempotencyKey | None = None


class CleanupMessages(TenantRequest):
    """What is finished and told to the application.

    older_than_seconds: since the message was finished; absent: the configured retention.
    """

    older_than_seconds: Seconds | None = None


class MessageKey(TenantRequest):
    """One message; `pk` tells those of several tenants with the same id apart."""

    id: Text
    pk: Int | None = Field(default=None, ge=0, lt=2**63)


class ListMessages(TenantRequest):
    """All filters that are given must fit.

    active_only: only what is not finished.
    include_history: with `history`, what happened to each.
    limit: without one all rows come, as a stream.
    cursor: the `next_cursor` of the page before.
    status: one word or several, by commas: pending, deferred, suspended, held, in_doubt, sent,
        error, bounced; ready, sending, open; `all`.
    to, subject: a part of it.
    since_ts, until_ts: when it was accepted.
    filter: such as `state:failed to:*@example.com age:>1h`; docs/filters.md has the words.
    order: by `tenant`, `priority`, `age`, or `next`: what is on its way, then what waits by its
        time, then the rest; absent, it is `tenant`.
    reverse: from the end of that order.
    count: tell how many match.
    brief: of what was posted only what a list shows.
    """

    active_only: bool = False
    include_history: bool = False
    limit: Int | None = Field(default=None, ge=1, le=MAX_PAGE)
    cursor: Text | None = None
    status: Text | None = None
    account_id: Text | None = None
    batch_code: Text | None = None
    to: Text | None = None
    subject: Text | None = None
    since_ts: Timestamp | None = None
    until_ts: Timestamp | None = None
    filter: Text | None = None
    order: Order = Order.TENANT
    reverse: bool = False
    count: bool = False
    brief: bool = False


# --- answers ---


class Rejection(TypedDict):
    """Why one message was not taken; `id` is null when it had none."""

    id: str | None
    reason: str
    field: NotRequired[str]


class Added(TypedDict):
    ok: Literal[True]
    queued: int
    rejected: list[Rejection]


class NotPossible(TypedDict):
    """reason: why nothing was done.
    state: of the message, as it is kept.
    """

    id: str
    reason: str
    state: str


class Counts(TypedDict):
    done: int
    not_found: int
    not_possible: int


class Resent(TypedDict):
    """id: of the old message."""

    id: str
    new_id: str


class Changed(TypedDict):
    """The lists hold the first 1000 of a change by filter; the counts are of all.

    done: ids.
    counts: how many of each.
    resent: the new messages.
    next_cursor: the limit was reached, and there may be more.
    dry_run: nothing was changed.
    """

    ok: Literal[True]
    done: list[str]
    not_found: list[str]
    not_possible: list[NotPossible]
    counts: Counts
    resent: NotRequired[list[Resent]]
    next_cursor: NotRequired[str]
    dry_run: NotRequired[Literal[True]]


class Deleted(TypedDict):
    """not_found: also those that could not be deleted; `not_possible` tells why.
    unauthorized: always empty; a foreign id is not found, exactly as an absent one.
    next_cursor: the limit was reached, and there may be more.
    dry_run: nothing was deleted.
    """

    ok: Literal[True]
    removed: int
    not_found: list[str]
    unauthorized: list[str]
    not_possible: NotRequired[list[NotPossible]]
    next_cursor: NotRequired[str]
    dry_run: NotRequired[Literal[True]]


class CleanedUp(TypedDict):
    ok: Literal[True]
    removed: int


class RecipientRecord(TypedDict):
    """One RCPT TO: pending, accepted, refused or bounced, and the reply that decided it."""

    address: str
    state: str
    code: NotRequired[int]
    reply: NotRequired[str]


class MessageEvent(TypedDict):
    """event_data: its fields in a report; where it is the end of an attempt, that too, as
    `attempt`: its `seconds`, the `server` as host:port and the `tls` version."""

    event_id: str
    event_type: str
    event_ts: int
    event_data: dict[str, Any]


class HistoryEntry(TypedDict):
    """metadata: as `event_data` of MessageEvent.

    report: what became of its report: pending, reported, parked, or dropped, where the tenant has
    no URL to report to; absent of what is not to be reported.
    """

    event_id: str
    event_type: str
    event_ts: int
    description: NotRequired[str]
    metadata: dict[str, Any]
    report: NotRequired[str]
    reported_ts: NotRequired[int]
    parked_ts: NotRequired[int]


class MessageRecord(TypedDict):
    """A message as it is looked at. Times are whole seconds since the epoch where named `_ts`.

    status: pending, deferred, held, in_doubt, sent, error, bounced.
    state: as it is kept; finer than the status.
    deferred_ts: the next time it may be tried; also while its account is paused.
    expires_ts: it is never sent later.
    sent_ts: only when it was sent.
    error, error_ts: only when it failed.
    last_error: the latest refusal of one that has not failed.
    why, why_code, do: the nearest cause for it to be where it is, in a sentence and a word, and
        the command to go on with; not there where its status says it all.
    request_id: of the request that posted it, or had it sent again.
    max_tries: as many as its account allows; absent where it is deleted.
    message: what the application posted; in a brief list without its text and attachments.
    """

    pk: str
    id: str
    tenant_id: str
    tenant_name: NotRequired[str]
    account_id: str
    status: str
    state: str
    priority: int
    batch_code: NotRequired[str]
    request_id: NotRequired[str]
    deferred_ts: NotRequired[int]
    expires_ts: NotRequired[int]
    sent_ts: NotRequired[int]
    error_ts: NotRequired[int]
    error: NotRequired[str]
    error_code: NotRequired[int]
    last_error: NotRequired[str]
    held_reason: NotRequired[str]
    why: NotRequired[str]
    why_code: NotRequired[str]
    do: NotRequired[str]
    reported_ts: NotRequired[int]
    bounce_type: NotRequired[str]
    bounce_code: NotRequired[str]
    bounce_reason: NotRequired[str]
    bounce_ts: NotRequired[int]
    tries: int
    max_tries: NotRequired[int]
    size_bytes: int
    created_at: str
    updated_at: str
    is_pec: bool
    recipients: list[RecipientRecord]
    message: dict[str, Any]
    history: NotRequired[list[HistoryEntry]]


class MessagePage(TypedDict):
    """next_cursor: where the next page begins; absent on the last one.
    bounded: matches are rare, so the page ended early; the next one goes on.
    count: where it was asked for, how many match; count_is_bounded: there may be more.
    """

    ok: Literal[True]
    messages: Annotated[
        list[MessageRecord] | AsyncIterator[MessageRecord],
        GetPydanticSchema(lambda _, show: show(list[MessageRecord])),
    ]
    next_cursor: NotRequired[str]
    bounded: NotRequired[Literal[True]]
    count: NotRequired[int]
    count_is_bounded: NotRequired[Literal[True]]


class OneMessage(TypedDict):
    ok: Literal[True]
    message: MessageRecord


class Explained(TypedDict):
    """why: one sentence.
    code: the cause, in a word.
    do: the command to go on with, or null.
    until_ts: when it ends by itself, in seconds since the epoch.
    """

    ok: Literal[True]
    id: str
    tenant_id: str
    status: str
    code: str
    why: str
    do: str | None
    until_ts: NotRequired[int]


class MessageEvents(TypedDict):
    ok: Literal[True]
    events: list[MessageEvent]
