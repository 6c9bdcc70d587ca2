"""A change of an account: what is given changes, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mail_proxy.domain.errors import Conflict, Invalid, NotFound
from mail_proxy.http_out import Blocked
from mail_proxy.smtp import Relay

OAUTH2 = {
    "token_url": "https://login.example/token",
    "client_id": "app",
    "client_secret": "s3cret",
    "refresh_token": "r3fresh",
}
WHOLE = {
    "id": "main",
    "tenant_id": "acme",
    "host": "smtp.example.com",
    "port": 2525,
    "user": "ann",
    "password": "s3cret",
    "tls_mode": "none",
    "use_tls": False,
    "ttl": 60,
    "batch_size": 7,
    "limit_per_minute": 1,
    "limit_per_hour": 2,
    "limit_per_day": 3,
    "limit_behavior": "reject",
    "is_default": True,
    "is_pec_account": True,
    "imap_host": "imap.example.com",
    "imap_port": 143,
    "imap_user": "bob",
    "imap_password": "other",
    "imap_folder": "Receipts",
    "imap_ssl": False,
    "in_doubt": "resend",
    "max_connections": 4,
    "max_retries": 5,
    "retry_delays": [1.0, 2.0],
    "max_age": 9.0,
}


async def stored(house: Any) -> Any:
    return await house.store.get_account("acme", "main")


async def add(house: Any, **fields: Any) -> Any:
    """The tenant as a caller, with this account of the admin's."""
    acme = await house.tenant("acme")
    await house.call("addAccount", **fields)
    return acme


async def update(house: Any, *caller: Any, **fields: Any) -> dict[str, Any]:
    return await house.call("updateAccount", *caller, account_id="main", **fields)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("host", "smtp2.example.com"), ("port", 26), ("user", "eve"), ("password", "n3w")],
        *[("ttl", 61), ("batch_size", 8), ("limit_per_minute", 4), ("limit_per_hour", 5)],
        *[("limit_per_day", 6), ("limit_behavior", "defer"), ("is_default", False)],
        *[("imap_host", "imap2.example.com"), ("imap_port", 993), ("imap_user", "carl")],
        *[("imap_password", "n3w"), ("imap_folder", "INBOX"), ("imap_ssl", True)],
        *[("in_doubt", "hold"), ("max_connections", 3), ("max_retries", 0), ("max_age", 8.0)],
    ],
)
async def test_only_what_is_given_changes(house, field, value):
    await add(house, **WHOLE)
    before = await stored(house)
    house.clock.at += 1

    assert await update(house, **{field: value}) == {"ok": True}

    after = await stored(house)
    assert after.updated_at > before.updated_at
    assert replace(after, updated_at=before.updated_at) == replace(before, **{field: value})


async def test_null_is_not_given_and_nothing_given_changes_nothing(house):
    await add(house, **WHOLE)
    before = await stored(house)
    nulls = {name: None for name in WHOLE if name not in ("id", "tenant_id")}
    await update(house, **nulls)
    await update(house)
    assert await stored(house) == before


async def test_nothing_and_what_is_empty_take_a_field_away(house):
    await add(house, **{**WHOLE, "limit_behavior": "defer"})
    await update(house, user="", limit_per_minute=0, max_age=0, retry_delays=[])
    await update(house, batch_size=0, max_connections=0)
    found = await stored(house)
    assert (found.batch_size, found.max_connections) == (None, None)
    assert (found.user, found.password, found.retry_delays) == (None, None, None)
    assert (found.limit_per_minute, found.max_age, found.limit_per_hour) == (None, None, 2)


async def test_an_empty_host_of_the_mailbox_takes_the_whole_mailbox_away(house):
    await add(house, **WHOLE)
    before = await stored(house)
    await update(house, imap_host="")
    names = [name for name in WHOLE if name.startswith("imap_")]
    assert replace(before, **dict.fromkeys(names)) == await stored(house)
    with pytest.raises(Invalid, match="a host name or an address is needed"):
        await update(house, imap_host="a b")


