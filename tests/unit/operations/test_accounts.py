from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mail_proxy.domain.errors import Conflict, Invalid, Malformed, NotFound
from mail_proxy.domain.state import Event
from mail_proxy.http_out import AllowList
from mail_proxy.operations import Door

PLACE = {"id": "main", "tenant_id": "acme", "host": "smtp.example.com", "port": 587}


async def record(house: Any, account_id: str = "main", **fields: Any) -> dict[str, Any]:
    return (await house.call("getAccount", account_id=account_id, **fields))["account"]


async def test_an_account_has_the_documented_defaults(house):
    await house.tenant("acme")
    assert await house.call("addAccount", **PLACE) == {"ok": True}
    found = await record(house)
    assert found.pop("created_at") == found.pop("updated_at") == "2023-11-14T22:13:20.000"
    assert found == {
        **PLACE,
        "has_password": False,
        "auth_method": "password",
        "tls_mode": "auto",
        "ttl": 300,
        "limit_behavior": "defer",
        "is_default": False,
        "is_pec_account": False,
        "has_imap_password": False,
        "in_doubt": "resend",
        "failures": 0,
        "breaker": "closed",
        "in_flight": 0,
        "sent_today": 0,
        "failed_today": 0,
    }


async def test_where_a_new_account_is_wanted_an_old_one_is_left_as_it_is(house):
    await house.tenant("acme")
    assert await house.call("addAccount", **PLACE, only_new=True) == {"ok": True}
    with pytest.raises(Conflict, match="account 'main' already exists in 'acme'"):
        await house.call("addAccount", **{**PLACE, "host": "other.example.com"}, only_new=True)
    assert (await record(house))["host"] == "smtp.example.com"


async def test_passwords_are_stored_and_never_told(house):
    await house.tenant("acme")
    secrets = {"user": "u", "password": "first!secret", "imap_password": "other!secret"}
    await house.call("addAccount", **PLACE, **secrets)
    listed = await house.call("listAccounts", tenant_id="acme")
    assert "!secret" not in str(listed)
    assert (listed["accounts"][0]["has_password"], listed["ok"]) == (True, True)
    stored = await house.store.get_account("acme", "main")
    assert (stored.password, stored.imap_password) == ("first!secret", "other!secret")


async def test_a_masked_password_keeps_the_stored_one(house):
    await house.tenant("acme")
    await house.call("addAccount", **PLACE, password="old", imap_password="older")
    masked = {"password": "********", "imap_password": "********"}
    await house.call("addAccount", **{**PLACE, "port": 2525}, **masked)
    stored = await house.store.get_account("acme", "main")
    assert (stored.port, stored.password, stored.imap_password) == (2525, "old", "older")


async def test_what_is_left_out_of_an_update_gets_its_default(house):
    await house.tenant("acme")
    await house.call("addAccount", **PLACE, password="old", limit_per_hour=5)
    await house.call("addAccount", **PLACE)
    stored = await house.store.get_account("acme", "main")
    assert (stored.password, stored.limit_per_hour) == (None, None)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "auto"),
        ({"use_tls": None}, "auto"),
        ({"use_tls": True}, "starttls"),
        ({"use_tls": True, "port": 465}, "ssl"),
        ({"use_tls": False}, "none"),
        ({"use_tls": False, "port": 465}, "none"),
        ({"tls_mode": "ssl"}, "ssl"),
        ({"tls_mode": "starttls", "use_tls": False}, "starttls"),
    ],
)
async def test_use_tls_and_the_port_make_the_tls_mode(house, given, expected):
    await house.tenant("acme")
    await house.call("addAccount", **{**PLACE, **given})
    assert (await record(house))["tls_mode"] == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "a b"),
        ("id", "x" * 65),
        ("id", ""),
        ("id", None),
        ("tenant_id", "a/b"),
        ("host", ""),
        ("host", "a b"),
        ("host", "a\nb"),
        ("host", "user@host"),
        ("host", "x" * 256),
        ("port", 0),
        ("port", 65536),
        ("port", True),
        ("port", "many"),
        ("port", 10**400),
        ("port", float("nan")),
        ("user", "a\x00b"),
        ("user", "\ud800"),
        ("password", "a\nb"),
        ("imap_folder", "INBOX\r\nA1 DELETE x"),
        ("ttl", -1),
        ("batch_size", 0),
        ("limit_per_minute", -1),
        ("limit_per_day", 2**40),
        ("limit_behavior", "error"),
        ("tls_mode", "maybe"),
        ("use_tls", "perhaps"),
        ("in_doubt", "guess"),
        ("max_connections", 0),
        ("max_retries", -1),
        ("retry_delays", []),
        ("retry_delays.0", [float("inf")]),
        ("retry_delays.1", [1, True]),
    ],
)
async def test_a_bad_value_names_its_field(house, field, value):
    await house.tenant("acme")
    with pytest.raises(Invalid) as caught:
        await house.call("addAccount", **{**PLACE, field.partition(".")[0]: value})
    assert not isinstance(caught.value, Malformed)
    # A validator of a list's items knows the list's name only.
    assert caught.value.field in (field, field.partition(".")[0])


