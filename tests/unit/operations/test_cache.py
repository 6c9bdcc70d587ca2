"""The cache of attachments: numbers and clearing, for the admin."""

from __future__ import annotations

import hashlib

import pytest

from mail_proxy.attachments.workfiles import Algorithm, Hash, Octets
from mail_proxy.domain.errors import Forbidden, NotFound
from mail_proxy.wire.caller import tenant

SMALL, LARGE = b"small", bytes(200_000)


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


@pytest.fixture
async def stocked(house):
    """A small and a large content of acme's, a small one of beta's."""
    await house.call("addTenant", id="acme")
    await house.call("addTenant", id="beta")
    for tenant_id, data in (("acme", SMALL), ("acme", LARGE), ("beta", SMALL)):
        octets = Octets(len(data), Hash(Algorithm.MD5, md5(data)), data)
        landed = await house.context.attachments.cache.put(tenant_id, md5(data), octets)
        if landed is not None:
            landed.close()
    return house


async def has(house, tenant_id: str, data: bytes) -> bool:
    landed = await house.context.attachments.cache.get(tenant_id, md5(data))
    if landed is not None:
        landed.close()
    return landed is not None


async def test_each_tier_tells_what_it_holds_and_how_often_it_was_of_use(stocked) -> None:
    assert await has(stocked, "acme", LARGE)
    assert not await has(stocked, "beta", LARGE)
    told = await stocked.call("getCache")
    memory, disk = told["memory"], told["disk"]
    assert (memory["entries"], memory["bytes"]) == (2, 2 * len(SMALL))
    assert (disk["entries"], disk["bytes"]) == (1, len(LARGE))
    assert (disk["hits"], disk["misses"]) == (1, 1)
    assert (disk["max_bytes"], disk["ttl_s"]) == (500 * 2**20, 3600)
    assert told["fetched_bytes"] == 0


async def test_a_tenants_part_is_cleared_alone(stocked) -> None:
    assert (await stocked.call("clearCache", tenant_id="acme"))["removed"] == 2
    assert not await has(stocked, "acme", SMALL)
    assert await has(stocked, "beta", SMALL)


async def test_without_a_tenant_all_is_cleared(stocked) -> None:
    assert (await stocked.call("clearCache"))["removed"] == 3
    assert (await stocked.call("getCache"))["disk"]["entries"] == 0


async def test_a_tenant_that_is_not_there_is_no_empty_one(stocked) -> None:
    with pytest.raises(NotFound):
        await stocked.call("clearCache", tenant_id="nobody")


@pytest.mark.parametrize("command", ["getCache", "clearCache"])
async def test_a_tenants_token_does_not_reach_the_cache(stocked, command) -> None:
    with pytest.raises(Forbidden):
        await stocked.call(command, tenant("acme"))


async def test_what_was_kept_for_a_tenant_goes_with_it(stocked) -> None:
    await stocked.call("deleteTenant", tenant_id="acme")
    assert not await has(stocked, "acme", LARGE)
    assert await has(stocked, "beta", SMALL)
