"""Path, query and body of a request become one payload."""

from __future__ import annotations

import json

import pytest

from mail_proxy.api.requests import address_of
from mail_proxy.wire.caller import Scope
from mail_proxy.wire.routes import ROUTES, Route


@pytest.mark.parametrize("route", ROUTES.values(), ids=lambda route: route.name)
async def test_every_command_has_its_route_on_the_socket(route: Route, local, door, offered):
    door.answer = {"ok": True, "text": ""} | ({"file": offered()} if route.sends_file else {})
    path = route.path.replace("{", "").replace("}", "")

    answered = await local(route.method, path)

    assert answered.status == 200
    assert door.calls[0][0] == route.name


@pytest.mark.parametrize("route", ROUTES.values(), ids=lambda route: route.name)
async def test_only_local_commands_have_no_route_over_tcp(route: Route, client, door, offered):
    door.answer = {"ok": True, "text": ""} | ({"file": offered()} if route.sends_file else {})
    path = route.path.replace("{", "").replace("}", "")

    answered = await client(route.method, path)

    assert answered.status == (404 if route.scope is Scope.LOCAL else 200)


async def test_path_query_and_body_are_one_payload(client, door):
    await client("POST", "/account/main/check?tenant_id=acme", b'{"deep": {"a": [1]}}')

    assert door.payload == {"account_id": "main", "tenant_id": "acme", "deep": {"a": [1]}}


async def test_the_path_wins_over_the_body(client, door):
    await client("PUT", "/tenant/acme", b'{"tenant_id": "other", "name": "x"}')

    assert door.payload == {"tenant_id": "acme", "name": "x"}


async def test_the_query_wins_over_the_body(client, door):
    await client("POST", "/commands/suspend?tenant_id=acme", b'{"tenant_id": "other"}')

    assert door.payload == {"tenant_id": "acme"}


async def test_query_values_stay_texts(client, door):
    await client("GET", "/messages?limit=5&active_only=true&subject=a+b%26c")

    assert door.payload == {"limit": "5", "active_only": "true", "subject": "a b&c"}


async def test_the_idempotency_key_travels_in_a_header(client, door):
    await client("POST", "/commands/add-messages", b'{"messages": []}', ("idempotency-key: a b",))

    assert door.payload == {"messages": [], "idempotency_key": "a b"}


async def test_two_idempotency_keys_are_none(client, door):
    headers = ("Idempotency-Key: a", "Idempotency-Key: b")

    answered = await client("POST", "/commands/add-messages", b'{"messages": []}', headers)

    assert answered.failure(400)["field"] == "Idempotency-Key"
    assert door.calls == []


async def test_who_asks_is_known_by_the_address(client, door):
    await client("GET", "/tenants", headers=("X-Forwarded-For: 192.0.2.9",))

    assert door.addresses == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, ""),
    ],
)
def test_a_network_of_ipv6_is_one_address(remote, expected):
    class Request:
        pass

    request = Request()
    request.remote = remote

    assert address_of(request) == expected


async def test_unknown_query_fields_are_ignored(client, door):
    await client("GET", "/accounts?tenant_id=acme&limit=3&_=17")

    assert door.payload == {"tenant_id": "acme"}


async def test_a_query_field_given_twice_is_refused_by_name(client, door):
    answered = await client("GET", "/messages?tenant_id=acme&tenant_id=other")

    assert answered.failure(400)["field"] == "tenant_id"
    assert door.calls == []


@pytest.mark.parametrize(
    ("encoded", "found"),
    [
        ("a%2Fb", "a/b"),
        ("..%2F..%2Fetc", "../../etc"),
        ("%2E%2E", ".."),
        ("a%20b%3F%23%25", "a b?#%"),
        ("%252F", "%2F"),
        ("%C3%A9", "é"),
        ("retry", "retry"),
        ("a+b;c:d@e&f=g,h", "a+b;c:d@e&f=g,h"),
    ],
)
async def test_a_message_id_comes_out_of_the_path_as_it_was(encoded, found, client, door):
    await client("GET", f"/messages/{encoded}/events")

    assert door.calls[0][:2] == ("getMessageEvents", {"id": found})


@pytest.mark.parametrize("path", ["/commands/run-now", "/commands/suspend", "/commands/activate"])
@pytest.mark.parametrize("body", [None, b"", b"{}"])
async def test_commands_without_fields_need_no_body(path, body, client, door):
    assert (await client("POST", path, body)).status == 200
    assert door.payload == {}


async def test_a_chunked_body_is_read(client, door):
    head = "POST /tenant HTTP/1.1\r\nHost: x\r\nX-API-Token: admin-token\r\nConnection: close\r\n"
    chunks = '7\r\n{"id": \r\n4\r\n"a"}\r\n0\r\n\r\n'

    await client.raw(f"{head}Transfer-Encoding: chunked\r\n\r\n{chunks}".encode())

    assert door.payload == {"id": "a"}


async def test_the_body_of_a_get_is_not_read(client, door):
    assert (await client("GET", "/tenants", b'{"active_only": "NaN')).status == 200
    assert door.payload == {}


async def test_nulls_and_unicode_reach_the_command(client, door):
    body = {"id": "a", "name": None, "text": "né 😀"}

    await client("POST", "/tenant", json.dumps(body).encode())

    assert door.payload == body
