from __future__ import annotations

import io
from pathlib import Path

import pytest

from mail_proxy.cli.main import run


def test_tenants_are_listed_by_id(cli) -> None:
    world = cli.instance("my")
    world.tenants["Zoo"] = {"id": "Zoo", "active": False}
    assert [t["id"] for t in cli("my", "tenants", "list", "--json").json] == ["Zoo", "acme"]
    assert [t["id"] for t in cli("my", "tenants", "list", "-a", "--json").json] == ["acme"]


def test_an_added_tenant_gets_its_key_shown_once(cli) -> None:
    world = cli.instance("my")
    ran = cli("my", "tenants", "add", "beta", "--name", "Beta", "--base-url", "https://b.example")
    assert ran.code == 0
    assert ran.out == "Added tenant 'beta'\nAPI key: mp_tenant_key\n"
    assert world.last("addTenant") == {
        "id": "beta",
        "name": "Beta",
        "client_base_url": "https://b.example",
        "only_new": True,
    }


def test_a_quiet_add_prints_the_key_alone_as_nothing_else_would(cli) -> None:
    cli.instance("my")
    assert cli("my", "tenants", "add", "beta", "-q").out == "mp_tenant_key\n"


def test_an_existing_tenant_is_not_replaced(cli) -> None:
    world = cli.instance("my")
    ran = cli("my", "tenants", "add", "acme")
    assert ran.code == 7
    assert ran.err == (
        "error: tenant 'acme' already exists\n  try: mail-proxy my tenants update --help\n"
    )
    assert "getTenant" not in world.names()


@pytest.mark.parametrize("tenant_id", ["stats", "a b", "x" * 65, "tenants"])
def test_an_id_that_cannot_be_one_is_wrong_usage(cli, tenant_id: str) -> None:
    world = cli.instance("my")
    assert cli("my", "tenants", "add", tenant_id).code == 2
    assert world.calls == []


def test_without_an_id_and_without_a_terminal_the_id_is_asked_for_by_name(cli) -> None:
    cli.instance("my")
    ran = cli("my", "tenants", "add")
    assert ran.code == 2
    assert "tenants add ID" in ran.err


def test_the_login_of_the_application_comes_from_a_file(cli, tmp_path: Path) -> None:
    world = cli.instance("my")
    secret = tmp_path / "secret"
    secret.write_text("tok\n")
    secret.chmod(0o600)
    cli("my", "tenants", "add", "beta", "--auth-secret-file", str(secret))
    assert world.last("addTenant")["client_auth"] == {"method": "bearer", "token": "tok"}


def test_a_user_makes_the_login_basic(cli) -> None:
    world = cli.instance("my")
    cli("my", "tenants", "add", "b", "--auth-user", "u", "--auth-secret-file", "-", piped="pw\n")
    expected = {"method": "basic", "user": "u", "password": "pw"}
    assert world.last("addTenant")["client_auth"] == expected


def test_a_secret_on_the_line_works_with_a_warning(cli) -> None:
    world = cli.instance("my")
    ran = cli("my", "tenants", "add", "beta", "--auth-token", "tok")
    assert "--auth-token shows the secret" in ran.err
    assert "use --auth-secret-file" in ran.err
    assert "warning: " in ran.err
    assert world.last("addTenant")["client_auth"]["token"] == "tok"


def test_update_sends_only_what_was_given(cli) -> None:
    world = cli.instance("my")
    assert cli("my", "tenants", "update", "acme", "--inactive").code == 0
    assert world.last("updateTenant") == {"tenant_id": "acme", "active": False}
    assert cli("my", "tenants", "update", "acme", "--rate-limit-hourly", "5").code == 0
    assert world.last("updateTenant")["rate_limits"] == {"hourly": 5}


def test_a_limit_of_one_window_leaves_those_of_the_others(cli) -> None:
    world = cli.instance("my")
    world.tenants["acme"]["rate_limits"] = {"hour": 9, "daily": 50}
    for option, n in (("--rate-limit-hourly", "7"), ("--rate-limit-minute", "3")):
        assert cli("my", "tenants", "update", "acme", option, n).code == 0
    assert world.last("updateTenant")["rate_limits"] == {"per_minute": 3, "hourly": 7, "daily": 50}


def test_an_update_of_nothing_is_wrong_usage(cli) -> None:
    cli.instance("my")
    assert cli("my", "tenants", "update", "acme").code == 2


def test_delete_of_a_tenant_with_mail_wants_its_id(cli, make_message) -> None:
    world = cli.instance("my")
    world.messages["m1"] = make_message()
    assert cli("my", "tenants", "delete", "acme", "--yes").code == 2
    assert cli("my", "tenants", "delete", "acme", typed="y\n").code == 130
    assert "acme" in world.tenants
    assert cli("my", "tenants", "delete", "acme", "--confirm", "acme").code == 0
    assert "acme" not in world.tenants


def test_delete_of_an_empty_tenant_is_a_plain_question(cli) -> None:
    world = cli.instance("my")
    assert cli("my", "tenants", "delete", "acme", "--dry-run").code == 0
    assert "acme" in world.tenants
    assert cli("my", "tenants", "delete", "acme", typed="y\n").code == 0


