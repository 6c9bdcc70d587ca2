"""Each variable of the table: what it takes, what it refuses, and where it lands."""

from __future__ import annotations

import base64

import pytest

from mail_proxy.config.environment import (
    BY_KEY,
    OTHERS,
    VARIABLES,
    WITHOUT_EFFECT,
    value_of,
)
from mail_proxy.config.instances import Instance
from mail_proxy.config.load import load_settings
from mail_proxy.domain.errors import ConfigurationError

KEY = bytes(range(32))

GOOD = [
    ("GMP_HOST", "0.0.0.0", "0.0.0.0"),
    ("GMP_HOST", "::1", "::1"),
    ("GMP_HOST", "mail.example.org", "mail.example.org"),
    ("GMP_PORT", "8025", 8025),
    ("GMP_PORT", "0", 0),
    ("GMP_MAX_REQUEST_MB", "1.5", 1572864),
    ("GMP_MAX_QUEUED", "500", 500),
    ("GMP_MAX_REQUESTS_PER_MINUTE", "0", 0),
    ("GMP_API_TOKEN", "x", "x"),
    ("MAIL_PROXY_ENCRYPTION_KEY", base64.b64encode(KEY).decode(), KEY),
    (
        "GMP_ALLOWED_NETWORKS",
        " 10.0.0.0/8,,Files.Internal, fd00::/8",
        ("10.0.0.0/8", "files.internal", "fd00::/8"),
    ),
    ("GMP_SCHEDULER_ACTIVE", "no", False),
    ("GMP_SCHEDULER_ACTIVE", "On", True),
    ("GMP_START_ACTIVE", "0", False),
    ("GMP_SEND_LOOP_INTERVAL", "2.5", 2.5),
    ("GMP_TEST_MODE", "YES", True),
    ("GMP_METRICS_PUBLIC", "no", False),
    ("GMP_DEFAULT_PRIORITY", "high", 1),
    ("GMP_DEFAULT_PRIORITY", "3", 3),
    ("GMP_BATCH_SIZE_PER_ACCOUNT", "7", 7),
    ("GMP_STOP_GRACE_S", "0", 0.0),
    ("GMP_RETRY_DELAYS", "1, 2.5,600", (1.0, 2.5, 600.0)),
    ("GMP_MAX_RETRIES", "0", 0),
    ("GMP_MAX_AGE_S", "3600", 3600.0),
    ("GMP_DELIVERY_REPORT_RETENTION_SECONDS", "3600", 3600.0),
    ("GMP_COMMAND_LOG_RETENTION_SECONDS", "3600", 3600.0),
    ("GMP_SYNC_INTERVAL_SECONDS", "60", 60),
    ("GMP_REPORT_TIMEOUT_S", "2.5", 2.5),
    ("GMP_REPORT_FIRST_BACKOFF_S", "0.5", 0.5),
    ("GMP_REPORT_MAX_BACKOFF_S", "600", 600.0),
    (
        "GMP_CLIENT_SYNC_URL",
        "http://app.example.org:81/sync?x=1",
        "http://app.example.org:81/sync?x=1",
    ),
    ("GMP_CLIENT_SYNC_USER", "the app", "the app"),
    ("GMP_CLIENT_SYNC_PASSWORD", " pässword ", " pässword "),
    ("GMP_CLIENT_SYNC_TOKEN", "abc", "abc"),
    ("GMP_ATTACHMENT_TIMEOUT", "2.5", 2.5),
    ("GMP_ATTACHMENT_BASE_URL", "https://files.example.org", "https://files.example.org"),
    ("GMP_ATTACHMENT_MAX_MB", "1.5", 1572864),
    ("GMP_ATTACHMENT_BUDGET_MB", "64", 67108864),
    ("GMP_ATTACHMENT_FOLDERS", "/srv/a, /srv/b,,/srv/a", ("/srv/a", "/srv/b")),
    ("GMP_CACHE_MEMORY_MAX_MB", "0", 0),
    ("GMP_CACHE_MEMORY_TTL_SECONDS", "60", 60.0),
    ("GMP_CACHE_DISK_DIR", "/var/cache/mail", "/var/cache/mail"),
    ("GMP_ATTACHMENT_CACHE_DISK_DIR", "/var/cache/mail", "/var/cache/mail"),
    ("GMP_CACHE_DISK_MAX_MB", "100", 104857600),
    ("GMP_CACHE_DISK_TTL_SECONDS", "60", 60.0),
    ("GMP_CACHE_DISK_THRESHOLD_KB", "1.5", 1536),
    ("GMP_BOUNCE_ENABLED", "on", True),
    ("GMP_BOUNCE_IMAP_HOST", "imap.example.org", "imap.example.org"),
    ("GMP_BOUNCE_IMAP_PORT", "143", 143),
    ("GMP_BOUNCE_IMAP_USER", "the bounces", "the bounces"),
    ("GMP_BOUNCE_IMAP_PASSWORD", " pässword ", " pässword "),
    ("GMP_BOUNCE_IMAP_SSL", "no", False),
    ("GMP_BOUNCE_POLL_INTERVAL", "60", 60),
    ("GMP_LOG_LEVEL", "warn", "WARNING"),
    ("LOG_LEVEL", "error", "ERROR"),
    ("GMP_DEBUG", "1", "DEBUG"),
    ("LOG_FORMAT", "JSON", "json"),
    ("GMP_DB_PATH", "/data/q.db", "/data/q.db"),
    ("GMP_DATABASE_URL", "sqlite:////data/q.db", "/data/q.db"),
]