@pytest.mark.parametrize(
    ("stored_tls", "given", "mode"),
    [
        ({"use_tls": True}, {"port": 465}, "ssl"),
        ({"use_tls": True, "port": 465}, {"port": 587}, "starttls"),
        ({"use_tls": True}, {"port": 465, "tls_mode": "auto"}, "auto"),
        ({"tls_mode": "starttls"}, {"port": 465}, "starttls"),
        ({"use_tls": True, "tls_mode": "none"}, {"port": 465}, "none"),
        ({}, {"port": 465}, "auto"),
    ],
)
async def test_another_port_has_the_tls_that_was_asked_for(house, stored_tls, given, mode):
    await add(house, id="main", tenant_id="acme", **{"host": "x.example", "port": 587} | stored_tls)
    await update(house, **given)
    assert (await stored(house)).tls_mode == mode


@pytest.mark.parametrize(
    ("given", "mode"),
    [({"use_tls": True}, "starttls"), ({"tls_mode": "ssl"}, "ssl"), ({"port": 465}, "none")],
)
async def test_the_newer_word_for_tls_counts(house, given, mode):
    await add(house, **WHOLE)
    await update(house, **given)
    assert (await stored(house)).tls_mode == mode


async def test_what_becomes_certified_mail_holds_what_is_in_doubt(house):
    await add(house, **{**WHOLE, "is_pec_account": False})
    await update(house, is_pec_account=True)
    assert (await stored(house)).in_doubt == "hold"


@pytest.mark.parametrize("was_certified", [True, False])
async def test_mail_that_is_not_certified_keeps_what_becomes_of_a_doubt(house, was_certified):
    await add(house, **{**WHOLE, "is_pec_account": was_certified, "in_doubt": "hold"})
    await update(house, is_pec_account=False)
    assert (await stored(house)).in_doubt == "hold"


async def test_from_a_password_to_access_tokens_and_back(house):
    await add(house, **WHOLE)
    await update(house, oauth2=OAUTH2)
    found = await stored(house)
    assert (found.auth_method, found.oauth2, found.password) == ("oauth2", OAUTH2, None)
    assert found.imap_password == "other"
    await update(house, auth_method="password", password="n3w")
    found = await stored(house)
    assert (found.auth_method, found.oauth2, found.password) == ("password", None, "n3w")


async def test_a_password_for_who_logs_in_with_access_tokens_is_refused(house):
    await add(house, **{**WHOLE, "password": None}, oauth2=OAUTH2)
    with pytest.raises(Invalid, match="give auth_method too") as caught:
        await update(house, password="n3w")
    assert caught.value.field == "password"


async def test_of_access_tokens_a_mask_keeps_the_secret(house):
    await add(house, **{**WHOLE, "password": None}, oauth2=OAUTH2)
    await update(house, limit_per_hour=9)
    await update(house, oauth2={**OAUTH2, "client_secret": "********", "refresh_token": "r2"})
    assert (await stored(house)).oauth2 == {**OAUTH2, "refresh_token": "r2"}


@pytest.mark.parametrize(
    ("given", "field"),
    [({"port": 0}, "port"), ({"host": ""}, "host"), ({"auth_method": "oauth2"}, "oauth2")],
)
async def test_a_wrong_change_names_its_field_and_changes_nothing(house, given, field):
    await add(house, **WHOLE)
    before = await stored(house)
    with pytest.raises(Invalid) as caught:
        await update(house, **given, limit_per_hour=9)
    assert caught.value.field == field
    assert await stored(house) == before


async def test_what_is_not_there_or_not_ones_own_is_not_found(house):
    await house.tenant("acme", "main")
    beta = await house.tenant("beta")
    for caller, account_id in ((house.admin, "absent"), (beta, "main")):
        with pytest.raises(NotFound):
            await house.call("updateAccount", caller, account_id=account_id, ttl=1)
    assert (await stored(house)).ttl == 300