def test_no_database_is_held_while_a_question_waits(cli) -> None:
    world = cli.instance("my")
    held: list[int] = []

    class Watching(io.StringIO):
        def isatty(self) -> bool:
            return True

        def readline(self, *_: int) -> str:
            held.append(world.open_controls)
            return "y\n"

    code = run(
        ["my", "tenants", "delete", "acme"],
        doors=cli.doors,
        environ=cli.environ,
        stdin=Watching(),
        stdout=io.StringIO(),
        stderr=Watching(),
    )
    assert (code, held) == (0, [0])


def test_delete_of_a_tenant_that_is_not_there_is_not_found(cli) -> None:
    cli.instance("my")
    ran = cli("my", "tenants", "delete", "acmee", "-y")
    assert ran.code == 4
    assert "Did you mean 'acme'?" in ran.err


def test_a_tenant_alone_shows_its_queue_and_its_commands(cli) -> None:
    cli.instance("my")
    ran = cli("my", "acme")
    assert ran.out.startswith("'acme' (Acme) is active\n0 pending, 1 234 sent, 2 failed\n")
    assert "  accounts " in ran.out
    assert cli("my", "acme", "--json").json["id"] == "acme"


def test_mail_that_waits_for_a_person_is_counted_beside_the_rest(cli) -> None:
    world = cli.instance("my")
    world.waiting_for_a_person = {"held": 1, "in_doubt": 2}
    for words in (("my",), ("my", "acme")):
        assert "0 pending, 1 234 sent, 2 failed, 1 held, 2 in doubt\n" in cli(*words).out


def test_keys_are_listed_and_made_anew(cli) -> None:
    world = cli.instance("my")
    assert cli("my", "acme", "key").out.startswith("1\tmp_ab\t")
    assert cli("my", "acme", "key", "--regenerate").code == 2
    assert cli("my", "acme", "key", "--regenerate", "-y").out == "mp_new_key\n"
    assert world.last("createTenantKey") == {"tenant_id": "acme"}


def test_a_batch_is_suspended_alone(cli) -> None:
    world = cli.instance("my")
    ran = cli("my", "acme", "suspend", "--batch", "news", "-y")
    assert ran.out == "Suspended batch 'news' of 'acme'; 3 messages wait\n"
    assert world.last("suspend") == {"tenant_id": "acme", "batch_code": "news"}
    assert cli("my", "acme", "activate").code == 0
    assert world.last("activate") == {"tenant_id": "acme"}


def test_hostile_names_reach_the_terminal_without_their_escapes(cli) -> None:
    world = cli.instance("my")
    world.tenants["acme"]["name"] = "\x1b]52;c;ZXZpbA==\x07[/b]"
    for line in (["my", "acme"], ["my", "acme", "info"], ["my", "tenants", "list"]):
        ran = cli(*line, tty=True)
        assert ran.code == 0
        assert "\x1b]" not in ran.out
        assert "[/b]" in ran.out


def test_lists_of_a_tenant_that_is_not_there_are_an_error_and_not_empty(cli) -> None:
    cli.instance("my")
    for what in ("accounts", "messages"):
        ran = cli("my", "acmee", what, "list")
        assert ran.code == 4
        assert "tenant 'acmee' does not exist on 'my'. Did you mean 'acme'?" in ran.err


@pytest.mark.parametrize("method", ["bearer", "basic"])
def test_a_login_without_its_secret_is_refused_with_what_is_missing(cli, method: str) -> None:
    world = cli.instance("my")
    user = () if method == "bearer" else ("--auth-user", "me")
    for line in (("update", "acme"), ("add", "beta")):
        ran = cli("my", "tenants", *line, "--auth-method", method, *user)
        assert ran.code == 2
        assert f"--auth-method {method} needs a " in ran.err
        assert "give --auth-secret-file FILE" in ran.err
    assert not {"updateTenant", "addTenant"} & set(world.names())
    assert (
        "give --auth-user USER"
        in cli("my", "tenants", "update", "acme", "--auth-method", "basic").err
    )


def test_a_stored_secret_stays_when_only_the_user_changes(cli) -> None:
    world = cli.instance("my")
    mask = "********"
    world.tenants["acme"]["client_auth"] = {"method": "basic", "user": "me", "password": mask}
    assert cli("my", "tenants", "update", "acme", "--auth-user", "you").code == 0
    assert world.last("updateTenant")["client_auth"] == {
        "method": "basic",
        "user": "you",
        "password": mask,
    }


def test_the_list_shows_where_reports_really_go(cli) -> None:
    world = cli.instance("my")
    world.tenants["acme"]["client_base_url"] = "https://app.example.com/"
    world.tenants["b"] = world.tenants["acme"] | {"id": "b", "client_sync_path": "/hook"}
    shown = cli("my", "tenants", "list", "--fields", "reports_to").out
    assert shown == "https://app.example.com/mail-proxy/sync\nhttps://app.example.com/hook\n"