async def test_a_wrong_container_is_malformed(house):
    with pytest.raises(Malformed):
        await house.call("addAccount", **PLACE, retry_delays=5)


async def test_the_admin_without_a_tenant_uses_default(house):
    await house.tenant("acme")
    place = {**PLACE, "tenant_id": None}
    await house.call("addAccount", **place)
    await house.call("addAccount", **{**place, "id": "second"})
    accounts = (await house.call("listAccounts", tenant_id="default"))["accounts"]
    assert [a["id"] for a in accounts] == ["main", "second"]


async def test_an_account_of_an_absent_tenant_is_refused(house):
    with pytest.raises(NotFound, match="Tenant 'acme' not found"):
        await house.call("addAccount", **PLACE)


async def test_the_admin_sees_the_accounts_of_all(house):
    await house.tenant("acme", "main")
    await house.tenant("bravo", "main")
    accounts = (await house.call("listAccounts"))["accounts"]
    assert [(a["tenant_id"], a["id"]) for a in accounts] == [("acme", "main"), ("bravo", "main")]
    with pytest.raises(Conflict):
        await record(house)
    assert (await record(house, tenant_id="bravo"))["tenant_id"] == "bravo"


async def test_a_change_closes_connections_and_lifts_the_pause(house):
    await house.tenant("acme", "main")
    assert house.engine.asked[-1] == ("refresh", "acme", "main")
    pause = {"paused_until": house.clock.now() + 99, "paused_reason": "login refused"}
    await house.store.change_account("acme", "main", pause, now=house.clock.now())
    assert (await record(house))["paused_reason"] == "login refused"
    await house.account("acme", "main")
    assert "paused_until_ts" not in await record(house)


async def test_a_deleted_account_is_gone_and_takes_no_mail(house):
    await house.tenant("acme", "main")
    assert await house.call("deleteAccount", account_id="main", tenant_id="acme") == {"ok": True}
    with pytest.raises(NotFound, match="account not found or not owned by tenant"):
        await house.call("deleteAccount", account_id="main", tenant_id="acme")
    with pytest.raises(Invalid) as caught:
        await house.post(house.mail(account_id="main"))
    assert caught.value.rejected[0]["reason"] == "account not found for tenant"


async def test_a_deleted_account_leaves_the_metrics(house):
    await house.tenant("acme", "main")
    assert 'account_id="main"' in (await house.call("metrics"))["text"]
    await house.call("deleteAccount", account_id="main", tenant_id="acme")
    assert 'account_id="main"' not in (await house.call("metrics"))["text"]


async def test_what_a_tenant_sets_is_not_trusted_as_the_admins(house):
    acme = await house.tenant("acme", "main")
    limit = {**PLACE, "limit_per_hour": 10}
    other = {**limit, "host": "smtp.other.example"}
    await house.call("addAccount", acme, **limit)
    assert (await house.store.get_account("acme", "main")).host_set_by_admin is True
    await house.call("addAccount", acme, **other)
    assert (await house.store.get_account("acme", "main")).host_set_by_admin is False
    await house.call("addAccount", acme, **other)
    assert (await house.store.get_account("acme", "main")).host_set_by_admin is False
    await house.call("addAccount", **other)
    assert (await house.store.get_account("acme", "main")).host_set_by_admin is True


@pytest.mark.parametrize("field", ["host", "imap_host"])
async def test_a_tenant_may_not_name_a_server_inside_and_is_told_who_may(house, field):
    acme = await house.tenant("acme")
    inside = {**PLACE, field: "127.0.0.1"}
    with pytest.raises(
        Invalid, match="it is a loopback address, and not in allowed_networks"
    ) as no:
        await house.call("addAccount", acme, **inside)
    assert (no.value.field, no.value.hint) == (field, "mail-proxy NAME allow 127.0.0.1")
    await house.call("addAccount", **inside)
    await house.call(
        "addAccount", acme, **inside, limit_per_hour=5
    )  # the admin's host: it may stay


async def test_a_server_in_the_allow_list_may_be_named_by_a_tenant(house):
    acme = await house.tenant("acme")
    house.context = replace(house.context, allow=AllowList.of(["10.0.0.0/8", "localhost"]))
    house.door = Door(house.context, house.audit)
    await house.call("addAccount", acme, **{**PLACE, "host": "10.0.0.7", "imap_host": "localhost"})
    with pytest.raises(Invalid):
        await house.call("addAccount", acme, **{**PLACE, "host": "127.0.0.1"})


@pytest.mark.parametrize(
    "change", [{"host": "evil.example"}, {"port": 25}, {"use_tls": False}, {"user": "x"}]
)
async def test_a_tenant_cannot_send_a_kept_password_elsewhere(house, change):
    acme = await house.tenant("acme")
    await house.call("addAccount", **PLACE, password="secret")
    with pytest.raises(Invalid) as caught:
        await house.call("addAccount", acme, **{**PLACE, "password": "********", **change})
    assert caught.value.field == "password"
    assert (await house.store.get_account("acme", "main")).host == "smtp.example.com"
    await house.call("addAccount", acme, **PLACE, password="********")
    assert (await house.store.get_account("acme", "main")).password == "secret"


