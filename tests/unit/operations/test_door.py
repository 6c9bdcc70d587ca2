"""Scope and tenancy, for every command of the table: one that has no scope fails here."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import pytest

from mail_proxy.domain.errors import (
    Forbidden,
    Invalid,
    MailProxyError,
    Malformed,
    NotFound,
    Unauthorized,
)
from mail_proxy.operations.streams import collected
from mail_proxy.operations.table import OPERATIONS
from mail_proxy.wire.caller import ADMIN, LOCAL, NOBODY, Scope
from mail_proxy.wire.failure import failure_body
from mail_proxy.wire.routes import ROUTES

TENANT_ROUTES = [r for r in ROUTES.values() if r.scope is Scope.TENANT]
ADMIN_ROUTES = [r for r in ROUTES.values() if r.scope >= Scope.ADMIN]


def named(routes: Any) -> Any:
    return pytest.mark.parametrize("route", routes, ids=lambda route: route.name)


async def answer(house: Any, name: str, caller: Any, fields: dict[str, Any]) -> str:
    """The answer or the failure, as one text."""
    try:
        found = await house.call(name, caller, **fields)
    except MailProxyError as error:
        return json.dumps(failure_body(error))
    if "stream" in found:
        found["stream"] = await collected(found["stream"])
    return re.sub(r"whsec_[^\"]+", "whsec_", json.dumps(found))  # a new one each time


async def city(house: Any) -> Any:
    """Two tenants, each with an account and a message; the caller is the first."""
    acme = await house.tenant("acme", "main")
    await house.tenant("bravo", "secret-account")
    await house.post(house.mail("own", tenant_id="acme"))
    await house.post(house.mail("secret-id", tenant_id="bravo", subject="secret-subject"))
    return acme


def fields_for(route: Any, *, foreign: str) -> dict[str, Any]:
    """Fields that fit the route; ids are another tenant's, or those of nothing at all."""
    account = "secret-account" if foreign == "bravo" else "absent-account"
    message = "secret-id" if foreign == "bravo" else "absent-id"
    return {
        "id": account if route.name == "addAccount" else message,
        "account_id": account,
        "ids": [message],
        "messages": [
            {
                "id": "x",
                "account_id": account,
                "from": "a@example.com",
                "to": "b@example.com",
                "subject": "s",
            }
        ],
        "as": "sent",
        "host": "smtp.example.com",
        "port": 25,
        "name": "changed",
        "overlap_s": 0,
        "after": 0,
        "for_s": 0,
    }


@named(TENANT_ROUTES)
async def test_another_tenant_is_refused_exactly_as_an_absent_one(house, route):
    acme = await city(house)
    seen = []
    for foreign in ("bravo", "nobody"):
        fields = {**fields_for(route, foreign=foreign), "tenant_id": foreign}
        with pytest.raises(Unauthorized) as caught:
            await house.call(route.name, acme, **fields)
        seen.append(failure_body(caught.value))
    assert seen[0] == seen[1]
    assert seen[0]["detail"] == "Token not authorized for this tenant"


@named(TENANT_ROUTES)
async def test_ids_of_another_tenant_are_answered_as_absent_ones(house, route):
    acme = await city(house)
    before = await state_of(house, "bravo")
    # The same on two houses would be no test: here the other tenant's rows are there.
    theirs = await answer(house, route.name, acme, fields_for(route, foreign="bravo"))
    nothing = await answer(house, route.name, acme, fields_for(route, foreign="nobody"))
    assert "secret-subject" not in theirs
    assert theirs.replace("secret-", "absent-") == nothing
    assert await state_of(house, "bravo") == before


async def state_of(house: Any, tenant_id: str) -> list[Any]:
    messages = (await house.call("listMessages", tenant_id=tenant_id))["messages"]
    accounts = (await house.call("listAccounts", tenant_id=tenant_id))["accounts"]
    tenant = await house.call("getTenant", tenant_id=tenant_id)
    return [messages, accounts, tenant, await house.store.suspended_batches(tenant_id)]


@named(TENANT_ROUTES)
def test_every_tenant_command_takes_its_tenant_from_the_door(route):
    assert "tenant_id" in OPERATIONS[route.name].request.model_fields


async def test_a_tenant_named_inside_a_message_is_seen(house):
    acme = await city(house)
    for entry in ({"tenant_id": "bravo"}, {"tenant_id": 5}, {"tenant_id": ["acme"]}):
        with pytest.raises(Unauthorized):
            await house.post(house.mail(), house.mail("m2", **entry), caller=acme)
    assert (await house.call("getStatus"))["pending_messages"] == 2


@named(ADMIN_ROUTES)
async def test_admin_commands_are_closed_to_tenants_and_to_nobody(house, route):
    acme = await city(house)
    with pytest.raises(Forbidden) as caught:
        await house.call(route.name, acme, tenant_id="acme", id="new")
    text = "Admin token required, tenant tokens not allowed for this operation"
    assert caught.value.detail == text
    with pytest.raises(Unauthorized) as nobody:
        await house.call(route.name, NOBODY)
    assert nobody.value.detail == "Admin token required"


@named(TENANT_ROUTES)
async def test_without_a_token_nothing_is_answered(house, route):
    with pytest.raises(Unauthorized) as caught:
        await house.call(route.name, NOBODY)
    assert caught.value.detail == "Invalid or missing API token"


async def test_the_admin_token_is_told_on_the_machine_only(house):
    with pytest.raises(Forbidden):
        await house.call("getToken", ADMIN)
    assert (await house.call("getToken", LOCAL))["ok"] is True


def test_the_table_covers_every_route():
    assert OPERATIONS.keys() == ROUTES.keys()


@pytest.mark.parametrize("name", ["getStatus", "get-status", "get status", "GETSTATUS"])
async def test_a_command_has_one_name_however_it_is_written(house, name):
    assert (await house.call(name))["ok"] is True


async def test_an_unknown_command_is_not_found(house):
    with pytest.raises(NotFound):
        await house.call("makeCoffee")


@pytest.mark.parametrize("payload", [[], "x", 5, True])
async def test_a_body_that_is_no_object_is_malformed(house, payload):
    with pytest.raises(Malformed) as caught:
        await house.door.open("addMessages", payload, ADMIN)
    assert caught.value.detail[0]["loc"] == ["body"]


async def test_no_body_is_an_empty_one(house):
    assert (await house.door.open("runNow", None, ADMIN))["ok"] is True


async def test_a_missing_field_is_named(house):
    with pytest.raises(Invalid, match="missing host") as caught:
        await house.call("addAccount", id="main", port=25)
    assert caught.value.field == "host"


async def test_a_bug_is_logged_and_tells_nothing(house, monkeypatch, caplog):
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("s3cret detail")

    monkeypatch.setattr(type(house.store), "list_tenants", broken)
    with caplog.at_level(logging.ERROR, "mail_proxy"), pytest.raises(MailProxyError) as caught:
        await house.call("listTenants")
    assert type(caught.value) is MailProxyError
    assert "s3cret" not in json.dumps(failure_body(caught.value))
    assert "internal error" in str(caught.value)
    assert len(caplog.records) == 1
