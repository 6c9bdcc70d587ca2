"""Which source wins, and what a refusal says."""

from __future__ import annotations

from pathlib import Path

import pytest

from mail_proxy.config.instances import Instance
from mail_proxy.config.load import load_settings, settings_from_environment
from mail_proxy.config.settings import DeliverySettings
from mail_proxy.domain.errors import ConfigurationError


def test_without_anything_the_defaults_hold(instance: Instance) -> None:
    settings = load_settings(instance, {})

    assert settings.name == "myserver"
    assert settings.database_path == instance.database_path
    assert settings.socket_path == instance.socket_path
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", None)
    assert settings.delivery == DeliverySettings()
    assert set(settings.sources.values()) == {"default"}
    assert settings.notes == ()


def test_the_file_wins_over_the_default(instance: Instance) -> None:
    instance.config_path.write_text("port = 8123\ntest_mode = true\nstop_grace_s = 1.5\n")

    settings = load_settings(instance, {})

    assert (settings.http.port, settings.delivery.test_mode) == (8123, True)
    assert settings.delivery.stop_grace_s == 1.5
    assert settings.sources["http.port"] == "config.toml"


def test_the_environment_wins_over_the_file(instance: Instance) -> None:
    instance.config_path.write_text("port = 8123\n")

    settings = load_settings(instance, {"GMP_PORT": "8124"})

    assert settings.http.port == 8124
    assert settings.sources["http.port"] == "environment"


def test_an_option_wins_over_the_environment(instance: Instance) -> None:
    settings = load_settings(instance, {"GMP_PORT": "8124"}, host="::1", port=8125)

    assert (settings.http.host, settings.http.port) == ("::1", 8125)
    assert settings.sources["http.port"] == "option"


def test_a_bad_option_is_refused_by_name(instance: Instance) -> None:
    with pytest.raises(ConfigurationError, match="--port must be a whole number"):
        load_settings(instance, {}, port=70000)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# first\nport = 70000\n", r"port in .*config\.toml, line 2 must be a whole number"),
        ('port = "eighty"\n', r"line 1 must be .*, not 'eighty'"),
        ("port = true\n", "not 'true'"),
        ("port = [1]\n", "line 1 must be a whole number"),
        ("port = nan\n", "not 'nan'"),
        ("port = \n", r"config\.toml is not TOML: .*line 1"),
        ("port = 1\nport = 2\n", "is not TOML"),
        ("x = " + "[" * 5000, "is not TOML"),
        ("port = " + "9" * 5000, "is not TOML"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(instance: Instance, text: str, said: str) -> None:
    instance.config_path.write_text(text)

    with pytest.raises(ConfigurationError, match=said) as caught:
        load_settings(instance, {})

    assert caught.value.hint


def test_a_file_that_is_no_text_is_refused(instance: Instance) -> None:
    instance.config_path.write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigurationError, match="is not TOML"):
        load_settings(instance, {})