BAD = [
    ("GMP_HOST", "http://x"),
    ("GMP_HOST", "a b"),
    ("GMP_HOST", "[::1]"),
    ("GMP_PORT", "65536"),
    ("GMP_PORT", "-1"),
    ("GMP_PORT", "80.5"),
    ("GMP_PORT", "1_0"),
    ("GMP_PORT", "9" * 5000),
    ("GMP_MAX_REQUEST_MB", "0"),
    ("GMP_MAX_QUEUED", "-1"),
    ("GMP_MAX_REQUESTS_PER_MINUTE", "many"),
    ("GMP_API_TOKEN", "a b"),
    ("GMP_API_TOKEN", "abc\n"),
    ("GMP_API_TOKEN", "pässword"),
    ("MAIL_PROXY_ENCRYPTION_KEY", "c2hvcnQ="),
    ("MAIL_PROXY_ENCRYPTION_KEY", "not base64!"),
    ("MAIL_PROXY_ENCRYPTION_KEY", "é"),
    ("GMP_ALLOWED_NETWORKS", "10.0.0.1/8"),
    ("GMP_ALLOWED_NETWORKS", "*.internal"),
    ("GMP_ALLOWED_NETWORKS", "http://files.internal/"),
    ("GMP_ALLOWED_NETWORKS", "127.1"),
    ("GMP_SCHEDULER_ACTIVE", "maybe"),
    ("GMP_SEND_LOOP_INTERVAL", "nan"),
    ("GMP_SEND_LOOP_INTERVAL", "inf"),
    ("GMP_SEND_LOOP_INTERVAL", "-0.1"),
    ("GMP_SEND_LOOP_INTERVAL", "1e3"),
    ("GMP_TEST_MODE", "2"),
    ("GMP_METRICS_PUBLIC", "2"),
    ("GMP_DEFAULT_PRIORITY", "4"),
    ("GMP_DEFAULT_PRIORITY", "urgent"),
    ("GMP_BATCH_SIZE_PER_ACCOUNT", "0"),
    ("GMP_STOP_GRACE_S", "3601"),
    ("GMP_RETRY_DELAYS", "1,,2"),
    ("GMP_RETRY_DELAYS", "1,nan"),
    ("GMP_RETRY_DELAYS", "1," * 5000),
    ("GMP_MAX_RETRIES", "1001"),
    ("GMP_MAX_AGE_S", "0"),
    ("GMP_DELIVERY_REPORT_RETENTION_SECONDS", "forever"),
    ("GMP_COMMAND_LOG_RETENTION_SECONDS", "-1"),
    ("GMP_SYNC_INTERVAL_SECONDS", "0"),
    ("GMP_REPORT_TIMEOUT_S", "0"),
    ("GMP_REPORT_FIRST_BACKOFF_S", "soon"),
    ("GMP_REPORT_MAX_BACKOFF_S", "-1"),
    ("GMP_CLIENT_SYNC_URL", "ftp://app.example.org/"),
    ("GMP_CLIENT_SYNC_URL", "http://user:secret@app.example.org/"),
    ("GMP_CLIENT_SYNC_URL", "http://"),
    ("GMP_CLIENT_SYNC_USER", "a\r\nb"),
    ("GMP_CLIENT_SYNC_PASSWORD", "a\nb"),
    ("GMP_CLIENT_SYNC_TOKEN", "a b"),
    ("GMP_ATTACHMENT_TIMEOUT", "0"),
    ("GMP_ATTACHMENT_BASE_URL", "files.example.org"),
    ("GMP_ATTACHMENT_MAX_MB", "0"),
    ("GMP_ATTACHMENT_BUDGET_MB", "0"),
    ("GMP_ATTACHMENT_FOLDERS", "files"),
    ("GMP_ATTACHMENT_FOLDERS", "/srv/../etc"),
    ("GMP_CACHE_MEMORY_MAX_MB", "-1"),
    ("GMP_CACHE_MEMORY_TTL_SECONDS", "long"),
    ("GMP_CACHE_DISK_DIR", "cache"),
    ("GMP_CACHE_DISK_MAX_MB", "-1"),
    ("GMP_CACHE_DISK_TTL_SECONDS", "-1"),
    ("GMP_CACHE_DISK_THRESHOLD_KB", "x"),
    ("GMP_BOUNCE_ENABLED", "perhaps"),
    ("GMP_BOUNCE_IMAP_HOST", "imap://x"),
    ("GMP_BOUNCE_IMAP_PORT", "0"),
    ("GMP_BOUNCE_IMAP_USER", "a\r\nb"),
    ("GMP_BOUNCE_IMAP_PASSWORD", "a\nb"),
    ("GMP_BOUNCE_IMAP_SSL", "2"),
    ("GMP_BOUNCE_POLL_INTERVAL", "0"),
    ("GMP_LOG_LEVEL", "loud"),
    ("GMP_DEBUG", "verbose"),
    ("LOG_FORMAT", "xml"),
    ("GMP_DB_PATH", ":memory:"),
    ("GMP_DB_PATH", "mysql://host/db"),
    ("GMP_DB_PATH", "/data/folder/"),
    ("GMP_DB_PATH", "a\nb"),
    ("GMP_DATABASE_URL", "sqlite:///q.db?mode=ro"),
]

