"""accounts add and update with access tokens."""

from __future__ import annotations

from pathlib import Path

ADD = ("my", "acme", "accounts", "add", "o365", "--host", "smtp.office365.com", "--user", "ann")


def secret(tmp_path: Path, text: str) -> str:
    path = tmp_path / f"{text}.txt"
    path.write_text(f"{text}\n")
    path.chmod(0o600)
    return str(path)


def test_options_make_an_account_with_access_tokens(cli, tmp_path: Path) -> None:
    world = cli.instance("my")
    ran = cli(
        *ADD,
        *("--oauth2-provider", "microsoft", "--oauth2-tenant", "example.com"),
        *("--oauth2-client-id", "app", "--oauth2-secret-file", secret(tmp_path, "s3cret")),
    )
    assert (ran.code, ran.err) == (0, ran.err)
    asked = world.last("addAccount")
    assert asked["auth_method"] == "oauth2"
    assert asked["oauth2"] == {
        "provider": "microsoft",
        "tenant": "example.com",
        "client_id": "app",
        "client_secret": "s3cret",
    }
    assert "password" not in asked
    assert "s3cret" not in ran.out + ran.err


def test_a_missing_secret_is_named_where_nobody_can_be_asked(cli) -> None:
    cli.instance("my")
    ran = cli(*ADD, "--oauth2-token-url", "https://x.example/t", "--oauth2-client-id", "app")
    assert ran.code == 2
    assert "Give --oauth2-secret-file, or --oauth2-refresh-file" in ran.err


def test_a_change_keeps_what_is_not_given_and_its_masked_secrets(cli, tmp_path: Path) -> None:
    world = cli.instance("my")
    known = {"provider": "google", "client_id": "app", "client_secret": "********"}
    world.accounts["acme", "main"].update(
        user="ann", auth_method="oauth2", oauth2={**known, "refresh_token": "********"}
    )
    ran = cli(
        *("my", "acme", "accounts", "update", "main"),
        *("--oauth2-refresh-file", secret(tmp_path, "r3fresh")),
    )
    assert (ran.code, ran.out) == (0, "Changed account 'main': oauth2\n")
    assert world.last("updateAccount")["oauth2"] == {**known, "refresh_token": "r3fresh"}
    cli("my", "acme", "accounts", "update", "main", "--ttl", "60")
    assert world.last("updateAccount") == {"tenant_id": "acme", "account_id": "main", "ttl": 60}


UPDATE = ("my", "acme", "accounts", "update", "main")
MASKED = {"client_secret": "********", "refresh_token": "********"}


def test_another_provider_drops_what_the_old_one_needed(cli, tmp_path: Path) -> None:
    world = cli.instance("my")
    old = {"token_url": "https://x/", "scope": "s", "client_id": "a", **MASKED}
    world.accounts["acme", "main"].update(user="ann", auth_method="oauth2", oauth2=old)
    given = ("--oauth2-provider", "google", "--oauth2-refresh-file", secret(tmp_path, "n3w"))
    cli(*UPDATE, *given)
    asked = world.last("updateAccount")["oauth2"]
    assert asked == {"provider": "google", "client_id": "a", "refresh_token": "n3w"}


def test_any_other_provider_is_told_no_secret_of_the_old_one(cli, tmp_path: Path) -> None:
    world = cli.instance("my")
    old = {"provider": "google", "client_id": "a", **MASKED}
    world.accounts["acme", "main"].update(user="ann", auth_method="oauth2", oauth2=old)
    other = ("--oauth2-provider", "other", "--oauth2-token-url", "https://x.example/t")
    assert "Give --oauth2-secret-file" in cli(*UPDATE, *other).err
    assert "updateAccount" not in world.names()
    cli(*UPDATE, *other, "--oauth2-secret-file", secret(tmp_path, "n3w"))
    asked = world.last("updateAccount")["oauth2"]
    assert asked == {"token_url": "https://x.example/t", "client_id": "a", "client_secret": "n3w"}


def test_another_token_endpoint_is_told_no_secret_of_the_old_one(cli) -> None:
    world = cli.instance("my")
    old = {"token_url": "https://x.example/t", "client_id": "a", **MASKED}
    world.accounts["acme", "main"].update(user="ann", auth_method="oauth2", oauth2=old)
    ran = cli(*UPDATE, "--oauth2-token-url", "https://y.example/t")
    assert "Give --oauth2-secret-file" in ran.err
    cli(*UPDATE, "--oauth2-token-url", "https://x.example/t", "--oauth2-scope", "mail")
    assert world.last("updateAccount")["oauth2"] == {**old, "scope": "mail"}


def test_back_to_a_password_needs_one(cli, tmp_path: Path) -> None:
    world = cli.instance("my")
    world.accounts["acme", "main"].update(
        user="ann", auth_method="oauth2", oauth2={"provider": "google", "client_id": "a"}
    )
    update = ("my", "acme", "accounts", "update", "main", "--auth-method", "password")
    assert "--password-file" in cli(*update).err
    cli(*update, "--password-file", secret(tmp_path, "pw"))
    asked = world.last("updateAccount")
    assert (asked["password"], asked["auth_method"], "oauth2" in asked) == ("pw", "password", False)
    ran = cli(*update, "--oauth2-client-id", "b")
    assert "contradicts the options of oauth2" in ran.err


def test_set_password_points_to_the_tokens_of_such_an_account(cli) -> None:
    world = cli.instance("my")
    world.accounts["acme", "main"].update(user="ann", auth_method="oauth2", oauth2={})
    ran = cli("my", "acme", "accounts", "set-password", "main")
    assert ran.code == 2
    assert "--oauth2-refresh-file FILE" in ran.err


def test_the_check_has_a_line_for_the_token_and_says_what_to_do(cli) -> None:
    world = cli.instance("my")
    world.report = {
        "host": "h",
        "port": 1,
        "auth_method": "oauth2",
        "timings_s": {"connect": 0.01, "tls": 0.0, "token": 0.2},
        "failed_stage": "token",
        "failure": "token endpoint: x answered 400 invalid_grant",
        "login": "none",
    }
    ran = cli("my", "acme", "accounts", "check", "main", tty=True)
    assert ran.code == 1
    assert "  token    FAILED" in ran.out
    assert "token endpoint: x answered 400 invalid_grant" in ran.err
    assert "accounts update main --oauth2-refresh-file FILE" in ran.err
