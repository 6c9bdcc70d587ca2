"""Requests about SMTP accounts, and the record of an account."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, Field, ValidationInfo
from typing_extensions import TypedDict

from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.limits import Window
from mail_proxy.wire.fields import (
    Count,
    EntityId,
    Int,
    Line,
    Request,
    Seconds,
    Secret,
    TenantRequest,
    Text,
    Url,
)

_NOT_IN_A_HOST = frozenset(" /@\\?#%,;<>\"'")


def _host(value: str, info: ValidationInfo) -> str:
    if not value or not _NOT_IN_A_HOST.isdisjoint(value):
        field = info.field_name or "host"
        raise Invalid(f"{field}: a host name or an address is needed", field=field)
    return value


def _host_or_none(value: str, info: ValidationInfo) -> str:
    return _host(value, info) if value else value


Host = Annotated[Line, AfterValidator(_host), Field(max_length=255)]
HostOrNone = Annotated[Line, AfterValidator(_host_or_none), Field(max_length=255)]
Ttl = Annotated[Int, Field(ge=0, le=86400)]
Port = Annotated[Int, Field(ge=1, le=65535)]
TlsMode = Literal["none", "starttls", "ssl", "auto"]


def tls_of(tls_mode: TlsMode | None, use_tls: bool | None, port: int) -> TlsMode:
    """The mode that `tls_mode`, else `use_tls` and the port, ask for."""
    if tls_mode is not None:
        return tls_mode
    if use_tls is None:
        return "auto"
    if not use_tls:
        return "none"
    return "ssl" if port == 465 else "starttls"


class OAuth2(Request):
    """A login with access tokens (RFC 6749): with `refresh_token` that grant, else the client's.

    provider: fills in `token_url` and `scope`. tenant: of Microsoft 365. client_secret,
    refresh_token: `********` keeps the stored one.
    """

    provider: Literal["google", "microsoft"] | None = None
    token_url: Url | None = None
    client_id: Line | None = None
    client_secret: Secret | None = Field(default=None, repr=False)
    refresh_token: Secret | None = Field(default=None, repr=False)
    scope: Line | None = None
    tenant: Line | None = None


class AccountFields(Request):
    """What can be said of an account.

    password, imap_password: `********` keeps the stored one.
    auth_method: absent, it is `oauth2` where `oauth2` is given, else `password`.
    use_tls: true is TLS from the first byte on port 465 and STARTTLS elsewhere, false is neither,
        absent is `auto`; `tls_mode` says it plainly and wins.
    limit_per_*: 0 or absent is no limit.
    max_retries, retry_delays, max_age: how often, after which waits and for how long a message is
        tried, in seconds; absent, or an age of 0, is what the instance says.
    in_doubt: when the reply to a mail was lost, `resend` it or `hold` it; PEC accounts hold.
    """

    host: Host | None = None
    port: Port | None = None
    user: Line | None = None
    password: Secret | None = Field(default=None, repr=False)
    auth_method: Literal["password", "oauth2"] | None = None
    oauth2: OAuth2 | None = None
    use_tls: bool | None = None
    tls_mode: TlsMode | None = None
    ttl: Ttl | None = None
    batch_size: Int | None = Field(default=None, ge=1, le=10_000)
    limit_per_minute: Count | None = None
    limit_per_hour: Count | None = None
    limit_per_day: Count | None = None
    limit_behavior: Literal["defer", "reject"] | None = None
    is_default: bool | None = None
    is_pec_account: bool | None = None
    imap_host: Host | None = None
    imap_port: Port | None = None
    imap_user: Line | None = None
    imap_password: Secret | None = Field(default=None, repr=False)
    imap_folder: Line | None = None
    imap_ssl: bool | None = None
    in_doubt: Literal["resend", "hold"] | None = None
    max_connections: Int | None = Field(default=None, ge=1, le=1000)
    max_retries: Int | None = Field(default=None, ge=0, le=1000)
    retry_delays: Annotated[list[Seconds], Field(max_length=1000)] | None = None
    max_age: Seconds | None = None


class _NewAccount(TenantRequest):
    id: EntityId  # in a class of its own, so that it is described before the other fields
    tenant_id: EntityId | None = None


class AddAccount(AccountFields, _NewAccount):
    """Insert or replace: what is left out gets its default.

    only_new: an account of that id that is there already is left as it is, and the answer is 409.
    """

    host: Host
    port: Port
    ttl: Ttl = 300
    is_default: bool = False
    is_pec_account: bool = False
    retry_delays: Annotated[list[Seconds], Field(min_length=1, max_length=1000)] | None = None
    only_new: bool = False

    def tls(self) -> TlsMode:
        return tls_of(self.tls_mode, self.use_tls, self.port)


class AccountKey(TenantRequest):
    account_id: Text


class UpdateAccount(AccountFields, AccountKey):
    """Only what is given changes; null is not given. An empty text or list takes its field away.

    port: another one brings the TLS that `use_tls` means there, where that has set the mode.
    oauth2: replaces the stored one; of its secrets, `********` keeps the stored one, save with
        another provider or token_url.
    imap_host: an empty one takes all of `imap_*` away, which is the way for imap_port and imap_ssl.
    batch_size, max_connections: 0 is what the instance says.
    max_retries: what the instance says again only where the whole account is posted.
    """

    imap_host: HostOrNone | None = None
    batch_size: Int | None = Field(default=None, ge=0, le=10_000)
    max_connections: Int | None = Field(default=None, ge=0, le=1000)


class PauseAccount(AccountKey):
    """reason: for the people who find it paused."""

    reason: Annotated[Line, Field(max_length=500)] | None = None


class ListAccounts(TenantRequest):
    """Without a tenant: the admin sees all."""


# --- answers ---


class LimitUse(TypedDict):
    """used: of the limit, what was sent within the window and what is under way."""

    window: Window
    used: int
    limit: int


class AccountRecord(TypedDict):
    """An account as it is looked at; its passwords never leave the process.

    needs_password: the stored one was sealed with a key that is lost.
    paused_until_ts: the account is not used before; paused_reason says why, paused_by which kind
        it is: `limit`, a rate limit is reached, `fault`, its server refuses it, or `person`, who
        did so at paused_ts, until a person resumes it.
    breaker: closed while it works; open after `failures` faults in a row, until the end of its
        pause; then probing, until one message has gone or the next fault.
    limits: of the account's own; absent where it has none.
    in_flight: messages that are claimed for it or on the wire.
    sent_today, failed_today: since midnight UTC, or since the daemon's start where that is later.
    last_error, last_error_ts: the latest refusal that the daemon has seen since its start.
    """

    id: str
    tenant_id: str
    host: str
    port: int
    user: NotRequired[str]
    has_password: bool
    auth_method: Literal["password", "oauth2"]
    oauth2: NotRequired[dict[str, Any]]
    needs_password: NotRequired[bool]
    use_tls: NotRequired[bool]
    tls_mode: str
    ttl: int
    batch_size: NotRequired[int]
    limit_per_minute: NotRequired[int]
    limit_per_hour: NotRequired[int]
    limit_per_day: NotRequired[int]
    limit_behavior: str
    is_default: bool
    is_pec_account: bool
    imap_host: NotRequired[str]
    imap_port: NotRequired[int]
    imap_user: NotRequired[str]
    imap_folder: NotRequired[str]
    imap_ssl: NotRequired[bool]
    has_imap_password: bool
    in_doubt: str
    max_connections: NotRequired[int]
    max_retries: NotRequired[int]
    retry_delays: NotRequired[list[float]]
    max_age: NotRequired[float]
    paused_until_ts: NotRequired[int]
    paused_reason: NotRequired[str]
    paused_by: NotRequired[Literal["limit", "fault", "person"]]
    paused_ts: NotRequired[int]
    failures: int
    breaker: Literal["closed", "open", "probing"]
    capabilities: NotRequired[dict[str, Any]]
    limits: NotRequired[list[LimitUse]]
    in_flight: int
    sent_today: NotRequired[int]
    failed_today: NotRequired[int]
    last_error: NotRequired[str]
    last_error_ts: NotRequired[int]
    created_at: str
    updated_at: str


class Accounts(TypedDict):
    ok: Literal[True]
    accounts: list[AccountRecord]


class OneAccount(TypedDict):
    ok: Literal[True]
    account: AccountRecord


class Checked(TypedDict):
    """What the relay said to a login; no mail was sent."""

    ok: Literal[True]
    report: dict[str, Any]
