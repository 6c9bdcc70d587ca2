"""What each list shows: its columns, and its records on one level. CLI and REPL have the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mail_proxy.domain.message import LOWEST_PRIORITY, PRIORITY_WORDS
from mail_proxy.domain.report_url import report_url
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.tables.columns import (
    Column,
    show_age,
    show_count,
    show_local_time,
    show_object,
    show_recipients,
    show_until,
)


def show_priority(value: object, _now: float) -> str:
    if isinstance(value, int) and 0 <= value <= LOWEST_PRIORITY:
        return PRIORITY_WORDS[value]
    return safe_text(value)


MESSAGES = (
    Column("id", is_id=True),
    Column("priority", "pri", show_priority, drop=6),
    Column("status", "state"),
    Column("account_id", "account", drop=4),
    Column("to", "to", show_recipients, least=16, drop=1),
    Column("tries", drop=5, right=True),
    Column("deferred_ts", "next", show_until, drop=3, right=True),
    Column("created_at", "age", show_age, drop=2, right=True),
    Column("why", least=28),
)

ACCOUNTS = (
    Column("id", is_id=True),
    Column("host"),
    Column("port", right=True),
    Column("tls_mode", "tls", drop=3),
    Column("user", drop=2),
    Column("is_default", "default", drop=5),
    Column("paused_by", "paused", drop=1),
    Column("paused_until_ts", "until", show_until, drop=1, right=True),
    Column("paused_reason", "why", drop=1),
    Column("created_at", "age", show_age, drop=4, right=True),
)

TENANTS = (
    Column("id", is_id=True),
    Column("name", drop=2),
    Column("active"),
    Column("suspended_batches", "suspended", drop=3),
    Column("reports_to", "reports to", drop=1),
    Column("created_at", "age", show_age, drop=4, right=True),
)

REPORTS = (
    Column("event_id", "event", is_id=True),
    Column("tenant_id", "tenant", drop=3),
    Column("id", "message"),
    Column("event_type", "what"),
    Column("state"),
    Column("refusals", "refused", show_count, drop=2, right=True),
    Column("event_ts", "age", show_age, drop=1, right=True),
)

SYNC_STATUS = (
    Column("id", is_id=True),
    Column("active", drop=5),
    Column("last_sync_ts", "last", show_age, drop=3, right=True),
    Column("unreported", "waiting", show_count, right=True),
    Column("parked", "parked", show_count, drop=2, right=True),
    Column("failures", "failed", show_count, drop=4, right=True),
    Column("paused"),
    Column("retry_at_ts", "next", show_until, drop=1, right=True),
    Column("last_error", "why", drop=6),
)

SUPPRESSIONS = (
    Column("address", is_id=True),
    Column("reason", drop=1),
    Column("created_at", "age", show_age, drop=2, right=True),
)

COMMANDS = (
    Column("command_ts", "time", show_local_time),
    Column("caller", drop=3),
    Column("tenant_id", "tenant", drop=2),
    Column("endpoint", "what"),
    Column("response_status", "status", right=True),
    Column("payload", "with", lambda value, now: show_object(value, now)[:60], drop=1),
)

KEYS = (
    Column("key_id", "key", is_id=True),
    Column("prefix", "begins with"),
    Column("created_at", "age", show_age, right=True),
    Column("expires_at", "expires", show_local_time, drop=1),
    Column("last_used_ts", "last use", show_age, right=True, drop=3),
    Column("name", drop=2),
)


def message_row(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message with what a list shows of it on one level.

    smtp_ts: when the relay answered for good, be it yes or no.
    """
    posted = message.get("message") or {}
    addresses = [recipient.get("address") for recipient in message.get("recipients") or []]
    return {
        **{key: value for key, value in message.items() if key != "message"},
        "from": posted.get("from") or posted.get("from_addr"),
        "to": addresses or posted.get("to"),
        "subject": posted.get("subject"),
        **({"attachments": posted["attachments"]} if posted.get("attachments") else {}),
        "smtp_ts": message.get("sent_ts") or message.get("error_ts"),
    }


def tenant_row(tenant: Mapping[str, Any]) -> dict[str, Any]:
    """A tenant with the address that its reports go to."""
    base_url = tenant.get("client_base_url")
    path = tenant.get("client_sync_path")
    return {**tenant, "reports_to": report_url(str(base_url), path) if base_url else None}