def test_a_link_in_place_of_the_file_is_not_followed(instance: Instance, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text("port = 1\n")
    instance.config_path.symlink_to(other)

    with pytest.raises(ConfigurationError, match="cannot read"):
        load_settings(instance, {})


@pytest.mark.parametrize("name", ["GMP_API_TOKEN", "MAIL_PROXY_ENCRYPTION_KEY", "GMP_DB_PATH"])
def test_an_empty_value_that_would_change_much_is_refused(instance: Instance, name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} is empty"):
        load_settings(instance, {name: ""})


def test_any_other_empty_value_counts_as_not_given(instance: Instance) -> None:
    settings = load_settings(instance, {"GMP_PORT": "", "GMP_CLIENT_SYNC_URL": ""})

    assert settings.http.port is None
    assert settings.reports.client_sync_url is None


@pytest.mark.parametrize(
    "url", ["postgresql://u:p@h/db", "postgres://h/d", "postgresql+psycopg://h"]
)
def test_postgresql_is_not_supported_yet(instance: Instance, url: str) -> None:
    with pytest.raises(ConfigurationError, match="PostgreSQL is not supported yet") as caught:
        load_settings(instance, {"GMP_DATABASE_URL": url})

    assert "u:p" not in str(caught.value)


def test_two_names_of_one_setting_must_agree(instance: Instance) -> None:
    both = {"GMP_DB_PATH": "/data/a.db", "GMP_DATABASE_URL": "/data/b.db"}

    with pytest.raises(ConfigurationError, match="GMP_DB_PATH and GMP_DATABASE_URL"):
        load_settings(instance, both)

    load_settings(instance, {**both, "GMP_DATABASE_URL": "/data/a.db"})


def test_our_log_level_wins_over_the_common_one_and_over_debug(instance: Instance) -> None:
    environ = {"GMP_LOG_LEVEL": "ERROR", "LOG_LEVEL": "INFO", "GMP_DEBUG": "1"}

    assert load_settings(instance, environ).log_level == "ERROR"


def test_debug_switched_off_leaves_the_level_alone(instance: Instance) -> None:
    assert load_settings(instance, {"GMP_DEBUG": "0"}).log_level == "INFO"


def test_what_has_no_effect_is_said(instance: Instance) -> None:
    instance.config_path.write_text('colour = "red"\ncreated_at = "2026-01-01T00:00:00Z"\n')

    notes = load_settings(
        instance,
        {"GMP_PROT": "1", "GMP_PEC_ACCEPTANCE_TIMEOUT": "1", "GMP_STATE_DIR": "/x", "OTHER": "1"},
    ).notes

    assert len(notes) == 4
    assert [n for n in notes if n.startswith("GMP_PROT has no effect: there is no such setting")]
    assert [n for n in notes if "PEC receipts" in n]
    assert [n for n in notes if n.startswith("colour in ") and "line 1" in n]
    assert [n for n in notes if n.startswith("GMP_STATE_DIR")]


def test_a_relative_database_in_the_file_lies_in_the_folder(instance: Instance) -> None:
    instance.config_path.write_text('db_path = "other.db"\n')

    assert load_settings(instance, {}).database_path == instance.folder / "other.db"


def test_a_relative_database_in_the_environment_is_told_from_here(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    settings = load_settings(instance, {"GMP_DB_PATH": "sqlite:///q.db"})

    assert settings.database_path == tmp_path / "q.db"


# --- serve ---


def test_serve_listens_on_every_address_at_8000(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    settings = settings_from_environment({})

    assert (settings.http.host, settings.http.port) == ("0.0.0.0", 8000)
    assert settings.database_path == tmp_path / "mail_service.db"
    assert settings.state_dir == tmp_path / "mail_service.db.state"
    assert settings.name == "default"


def test_serve_keeps_its_state_beside_the_database() -> None:
    settings = settings_from_environment({"GMP_DB_PATH": "/data/q.db"})

    assert settings.state_dir == Path("/data/q.db.state")


def test_serve_takes_its_state_folder_and_name_from_the_environment() -> None:
    environ = {"GMP_STATE_DIR": "/var/lib/mp", "GMP_INSTANCE_NAME": "Mail one"}

    settings = settings_from_environment(environ)

    assert (settings.state_dir, settings.name) == (Path("/var/lib/mp"), "Mail one")
    assert settings.notes == ()


@pytest.mark.parametrize(
    "environ", [{"GMP_STATE_DIR": " "}, {"GMP_INSTANCE_NAME": "-x"}, {"GMP_INSTANCE_NAME": "a/b"}]
)
def test_serve_refuses_a_bad_folder_or_name(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(environ))):
        settings_from_environment(environ)


def test_serve_reads_a_named_config_file(tmp_path: Path) -> None:
    file = tmp_path / "mp.toml"
    file.write_text('port = 9000\nhost = "127.0.0.1"\n')

    settings = settings_from_environment({"GMP_CONFIG_FILE": str(file), "GMP_PORT": "9001"})

    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 9001)


def test_serve_refuses_a_config_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="GMP_CONFIG_FILE"):
        settings_from_environment({"GMP_CONFIG_FILE": str(tmp_path / "none.toml")})
