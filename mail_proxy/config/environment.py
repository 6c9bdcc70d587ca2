"""Every environment variable we read, in one table.

`load` fills the settings from it; the manual lists it. A variable may also stand in
`config.toml` under its `key`; the environment wins. Long, as there are many of them: one table has
them all.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import Any

from mail_proxy.config import kinds
from mail_proxy.config.kinds import Kind
from mail_proxy.config.settings import (
    AttachmentSettings,
    BounceSettings,
    CacheSettings,
    DeliverySettings,
    HttpSettings,
    IntakeSettings,
    ReportSettings,
    Settings,
)
from mail_proxy.domain.retry import RetryPolicy


@dataclass(frozen=True, slots=True)
class Variable:
    """One setting that may be given from outside.

    field: its place in Settings, as `http.port`.
    sentence: for the manual.
    aliases: other names, in falling precedence after `name`.
    key: its name in config.toml; None: in the environment only.
    is_secret: never shown.
    refuses_empty: an empty value is an error; elsewhere it counts as not given.
    """

    name: str
    field: str
    kind: Kind
    sentence: str
    aliases: tuple[str, ...] = ()
    key: str | None = None
    is_secret: bool = False
    refuses_empty: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)

    @property
    def default(self) -> str:
        """For the manual; empty when there is none."""
        found = _default_of(self.field)
        if isinstance(found, tuple):
            return ",".join(item if isinstance(item, str) else f"{item:g}" for item in found)
        return "" if found is None else str(found)


_DAY_S = 86400
_YEAR_S = 366 * _DAY_S

_FIRST = "Taken where the instance has no value of its own yet."

VARIABLES: tuple[Variable, ...] = (
    Variable(
        "GMP_DB_PATH",
        "database",
        kinds.database(),
        "The SQLite file; `serve` takes ./mail_service.db when nothing is given.",
        aliases=("GMP_DATABASE_URL",),
        key="db_path",
        refuses_empty=True,
    ),
    Variable(
        "GMP_STATE_DIR",
        "state_dir",
        kinds.folder(),
        "`serve`: the folder of journal, spool, socket and key; else one beside the database.",
    ),
    Variable(
        "GMP_INSTANCE_NAME",
        "name",
        kinds.name(),
        "`serve`: the name shown by `info` and in the log.",
        key="name",
    ),
    Variable(
        "GMP_HOST",
        "http.host",
        kinds.host(),
        "The address that the API listens on; `serve` takes 0.0.0.0 when nothing is given.",
        key="host",
    ),
    Variable(
        "GMP_PORT",
        "http.port",
        kinds.integer(0, 65535),
        "The port of the API, 0 for any. Not given: the first free one from 8000 (`start`), "
        "8000 (`serve`).",
        key="port",
    ),
    Variable(
        "GMP_MAX_REQUEST_MB",
        "http.max_request_bytes",
        kinds.decimal(0.0625, 1024, unit="MiB", scale=2**20),
        "The largest request body that is read.",
        key="max_request_mb",
    ),
    Variable(
        "GMP_METRICS_PUBLIC",
        "http.metrics_public",
        kinds.boolean(),
        "false asks for the admin token before it shows /metrics (they name tenants and accounts).",
        key="metrics_public",
    ),
    Variable(
        "GMP_MAX_QUEUED",
        "intake.max_queued",
        kinds.integer(0, 2**31 - 1),
        "How many unfinished messages a tenant may have, where it has no limit of its own; 0: any.",
        key="max_queued",
    ),
    Variable(
        "GMP_MAX_REQUESTS_PER_MINUTE",
        "intake.max_requests_per_minute",
        kinds.integer(0, 2**31 - 1),
        "How many requests a minute a tenant's tokens may make, where it has no limit of its own; "
        "0: any.",
        key="max_requests_per_minute",
    ),
    Variable(
        "GMP_API_TOKEN",
        "api_token",
        kinds.token(),
        "The admin token; not given, the stored one, made at the first start.",
        is_secret=True,
        refuses_empty=True,
    ),
    Variable(
        "MAIL_PROXY_ENCRYPTION_KEY",
        "encryption_key",
        kinds.key(),
        "The key for secrets at rest; not given, /run/secrets/encryption_key, then secret.key.",
        is_secret=True,
        refuses_empty=True,
    ),
    Variable(
        "GMP_ALLOWED_NETWORKS",
        "allowed_networks",
        kinds.networks(),
        "Networks (10.0.0.0/8), addresses and host names of your own that tenants may have called: "
        "their URLs and mail servers; by commas. What you set yourself needs none.",
        key="allowed_networks",
    ),
    Variable(
        "GMP_SCHEDULER_ACTIVE",
        "scheduler_active",
        kinds.boolean(),
        "false starts with delivery suspended, true with it active; not given, as it was left.",
        aliases=("GMP_START_ACTIVE",),
        key="scheduler_active",
    ),
    Variable(
        "GMP_SEND_LOOP_INTERVAL",
        "delivery.send_loop_interval_s",
        kinds.decimal(0, _DAY_S, unit="seconds"),
        "0 sends as soon as something is due; above 0 the queue is looked at only that often.",
        key="send_loop_interval",
    ),
    Variable(
        "GMP_TEST_MODE",
        "delivery.test_mode",
        kinds.boolean(),
        "The loops do nothing until `run-now`.",
        key="test_mode",
    ),
    Variable(
        "GMP_DEFAULT_PRIORITY",
        "delivery.default_priority",
        kinds.priority(),
        "The priority of messages and batches that name none.",
        key="default_priority",
    ),
    Variable(
        "GMP_BATCH_SIZE_PER_ACCOUNT",
        "delivery.batch_size_per_account",
        kinds.integer(1, 1000),
        "The most of one account to claim ahead; less where two seconds need less.",
        key="batch_size_per_account",
    ),
    Variable(
        "GMP_RETRY_DELAYS",
        "delivery.retry.delays_s",
        kinds.seconds_list(_YEAR_S),
        "The waits before each retry, in seconds, for accounts without a plan of their own.",
        key="retry_delays",
    ),
    Variable(
        "GMP_MAX_RETRIES",
        "delivery.retry.max_retries",
        kinds.integer(0, 1000),
        "How often a message is tried again; not given, once for each wait. "
        "Beyond the plan its last wait is repeated.",
        key="max_retries",
    ),
    Variable(
        "GMP_MAX_AGE_S",
        "delivery.retry.max_age_s",
        kinds.decimal(1, 10 * _YEAR_S, unit="seconds"),
        "How old a message may get before it is given up, for accounts without an age of their "
        "own.",
        key="max_age_s",
    ),
    Variable(
        "GMP_STOP_GRACE_S",
        "delivery.stop_grace_s",
        kinds.decimal(0, 3600, unit="seconds"),
        "How long a stop waits for what is on the wire.",
        key="stop_grace_s",
    ),
    Variable(
        "GMP_DELIVERY_REPORT_RETENTION_SECONDS",
        "reports.retention_s",
        kinds.decimal(0, 10 * _YEAR_S, unit="seconds"),
        "How long a finished and reported message is kept.",
        key="delivery_report_retention_seconds",
    ),
    Variable(
        "GMP_COMMAND_LOG_RETENTION_SECONDS",
        "reports.command_log_s",
        kinds.decimal(0, 10 * _YEAR_S, unit="seconds"),
        "How long the command log tells who changed what.",
        key="command_log_retention_seconds",
    ),
    Variable(
        "GMP_CLIENT_SYNC_URL",
        "reports.client_sync_url",
        kinds.url(),
        "Where delivery reports go for tenants without a URL of their own.",
        key="client_sync_url",
    ),
    Variable(
        "GMP_CLIENT_SYNC_USER",
        "reports.client_sync_user",
        kinds.line(),
        "The user for that URL (basic authentication).",
        key="client_sync_user",
    ),
    Variable(
        "GMP_CLIENT_SYNC_PASSWORD",
        "reports.client_sync_password",
        kinds.line(),
        "The password for that URL.",
        is_secret=True,
    ),
    Variable(
        "GMP_CLIENT_SYNC_TOKEN",
        "reports.client_sync_token",
        kinds.token(),
        "The bearer token for that URL.",
        is_secret=True,
    ),
    Variable(
        "GMP_SYNC_INTERVAL_SECONDS",
        "reports.interval_s",
        kinds.integer(1, _DAY_S),
        "How long an application hears nothing before a sign of life is posted to it.",
        key="sync_interval_seconds",
    ),
    Variable(
        "GMP_REPORT_TIMEOUT_S",
        "reports.timeout_s",
        kinds.decimal(0.1, 3600, unit="seconds"),
        "How long a post of reports may take, from the look-up of the name to the last byte.",
        key="report_timeout_s",
    ),
    Variable(
        "GMP_REPORT_FIRST_BACKOFF_S",
        "reports.first_backoff_s",
        kinds.decimal(0.1, _DAY_S, unit="seconds"),
        "The wait after a post that was not taken; it doubles with each one more.",
        key="report_first_backoff_s",
    ),
    Variable(
        "GMP_REPORT_MAX_BACKOFF_S",
        "reports.max_backoff_s",
        kinds.decimal(0.1, _DAY_S, unit="seconds"),
        "The longest of these waits.",
        key="report_max_backoff_s",
    ),
    Variable(
        "GMP_ATTACHMENT_TIMEOUT",
        "attachments.timeout_s",
        kinds.decimal(0.1, 3600, unit="seconds"),
        "How long the fetch of an attachment may take, from the look-up of the name to the last "
        "byte.",
        key="attachment_timeout",
    ),
    Variable(
        "GMP_ATTACHMENT_BASE_URL",
        "attachments.base_url",
        kinds.url(),
        "Where `endpoint` attachments are asked for, for tenants without a URL of their own.",
        key="attachment_base_url",
    ),
    Variable(
        "GMP_ATTACHMENT_MAX_MB",
        "attachments.max_bytes",
        kinds.decimal(0.0625, 1024, unit="MiB", scale=2**20),
        "The largest attachment that is fetched.",
        key="attachment_max_mb",
    ),
    Variable(
        "GMP_ATTACHMENT_BUDGET_MB",
        "attachments.budget_bytes",
        kinds.decimal(1, 2**20, unit="MiB", scale=2**20),
        "How much of fetched attachments may lie on the disk at one time, beside the cache.",
        key="attachment_budget_mb",
    ),
    Variable(
        "GMP_ATTACHMENT_FOLDERS",
        "attachments.folders",
        kinds.absolute_folders(),
        "Folders whose files all tenants may attach; the one of its own is always a tenant's.",
        key="attachment_folders",
    ),
    Variable(
        "GMP_CACHE_MEMORY_MAX_MB",
        "cache.memory_max_bytes",
        kinds.decimal(0, 2**20, unit="MiB", scale=2**20),
        "How much of small attachments with an MD5 is kept in memory; 0: nothing.",
        aliases=("GMP_ATTACHMENT_CACHE_MEMORY_MAX_MB",),
        key="cache_memory_max_mb",
    ),
    Variable(
        "GMP_CACHE_MEMORY_TTL_SECONDS",
        "cache.memory_ttl_s",
        kinds.decimal(0, _YEAR_S, unit="seconds"),
        "How long each is kept there.",
        aliases=("GMP_ATTACHMENT_CACHE_MEMORY_TTL_SECONDS",),
        key="cache_memory_ttl_seconds",
    ),
    Variable(
        "GMP_CACHE_DISK_DIR",
        "cache.disk_dir",
        kinds.absolute_folder(),
        "Where larger ones are kept; not given, in the instance's folder.",
        aliases=("GMP_ATTACHMENT_CACHE_DISK_DIR",),
        key="cache_disk_dir",
    ),
    Variable(
        "GMP_CACHE_DISK_MAX_MB",
        "cache.disk_max_bytes",
        kinds.decimal(0, 2**30, unit="MiB", scale=2**20),
        "How much of them is kept; 0: nothing.",
        aliases=("GMP_ATTACHMENT_CACHE_DISK_MAX_MB",),
        key="cache_disk_max_mb",
    ),
    Variable(
        "GMP_CACHE_DISK_TTL_SECONDS",
        "cache.disk_ttl_s",
        kinds.decimal(0, _YEAR_S, unit="seconds"),
        "How long each is kept there.",
        aliases=("GMP_ATTACHMENT_CACHE_DISK_TTL_SECONDS",),
        key="cache_disk_ttl_seconds",
    ),
    Variable(
        "GMP_CACHE_DISK_THRESHOLD_KB",
        "cache.threshold_bytes",
        kinds.decimal(0, 2**20, unit="KiB", scale=2**10),
        "From this size on an attachment is kept on the disk.",
        aliases=("GMP_ATTACHMENT_CACHE_DISK_THRESHOLD_KB",),
        key="cache_disk_threshold_kb",
    ),
    Variable(
        "GMP_BOUNCE_ENABLED",
        "bounces.enabled",
        kinds.boolean(),
        "Whether bounces are read (by a later version). " + _FIRST,
    ),
    Variable(
        "GMP_BOUNCE_IMAP_HOST",
        "bounces.imap_host",
        kinds.host(),
        "The server of the mailbox that bounces come to. " + _FIRST,
    ),
    Variable(
        "GMP_BOUNCE_IMAP_PORT",
        "bounces.imap_port",
        kinds.integer(1, 65535),
        "Its port. " + _FIRST,
    ),
    Variable(
        "GMP_BOUNCE_IMAP_USER",
        "bounces.imap_user",
        kinds.line(),
        "Its user. " + _FIRST,
    ),
    Variable(
        "GMP_BOUNCE_IMAP_PASSWORD",
        "bounces.imap_password",
        kinds.line(),
        "Its password. " + _FIRST,
        is_secret=True,
    ),
    Variable(
        "GMP_BOUNCE_IMAP_SSL",
        "bounces.imap_ssl",
        kinds.boolean(),
        "Whether TLS is spoken from the first byte. " + _FIRST,
    ),
    Variable(
        "GMP_BOUNCE_POLL_INTERVAL",
        "bounces.poll_interval",
        kinds.integer(1, _DAY_S),
        "How often it is looked at, in seconds. " + _FIRST,
    ),
    Variable(
        "GMP_LOG_LEVEL",
        "log_level",
        kinds.level(),
        "How much is logged.",
        aliases=("LOG_LEVEL",),
        key="log_level",
    ),
    Variable(
        "GMP_DEBUG",
        "log_level",
        kinds.debug(),
        "true is GMP_LOG_LEVEL=DEBUG, where that is not given.",
    ),
    Variable(
        "LOG_FORMAT",
        "log_format",
        kinds.choice("text", "json"),
        "Log lines for people, or one JSON object a line.",
        aliases=("GMP_LOG_FORMAT",),
        key="log_format",
    ),
)

# Read elsewhere: by the loader itself, by the CLI, or where instances are found.
OTHERS = frozenset({"GMP_CONFIG_FILE", "GMP_INSTANCE", "GMP_TENANT", "GMP_TOKEN"})

# Known names whose part of the program is not there yet: said at start, never ignored in silence.
WITHOUT_EFFECT: dict[str, str] = {
    "GMP_PEC_ACCEPTANCE_TIMEOUT": "PEC receipts are not read by this version",
    "GMP_LOG_DELIVERY_ACTIVITY": "each step of a delivery is logged at INFO",
}

BY_KEY: dict[str, Variable] = {v.key: v for v in VARIABLES if v.key}
FILE_ONLY = frozenset({"created_at", "production"})  # keys of config.toml that are no settings


def value_of(settings: Settings, field: str) -> Any:
    """The value at a place such as `http.port`."""
    found: Any = settings
    for part in field.split("."):
        found = getattr(found, part)
    return found


_TREES: dict[str, type[Any]] = {
    "": Settings,
    "http": HttpSettings,
    "intake": IntakeSettings,
    "delivery": DeliverySettings,
    "delivery.retry": RetryPolicy,
    "reports": ReportSettings,
    "attachments": AttachmentSettings,
    "cache": CacheSettings,
    "bounces": BounceSettings,
}


def _default_of(field: str) -> Any:
    tree, _, leaf = field.rpartition(".")
    found = next(f for f in fields(_TREES[tree]) if f.name == leaf)
    return None if found.default is MISSING else found.default
