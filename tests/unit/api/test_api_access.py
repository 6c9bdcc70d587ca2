"""Who a caller is: a token in one header over TCP, the file rights on the socket."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from mail_proxy.api import ApiServer
from mail_proxy.domain.errors import Unauthorized
from mail_proxy.wire.caller import ADMIN, LOCAL, NOBODY, tenant


async def test_a_token_names_the_caller(client, door):
    await client("GET", "/status")
    await replace(client, token="acme-token")("GET", "/status")

    assert [caller for _, _, caller in door.calls] == [ADMIN, tenant("acme")]


async def test_a_wrong_token_is_unauthorized(client, door):
    answered = await replace(client, token="wrong")("GET", "/status")

    assert answered.failure(401)["detail"] == "Invalid or missing API token"
    assert door.calls == []


async def test_without_a_token_the_door_decides(anonymous, door):
    door.answer = Unauthorized("Admin token required")

    answered = await anonymous("GET", "/tenants")

    assert answered.failure(401)["detail"] == "Admin token required"
    assert door.calls[0][2] == NOBODY


async def test_a_token_in_a_query_is_none(anonymous, door):
    for name in ("X-API-Token", "token", "api_token"):
        await anonymous("GET", f"/status?{name}=admin-token")
    assert {caller for _, _, caller in door.calls} == {NOBODY}


async def test_two_token_headers_are_unauthorized(client, door):
    answered = await client("GET", "/status", headers=("X-API-Token: admin-token",))

    answered.failure(401)
    assert door.calls == []


async def test_two_token_headers_are_unauthorized_on_public_paths_too(client, door):
    answered = await client("GET", "/health", headers=("X-API-Token: admin-token",))

    answered.failure(401)


@pytest.mark.parametrize("token", ["\xff\xfe", "\u00e9", ""])
async def test_a_token_that_cannot_be_one_is_unauthorized(token: str, client, door):
    (await replace(client, token=token)("GET", "/status")).failure(401)

    assert door.calls == []


@pytest.mark.parametrize(
    ("target", "header"),
    [
        ("/status?token=admin-token", ""),
        ("/status?X-API-Token=admin-token", ""),
        ("/status", "Cookie: X-API-Token=admin-token"),
        ("/status", "Authorization: Bearer admin-token"),
    ],
)
async def test_a_token_elsewhere_is_not_looked_at(target: str, header: str, anonymous, door):
    await anonymous("GET", target, headers=(header,) if header else ())

    assert door.calls[0][2] == NOBODY


@pytest.mark.parametrize("path", ["/health", "/metrics"])
async def test_public_paths_ask_for_no_token(path: str, client, door):
    door.answer = {"ok": True, "text": ""}

    assert (await replace(client, token="wrong")("GET", path)).status == 200
    assert door.calls[0][2] == NOBODY


async def test_metrics_that_are_not_public_ask_for_a_token(client, settings, door, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir(mode=0o700)
    closed = replace(settings, state_dir=folder, http=replace(settings.http, metrics_public=False))
    door.answer = {"ok": True, "text": ""}
    async with ApiServer(door, closed) as server:
        other = replace(client, connect=lambda: asyncio.open_connection("127.0.0.1", server.port))
        await other("GET", "/metrics")
        await replace(other, token=None)("GET", "/metrics")
        await other("GET", "/health")

    assert [caller for _, _, caller in door.calls] == [ADMIN, NOBODY, NOBODY]


async def test_on_the_socket_everybody_is_local(local, door):
    await local("GET", "/status")
    await replace(local, token="wrong")("GET", "/instance/token")

    assert [caller for _, _, caller in door.calls] == [LOCAL, LOCAL]


async def test_local_commands_look_like_unknown_paths_over_tcp(client, door):
    local_command = await client("GET", "/instance/token")
    unknown = await client("GET", "/nothing-here")

    local_command.failure(404)
    assert local_command.json == unknown.json
    assert door.calls == []


async def test_no_answer_invites_other_origins(client):
    answered = await client("GET", "/status", headers=("Origin: http://evil.example",))

    assert not [name for name in answered.headers if name.startswith("access-control")]
    assert "set-cookie" not in answered.headers


async def test_a_preflight_is_refused(client, door):
    (await client("OPTIONS", "/status", headers=("Origin: http://evil.example",))).failure(405)

    assert door.calls == []


async def test_the_body_of_a_stranger_is_not_read(anonymous, door):
    door.answer = Unauthorized("Invalid or missing API token")

    answered = await anonymous("POST", "/tenant", b"{not even JSON")

    answered.failure(401)
    assert door.calls == [("addTenant", None, NOBODY)]
