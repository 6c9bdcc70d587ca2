"""One frozen tree of settings, built once at the top and passed as arguments.

Nothing else reads the environment. Each field has a unit in its name, a default and a reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mail_proxy.domain.retry import RetryPolicy


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where the API listens."""

    host: str = "127.0.0.1"  # `start`; `serve` uses 0.0.0.0
    port: int | None = None  # None: the first free one from 8000
    max_request_bytes: int = 64 * 2**20  # GMP_MAX_REQUEST_MB
    # Without a Content-Length nobody knows what is coming; clients with much to say tell it.
    max_chunked_bytes: int = 16 * 2**20
    body_timeout_s: float = 60.0  # for a whole body to arrive, and for each 64 KiB to leave
    metrics_public: bool = True  # GMP_METRICS_PUBLIC; else /metrics asks for the admin token
    keepalive_s: float = 75.0  # an idle connection, or one whose first request never ends
    stop_grace_s: float = 5.0  # for running requests when the daemon stops


@dataclass(frozen=True, slots=True)
class IntakeSettings:
    """What a tenant may ask for, where its own row does not say otherwise; 0: no limit."""

    max_queued: int = 0  # GMP_MAX_QUEUED: messages that are not finished
    max_requests_per_minute: int = 0  # GMP_MAX_REQUESTS_PER_MINUTE
    # Of one address: a token has 256 bits, so this is about our time, not about guessing.
    max_failed_logins_per_minute: int = 60


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """How the engine sends."""

    send_loop_interval_s: float = 0.0  # GMP_SEND_LOOP_INTERVAL; 0: as soon as something is due
    test_mode: bool = False  # GMP_TEST_MODE: the loops do nothing until run-now
    default_priority: int = 2  # GMP_DEFAULT_PRIORITY
    # GMP_BATCH_SIZE_PER_ACCOUNT: most claimed ahead. A claim may take two turns of the store's busy
    # writer, 50 ms: with 250 an account that sends 3,500 a second ran dry a hundred times a second.
    batch_size_per_account: int = 500
    max_connections: int = 20  # in all
    max_connections_per_account: int = 4
    messages_per_connection: int = 500
    connect_timeout_s: float = 30.0  # TCP, TLS and greeting
    command_timeout_s: float = 300.0  # RFC 5321 section 4.5.3.2
    dot_timeout_s: float = 600.0  # RFC 5321 section 4.5.3.2.6: a short one doubles mail
    stop_grace_s: float = 60.0  # GMP_STOP_GRACE_S
    lease_s: float = 60.0  # of a daemon on its messages; renewed every quarter while it holds any
    retry: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """Delivery reports, and what is kept after them."""

    interval_s: float = 300.0  # GMP_SYNC_INTERVAL_SECONDS: between heartbeats
    batch_limit: int = 1000  # events in one post
    timeout_s: float = 30.0  # GMP_REPORT_TIMEOUT_S
    first_backoff_s: float = 5.0  # GMP_REPORT_FIRST_BACKOFF_S
    max_backoff_s: float = 3600.0  # GMP_REPORT_MAX_BACKOFF_S
    keep_unreported_s: float = 30 * 86400.0
    retention_s: float = 7 * 86400.0  # GMP_DELIVERY_REPORT_RETENTION_SECONDS
    command_log_s: float = 90 * 86400.0  # GMP_COMMAND_LOG_RETENTION_SECONDS: who changed what
    client_sync_url: str | None = None  # GMP_CLIENT_SYNC_URL: tenants without a URL of their own
    client_sync_user: str | None = None
    client_sync_password: str | None = field(default=None, repr=False)
    client_sync_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AttachmentSettings:
    """How the contents of attachments are fetched."""

    timeout_s: float = 30.0  # GMP_ATTACHMENT_TIMEOUT: of each, to its last byte
    base_url: str | None = None  # GMP_ATTACHMENT_BASE_URL: for tenants without a client_base_url
    max_bytes: int = 50 * 2**20  # GMP_ATTACHMENT_MAX_MB: of each
    budget_bytes: int = 512 * 2**20  # GMP_ATTACHMENT_BUDGET_MB: on the disk at one time
    folders: tuple[str, ...] = ()  # GMP_ATTACHMENT_FOLDERS: files of these may be attached by all
    per_message: int = 3  # fetches at one time
    at_once: int = 32  # in all; a tenant has half while others wait


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """The cache of attachments; a size of 0 turns its tier off."""

    memory_max_bytes: int = 50 * 2**20  # GMP_CACHE_MEMORY_MAX_MB
    memory_ttl_s: float = 300.0  # GMP_CACHE_MEMORY_TTL_SECONDS
    disk_dir: str | None = None  # GMP_CACHE_DISK_DIR; None: in the instance's folder
    disk_max_bytes: int = 500 * 2**20  # GMP_CACHE_DISK_MAX_MB
    disk_ttl_s: float = 3600.0  # GMP_CACHE_DISK_TTL_SECONDS
    threshold_bytes: int = 100 * 2**10  # GMP_CACHE_DISK_THRESHOLD_KB: from here on, on the disk


