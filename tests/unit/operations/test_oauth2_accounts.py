"""What an account's `oauth2` may be, who may keep its secrets, and what is shown of them."""

from __future__ import annotations

from typing import Any

import pytest

from mail_proxy.domain.errors import Invalid

MASK = "********"
OAUTH2 = {
    "token_url": "https://login.example/token",
    "client_id": "app",
    "client_secret": "s3cret",
    "refresh_token": "r3fresh",
}
PLACE = {"id": "main", "tenant_id": "acme", "host": "smtp.example.com", "port": 587, "user": "ann"}


async def stored(house: Any) -> dict[str, Any]:
    return dict((await house.store.get_account("acme", "main")).oauth2)


async def test_its_secrets_are_stored_and_never_told(house):
    await house.tenant("acme")
    await house.call("addAccount", **PLACE, oauth2=OAUTH2)
    told = (await house.call("getAccount", account_id="main"))["account"]
    assert told["auth_method"] == "oauth2"
    assert told["oauth2"] == {**OAUTH2, "client_secret": MASK, "refresh_token": MASK}
    assert await stored(house) == OAUTH2


async def test_a_masked_secret_keeps_the_stored_one(house):
    await house.tenant("acme")
    await house.call("addAccount", **PLACE, oauth2=OAUTH2)
    masked = {**OAUTH2, "client_secret": MASK, "refresh_token": "another", "scope": "mail"}
    await house.call("addAccount", **PLACE, oauth2=masked)
    assert await stored(house) == {**OAUTH2, "refresh_token": "another", "scope": "mail"}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"auth_method": "oauth2"}, "oauth2"),
        ({"auth_method": "password", "oauth2": OAUTH2}, "oauth2"),
        ({"oauth2": OAUTH2, "user": None}, "user"),
        ({"oauth2": {**OAUTH2, "token_url": None}}, "oauth2.token_url"),
        ({"oauth2": {**OAUTH2, "token_url": "ftp://x/"}}, "token_url"),
        ({"oauth2": {**OAUTH2, "token_url": "https://a:b@x/"}}, "token_url"),
        ({"oauth2": {**OAUTH2, "client_id": None}}, "oauth2.client_id"),
        ({"oauth2": {**OAUTH2, "client_id": "a\r\nb"}}, "client_id"),
        ({"oauth2": {**OAUTH2, "provider": "aol"}}, "oauth2.provider"),
        ({"oauth2": {"provider": "google", "client_id": "a"}}, "oauth2.refresh_token"),
        ({"oauth2": {"token_url": "https://x/", "client_id": "a"}}, "oauth2.refresh_token"),
    ],
)
async def test_what_is_missing_or_wrong_is_named(house, fields, field):
    await house.tenant("acme")
    with pytest.raises(Invalid) as caught:
        await house.call("addAccount", **{**PLACE, **fields})
    assert caught.value.field == field


@pytest.mark.parametrize(
    "change",
    [
        {"oauth2": {**OAUTH2, "client_secret": MASK, "token_url": "https://evil.example/"}},
        {"oauth2": {**OAUTH2, "refresh_token": MASK}, "host": "evil.example"},
        {"oauth2": {"provider": "google", "client_id": "app", "refresh_token": MASK}},
    ],
)
async def test_a_tenant_cannot_have_a_stored_secret_sent_elsewhere(house, change):
    acme = await house.tenant("acme")
    await house.call("addAccount", **PLACE, oauth2=OAUTH2)
    with pytest.raises(Invalid, match="must be given again"):
        await house.call("addAccount", acme, **{**PLACE, **change})
    same = {**OAUTH2, "client_secret": MASK, "refresh_token": MASK}
    await house.call("addAccount", acme, **PLACE, oauth2=same, ttl=60)
    assert await stored(house) == OAUTH2
    assert (await house.store.get_account("acme", "main")).host_set_by_admin is True


@pytest.mark.parametrize("command", ["addAccount", "updateAccount"])
@pytest.mark.parametrize(
    "change", [{"token_url": "https://x.example/t"}, {"provider": "google", "token_url": None}]
)
@pytest.mark.parametrize("secret", ["client_secret", "refresh_token"])
async def test_no_mask_keeps_what_another_endpoint_has_given(house, command, change, secret):
    await house.tenant("acme")
    await house.call("addAccount", **PLACE, oauth2=OAUTH2)
    which = PLACE if command == "addAccount" else {"tenant_id": "acme", "account_id": "main"}
    fresh = {"client_secret": "n1", "refresh_token": "n2"}
    with pytest.raises(Invalid, match="given again with another provider") as caught:
        await house.call(command, **which, oauth2={**OAUTH2, **fresh, **change, secret: MASK})
    assert caught.value.field == f"oauth2.{secret}"
    assert await stored(house) == OAUTH2
    await house.call(command, **which, oauth2={**OAUTH2, **fresh, **change})
    assert (await stored(house))[secret] == fresh[secret]


@pytest.mark.parametrize("url", ["https://127.0.0.1/t", "https://[::1]/t", "http://login.example/"])
async def test_an_endpoint_of_a_tenants_must_be_outside_and_over_tls(house, url):
    acme = await house.tenant("acme")
    with pytest.raises(Invalid) as caught:
        await house.call("addAccount", acme, **PLACE, oauth2={**OAUTH2, "token_url": url})
    assert caught.value.field == "oauth2.token_url"
    await house.call("addAccount", **PLACE, oauth2={**OAUTH2, "token_url": url})


async def test_without_it_the_login_is_with_a_password_again(house):
    await house.tenant("acme")
    await house.call("addAccount", **PLACE, oauth2=OAUTH2)
    await house.call("addAccount", **PLACE, password="pw")
    account = await house.store.get_account("acme", "main")
    assert (account.auth_method, account.oauth2, account.password) == ("password", None, "pw")


async def test_what_is_deleted_is_forgotten_by_the_logins_too(house):
    forgotten = []
    object.__setattr__(house.context, "forget_logins", lambda *of: forgotten.append(of))
    await house.tenant("acme", "main", "second")
    await house.call("deleteAccount", tenant_id="acme", account_id="main")
    await house.call("deleteTenant", tenant_id="acme")
    assert forgotten == [("acme", "main"), ("acme", None)]
