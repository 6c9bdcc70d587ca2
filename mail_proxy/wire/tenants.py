"""Requests about tenants and their keys, and the record of a tenant."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, Self

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, model_validator
from typing_extensions import TypedDict

from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.large_files import Place, read_place
from mail_proxy.wire.fields import (
    Count,
    EntityId,
    Int,
    Line,
    Number,
    Request,
    Seconds,
    Secret,
    TenantRequest,
    Text,
    Timestamp,
    Url,
)

DEFAULT_OVERLAP_S = 86400.0
LONGEST_OVERLAP_S = 30 * 86400.0
_CONFIG = "large_file_config"


def _path(value: str, info: ValidationInfo) -> str:
    # Appended to the base URL: without its slash it could change the host.
    if not value.startswith("/") or " " in value:
        field = info.field_name or "path"
        raise Invalid(f"{field}: a path begins with '/' and has no spaces", field=field)
    return value


Path = Annotated[Line, AfterValidator(_path)]


def _folder(value: str, info: ValidationInfo) -> str:
    parts = value.split("/")
    if parts[0] or ".." in parts or not any(parts):
        field = info.field_name or "attachment_folders"
        raise Invalid(f"{field}: a folder is an absolute path without '..'", field=field)
    return value


Folder = Annotated[Line, AfterValidator(_folder)]


class ClientAuth(Request):
    """Credentials for calls to the tenant's own URLs; a masked secret keeps the stored one."""

    method: Literal["none", "bearer", "basic"] = "none"
    token: Secret | None = Field(default=None, repr=False)
    user: Line | None = None
    password: Secret | None = Field(default=None, repr=False)


class RateLimits(Request):
    """Messages of all the tenant's accounts; 0 is no limit.

    Of several names of one window the lowest number counts. Any other name is refused: a limit
    that is misspelled would be none.
    """

    model_config = ConfigDict(extra="forbid")

    per_minute: Count | None = None
    minute: Count | None = None
    hourly: Count | None = None
    per_hour: Count | None = None
    hour: Count | None = None
    daily: Count | None = None
    per_day: Count | None = None
    day: Count | None = None


class StorageAuth(Request):
    """Credentials of `storage_url`; a masked secret keeps the stored one.

    key, secret, region: of S3. account_name, account_key, connection_string: of Azure.
    service_account: of GCS, the JSON of its key. endpoint_url: of S3 and GCS, where it is another.
    Without them the daemon's own environment has them. No other names are taken.
    """

    model_config = ConfigDict(extra="forbid")

    key: Line | None = None
    secret: Secret | None = Field(default=None, repr=False)
    endpoint_url: Url | None = None
    region: Line | None = None
    account_name: Line | None = None
    account_key: Secret | None = Field(default=None, repr=False)
    connection_string: Secret | None = Field(default=None, repr=False)
    service_account: dict[str, str] | Literal["********"] | None = Field(default=None, repr=False)


class LargeFiles(Request):
    """What is done with attachments over `max_size_mb` (MiB).

    storage_url: s3://, gs://, az:// or file://, with a bucket and a prefix, or an absolute path;
        `file://` alone is the instance's own folder. Needed to rewrite.
    public_base_url: where the links begin that lead here; needed for file://.
    lifespan_after_download_days: after the first download through the daemon; at least an hour.
    """

    enabled: bool = False
    max_size_mb: Number = Field(default=10.0, gt=0, le=1e6, allow_inf_nan=False)
    storage_url: Line | None = None
    public_base_url: Url | None = None
    file_ttl_days: Int = Field(default=30, ge=1, le=36500)
    lifespan_after_download_days: Int | None = Field(default=None, ge=0, le=36500)
    action: Literal["warn", "reject", "rewrite"] = "warn"
    storage_auth: StorageAuth | None = None

    @model_validator(mode="after")
    def _places(self) -> Self:
        url, base = self.storage_url, self.public_base_url
        place = None if url is None else read_place(url, field=f"{_CONFIG}.storage_url")
        if base is not None and (set(base) & set('?#\\"<>') or not base.isascii()):
            field = f"{_CONFIG}.public_base_url"
            raise Invalid(f"{field}: a plain address is needed, without a query", field=field)
        if self.enabled and self.action == "rewrite":
            self._check_rewriting(place)
        return self

    def _check_rewriting(self, place: Place | None) -> None:
        if place is None:
            field = f"{_CONFIG}.storage_url"
            raise Invalid(f"{field} is needed to rewrite", field=field)
        if place.is_local and self.public_base_url is None:
            field = f"{_CONFIG}.public_base_url"
            raise Invalid(f"{field} is needed for file://", field=field)