@dataclass(frozen=True, slots=True)
class BounceSettings:
    """Where bounces come in: only what the instance has no value of its own for is taken.

    Nothing reads that mailbox yet.
    """

    enabled: bool | None = None  # GMP_BOUNCE_ENABLED
    imap_host: str | None = None
    imap_port: int | None = None
    imap_user: str | None = None
    imap_password: str | None = field(default=None, repr=False)
    imap_ssl: bool | None = None
    poll_interval: int | None = None  # seconds


@dataclass(frozen=True, slots=True)
class Settings:
    """All that one process is told from outside."""

    name: str
    state_dir: Path  # the instance's folder: journal, spool, socket, log
    database: str  # a path, or sqlite:///path; postgresql://... comes later
    http: HttpSettings = field(default_factory=HttpSettings)
    intake: IntakeSettings = field(default_factory=IntakeSettings)
    delivery: DeliverySettings = field(default_factory=DeliverySettings)
    reports: ReportSettings = field(default_factory=ReportSettings)
    attachments: AttachmentSettings = field(default_factory=AttachmentSettings)
    cache: CacheSettings = field(default_factory=CacheSettings)
    bounces: BounceSettings = field(default_factory=BounceSettings)
    api_token: str | None = field(default=None, repr=False)  # GMP_API_TOKEN
    encryption_key: bytes | None = field(default=None, repr=False)  # MAIL_PROXY_ENCRYPTION_KEY
    # GMP_ALLOWED_NETWORKS: networks and host names that tenants may reach although they are inside
    allowed_networks: tuple[str, ...] = ()
    scheduler_active: bool | None = None  # GMP_SCHEDULER_ACTIVE; None: as stored
    log_level: str = "INFO"  # GMP_LOG_LEVEL
    log_format: str = "text"  # LOG_FORMAT: text, or json
    # "http.port" -> environment, config.toml, option, default
    sources: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # given settings without effect; said at start

    @property
    def database_path(self) -> Path:
        """The SQLite file."""
        return Path(self.database.removeprefix("sqlite:///"))

    @property
    def socket_path(self) -> Path:
        return self.state_dir / "control.sock"

    @property
    def log_path(self) -> Path:
        return self.state_dir / "daemon.log"

    @property
    def journal_dir(self) -> Path:
        return self.state_dir / "journal"

    def attachments_of(self, tenant_id: str) -> Path:
        """Where a tenant's files may lie without anybody's leave."""
        return self.state_dir / "attachments" / tenant_id

    @property
    def spool_dir(self) -> Path:
        return self.state_dir / "spool"

    @property
    def files_dir(self) -> Path:
        """Large attachments that tenants keep at `file://`."""
        return self.state_dir / "files"

    @property
    def key_path(self) -> Path:
        return self.state_dir / "secret.key"
