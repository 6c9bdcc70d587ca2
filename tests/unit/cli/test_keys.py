from __future__ import annotations

import pytest


def test_keys_are_listed_added_and_revoked(cli) -> None:
    world = cli.instance("my")
    assert cli("my", "tenants", "keys", "list", "acme").out.split("\t")[0] == "1"
    ran = cli("my", "tenants", "keys", "add", "acme", "--name", "2027", "--expires", "90d")
    assert (ran.code, ran.out) == (0, "mp_more_key\n")
    assert "shown this once" in ran.err
    asked = world.last("addTenantKey")
    assert (asked["name"], asked["expires_at"] > 90 * 86400) == ("2027", True)
    ran = cli("my", "tenants", "keys", "revoke", "acme", "1", "--force")
    assert (ran.code, ran.out) == (0, "Revoked key '1' of 'acme'\n")


def test_a_key_is_revoked_after_a_yes_only(cli) -> None:
    world = cli.instance("my")
    assert cli("my", "tenants", "keys", "revoke", "acme", "1", typed="n\n").code != 0
    assert cli("my", "tenants", "keys", "revoke", "acme", "1", "--dry-run").code == 0
    assert "deleteTenantKey" not in world.names()


@pytest.mark.parametrize("expires", ["soon", "0", ""])
def test_a_wrong_time_is_named(cli, expires: str) -> None:
    cli.instance("my")
    ran = cli("my", "tenants", "keys", "add", "acme", "--expires", expires)
    assert ran.code == 2
    assert "--expires: a time such as" in ran.err


def test_an_absent_key_or_tenant_is_told(cli) -> None:
    cli.instance("my")
    ran = cli("my", "tenants", "keys", "revoke", "acme", "x", "--force")
    assert (ran.code, "Key 'x' not found" in ran.err) == (4, True)
    assert cli("my", "tenants", "keys", "add", "nobody").code == 4
