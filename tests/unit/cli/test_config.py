"""`NAME config ...`"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest


@pytest.fixture
def world(cli):
    world = cli.instance("my")
    world.settings = [{"name": "http.port", "value": 8000, "source": "config.toml"}]
    return world


def config(cli) -> dict[str, object]:
    return tomllib.loads((cli.root / "my" / "config.toml").read_text())


def test_every_setting_tells_its_source(cli, world) -> None:
    told = {row["name"]: row for row in cli("my", "config", "show", "--json").json}
    assert told["http.port"] == {"name": "http.port", "value": 8000, "source": "config.toml"}
    assert told["bounce_enabled"]["source"] == "database"


@pytest.mark.parametrize(
    ("setting", "source"),
    [
        ({"name": "name", "value": "my", "source": "config.toml"}, "config.toml"),
        ({"name": "name", "value": "other", "source": "default"}, "database"),
    ],
)
def test_a_name_that_is_stored_and_set_is_told_once_with_its_source(
    cli, world, setting: dict[str, str], source: str
) -> None:
    world.settings = [setting]
    told = [row for row in cli("my", "config", "show", "--json").json if row["name"] == "name"]
    assert [(row["value"], row["source"]) for row in told] == [("my", source)]


def test_settings_of_the_file_are_checked_and_written(cli, world) -> None:
    ran = cli("my", "config", "set", "port=8025", "log_level=DEBUG")
    assert ran.code == 0
    assert config(cli) == {"port": 8025, "log_level": "DEBUG"}
    assert "mail-proxy restart my" in ran.err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("port=x", "port must be"),
        ("prot=1", "Did you mean 'port'?"),
        ("port", "has no value"),
    ],
)
def test_a_bad_setting_is_wrong_usage_and_changes_nothing(cli, world, change, told) -> None:
    ran = cli("my", "config", "set", "log_level=DEBUG", change)
    assert ran.code == 2
    assert told in ran.err
    assert config(cli) == {}


def test_an_instance_is_marked_as_production(cli, world) -> None:
    assert cli("my", "config", "set", "production=true").code == 0
    assert config(cli) == {"production": True}


def test_a_variable_that_wins_is_told(cli, world) -> None:
    cli.environ["GMP_PORT"] = "9000"
    assert "GMP_PORT is set here and wins" in cli("my", "config", "set", "port=8025").err


def test_stored_settings_go_through_the_api(cli, world) -> None:
    assert cli("my", "config", "set", "--name", "Shop").code == 0
    assert world.last("updateInstance") == {"name": "Shop"}
    assert "reloadBounce" not in world.names()


def test_nothing_to_change_is_wrong_usage(cli, world) -> None:
    ran = cli("my", "config", "set")
    assert ran.code == 2
    assert "nothing to change" in ran.err


def test_a_dry_run_changes_nothing(cli, world) -> None:
    ran = cli("my", "config", "set", "port=1", "--name", "x", "--dry-run")
    assert ran.out == "would change port, name\n"
    assert config(cli) == {}
    assert "updateInstance" not in world.names()


def test_bounces_need_a_mailbox(cli, world) -> None:
    ran = cli("my", "config", "set", "--bounce-enabled")
    assert ran.code == 2
    assert "config bounce" in ran.err
    assert "updateInstance" not in world.names()


def test_the_mailbox_of_bounces_is_given(cli, world, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary\n")
    secret.chmod(0o600)
    ran = cli(
        *("my", "config", "bounce", "--host", "imap.example.com", "--user", "b@example.com"),
        *("--password-file", str(secret), "--return-path", "b@example.com"),
    )
    assert ran.code == 0
    assert "canary" not in ran.out + ran.err
    assert world.last("updateInstance") == {
        "bounce_enabled": True,
        "bounce_imap_host": "imap.example.com",
        "bounce_imap_port": 993,
        "bounce_imap_user": "b@example.com",
        "bounce_imap_password": "canary",
        "bounce_imap_folder": "INBOX",
        "bounce_return_path": "b@example.com",
    }
    assert "reloadBounce" in world.names()


def test_what_is_missing_is_asked_for_by_its_option_where_nobody_sits(cli, world) -> None:
    ran = cli("my", "config", "bounce", "--user", "x")
    assert ran.code == 2
    assert "--host" in ran.err


def test_what_is_missing_is_asked_on_a_terminal(cli, world) -> None:
    words = ["--user", "x", "--password", "p"]
    ran = cli("my", "config", "bounce", *words, typed="imap.example.com\n\n")
    assert ran.code == 0
    assert world.last("updateInstance")["bounce_imap_host"] == "imap.example.com"
    assert "bounce_return_path" not in world.last("updateInstance")


def test_a_good_configuration_is_told_with_its_notes(cli, world) -> None:
    (cli.root / "my" / "config.toml").write_text("prot = 1\n")
    ran = cli("my", "config", "check")
    assert ran.code == 0
    assert "prot" in ran.err


def test_a_bad_configuration_names_the_line(cli, world) -> None:
    (cli.root / "my" / "config.toml").write_text("\nport = 'x'\n")
    ran = cli("my", "config", "check")
    assert ran.code != 0
    assert "line 2" in ran.err


def test_the_path_stands_alone(cli, world) -> None:
    assert cli("my", "config", "path").out == f"{cli.root / 'my' / 'config.toml'}\n"
