from __future__ import annotations

import asyncio

import pytest

from mail_proxy.domain.errors import Unauthorized
from mail_proxy.wire.caller import ADMIN, NOBODY, tenant
from tests.patience import PATIENCE_S


async def test_the_admin_token_comes_first(house):
    assert await house.context.tokens.authenticate(house.context.tokens.admin_token) == ADMIN


async def test_no_token_is_nobody_and_a_wrong_one_is_refused(house):
    assert await house.context.tokens.authenticate(None) == NOBODY
    for wrong in ("", "x", "\udcff"):
        with pytest.raises(Unauthorized, match="Invalid or missing API token"):
            await house.context.tokens.authenticate(wrong)


async def test_a_key_is_looked_up_once_in_some_seconds(house, monkeypatch):
    key = (await house.call("addTenant", id="acme"))["api_key"]
    asked = []
    find = type(house.store).find_key

    async def counting(store: object, token_sha256: str) -> object:
        asked.append(token_sha256)
        return await find(store, token_sha256)

    monkeypatch.setattr(type(house.store), "find_key", counting)
    for _ in range(3):
        assert await house.context.tokens.authenticate(key) == tenant("acme")
    assert len(asked) == 1
    house.clock.at += 6
    await house.context.tokens.authenticate(key)
    assert len(asked) == 2


async def test_a_key_that_another_daemon_revoked_ends_soon(house):
    key = (await house.call("addTenant", id="acme"))["api_key"]
    await house.context.tokens.authenticate(key)
    assert await house.store.delete_key("acme", "first")
    house.clock.at += 6
    with pytest.raises(Unauthorized):
        await house.context.tokens.authenticate(key)


async def test_a_key_that_is_revoked_while_it_is_looked_up_is_not_remembered(house, monkeypatch):
    key = (await house.call("addTenant", id="acme"))["api_key"]
    is_read, goes_on = asyncio.Event(), asyncio.Event()
    find = type(house.store).find_key

    async def slow(store: object, token_sha256: str) -> object:
        found = await find(store, token_sha256)
        is_read.set()
        await goes_on.wait()
        return found

    monkeypatch.setattr(type(house.store), "find_key", slow)
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(house.context.tokens.authenticate(key))
        await is_read.wait()
        await house.call("revokeTenantKey", tenant_id="acme")
        goes_on.set()
    with pytest.raises(Unauthorized):
        await house.context.tokens.authenticate(key)
