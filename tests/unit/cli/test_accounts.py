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
        "only_new": True,
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
    assert world.last("updateAccount")["password"] == "two"


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
    assert ran.err == (
        "error: smtp.example.com:587: login refused: 535 5.7.8 no\n"
        "  try: mail-proxy my acme accounts set-password main\n"
    )
    document = cli("my", "acme", "accounts", "check", "main", "--json")
    assert (document.code, document.json["failed_stage"]) == (1, "auth")


def test_a_check_that_goes_in_clear_although_it_need_not_warns(cli) -> None:
    world = cli.instance("my")
    world.report = {
        **GOOD,
        "tls_version": None,
        "capabilities": {"STARTTLS": ""},
        "login": "none",
    }
    ran = cli("my", "acme", "accounts", "check", "main", tty=True)
    assert ran.code == 0
    assert ran.err == (
        "warning: the server offers STARTTLS and it is not used: mail would go in clear. "
        "Use it: mail-proxy my acme accounts update main --tls-mode starttls\n"
    )
    world.report["login"] = "accepted"
    assert "mail and password would go" in cli("my", "acme", "accounts", "check", "main").err


@pytest.mark.parametrize(
    "report", [{"capabilities": {"STARTTLS": ""}}, {"capabilities": {}, "tls_version": None}]
)
def test_a_check_warns_only_where_something_better_is_offered(cli, report) -> None:
    world = cli.instance("my")
    world.report = {**GOOD, **report}
    assert cli("my", "acme", "accounts", "check", "main").err == ""


def test_a_connection_that_failed_is_told_with_what_to_look_at(cli) -> None:
    world = cli.instance("my")
    failure = "connection failed: connection refused: nothing listens there"
    world.report = {**GOOD, "login": "none", "failed_stage": "connect", "failure": failure}
    ran = cli("my", "acme", "accounts", "check", "main")
    assert ran.code == 1
    assert ran.err.splitlines() == [
        f"error: smtp.example.com:587: {failure}",
        "  try: mail-proxy my acme accounts show main",
        "  try: mail-proxy my acme accounts update main --host HOST --port PORT --tls-mode MODE",
    ]


# --- changes ---

STORED = {
    "id": "main",
    "tenant_id": "acme",
    "host": "smtp.example.com",
    "port": 465,
    "user": "me",
    "has_password": True,
    "use_tls": True,
    "tls_mode": "ssl",
    "ttl": 300,
    "limit_per_hour": 100,
    "limit_behavior": "defer",
    "is_default": True,
    "is_pec_account": False,
    "has_imap_password": False,
    "in_doubt": "resend",
    "retry_delays": [3.0],
    "paused_reason": "no route",
    "failures": 2,
    "created_at": "2026-11-01T00:00:00",
}
CHANGED = {"tenant_id": "acme", "account_id": "main"}


@pytest.fixture
def world(cli):
    made = cli.instance("my")
    made.accounts["acme", "main"] = dict(STORED)
    return made


@pytest.mark.parametrize("line", [("update", "main"), ("add", "main", "--replace")])
def test_a_change_keeps_what_is_not_given(cli, world, line: tuple[str, ...]) -> None:
    ran = cli("my", "acme", "accounts", *line, "--port", "587")
    assert ran.code == 0
    assert world.last("updateAccount") == {**CHANGED, "port": 587}
    assert ran.out == "Changed account 'main': port\n"


def test_a_change_tells_programs_what_it_changed(cli, world) -> None:
    line = ("my", "acme", "accounts", "update", "main", "--tls-mode", "starttls", "--port", "587")
    assert cli(*line, "--json").json == {
        "ok": True,
        "id": "main",
        "tenant_id": "acme",
        "changed": ["port", "tls_mode"],
    }
    assert world.last("updateAccount") == {**CHANGED, "port": 587, "tls_mode": "starttls"}


def test_an_empty_user_takes_the_login_away(cli, world) -> None:
    assert cli("my", "acme", "accounts", "update", "main", "--user", "").code == 0
    assert world.last("updateAccount") == {**CHANGED, "user": ""}


def test_a_new_user_without_a_stored_password_needs_one(cli, world) -> None:
    del world.accounts["acme", "main"]["user"]
    world.accounts["acme", "main"]["has_password"] = False
    ran = cli("my", "acme", "accounts", "update", "main", "--user", "me")
    assert ran.code == 2
    assert "--password-file" in ran.err
    assert "addAccount" not in world.names()


def test_a_password_that_cannot_be_read_is_not_thrown_away_by_a_change(cli, world) -> None:
    world.accounts["acme", "main"].update(has_password=False, needs_password=True)
    assert cli("my", "acme", "accounts", "update", "main", "--port", "587").code == 0
    assert world.last("updateAccount") == {**CHANGED, "port": 587}


def test_a_change_without_a_login_does_not_speak_of_one(cli, world) -> None:
    del world.accounts["acme", "main"]["user"]
    world.accounts["acme", "main"].update(has_password=False, auth_method="password")
    ran = cli("my", "acme", "accounts", "update", "main", "--port", "587")
    assert ran.out == "Changed account 'main': port\n"