async def test_a_pec_account_holds_what_is_in_doubt(house):
    await house.tenant("acme")
    await house.call("addAccount", **PLACE, is_pec_account=True)
    assert (await record(house))["in_doubt"] == "hold"


async def test_a_check_tells_what_the_server_said(house):
    await house.tenant("acme")
    await house.call("addAccount", **PLACE, user="u", password="p", max_connections=2)
    answer = await house.call("checkAccount", account_id="main", tenant_id="acme")
    assert answer["report"]["greeting"] == "hello"
    (relay,) = house.probed
    assert (relay.key, relay.user, relay.password) == (("acme", "main"), "u", "p")
    assert relay.max_connections == 2


async def test_a_plan_of_retries_and_an_age_are_kept(house):
    await house.tenant("acme")
    await house.call("addAccount", **PLACE, max_retries=2, retry_delays=[5], max_age=3600)
    (account,) = (await house.call("listAccounts"))["accounts"]
    assert account["retry_delays"] == [5.0]
    assert (account["max_retries"], account["max_age"]) == (2, 3600.0)
    await house.call("addAccount", **PLACE, max_age=0)
    (account,) = (await house.call("listAccounts"))["accounts"]
    assert "max_age" not in account


@pytest.mark.parametrize(
    ("failures", "until", "state"),
    [
        (0, None, "closed"),
        (0, 10, "closed"),
        (2, 10, "open"),
        (2, 0, "probing"),
        (1, None, "probing"),
    ],
)
async def test_an_account_tells_of_its_breaker(house, failures, until, state):
    await house.tenant("acme", "main")
    now = house.clock.now()
    pause = {"failures": failures, "paused_until": None if until is None else now + until}
    await house.store.change_account("acme", "main", pause, now=now)
    assert (await record(house))["breaker"] == state


class Meanwhile:
    """A store in which others write at the moment when an account is looked at to be changed."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def get_account(self, tenant_id: str, account_id: str) -> Any:
        found = await self._store.get_account(tenant_id, account_id)
        await self._write(tenant_id, account_id)
        return found

    async def edit_account(self, tenant_id: str, account_id: str, *rest: Any, **when: Any) -> Any:
        await self._write(tenant_id, account_id)
        return await self._store.edit_account(tenant_id, account_id, *rest, **when)

    async def _write(self, *key: str) -> None:
        stopped = {"stopped_at": 9.0, "stopped_reason": "moving house"}
        await self._store.change_account(*key, stopped, now=9.0)
        await self._store.renew_refresh_token(*key, "r1", "r2", now=9.0)


async def test_a_pause_and_a_new_refresh_token_that_come_between_are_kept(house):
    await house.tenant("acme")
    oauth2 = {
        "token_url": "https://login.example/token",
        "client_id": "app",
        "client_secret": "s",
        "refresh_token": "r1",
    }
    await house.call("addAccount", **PLACE, user="ann", oauth2=oauth2)
    door = Door(replace(house.context, store=Meanwhile(house.store)), house.audit)
    masked = {**oauth2, "client_secret": "********", "refresh_token": "********"}
    changed = {**PLACE, "user": "ann", "oauth2": masked, "max_connections": 2}

    await door.open("addAccount", changed, house.admin)

    found = await house.store.get_account("acme", "main")
    assert (found.stopped_at, found.stopped_reason) == (9.0, "moving house")
    assert found.oauth2["refresh_token"] == "r2"
    assert found.max_connections == 2


async def test_an_account_tells_how_much_of_its_limits_is_used(house):
    await house.tenant("acme")
    await house.call("addAccount", **PLACE, limit_per_minute=2, limit_per_day=9)
    await house.post(*(house.mail(f"m{n}") for n in range(4)))
    claimed = await house.claim("acme", "main")
    await house.finish(claimed[0], Event.ACCEPT, dot_sent=True)
    found = await record(house)
    assert found["limits"] == [
        {"window": "minute", "used": 2, "limit": 2},
        {"window": "day", "used": 2, "limit": 9},
    ]
    assert found["in_flight"] == 1
    house.clock.at += 3600
    assert [limit["used"] for limit in (await record(house))["limits"]] == [1, 2]


async def test_an_account_tells_what_it_has_sent_today(house):
    acme = await house.tenant("acme", "main")
    metrics = house.context.metrics
    whose = metrics.declare("acme", None, "main")
    metrics.sent(whose, 3)
    metrics.error(whose)
    metrics.trouble(whose, "550 no such user")
    (found,) = (await house.call("listAccounts", acme))["accounts"]
    assert (found["sent_today"], found["failed_today"]) == (3, 1)
    assert found["last_error"] == "550 no such user"
    assert found["last_error_ts"] == int(house.clock.now())
    house.clock.at += 86400
    (found,) = (await house.call("listAccounts", acme))["accounts"]
    assert (found["sent_today"], found["last_error"]) == (0, "550 no such user")


async def test_without_its_loops_nobody_knows_what_was_sent_today(house):
    await house.tenant("acme", "main")
    house.engine.running = False
    assert "sent_today" not in (await record(house))