class _TenantFields(Request):
    name: Annotated[Line, Field(max_length=255)] | None = None
    client_base_url: Url | None = None
    client_sync_path: Path | None = None
    client_attachment_path: Path | None = None
    client_auth: ClientAuth | None = None
    rate_limits: RateLimits | None = None
    large_file_config: LargeFiles | None = None
    report_style: Literal["compact", "full"] | None = None
    active: bool | None = None
    max_queued: Count | None = None
    max_requests_per_minute: Count | None = None
    attachment_folders: Annotated[list[Folder], Field(max_length=100)] | None = None


class AddTenant(_TenantFields):
    """Insert or replace: what is left out becomes null, `active` true.

    only_new: a tenant of that id that is there already is left as it is, and the answer is 409.
    """

    id: EntityId
    api_key_expires_at: Timestamp | None = None
    only_new: bool = False


class UpdateTenant(_TenantFields, TenantRequest):
    """Only what is given changes; null is not given."""


class TenantOf(TenantRequest):
    """One tenant."""


class TenantKey(Request):
    """One tenant, for the admin."""

    tenant_id: Text


class ListTenants(Request):
    active_only: bool = False


class AddKey(TenantKey):
    """name: for people. expires_at: seconds since the epoch; absent: never."""

    name: Annotated[Line, Field(min_length=1, max_length=100)] | None = None
    expires_at: Timestamp | None = None


class OneKey(TenantKey):
    key_id: Text


class CreateKey(TenantKey):
    """expires_at: seconds since the epoch; absent: never."""

    expires_at: Timestamp | None = None


class CreateWebhookSecret(TenantOf):
    """overlap_s: how long the secret that is replaced goes on to sign beside the new one."""

    overlap_s: Seconds = Field(default=DEFAULT_OVERLAP_S, le=LONGEST_OVERLAP_S)


# --- answers ---


class TenantAdded(TypedDict):
    """api_key: of a new tenant only, and never shown again."""

    ok: Literal[True]
    api_key: NotRequired[str]


class KeyMade(TypedDict):
    ok: Literal[True]
    api_key: str


class WebhookSecretMade(TypedDict):
    """secret: never shown again. old_secret_expires_ts: when the one before it ends."""

    ok: Literal[True]
    secret: str
    old_secret_expires_ts: NotRequired[int]


class WebhookSecretRecord(TypedDict):
    """secret: masked. expires_ts: of one that was replaced."""

    secret: str
    created_at: str
    expires_ts: NotRequired[int]


class TenantRecord(TypedDict):
    """A tenant as it is looked at; its secrets are masked.

    max_queued, max_requests_per_minute: its own limits, 0 for none; absent, the instance's count.
    suspended_batches: `*` when all is suspended, else codes joined by commas.
    """

    id: str
    name: NotRequired[str]
    client_base_url: NotRequired[str]
    client_sync_path: NotRequired[str]
    client_attachment_path: NotRequired[str]
    client_auth: NotRequired[dict[str, Any]]
    needs_client_auth: NotRequired[bool]
    webhook_secrets: NotRequired[list[WebhookSecretRecord]]
    rate_limits: NotRequired[dict[str, Any]]
    large_file_config: NotRequired[dict[str, Any]]
    report_style: NotRequired[str]
    active: bool
    max_queued: NotRequired[int]
    max_requests_per_minute: NotRequired[int]
    attachment_folders: NotRequired[list[str]]
    suspended_batches: NotRequired[str]
    api_key_expires_at: NotRequired[int]
    created_at: str
    updated_at: str


class Tenants(TypedDict):
    ok: Literal[True]
    tenants: list[TenantRecord]


class KeyRecord(TypedDict):
    """prefix: the first characters, to tell keys apart; the rest is known to its owner alone.

    last_used_ts: some minutes late; absent: never used.
    """

    key_id: str
    name: NotRequired[str]
    prefix: str
    created_at: str
    expires_at: NotRequired[int]
    last_used_ts: NotRequired[int]


class KeyAdded(TypedDict):
    """api_key: never shown again."""

    ok: Literal[True]
    api_key: str
    key: KeyRecord


class Keys(TypedDict):
    ok: Literal[True]
    keys: list[KeyRecord]
