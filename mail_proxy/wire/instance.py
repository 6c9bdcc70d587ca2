"""Requests about the instance: its settings, token, state and numbers."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from mail_proxy.domain.errors import Invalid
from mail_proxy.wire.accounts import Host, Port
from mail_proxy.wire.fields import Int, Line, Request, Secret, TenantRequest


def _api_token(value: str) -> str:
    # Blanks at its ends and other letters do not survive in a header: nobody could come in again.
    if not _IN_A_HEADER.fullmatch(value):
        raise Invalid("api_token: use visible ASCII characters without spaces", field="api_token")
    return value


_IN_A_HEADER = re.compile(r"[!-~]+")
ApiToken = Annotated[Secret, AfterValidator(_api_token)]


class UpdateInstance(Request):
    """Only what is given changes; null is not given, and `********` keeps a secret."""

    name: Annotated[Line, Field(min_length=1, max_length=255)] | None = None
    api_token: ApiToken | None = Field(default=None, repr=False)
    bounce_enabled: bool | None = None
    bounce_imap_host: Host | None = None
    bounce_imap_port: Port | None = None
    bounce_imap_user: Line | None = None
    bounce_imap_password: Secret | None = Field(default=None, repr=False)
    bounce_imap_folder: Line | None = None
    bounce_imap_ssl: bool | None = None
    bounce_poll_interval: Int | None = Field(default=None, ge=1, le=86400)
    bounce_return_path: Line | None = None


class GetStatus(TenantRequest):
    """A tenant's token counts its own messages only."""


class GetStats(TenantRequest):
    """A tenant's token counts its own only."""


# --- answers ---


class SettingRecord(TypedDict):
    """name: its place, as `http.port`. source: environment, config.toml, option or default."""

    name: str
    value: Any
    source: str


class InstanceRecord(TypedDict):
    """The instance as it is looked at; secrets are masked. `settings` are those in force."""

    id: int
    name: str
    edition: str
    version: str
    api_token: str
    scheduler_active: bool
    bounce_enabled: bool
    bounce_imap_host: NotRequired[str]
    bounce_imap_port: int
    bounce_imap_user: NotRequired[str]
    bounce_imap_password: NotRequired[str]
    bounce_imap_folder: str
    bounce_imap_ssl: bool
    bounce_poll_interval: int
    bounce_return_path: NotRequired[str]
    created_at: str
    updated_at: str
    settings: list[SettingRecord]


class Health(TypedDict):
    ok: Literal[True]
    status: Literal["ok"]
    name: str
    version: str


class Metrics(TypedDict):
    """text: the Prometheus text format, version 0.0.4."""

    ok: Literal[True]
    text: str


class Status(TypedDict):
    """active, scheduler_active: the same; both names are in use.

    pending_messages: they wait or are on their way; not what is held or in doubt.
    """

    ok: Literal[True]
    active: bool
    scheduler_active: bool
    pending_messages: int
    uptime_seconds: int


class MessageCounts(TypedDict):
    pending: int
    sent: int
    error: int


class PausedAccount(TypedDict):
    """do: the command that helps, or tells more."""

    tenant_id: str
    account_id: str
    paused_until_ts: NotRequired[int]
    paused_reason: NotRequired[str]
    paused_by: Literal["limit", "fault", "person"]
    do: str


class Totals(TypedDict):
    """Since the start of the daemon: messages sent, attempts put off, messages failed for good."""

    sent: int
    deferred: int
    failed: int


class Workers(TypedDict):
    """Connections to mail servers: those in use, and how many there may be."""

    busy: int
    all: int


class Percentiles(TypedDict):
    """Of delivery attempts in the last ten minutes, in seconds."""

    p50: float
    p95: float


class Stats(TypedDict):
    """The queue in numbers.

    by_state: state -> n. by_priority: priority -> state -> n.
    deferred: priority -> how many of the waiting ones are not due by their own time, or wait for
        an account that is at a limit or has failed; deferred_is_bounded: there may be more.
    oldest_waiting_s: absent when nothing is due. next_retry_s: until the next message that is not
        due becomes so; absent when there is none.
    totals: what /metrics counts too; they begin anew with the daemon, and are absent without one.
    For the admin: engine, what is in memory now; secrets_problem, why secrets cannot be read;
        workers; smtp_seconds, absent when nothing was tried; db_ms, what a transaction of the
        database takes of late; db_bytes, its size; lag_s, what a turn of the event loop took;
        rss_bytes, the daemon's memory; pid; address, where it listens.
    """

    ok: Literal[True]
    tenants: int
    accounts: int
    messages: MessageCounts
    by_state: dict[str, int]
    by_priority: dict[str, dict[str, int]]
    deferred: dict[str, int]
    deferred_is_bounded: NotRequired[Literal[True]]
    totals: NotRequired[Totals]
    oldest_waiting_s: NotRequired[float]
    next_retry_s: NotRequired[float]
    paused_accounts: list[PausedAccount]
    active: bool
    scheduler_active: bool
    engine: NotRequired[dict[str, Any]]
    secrets_problem: NotRequired[str]
    workers: NotRequired[Workers]
    smtp_seconds: NotRequired[Percentiles]
    db_ms: NotRequired[float]
    db_bytes: NotRequired[int]
    lag_s: NotRequired[float]
    rss_bytes: NotRequired[int]
    pid: NotRequired[int]
    address: NotRequired[str]
    now: float
    uptime_seconds: int


class RotateKey(Request):
    """lost: give up what the old key sealed, which is gone for good."""

    lost: bool = False


class KeyRotated(TypedDict):
    """values: secrets that were sealed anew."""

    ok: Literal[True]
    values: int


class Token(TypedDict):
    ok: Literal[True]
    token: str