ENVIRONMENT_ONLY = {"GMP_STATE_DIR", "GMP_INSTANCE_NAME"}  # tested with `serve`


def _variable(name: str):
    return next(v for v in VARIABLES if name in v.names)


@pytest.mark.parametrize(("name", "text", "value"), GOOD)
def test_a_good_value_lands_in_its_place(instance: Instance, name, text, value) -> None:
    settings = load_settings(instance, {name: text})

    field = _variable(name).field
    assert value_of(settings, field) == value
    assert settings.sources[field] == "environment"


@pytest.mark.parametrize(("name", "text"), BAD)
def test_a_bad_value_is_refused_by_name(instance: Instance, name, text) -> None:
    with pytest.raises(ConfigurationError, match=name) as caught:
        load_settings(instance, {name: text})

    assert caught.value.hint
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_every_variable_is_tried_with_a_good_and_a_bad_value() -> None:
    named = {v.name for v in VARIABLES} - ENVIRONMENT_ONLY

    assert named <= {_variable(name).name for name, *_ in GOOD}
    assert named <= {_variable(name).name for name, *_ in BAD}


@pytest.mark.parametrize(("name", "text"), [(n, t) for n, t in BAD if _variable(n).is_secret])
def test_a_refusal_does_not_repeat_a_secret(instance: Instance, name, text) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(instance, {name: text})

    assert text not in str(caught.value)


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda v: v.name)
def test_every_variable_has_a_sentence_and_a_field(instance: Instance, variable) -> None:
    assert variable.sentence.endswith(".")
    value_of(load_settings(instance, {}), variable.field)
    assert isinstance(variable.default, str)


def test_a_plan_given_outside_keeps_what_is_not_given(instance: Instance) -> None:
    retry = load_settings(instance, {"GMP_RETRY_DELAYS": "1,2"}).delivery.retry

    assert (retry.delays_s, retry.retries, retry.max_age_s) == ((1.0, 2.0), 2, 5 * 86400.0)


def test_the_manual_tells_the_plan_as_it_is_given() -> None:
    assert _variable("GMP_RETRY_DELAYS").default == "60,300,900,3600,7200"


def test_no_name_and_no_key_stands_twice() -> None:
    names = [name for v in VARIABLES for name in v.names] + [*OTHERS, *WITHOUT_EFFECT]

    assert len(names) == len(set(names))
    assert len(BY_KEY) == sum(v.key is not None for v in VARIABLES)


def test_no_secret_may_stand_in_the_file() -> None:
    assert not [v.name for v in VARIABLES if v.is_secret and v.key]


def test_settings_never_show_a_secret(instance: Instance) -> None:
    environ = {
        "GMP_API_TOKEN": "canary",
        "GMP_CLIENT_SYNC_PASSWORD": "canary",
        "GMP_CLIENT_SYNC_TOKEN": "canary",
        "GMP_BOUNCE_IMAP_PASSWORD": "canary",
        "MAIL_PROXY_ENCRYPTION_KEY": base64.b64encode(b"canary" + bytes(26)).decode(),
    }

    assert "canary" not in repr(load_settings(instance, environ))
