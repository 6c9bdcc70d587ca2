from __future__ import annotations

import asyncio

import pytest

from mail_proxy.domain.errors import Invalid, NotFound
from mail_proxy.domain.webhook import good_at, key_of


async def stored(house) -> list[str]:
    tenant = await house.store.get_tenant("acme")
    return good_at(tenant.webhook_secrets, house.clock.now())


async def test_a_secret_is_told_once_and_masked_after(house):
    acme = await house.tenant("acme")
    made = await house.call("createWebhookSecret", acme)
    assert len(key_of(made["secret"])) == 32
    assert made.keys() == {"ok", "secret"}
    record = await house.call("getTenant", tenant_id="acme")
    (shown,) = record["webhook_secrets"]
    assert shown.keys() == {"secret", "created_at"}
    assert shown["secret"] == "********"
    assert await stored(house) == [made["secret"]]


async def test_in_the_file_it_is_sealed(house, settings):
    await house.tenant("acme")
    made = await house.call("createWebhookSecret", tenant_id="acme")
    await house.store.close()
    for path in settings.state_dir.glob("queue.db*"):
        assert made["secret"].removeprefix("whsec_").encode() not in path.read_bytes()


async def test_a_new_one_signs_beside_the_old_one_for_the_overlap(house):
    await house.tenant("acme")
    old = await house.call("createWebhookSecret", tenant_id="acme")
    new = await house.call("createWebhookSecret", tenant_id="acme", overlap_s=60)
    assert new["old_secret_expires_ts"] == house.clock.now() + 60
    assert await stored(house) == [new["secret"], old["secret"]]
    record = await house.call("getTenant", tenant_id="acme")
    assert [each.get("expires_ts") for each in record["webhook_secrets"]] == [
        None,
        house.clock.now() + 60,
    ]
    house.clock.at += 60
    assert await stored(house) == [new["secret"]]
    assert len((await house.call("getTenant", tenant_id="acme"))["webhook_secrets"]) == 1


async def test_two_rotations_at_once_lose_no_secret(house):
    await house.tenant("acme")
    made = await asyncio.gather(
        *(house.call("createWebhookSecret", tenant_id="acme", overlap_s=60) for _ in range(2))
    )
    assert sorted(await stored(house)) == sorted(each["secret"] for each in made)


async def test_a_leaked_one_is_ended_at_once(house):
    await house.tenant("acme")
    await house.call("createWebhookSecret", tenant_id="acme")
    new = await house.call("createWebhookSecret", tenant_id="acme", overlap_s=0)
    assert await stored(house) == [new["secret"]]
    assert "old_secret_expires_ts" not in new


async def test_without_one_nothing_is_signed(house):
    acme = await house.tenant("acme")
    await house.call("createWebhookSecret", acme)
    await house.call("deleteWebhookSecret", acme)
    assert await stored(house) == []
    assert "webhook_secrets" not in await house.call("getTenant", tenant_id="acme")


async def test_a_post_of_the_tenant_leaves_its_secret(house):
    await house.tenant("acme")
    made = await house.call("createWebhookSecret", tenant_id="acme")
    await house.call("addTenant", id="acme", name="Acme")
    await house.call("updateTenant", tenant_id="acme", webhook_secrets=[], name="A")
    assert await stored(house) == [made["secret"]]


async def test_reports_that_wait_are_tried_with_the_new_secret_at_once(house):
    await house.tenant("acme")
    await house.call("createWebhookSecret", tenant_id="acme")
    await house.call("deleteWebhookSecret", tenant_id="acme")
    assert house.reporter.asked == [("resume", "acme")] * 2


async def test_an_absent_tenant_is_told(house):
    for command in ("createWebhookSecret", "deleteWebhookSecret"):
        with pytest.raises(NotFound, match="Tenant 'nobody' not found"):
            await house.call(command, tenant_id="nobody")


@pytest.mark.parametrize("overlap_s", [-1, 31 * 86400, "soon", True])
async def test_an_overlap_that_is_none_is_named(house, overlap_s):
    await house.tenant("acme")
    with pytest.raises(Invalid) as caught:
        await house.call("createWebhookSecret", tenant_id="acme", overlap_s=overlap_s)
    assert caught.value.field == "overlap_s"
