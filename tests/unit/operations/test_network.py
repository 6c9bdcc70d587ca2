"""Whether the servers of an instance can be reached."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from mail_proxy.domain.errors import Forbidden
from mail_proxy.operations import network


async def a_house_with_servers(house) -> None:
    for tenant_id in ("acme", "bravo"):
        await house.call(
            "addTenant", id=tenant_id, client_base_url=f"https://{tenant_id}.example.com"
        )
        await house.call(
            "addAccount",
            id="main",
            tenant_id=tenant_id,
            host="smtp.example.com",
            port=587,
            user="u",
            password="canary",
        )


async def test_all_accounts_and_callbacks_are_tried_without_a_login(house):
    await a_house_with_servers(house)
    told = await house.call("checkNetwork")
    assert [(a["tenant_id"], a["ok"], a["login"]) for a in told["accounts"]] == [
        ("acme", True, "none"),
        ("bravo", True, "none"),
    ]
    assert [(c["url"], c["ok"]) for c in told["callbacks"]] == [
        ("https://acme.example.com", True),
        ("https://bravo.example.com", True),
    ]
    assert told["unchecked"] == 0
    assert not any(relay.has_login for relay in house.probed)


async def test_a_login_is_made_when_it_is_asked_for(house):
    await a_house_with_servers(house)
    await house.call("checkNetwork", login=True)
    assert all(relay.has_login for relay in house.probed)


async def test_a_callback_that_is_gone_says_why(house):
    await house.call("addTenant", id="acme", client_base_url="https://gone.example.com")
    [callback] = (await house.call("checkNetwork"))["callbacks"]
    assert (callback["ok"], callback["error"]) == (False, "it is gone")


async def test_servers_that_hang_end_in_time_and_the_rest_is_counted(house, monkeypatch):
    await a_house_with_servers(house)
    never = asyncio.Event()

    async def hang(_):
        await never.wait()

    house.context = replace(house.context, probe=hang)
    monkeypatch.setattr(network, "EACH_S", 0.01)
    told = await network.check_network(house.context, network.CheckNetwork())
    assert {a["error"] for a in told["accounts"]} == {"no answer within 0.01 s"}
    monkeypatch.setattr(network, "EACH_S", 60.0)
    monkeypatch.setattr(network, "ALL_S", 0.01)
    told = await network.check_network(house.context, network.CheckNetwork())
    assert (told["accounts"], told["unchecked"]) == ([], 2)


async def test_it_is_for_the_admin(house):
    acme = await house.tenant("acme")
    with pytest.raises(Forbidden):
        await house.call("checkNetwork", acme)
