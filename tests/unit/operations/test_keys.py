"""Several keys of a tenant: one replaces the other without a gap."""

from __future__ import annotations

from typing import Any

import pytest

from mail_proxy.domain.errors import Conflict, Invalid, NotFound, StoreUnavailable, Unauthorized
from mail_proxy.operations import keys


async def is_good(house: Any, token: str) -> bool:
    try:
        return (await house.context.tokens.authenticate(token)).tenant_id == "acme"
    except Unauthorized:
        return False


async def listed(house: Any) -> list[dict[str, Any]]:
    return list((await house.call("listTenantKeys", tenant_id="acme"))["keys"])


async def test_an_old_key_is_good_until_it_is_revoked(house):
    old = (await house.call("addTenant", id="acme"))["api_key"]
    added = await house.call("addTenantKey", tenant_id="acme", name="2027")
    assert [await is_good(house, key) for key in (old, added["api_key"])] == [True, True]
    assert added["key"]["name"] == "2027"
    assert added["api_key"].startswith(added["key"]["prefix"])
    await house.call("deleteTenantKey", tenant_id="acme", key_id="first")
    assert [await is_good(house, key) for key in (old, added["api_key"])] == [False, True]
    assert [key["key_id"] for key in await listed(house)] == [added["key"]["key_id"]]


async def test_the_one_key_of_before_is_the_first_and_leaves_the_others_alone(house):
    first = (await house.call("addTenant", id="acme"))["api_key"]
    second = (await house.call("addTenantKey", tenant_id="acme"))["api_key"]
    house.clock.at += 10
    anew = (await house.call("createTenantKey", tenant_id="acme"))["api_key"]
    assert [await is_good(house, key) for key in (first, second, anew)] == [False, True, True]
    assert (await listed(house))[0]["key_id"] == "first"
    await house.call("revokeTenantKey", tenant_id="acme")
    assert [await is_good(house, key) for key in (second, anew)] == [True, False]


async def test_a_key_ends_at_its_time(house):
    await house.tenant("acme")
    end = house.clock.now() + 60
    added = await house.call("addTenantKey", tenant_id="acme", expires_at=end)
    assert added["key"]["expires_at"] == end
    assert await is_good(house, added["api_key"])
    house.clock.at = end
    assert not await is_good(house, added["api_key"])
    with pytest.raises(Invalid, match="it has passed"):
        await house.call("addTenantKey", tenant_id="acme", expires_at=end)


async def test_what_is_not_there_is_told(house):
    await house.tenant("acme")
    for fields in ({"tenant_id": "acme", "key_id": "x"}, {"tenant_id": "no", "key_id": "first"}):
        with pytest.raises(NotFound):
            await house.call("deleteTenantKey", **fields)
    with pytest.raises(NotFound):
        await house.call("addTenantKey", tenant_id="no")


async def test_a_tenant_cannot_have_keys_without_end(house, monkeypatch):
    monkeypatch.setattr(keys, "MOST_KEYS", 2)
    await house.tenant("acme")
    await house.call("addTenantKey", tenant_id="acme")
    with pytest.raises(Conflict, match="at most 2 keys"):
        await house.call("addTenantKey", tenant_id="acme")


async def test_the_last_use_is_shown_and_costs_no_write_for_each_request(house, monkeypatch):
    token = (await house.call("addTenant", id="acme"))["api_key"]
    assert "last_used_ts" not in (await listed(house))[0]
    writes = []
    note = type(house.store).note_key_uses

    async def counting(store: object, uses: object) -> None:
        writes.append(uses)
        await note(store, uses)

    monkeypatch.setattr(type(house.store), "note_key_uses", counting)
    for _ in range(100):
        house.clock.at += 10
        await house.context.tokens.authenticate(token)
    assert writes == []
    assert (await listed(house))[0]["last_used_ts"] == int(house.clock.now())
    assert len(writes) == 1


async def test_a_use_that_cannot_be_written_now_is_written_later(house, monkeypatch):
    token = (await house.call("addTenant", id="acme"))["api_key"]
    await house.context.tokens.authenticate(token)

    async def away(store: object, uses: object) -> None:
        raise StoreUnavailable("locked")

    with monkeypatch.context() as patched:
        patched.setattr(type(house.store), "note_key_uses", away)
        with pytest.raises(StoreUnavailable):
            await house.context.tokens.write_uses()
    assert (await listed(house))[0]["last_used_ts"] == int(house.clock.now())
