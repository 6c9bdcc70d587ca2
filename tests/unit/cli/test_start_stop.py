"""start, stop and restart: where an instance listens, and what is told of it."""

from __future__ import annotations

import pytest

from mail_proxy.domain.errors import ConfigurationError


def test_a_restart_keeps_the_port_that_an_option_gave(cli) -> None:
    cli.instance("my", running=False)
    cli("start", "my", "--port", "8025")
    ran = cli("restart", "my")
    assert ran.out == "'my' is running: pid 4242, http://127.0.0.1:8025\n"


def test_a_restart_obeys_its_own_options(cli) -> None:
    cli.instance("my", running=False)
    cli("start", "my", "--port", "8025")
    assert "http://::1:8026" in cli("restart", "my", "--port", "8026", "--host", "::1").out


@pytest.mark.parametrize(
    ("sources", "environ", "port"),
    [
        ({"port": "environment"}, {}, 9000),
        ({"port": "environment"}, {"GMP_PORT": "9001"}, None),
        ({"port": "option"}, {"GMP_PORT": "9001"}, 9000),
        ({"port": "config.toml"}, {}, None),
        ({}, {}, None),
    ],
)
def test_a_restart_repeats_only_what_would_be_lost(cli, sources, environ, port) -> None:
    cli.instance("my")
    cli.environ.update(environ)
    cli.doors.bound["my"] = ("127.0.0.1", 9000)
    cli.doors.given["my"] = sources
    assert cli("restart", "my").code == 0
    assert cli.doors.bound["my"][1] == (port or 8000)


def test_a_restart_with_settings_that_are_wrong_leaves_it_running(cli) -> None:
    cli.instance("my")
    cli.doors.check_fails_with = ConfigurationError("GMP_PORT: 1 to 65535", hint="look")
    ran = cli("restart", "my")
    assert ran.code == 1
    assert ran.err == (
        "error: 'my' was not restarted, and goes on as it was: GMP_PORT: 1 to 65535\n  try: look\n"
    )
    assert "my" in cli.doors.running


def test_a_restart_that_fails_says_that_it_is_stopped_now(cli) -> None:
    cli.instance("my")
    cli.doors.start_fails_with = ConfigurationError("port 80 is taken", hint="use --port")
    ran = cli("restart", "my")
    assert ran.code == 1
    assert ran.err == (
        "error: 'my' was stopped, and 'my' did not start: port 80 is taken\n"
        "  try: use --port\n  try: mail-proxy start my\n"
    )


def test_stop_and_restart_tell_programs_what_they_did(cli) -> None:
    cli.instance("my")
    again = cli("restart", "my", "--json").json
    assert again == {
        "ok": True,
        "name": "my",
        "was_running": True,
        "pid": 4242,
        "url": "http://127.0.0.1:8000",
    }
    assert cli("stop", "my", "--json").json == {"ok": True, "name": "my", "was_running": True}
    assert cli("stop", "my", "--json").json["was_running"] is False


def test_an_option_that_comes_too_late_is_told(cli) -> None:
    cli.instance("my")
    ran = cli("start", "my", "--port", "9000")
    assert ran.code == 0
    assert ran.out == "'my' is already running: pid 4242, http://127.0.0.1:8000\n"
    assert (
        "warning: --port 9000 was not applied: it runs at http://127.0.0.1:8000. "
        "To move it: mail-proxy restart my --port 9000\n"
    ) in ran.err
    assert cli.doors.bound == {}


def test_an_option_that_is_true_already_needs_no_word(cli) -> None:
    cli.instance("my")
    assert "not applied" not in cli("start", "my", "--port", "8000", "--host", "127.0.0.1").err


@pytest.mark.parametrize("option", ["--foreground", "--reload"])
def test_one_behind_the_terminal_does_not_come_to_the_front(cli, option: str) -> None:
    cli.instance("my")
    ran = cli("start", "my", option)
    assert ran.code == 0
    assert "is already running" in ran.out
    assert "it runs behind the terminal" in ran.err


def test_warnings_of_the_daemon_are_told_at_its_start(cli) -> None:
    cli.instance("my", running=False)
    cli.doors.warnings = ("the encryption key is lost",)
    assert "warning: the encryption key is lost\n" in cli("start", "my").err
    assert "warning: the encryption key is lost\n" in cli("restart", "my").err
    assert cli("start", "my", "--json").json["warnings"] == ["the encryption key is lost"]


def test_an_instance_that_lost_its_config_is_not_new(cli) -> None:
    folder = cli.root / "my"
    folder.mkdir(parents=True)
    (folder / "mail_service.db").touch()
    ran = cli("start", "my")
    assert "Created" not in ran.out
    assert "token" not in ran.out.lower()
    assert "warning: 'my' had no config.toml; it was made anew, all else was found" in ran.err
    assert (folder / "config.toml").exists()


def test_a_first_start_that_leaves_something_says_how_to_go_on(cli) -> None:
    cli.doors.start_fails_with = ConfigurationError("the socket path is too long", hint="--home")
    cli.doors.makes_before_failing = True
    ran = cli("start", "my")
    assert ran.code == 1
    assert "Created" not in ran.out
    assert ran.err.endswith("  try: mail-proxy start my\n  try: mail-proxy delete my\n")


def test_serve_tells_its_own_defaults(cli) -> None:
    told = cli("serve", "--help").out
    assert "GMP_HOST, 0.0.0.0" in told
    assert "GMP_PORT, 8000" in told