def test_a_change_of_nothing_or_of_no_account_is_refused(cli, world) -> None:
    assert cli("my", "acme", "accounts", "update", "main").code == 2
    assert cli("my", "acme", "accounts", "update", "nope", "--port", "25").code == 4
    assert "updateAccount" not in world.names()


def test_replace_adds_what_is_not_there(cli, world) -> None:
    ran = cli("my", "acme", "accounts", "add", "new", "--host", "h", "--replace")
    assert ran.out == "Added account 'new'\n"


def test_a_password_is_changed_alone(cli, world) -> None:
    ran = cli("my", "acme", "accounts", "set-password", "main", "--password-stdin", piped="new\n")
    assert ran.out == "Changed account 'main': password\n"
    assert world.last("updateAccount") == {**CHANGED, "password": "new"}
    assert "new" not in ran.out + ran.err


def test_an_account_without_a_user_has_no_password_to_change(cli, world) -> None:
    del world.accounts["acme", "main"]["user"]
    ran = cli("my", "acme", "accounts", "set-password", "main", "--password-stdin", piped="new\n")
    assert ran.code == 2
    assert "accounts update main --user USER" in ran.err


@pytest.mark.parametrize(
    "options",
    [
        ("--no-tls", "--tls-mode", "starttls"),
        ("--no-tls", "--tls-mode", "auto"),
        ("--tls", "--tls-mode", "none"),
        ("--use-ssl", "--tls-mode", "starttls"),
        ("--no-tls", "--use-tls"),
    ],
)
def test_options_that_contradict_each_other_are_refused(cli, world, options) -> None:
    for line in (("add", "x", "--host", "h"), ("update", "main")):
        ran = cli("my", "acme", "accounts", *line, *options)
        assert ran.code == 2
        assert "contradicts" in ran.err
    assert not {"addAccount", "updateAccount"} & set(world.names())


@pytest.mark.parametrize(
    ("options", "mode"),
    [(("--tls", "--tls-mode", "ssl"), "ssl"), (("--no-tls", "--tls-mode", "none"), "none")],
)
def test_options_that_say_the_same_go_together(cli, world, options, mode: str) -> None:
    assert cli("my", "acme", "accounts", "update", "main", *options).code == 0
    assert world.last("updateAccount")["tls_mode"] == mode


def test_the_help_names_the_default_and_the_limits(cli) -> None:
    told = " ".join(cli("my", "acme", "accounts", "add", "--help").out.split())
    assert "a new one: auto, that is ssl on port 465, else STARTTLS where it is offered" in told
    assert told.count("0: no limit.") == 3


def test_add_and_delete_tell_programs_what_they_did(cli, world) -> None:
    done = {"ok": True, "id": "x", "tenant_id": "acme"}
    assert cli("my", "acme", "accounts", "add", "x", "--host", "h", "--json").json == done
    assert cli("my", "acme", "accounts", "delete", "x", "-f", "--json").json == done
    would = cli("my", "acme", "accounts", "delete", "main", "--dry-run", "--json").json
    assert (would["ok"], would["dry_run"]) == (True, True)
    assert "main" in would["would"]


def test_an_account_gets_a_plan_of_retries_and_an_age(cli) -> None:
    world = cli.instance("my")
    plan = ("--max-retries", "3", "--retry-delays", "60s,5m,1h", "--max-age", "12h")
    assert cli("my", "acme", "accounts", "update", "main", *plan).code == 0
    (stored,) = [a for a in world.accounts.values() if a["id"] == "main"]
    assert (stored["max_retries"], stored["retry_delays"]) == (3, [60.0, 300.0, 3600.0])
    assert stored["max_age"] == 43200
    cleared = cli(
        "my", "acme", "accounts", "update", "main", "--retry-delays", "", "--max-age", "0"
    )
    assert cleared.code == 0
    (stored,) = [a for a in world.accounts.values() if a["id"] == "main"]
    assert "retry_delays" not in stored
    assert "max_age" not in stored
    assert stored["max_retries"] == 3


@pytest.mark.parametrize(
    "option", [("--max-age", "soon"), ("--retry-delays", "1,,2"), ("--retry-delays", "0s")]
)
def test_a_time_that_is_none_is_refused_by_its_option(cli, option) -> None:
    cli.instance("my")
    ran = cli("my", "acme", "accounts", "update", "main", *option)
    assert ran.code == 2
    assert option[0] in ran.err


def test_an_account_says_what_becomes_of_mail_in_doubt(cli) -> None:
    world = cli.instance("my")
    assert cli("my", "acme", "accounts", "update", "main", "--in-doubt", "hold").code == 0
    assert world.last("updateAccount")["in_doubt"] == "hold"


def test_a_plan_of_retries_is_shown_with_its_units(cli) -> None:
    world = cli.instance("my")
    world.accounts["acme", "main"].update(retry_delays=[60.0, 5400.0], max_age=432000.0)
    shown = cli("my", "acme", "accounts", "show", "main", tty=True).out
    assert "1m, 1h30m" in shown
    assert "max age" in shown
    assert " 5d\n" in shown
