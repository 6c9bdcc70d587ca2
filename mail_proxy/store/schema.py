"""The tables, for both databases; long, because there are many.

Every key begins with `tenant_id`, so the tables can be spread by tenant. `pk` values are 63-bit
integers that grow with time (`store/keys.py`): on the wire they are decimal strings. Times are
seconds since the epoch, UTC. Columns named `*_enc` hold `ENC:` values (`secrets/`). It is long
because there are many tables.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    and_,
    event,
    literal,
    literal_column,
)

from mail_proxy.domain.state import Event, State, sources

metadata = MetaData()

APPLICATION_ID = 0x4D505259  # "MPRY": SQLite's application_id, tells our files from others'
WHOLE_TENANT = "*"  # the batch code of a suspension of everything


def stored(states: Collection[State]) -> list[ColumnElement[str]]:
    """States as literals: SQLite uses a partial index only if it sees them, not parameters."""
    return [literal(s.value, String, literal_execute=True) for s in sorted(states)]


def _table(name: str, *columns: Column[Any] | Index) -> Table:
    # WITHOUT ROWID: the primary key is the table, one b-tree less for each insert.
    return Table(name, metadata, *columns, sqlite_with_rowid=False)


def _key(name: str, type_: Any = String) -> Column[Any]:
    return Column(name, type_, primary_key=True, nullable=False, autoincrement=False)


def _need(name: str, type_: Any, default: str | None = None) -> Column[Any]:
    return Column(name, type_, nullable=False, server_default=default)


def _may(name: str, type_: Any) -> Column[Any]:
    return Column(name, type_, nullable=True)


instance = _table("instance", _key("name"), _need("value", Text))

tenants = _table(
    "tenants",
    _key("tenant_id"),
    _may("name", String),
    _may("client_base_url", Text),
    _may("client_sync_path", Text),
    _may("client_attachment_path", Text),
    _may("client_auth_enc", Text),  # JSON {method, token, user, password}
    _need("url_set_by_admin", Boolean, "1"),  # trust follows who set the URL
    _may("rate_limits", Text),  # JSON
    _may("large_file_config", Text),  # JSON
    _may("report_style", String),
    _need("active", Boolean, "1"),
    _need("created_at", Float),
    _need("updated_at", Float),
    _may("webhook_secrets_enc", Text),  # JSON [{secret, created_at, expires_at}], newest first
    _may("max_queued", BigInteger),  # messages that may wait; 0: no limit, empty: the instance's
    _may("max_requests_per_minute", Integer),  # the same
    _may("attachment_folders", Text),  # JSON [absolute path]
    _may("storage_auth_enc", Text),  # JSON: credentials of its storage_url
)

api_keys = _table(
    "api_keys",
    _key("tenant_id"),
    _key("key_id"),
    _need("token_sha256", String),
    _need("prefix", String),  # the first characters, to tell keys apart
    _need("created_at", Float),
    _may("expires_at", Float),
    _may("name", Text),  # for people
    _may("last_used_at", Float),  # written once in some minutes; empty: never used
    Index("api_keys_token", "token_sha256", unique=True),
)

accounts = _table(
    "accounts",
    _key("tenant_id"),
    _key("account_id"),
    _need("host", String),
    _need("port", Integer),
    _may("user", String),
    _may("password_enc", Text),
    _need("tls_mode", String, "auto"),  # none, starttls, ssl, auto
    _may("use_tls", Boolean),  # as the caller gave it
    _need("ttl", Integer, "300"),
    _may("batch_size", Integer),
    _may("limit_per_minute", Integer),
    _may("limit_per_hour", Integer),
    _may("limit_per_day", Integer),
    _need("limit_behavior", String, "defer"),
    _need("is_default", Boolean, "0"),
    _need("is_pec_account", Boolean, "0"),
    _may("imap_host", String),
    _may("imap_port", Integer),
    _may("imap_user", String),
    _may("imap_password_enc", Text),
    _may("imap_folder", String),
    _may("imap_ssl", Boolean),
    _need("in_doubt", String, "resend"),  # resend, hold
    _may("max_connections", Integer),
    _may("max_retries", Integer),
    _may("retry_delays", Text),  # JSON list of seconds
    _need("host_set_by_admin", Boolean, "1"),
    _may("paused_until", Float),  # breaker, limit; empty: not paused
    _may("paused_reason", Text),
    _need("failures", Integer, "0"),  # account faults in a row
    _may("capabilities", Text),  # JSON, as last seen
    _need("created_at", Float),
    _need("updated_at", Float),
    _may("max_age", Float),  # seconds after which a message is given up; empty: the instance's
    _may("stopped_at", Float),  # when a person paused it; empty: nobody has
    _may("stopped_reason", Text),  # in that person's words
    _need("auth_method", String, "password"),  # password, oauth2
    _may("oauth2_enc", Text),  # JSON {provider, token_url, client_id, client_secret, ...}
)

messages = _table(
    "messages",
    _key("tenant_id"),
    _key("pk", BigInteger),
    _need("id", String),  # the caller's
    _need("account_id", String),
    _need("state", String),
    _need("priority", Integer),
    _need("due_at", Float),  # arrival, schedule or next try
    _may("deferred_ts", BigInteger),  # the schedule as the caller gave it
    _may("expires_at", Float),
    _may("batch_code", String),
    _need("sender", Text),  # header From
    _need("subject", Text),
    _need("return_path", Text),
    _need("rfc_message_id", Text),  # fixed at acceptance, the same in every try
    _need("size_bytes", BigInteger),
    _need("created_at", Float),
    _need("updated_at", Float),
    _need("tries", Integer, "0"),  # attempts made
    _need("lapses", Integer, "0"),  # begun attempts that took their daemon down
    _may("lease_token", BigInteger),
    _may("lease_daemon", String),
    _may("sent_at", Float),  # success only
    _may("error", Text),  # the latest failure, also of a deferred try
    _may("error_code", Integer),
    _may("error_at", Float),
    _may("finished_at", Float),  # SENT, FAILED, BOUNCED
    _may("held_reason", Text),
    _may("retried_at", Float),  # when a person asked for it anew: its age counts from then
    _may("request_id", String),  # of the post, or resend, that brought it
)
_m = messages.c
_claimable = _m.state.in_(stored(sources(Event.CLAIM)))
Index(
    "messages_due",
    _m.tenant_id,
    _m.account_id,
    _m.priority,
    _m.due_at,
    _m.pk,
    sqlite_where=_claimable,
)
_leased = _m.state.in_(stored([State.LEASED]))
Index(
    "messages_leased",
    _m.lease_daemon,
    _m.tenant_id,
    _m.pk,
    sqlite_where=_leased,
)
_suspended = _m.state.in_(stored([State.SUSPENDED]))
Index(
    "messages_suspended",
    _m.tenant_id,
    _m.pk,
    sqlite_where=_suspended,
)
TROUBLED = frozenset({State.HELD, State.IN_DOUBT, State.FAILED, State.BOUNCED})
_troubled = _m.state.in_(stored(TROUBLED))
Index(
    # What asks for a person; a mail that goes well is never in it.
    "messages_troubled",
    _m.tenant_id,
    _m.state,
    _m.pk,
    sqlite_where=_troubled,
)
_expiring = and_(_m.expires_at.is_not(None), _m.state.in_(stored(sources(Event.EXPIRE))))
Index(
    # By time alone, for all tenants: what expires is looked for every few seconds.
    "messages_expiring",
    _m.expires_at,
    _m.tenant_id,
    _m.pk,
    sqlite_where=_expiring,
)
Index("messages_id", _m.tenant_id, _m.id, unique=True)
Index("messages_listed", _m.tenant_id, _m.priority, _m.pk)
Index(
    "messages_batch",
    _m.tenant_id,
    _m.batch_code,
    _m.pk,
    sqlite_where=_m.batch_code.is_not(None),
)
Index(
    "messages_finished",
    _m.tenant_id,
    _m.finished_at,
    sqlite_where=_m.finished_at.is_not(None),
)

recipients = _table(
    "recipients",
    _key("tenant_id"),
    _key("message_pk", BigInteger),
    _key("position", Integer),  # order of RCPT
    _need("address", Text),
    _need("state", String),
    _may("reply_code", Integer),
    _may("reply", Text),
    _may("settled_at", Float),  # empty too for one refused before any try, as suppressed
)

contents = _table(
    "contents",
    _key("tenant_id"),
    _key("message_pk", BigInteger),
    _may("payload", LargeBinary),  # JSON as accepted, but for what lies in the spool
    _may("spool", Text),  # the file below spool/ with the octets that were posted
    _may("auth_enc", Text),  # JSON {place of the attachment: its own credentials}
)
_c = contents.c
Index(
    "contents_spool",
    _c.spool,
    sqlite_where=_c.spool.is_not(None),
)
Index(
    "contents_auth",
    _c.tenant_id,
    _c.message_pk,
    sqlite_where=_c.auth_enc.is_not(None),
)

# Files whose rows are gone, however these went; they are removed soon.
spool_garbage = _table("spool_garbage", _key("name", Text))
SPOOL_TRIGGERS = (
    """
    CREATE TRIGGER contents_spool_deleted AFTER DELETE ON contents WHEN OLD.spool IS NOT NULL
    BEGIN INSERT OR IGNORE INTO spool_garbage (name) VALUES (OLD.spool); END
    """,
    """
    CREATE TRIGGER contents_spool_changed AFTER UPDATE OF spool ON contents
    WHEN OLD.spool IS NOT NULL AND OLD.spool IS NOT NEW.spool
    BEGIN INSERT OR IGNORE INTO spool_garbage (name) VALUES (OLD.spool); END
    """,
)
for _trigger in SPOOL_TRIGGERS:
    _ddl: DDL = DDL(_trigger)  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    event.listen(contents, "after_create", _ddl.execute_if(dialect="sqlite"))

events = _table(
    "events",
    _key("tenant_id"),
    _key("pk", BigInteger),  # `event_id` on the wire
    _need("message_pk", BigInteger),
    _need("message_id", String),
    _need("account_id", String),
    _need("priority", Integer),
    _need("event_type", String),  # sent, error, deferred, bounce, pec_*
    _need("event_ts", Float),
    _may("description", Text),
    _need("data", Text, "{}"),  # JSON: the fields of that event in a report
    _need("report_state", String),  # none, pending, reported, parked, dropped
    _may("reported_ts", Float),
    _need("report_tries", Integer, "0"),
    _may("replayed_at", Float),  # when a person asked for its report once more
)
_e = events.c
_unreported = _e.report_state == literal("pending", String, literal_execute=True)
Index(
    "events_unreported",
    _e.tenant_id,
    _e.pk,
    sqlite_where=_unreported,
)
_parked = _e.report_state == literal("parked", String, literal_execute=True)
Index(
    "events_parked",
    _e.tenant_id,
    _e.pk,
    sqlite_where=_parked,
)
Index("events_of_message", _e.tenant_id, _e.message_pk, _e.pk)

suspensions = _table(
    "suspensions", _key("tenant_id"), _key("batch_code"), _need("created_at", Float)
)

counts = _table(
    # Kept by every statement that changes a state, so that no screen counts rows.
    "counts",
    _key("tenant_id"),
    _key("account_id"),
    _key("state"),
    _key("priority", Integer),
    _need("n", BigInteger),
)
_n = counts.c
_has_leased = and_(_n.state.in_(stored([State.LEASED])), _n.n > literal_column("0"))
Index(
    # The few accounts of a tenant that have open reservations.
    "counts_leased",
    _n.tenant_id,
    _n.account_id,
    _n.n,
    sqlite_where=_has_leased,
)

rate_buckets = _table(
    # What was sent where there is a limit; old ones go as new ones come.
    "rate_buckets",
    _key("tenant_id"),
    _key("account_id"),  # "" for the whole tenant
    _key("window_s", Integer),
    _key("bucket_start", BigInteger),  # seconds of steady time
    _need("n", Integer),
)

sync_state = _table(
    "sync_state",
    _key("tenant_id"),
    _may("last_sync_ts", Float),  # last 2xx
    _may("next_sync_after", Float),  # heartbeats wait for it
    _may("retry_at", Float),  # backoff after a failure
    _need("failures", Integer, "0"),  # in a row
    _may("last_error", Text),
    _need("paused", Boolean, "0"),  # after 410
)

command_log = _table(
    "command_log",
    _key("tenant_id"),  # "" for the instance
    _key("pk", BigInteger),
    _need("command_ts", Float),
    _need("endpoint", String),
    _need("caller", String),
    _need("payload", Text),  # JSON, secrets masked
    _need("response_status", Integer),
    _may("request_id", String),  # empty for the sum of several posts
)

suppressions = _table(
    # Who gets no mail: addresses, and `@domain` for all of one; both as
    # operations/suppressions.py writes them.
    "suppressions",
    _key("tenant_id"),
    _key("address"),
    _may("reason", Text),
    _need("created_at", Float),
)

idempotency = _table(
    # First answers to posts with an Idempotency-Key; written with the messages, kept for a day.
    "idempotency",
    _key("tenant_id"),  # whose key; "" for the admin's
    _key("key"),
    _need("body_sha256", String),
    _need("response", Text),  # JSON
    _need("created_at", Float),
)
Index("idempotency_created", idempotency.c.created_at, idempotency.c.tenant_id, idempotency.c.key)

stored_files = _table(
    # Attachments that mails have links to; a row is there before its object and after it.
    "stored_files",
    _key("tenant_id"),  # "" when the tenant is deleted and the object not yet
    _key("file_id"),
    _need("filename", Text),
    _need("size_bytes", BigInteger),
    _need("location", Text),  # the storage_url that it was stored under
    _need("created_at", Float),
    _may("expires_at", Float),  # of the last link; else when to look at it again
    _may("downloaded_at", Float),  # first
    _need("key", Text, ""),  # below `location`
    _need("mime_type", Text, ""),
    _need("sha256", String, ""),
    _need("state", String, "uploading"),  # uploading, ready, removing
    _may("message_pk", BigInteger),  # whose attachment it was; empty: a test of the storage
    _may("position", Integer),  # among its attachments
    _may("dropped_as", Text),  # the setting with the credentials of a deleted tenant
    Index("stored_files_id", "file_id"),
    Index("stored_files_message", "tenant_id", "message_pk"),
    Index("stored_files_expiring", "expires_at", "tenant_id", "file_id"),
)

# --- used by later work; here so that nothing is torn out ---

mailboxes = _table(
    "mailboxes",
    _key("tenant_id"),
    _key("account_id"),
    _may("uidvalidity", BigInteger),
    _may("last_uid", BigInteger),
    _may("last_sync", Float),
)

receipts = _table(
    "receipts",
    _key("tenant_id"),
    _key("pk", BigInteger),
    _need("message_pk", BigInteger),
    _need("kind", String),
    _may("recipient", Text),
    _need("received_at", Float),
    _may("raw", LargeBinary),
)

unmatched = _table(
    "unmatched",
    _key("tenant_id"),
    _key("pk", BigInteger),
    _need("received_at", Float),
    _need("reason", Text),
    _may("raw", LargeBinary),
)

daemons = _table(
    "daemons",
    _key("daemon_id"),
    _need("boot_id", String),
    _need("host", String),
    _need("started_at", Float),
    _need("renewals", BigInteger, "0"),
)


@event.listens_for(metadata, "before_create")
def _keep_conditions(_metadata: MetaData, conn: Connection, **_options: object) -> None:
    """Partial indexes are partial in every database.

    They are declared with the condition of SQLite alone: to name the one of PostgreSQL loads all
    that SQLAlchemy has for it, 2 MB of each daemon's memory.
    """
    if conn.dialect.name == "sqlite":
        return
    for table in metadata.tables.values():
        for index in table.indexes:
            condition = index.dialect_options["sqlite"]["where"]
            index.dialect_options[conn.dialect.name]["where"] = condition