async def test_of_two_of_that_id_the_tenant_has_to_be_named(house):
    await house.tenant("acme", "main")
    await house.tenant("beta", "main")
    with pytest.raises(Conflict, match="give tenant_id"):
        await update(house, ttl=1)
    await update(house, tenant_id="beta", ttl=1)
    assert (await stored(house)).ttl == 300


@pytest.mark.parametrize(
    "change", [{"host": "evil.example"}, {"port": 25}, {"tls_mode": "auto"}, {"user": "x"}]
)
async def test_a_tenant_cannot_send_the_stored_password_elsewhere(house, change):
    acme = await add(house, **WHOLE)
    with pytest.raises(Invalid, match="must be given again"):
        await update(house, acme, **change)
    assert (await stored(house)).host == "smtp.example.com"
    await update(house, acme, limit_per_hour=9)
    assert (await stored(house)).limit_per_hour == 9


async def test_a_server_that_a_tenant_has_named_is_trusted_once_the_admin_names_it(house):
    acme = await house.tenant("acme")
    place = {"id": "main", "host": "smtp.example.com", "port": 25}
    await house.call("addAccount", acme, **place)
    await update(house, limit_per_hour=9)
    assert (await stored(house)).host_set_by_admin is False
    await update(house, host="smtp.example.com")
    assert (await stored(house)).host_set_by_admin is True
    await update(house, acme, limit_per_hour=8)
    assert (await stored(house)).host_set_by_admin is True
    await update(house, acme, port=26)
    assert (await stored(house)).host_set_by_admin is False


async def test_the_admin_vouches_only_for_the_servers_that_the_admin_names(house):
    acme = await house.tenant("acme")
    place = {"id": "main", "host": "smtp.example.com", "port": 25, "user": "ann"}
    mailbox = {"imap_host": "imap.example.com"}
    await house.call("addAccount", acme, **place, **mailbox, oauth2=OAUTH2)
    named: dict[str, Any] = {"host": "smtp.example.com", **mailbox, "oauth2": OAUTH2}

    for field in named:
        await update(house, **{n: v for n, v in named.items() if n != field})
        found = await stored(house)
        assert found.host_set_by_admin is False, field
        assert Relay.of(found).grant.is_guarded is True
    await update(house, **named)

    found = await stored(house)
    assert (found.host_set_by_admin, Relay.of(found).grant.is_guarded) == (True, False)
    await update(house, host="10.0.0.4")  # of what is trusted the admin may change a part
    assert (await stored(house)).host_set_by_admin is True


async def test_a_refusal_tells_the_admin_what_else_to_name(house):
    acme = await house.tenant("acme")
    place = {"id": "main", "host": "smtp.example.com", "port": 25, "user": "ann"}
    await house.call("addAccount", acme, **place, oauth2=OAUTH2)
    inside = {**OAUTH2, "token_url": "https://10.0.0.5/t"}
    with pytest.raises(Blocked, match="to trust it as the admin, give host too") as caught:
        await update(house, oauth2=inside)
    assert caught.value.field == "oauth2.token_url"
    with pytest.raises(Blocked) as of_a_tenant:
        await update(house, acme, oauth2=inside)
    assert "give host" not in str(of_a_tenant.value)
    await update(house, oauth2=inside, host="smtp.example.com")
    assert (await stored(house)).host_set_by_admin is True


async def test_the_engine_goes_on_with_what_was_changed(house):
    await add(house, **WHOLE)
    house.engine.asked.clear()
    await house.store.change_account("acme", "main", {"paused_until": 2e9}, now=1.0)
    await update(house, limit_per_hour=9)
    assert house.engine.asked == [("refresh", "acme", "main")]
    assert (await stored(house)).paused_until is None


async def test_a_persons_pause_stays(house):
    await add(house, **WHOLE)
    await house.call("pauseAccount", account_id="main", reason="moving house")
    await update(house, limit_per_hour=9)
    assert (await stored(house)).stopped_reason == "moving house"
