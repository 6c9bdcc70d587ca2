"""Tenants, accounts and keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Fields = Mapping[str, Any]  # column name -> value; JSON columns as Python values


@dataclass(frozen=True, slots=True)
class Tenant:
    """One row of `tenants`, secrets decrypted; `client_auth` never leaves the process unmasked."""

    tenant_id: str
    name: str | None = None
    client_base_url: str | None = None
    client_sync_path: str | None = None
    client_attachment_path: str | None = None
    client_auth: dict[str, Any] | None = field(default=None, repr=False)
    # Newest first, each {secret, created_at, expires_at}; `put_tenant` leaves those that are there.
    webhook_secrets: list[dict[str, Any]] | None = field(default=None, repr=False)
    url_set_by_admin: bool = True
    rate_limits: dict[str, Any] | None = None
    large_file_config: dict[str, Any] | None = None
    storage_auth: dict[str, Any] | None = field(default=None, repr=False)
    report_style: str | None = None
    active: bool = True
    max_queued: int | None = None  # messages that may wait; 0: no limit, None: the instance's
    max_requests_per_minute: int | None = None  # the same
    attachment_folders: list[str] | None = None  # absolute; files of these may be attached too
    secret_unreadable: bool = False  # sealed with a key that is lost: they are None
    created_at: float = 0.0
    updated_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Account:
    """One row of `accounts`, passwords decrypted."""

    tenant_id: str
    account_id: str
    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    auth_method: str = "password"  # or oauth2
    oauth2: dict[str, Any] | None = field(default=None, repr=False)
    tls_mode: str = "auto"
    use_tls: bool | None = None
    ttl: int = 300
    batch_size: int | None = None
    limit_per_minute: int | None = None
    limit_per_hour: int | None = None
    limit_per_day: int | None = None
    limit_behavior: str = "defer"
    is_default: bool = False
    is_pec_account: bool = False
    imap_host: str | None = None
    imap_port: int | None = None
    imap_user: str | None = None
    imap_password: str | None = field(default=None, repr=False)
    imap_folder: str | None = None
    imap_ssl: bool | None = None
    in_doubt: str = "resend"
    max_connections: int | None = None
    max_retries: int | None = None
    retry_delays: tuple[float, ...] | None = None
    max_age: float | None = None  # seconds
    host_set_by_admin: bool = True
    paused_until: float | None = None
    paused_reason: str | None = None
    failures: int = 0
    stopped_at: float | None = None  # by a person
    stopped_reason: str | None = None
    capabilities: dict[str, Any] | None = None
    secret_unreadable: bool = False  # sealed with a key that is lost: the passwords are None
    created_at: float = 0.0
    updated_at: float = 0.0


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A tenant's token; only its SHA-256 is stored."""

    tenant_id: str
    key_id: str
    token_sha256: str
    prefix: str
    created_at: float
    expires_at: float | None = None
    name: str | None = None  # for people
    last_used_at: float | None = None  # some minutes late; empty: never
