"""The first tables, column by column: long, because a migration copies and never shares."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _instance()
    _tenants()
    _api_keys()
    _accounts()
    _mailboxes()
    _messages()
    _recipients()
    _contents()
    _events()
    _receipts()
    _unmatched()
    _suspensions()
    _suppressions()
    _counts()
    _rate_buckets()
    _reservations()
    _sync_state()
    _command_log()
    _idempotency()
    _stored_files()
    _daemons()


def _table(name: str, *columns: sa.Column[Any]) -> None:
    # WITHOUT ROWID: the primary key is the table, one b-tree less for each insert.
    op.create_table(name, *columns, sqlite_with_rowid=False)


def _index(name: str, table: str, *columns: str, unique: bool = False, where: str = "") -> None:
    condition = sa.text(where) if where else None
    op.create_index(
        name,
        table,
        list(columns),
        unique=unique,
        sqlite_where=condition,
        postgresql_where=condition,
    )


def _key(name: str, type_: Any) -> sa.Column[Any]:
    return sa.Column(name, type_, primary_key=True, nullable=False, autoincrement=False)


def _need(name: str, type_: Any, default: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, type_, nullable=False, server_default=default)


def _may(name: str, type_: Any) -> sa.Column[Any]:
    return sa.Column(name, type_, nullable=True)


def _instance() -> None:
    _table(
        "instance",
        _key("name", sa.String()),
        _need("value", sa.Text()),
    )


def _tenants() -> None:
    _table(
        "tenants",
        _key("tenant_id", sa.String()),
        _may("name", sa.String()),
        _may("client_base_url", sa.Text()),
        _may("client_sync_path", sa.Text()),
        _may("client_attachment_path", sa.Text()),
        _may("client_auth_enc", sa.Text()),
        _need("url_set_by_admin", sa.Boolean(), "1"),
        _may("rate_limits", sa.Text()),
        _may("large_file_config", sa.Text()),
        _may("report_style", sa.String()),
        _need("active", sa.Boolean(), "1"),
        _need("created_at", sa.Float()),
        _need("updated_at", sa.Float()),
    )


def _api_keys() -> None:
    _table(
        "api_keys",
        _key("tenant_id", sa.String()),
        _key("key_id", sa.String()),
        _need("token_sha256", sa.String()),
        _need("prefix", sa.String()),
        _need("created_at", sa.Float()),
        _may("expires_at", sa.Float()),
    )
    _index("api_keys_token", "api_keys", "token_sha256", unique=True)


def _accounts() -> None:
    _table(
        "accounts",
        _key("tenant_id", sa.String()),
        _key("account_id", sa.String()),
        _need("host", sa.String()),
        _need("port", sa.Integer()),
        _may("user", sa.String()),
        _may("password_enc", sa.Text()),
        _need("tls_mode", sa.String(), "auto"),
        _may("use_tls", sa.Boolean()),
        _need("ttl", sa.Integer(), "300"),
        _may("batch_size", sa.Integer()),
        _may("limit_per_minute", sa.Integer()),
        _may("limit_per_hour", sa.Integer()),
        _may("limit_per_day", sa.Integer()),
        _need("limit_behavior", sa.String(), "defer"),
        _need("is_default", sa.Boolean(), "0"),
        _need("is_pec_account", sa.Boolean(), "0"),
        _may("imap_host", sa.String()),
        _may("imap_port", sa.Integer()),
        _may("imap_user", sa.String()),
        _may("imap_password_enc", sa.Text()),
        _may("imap_folder", sa.String()),
        _may("imap_ssl", sa.Boolean()),
        _need("in_doubt", sa.String(), "resend"),
        _may("max_connections", sa.Integer()),
        _may("max_retries", sa.Integer()),
        _may("retry_delays", sa.Text()),
        _need("host_set_by_admin", sa.Boolean(), "1"),
        _may("paused_until", sa.Float()),
        _may("paused_reason", sa.Text()),
        _need("failures", sa.Integer(), "0"),
        _may("capabilities", sa.Text()),
        _need("created_at", sa.Float()),
        _need("updated_at", sa.Float()),
    )


def _mailboxes() -> None:
    _table(
        "mailboxes",
        _key("tenant_id", sa.String()),
        _key("account_id", sa.String()),
        _may("uidvalidity", sa.BigInteger()),
        _may("last_uid", sa.BigInteger()),
        _may("last_sync", sa.Float()),
    )


def _messages() -> None:
    _table(
        "messages",
        _key("tenant_id", sa.String()),
        _key("pk", sa.BigInteger()),
        _need("id", sa.String()),
        _need("account_id", sa.String()),
        _need("state", sa.String()),
        _need("priority", sa.Integer()),
        _need("due_at", sa.Float()),
        _may("deferred_ts", sa.BigInteger()),
        _may("expires_at", sa.Float()),
        _may("batch_code", sa.String()),
        _need("sender", sa.Text()),
        _need("subject", sa.Text()),
        _need("return_path", sa.Text()),
        _need("rfc_message_id", sa.Text()),
        _need("size_bytes", sa.BigInteger()),
        _need("created_at", sa.Float()),
        _need("updated_at", sa.Float()),
        _need("tries", sa.Integer(), "0"),
        _need("lapses", sa.Integer(), "0"),
        _may("lease_token", sa.BigInteger()),
        _may("lease_daemon", sa.String()),
        _may("sent_at", sa.Float()),
        _may("error", sa.Text()),
        _may("error_code", sa.Integer()),
        _may("error_at", sa.Float()),
        _may("finished_at", sa.Float()),
        _may("held_reason", sa.Text()),
    )
    _index(
        "messages_batch",
        "messages",
        "tenant_id",
        "batch_code",
        "pk",
        where="batch_code IS NOT NULL",
    )
    _index(
        "messages_due",
        "messages",
        "tenant_id",
        "account_id",
        "priority",
        "due_at",
        "pk",
        where="state IN ('waiting')",
    )
    _index(
        "messages_finished", "messages", "tenant_id", "finished_at", where="finished_at IS NOT NULL"
    )
    _index("messages_id", "messages", "tenant_id", "id", unique=True)
    _index(
        "messages_leased",
        "messages",
        "lease_daemon",
        "tenant_id",
        "pk",
        where="state IN ('leased')",
    )
    _index("messages_suspended", "messages", "tenant_id", "pk", where="state IN ('suspended')")
    _index("messages_listed", "messages", "tenant_id", "priority", "pk")


def _recipients() -> None:
    _table(
        "recipients",
        _key("tenant_id", sa.String()),
        _key("message_pk", sa.BigInteger()),
        _key("position", sa.Integer()),
        _need("address", sa.Text()),
        _need("state", sa.String()),
        _may("reply_code", sa.Integer()),
        _may("reply", sa.Text()),
        _may("settled_at", sa.Float()),
    )


def _contents() -> None:
    _table(
        "contents",
        _key("tenant_id", sa.String()),
        _key("message_pk", sa.BigInteger()),
        _may("payload", sa.LargeBinary()),
        _may("spool", sa.Text()),
    )


def _events() -> None:
    _table(
        "events",
        _key("tenant_id", sa.String()),
        _key("pk", sa.BigInteger()),
        _need("message_pk", sa.BigInteger()),
        _need("message_id", sa.String()),
        _need("account_id", sa.String()),
        _need("priority", sa.Integer()),
        _need("event_type", sa.String()),
        _need("event_ts", sa.Float()),
        _may("description", sa.Text()),
        _need("data", sa.Text(), "{}"),
        _need("report_state", sa.String()),
        _may("reported_ts", sa.Float()),
        _need("report_tries", sa.Integer(), "0"),
    )
    _index("events_of_message", "events", "tenant_id", "message_pk", "pk")
    _index("events_unreported", "events", "tenant_id", "pk", where="report_state = 'pending'")


def _receipts() -> None:
    _table(
        "receipts",
        _key("tenant_id", sa.String()),
        _key("pk", sa.BigInteger()),
        _need("message_pk", sa.BigInteger()),
        _need("kind", sa.String()),
        _may("recipient", sa.Text()),
        _need("received_at", sa.Float()),
        _may("raw", sa.LargeBinary()),
    )


def _unmatched() -> None:
    _table(
        "unmatched",
        _key("tenant_id", sa.String()),
        _key("pk", sa.BigInteger()),
        _need("received_at", sa.Float()),
        _need("reason", sa.Text()),
        _may("raw", sa.LargeBinary()),
    )


def _suspensions() -> None:
    _table(
        "suspensions",
        _key("tenant_id", sa.String()),
        _key("batch_code", sa.String()),
        _need("created_at", sa.Float()),
    )


def _suppressions() -> None:
    _table(
        "suppressions",
        _key("tenant_id", sa.String()),
        _key("address", sa.String()),
        _may("reason", sa.Text()),
        _need("created_at", sa.Float()),
    )


def _counts() -> None:
    _table(
        "counts",
        _key("tenant_id", sa.String()),
        _key("account_id", sa.String()),
        _key("state", sa.String()),
        _key("priority", sa.Integer()),
        _need("n", sa.BigInteger()),
    )


def _rate_buckets() -> None:
    _table(
        "rate_buckets",
        _key("tenant_id", sa.String()),
        _key("account_id", sa.String()),
        _key("window_s", sa.Integer()),
        _key("bucket_start", sa.BigInteger()),
        _need("n", sa.Integer()),
    )


def _reservations() -> None:
    _table(
        "reservations",
        _key("tenant_id", sa.String()),
        _key("account_id", sa.String()),
        _key("message_pk", sa.BigInteger()),
        _need("daemon_id", sa.String()),
        _need("reserved_at", sa.Float()),
    )


def _sync_state() -> None:
    _table(
        "sync_state",
        _key("tenant_id", sa.String()),
        _may("last_sync_ts", sa.Float()),
        _may("next_sync_after", sa.Float()),
        _may("retry_at", sa.Float()),
        _need("failures", sa.Integer(), "0"),
        _may("last_error", sa.Text()),
        _need("paused", sa.Boolean(), "0"),
    )


def _command_log() -> None:
    _table(
        "command_log",
        _key("tenant_id", sa.String()),
        _key("pk", sa.BigInteger()),
        _need("command_ts", sa.Float()),
        _need("endpoint", sa.String()),
        _need("caller", sa.String()),
        _need("payload", sa.Text()),
        _need("response_status", sa.Integer()),
    )


def _idempotency() -> None:
    _table(
        "idempotency",
        _key("tenant_id", sa.String()),
        _key("key", sa.String()),
        _need("body_sha256", sa.String()),
        _need("response", sa.Text()),
        _need("created_at", sa.Float()),
    )


def _stored_files() -> None:
    _table(
        "stored_files",
        _key("tenant_id", sa.String()),
        _key("file_id", sa.String()),
        _need("filename", sa.Text()),
        _need("size_bytes", sa.BigInteger()),
        _need("location", sa.Text()),
        _need("created_at", sa.Float()),
        _may("expires_at", sa.Float()),
        _may("downloaded_at", sa.Float()),
    )


def _daemons() -> None:
    _table(
        "daemons",
        _key("daemon_id", sa.String()),
        _need("boot_id", sa.String()),
        _need("host", sa.String()),
        _need("started_at", sa.Float()),
        _need("renewals", sa.BigInteger(), "0"),
    )
