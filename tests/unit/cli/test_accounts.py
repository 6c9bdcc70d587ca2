from __future__ import annotations

from pathlib import Path

import pytest

NOW = 1_795_000_000.0


def test_an_account_is_added_with_its_options(cli, tmp_path: Path) -> None:
    world = cli.instance("my")
    password = tmp_path / "pw"
    password.write_text("s3cret\n")
    password.chmod(0o600)
    ran = cli(
        *("my", "acme", "accounts", "add", "smtp", "--host", "smtp.example.com", "-p", "465"),
        *("--user", "me", "--password-file", str(password), "--tls", "--limit-hour", "100"),
    )
    assert ran.code == 0
    assert world.last("addAccount") == {
        "tenant_id": "acme",
        "id": "smtp",
        "host": "smtp.example.com",
        "port": 465,
        "user": "me",
        "password": "s3cret",
        "tls_mode": "ssl",
        "limit_per_hour": 100,
    }
    assert "s3cret" not in ran.out + ran.err
    assert "accounts check smtp" in ran.err


@pytest.mark.parametrize(
    ("options", "tls_mode"),
    [
        (["--tls"], "starttls"),
        (["--no-tls"], "none"),
        (["--use-tls"], "starttls"),
        (["--use-ssl"], "ssl"),
        (["--tls-mode", "auto"], "auto"),
        ([], None),
    ],
)
def test_every_way_to_say_tls_means_one_mode(cli, options: list[str], tls_mode: object) -> None:
    world = cli.instance("my")
    assert cli("my", "acme", "accounts", "add", "x", "--host", "h", *options).code == 0
    assert world.last("addAccount").get("tls_mode") == tls_mode
    assert world.last("addAccount")["port"] == 587


def test_a_password_that_nobody_can_be_asked_for_is_named(cli) -> None:
    world = cli.instance("my")
    ran = cli("my", "acme", "accounts", "add", "x", "--host", "h", "--user", "me")
    assert ran.code == 2
    assert "--password-file" in ran.err
    assert "addAccount" not in world.names()


def test_the_password_may_come_from_stdin_or_the_environment(cli) -> None:
    world = cli.instance("my")
    line = ("my", "acme", "accounts", "add", "x", "--host", "h", "--user", "me")
    cli(*line, "--password-stdin", piped="one\n")
    assert world.last("addAccount")["password"] == "one"
    cli.environ["MAIL_PROXY_SMTP_PASSWORD"] = "two"
    cli(*line, "--replace")
    assert world.last("addAccount")["password"] == "two"


def test_a_password_on_the_line_still_works_with_a_warning(cli) -> None:
    world = cli.instance("my")
    line = ("my", "acme", "accounts", "add", "x", "--host", "h", "--user", "me")
    ran = cli(*line, "--password", "three")
    assert ran.code == 0
    assert ran.err.startswith("warning: --password shows the password")
    assert world.last("addAccount")["password"] == "three"


def test_what_is_missing_without_a_terminal_is_named(cli) -> None:
    cli.instance("my")
    ran = cli("my", "acme", "accounts", "add")
    assert ran.code == 2
    assert "accounts add ID --host HOST" in ran.err


def test_a_bad_option_is_named_before_anything_is_asked(cli) -> None:
    world = cli.instance("my")
    ran = cli("my", "acme", "accounts", "add", "x", "--host", "no/host")
    assert ran.code == 2
    assert ran.err.startswith("error: --host: a host name or an address")
    assert world.calls == []


def test_an_existing_account_is_replaced_only_on_demand(cli) -> None:
    world = cli.instance("my")
    line = ("my", "acme", "accounts", "add", "main", "--host", "h2")
    assert cli(*line).code == 7
    assert world.accounts["acme", "main"]["host"] == "h"
    assert cli(*line, "--replace").code == 0
    assert world.accounts["acme", "main"]["host"] == "h2"


def test_an_account_of_an_unknown_tenant_blames_the_tenant(cli) -> None:
    cli.instance("my")
    ran = cli("my", "acmee", "accounts", "add", "x", "--host", "h")
    assert ran.code == 4
    assert "tenant 'acmee' does not exist" in ran.err


def test_accounts_are_listed_shown_and_deleted(cli) -> None:
    world = cli.instance("my")
    assert cli("my", "acme", "accounts", "list", "--fields", "id,host").out == "main\th\n"
    assert cli("my", "acme", "accounts", "show", "main", "--json").json["host"] == "h"
    assert cli("my", "acme", "accounts", "show", "nope").code == 4
    assert cli("my", "acme", "accounts", "delete", "main").code == 2
    assert cli("my", "acme", "accounts", "delete", "main", "-f").code == 0
    assert world.accounts == {}


GOOD = {
    "host": "smtp.example.com",
    "port": 587,
    "greeting": "smtp.example.com ESMTP \x1b[2J",
    "tls_version": "TLSv1.3",
    "cipher": "AES",
    "certificate_expires_at": NOW,
    "capabilities": {"PIPELINING": "", "SIZE": "10240000"},
    "max_size_bytes": 10_240_000,
    "login": "accepted",
    "timings_s": {"connect": 0.012, "tls": 0.03, "auth": 0.1},
}


def test_a_check_shows_its_steps_and_what_is_offered(cli) -> None:
    world = cli.instance("my")
    world.report = GOOD
    ran = cli("my", "acme", "accounts", "check", "main", tty=True)
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0] == "smtp.example.com:587"
    assert lines[1].split()[:4] == ["connect", "ok", "12", "ms"]
    assert "certificate good for" in lines[2]
    assert lines[3].split() == ["login", "ok", "100", "ms"]
    assert "PIPELINING, SIZE 10240000" in ran.out
    assert "mails up to 10 MB" in ran.out
    assert "\x1b" not in ran.out


def test_a_failed_check_names_the_step_and_exits_1(cli) -> None:
    world = cli.instance("my")
    world.report = {
        **GOOD,
        "login": "refused",
        "failed_stage": "auth",
        "failure": "login refused: 535 5.7.8 no",
    }
    ran = cli("my", "acme", "accounts", "check", "main", tty=True)
    assert ran.code == 1
    assert "login    FAILED" in ran.out
    assert "error: login failed at smtp.example.com:587: 535 5.7.8 no" in ran.err
    document = cli("my", "acme", "accounts", "check", "main", "--json")
    assert (document.code, document.json["failed_stage"]) == (1, "auth")
