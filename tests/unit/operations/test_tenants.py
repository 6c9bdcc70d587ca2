from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from mail_proxy.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    Unauthorized,
)
from mail_proxy.http_out import AllowList
from mail_proxy.operations import Door

URL = "https://app.example.com"
BEARER = {"method": "bearer", "token": "s3cret"}


async def test_only_a_new_tenant_is_given_its_key(house):
    first = await house.call("addTenant", id="acme")
    assert first["api_key"].startswith("mp_")
    assert await house.call("addTenant", id="acme") == {"ok": True}
    caller = await house.context.tokens.authenticate(first["api_key"])
    assert caller.tenant_id == "acme"


async def test_a_post_replaces_everything(house):
    await house.call("addTenant", id="acme", name="Acme", client_base_url=URL, active=False)
    await house.call("addTenant", id="acme", report_style="full")
    found = await house.call("getTenant", tenant_id="acme")
    assert found.keys() == {"id", "report_style", "active", "created_at", "updated_at"}
    assert found["active"] is True


async def test_where_a_new_tenant_is_wanted_an_old_one_is_left_as_it_is(house):
    added = await house.call("addTenant", id="acme", name="Acme", only_new=True)
    assert added["api_key"].startswith("mp_")
    with pytest.raises(Conflict, match="tenant 'acme' already exists"):
        await house.call("addTenant", id="acme", name="Other", only_new=True)
    assert (await house.call("getTenant", tenant_id="acme"))["name"] == "Acme"


async def test_a_put_changes_only_what_is_given(house):
    await house.call("addTenant", id="acme", name="Acme", client_base_url=URL)
    change = {"tenant_id": "acme", "name": None, "rate_limits": {"hourly": 5, "daily": 0}}
    assert await house.call("updateTenant", **change) == {"ok": True}
    found = await house.call("getTenant", tenant_id="acme")
    assert (found["name"], found["client_base_url"]) == ("Acme", URL)
    assert found["rate_limits"]["hourly"] == 5
    assert await house.call("updateTenant", tenant_id="acme") == {"ok": True}


async def test_credentials_are_masked_and_their_mask_keeps_them(house):
    await house.call("addTenant", id="acme", client_auth=BEARER)
    masked = {"method": "bearer", "token": "********"}
    assert (await house.call("getTenant", tenant_id="acme"))["client_auth"] == masked
    await house.call("updateTenant", tenant_id="acme", client_auth=masked, name="Acme")
    await house.call("addTenant", id="acme", client_auth=masked)
    assert (await house.store.get_tenant("acme")).client_auth == BEARER


async def test_a_tenant_is_not_wrapped_and_an_absent_one_is_told(house):
    with pytest.raises(NotFound, match="Tenant 'nobody' not found"):
        await house.call("getTenant", tenant_id="nobody")
    for command in ("updateTenant", "deleteTenant", "createTenantKey", "revokeTenantKey"):
        with pytest.raises(NotFound, match="Tenant 'nobody' not found"):
            await house.call(command, tenant_id="nobody")


async def test_tenants_are_listed_with_their_suspensions(house):
    await house.tenant("acme")
    await house.tenant("bravo", active=False)
    await house.call("suspend", tenant_id="acme", batch_code="b")
    await house.call("suspend", tenant_id="acme", batch_code="a")
    listed = (await house.call("listTenants"))["tenants"]
    assert [(t["id"], t.get("suspended_batches")) for t in listed] == [
        ("acme", "a,b"),
        ("bravo", None),
    ]
    active = (await house.call("listTenants", active_only="true"))["tenants"]
    assert [t["id"] for t in active] == ["acme"]


@pytest.mark.parametrize("name", ["stats", "tenants", "all"])
async def test_a_command_of_the_cli_cannot_be_a_tenant(house, name):
    with pytest.raises(Invalid, match="is a command") as caught:
        await house.call("addTenant", id=name)
    assert caught.value.field == "id"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "a b"),
        ("name", "x" * 256),
        ("name", "a\nb"),
        ("client_base_url", "ftp://example.com"),
        ("client_base_url", "https://"),
        ("client_base_url", "https://a:b@example.com"),
        ("client_base_url", "https://example.com:99999"),
        ("client_base_url", "https://exa mple.com"),
        ("client_base_url", "https://example.com/\r\nX: y"),
        ("client_sync_path", ".evil.example/x"),
        ("client_attachment_path", "/a b"),
        ("attachment_folders", ["files"]),
        ("attachment_folders", ["/srv/../etc"]),
        ("attachment_folders", ["/"]),
        ("attachment_folders", ["/a\nb"]),
        ("client_auth.method", {"method": "magic"}),
        ("client_auth.token", {"method": "bearer", "token": 5}),
        ("rate_limits.hourly", {"hourly": -1}),
        ("large_file_config.max_size_mb", {"max_size_mb": 0}),
        ("large_file_config.max_size_mb", {"max_size_mb": float("nan")}),
        ("active", "perhaps"),
        ("report_style", "long"),
        ("api_key_expires_at", float("inf")),
    ],
)
async def test_a_bad_value_names_its_field(house, field, value):
    given = {"id": "acme", field.partition(".")[0]: value}
    with pytest.raises(Invalid) as caught:
        await house.call("addTenant", **given)
    assert caught.value.field == field
    assert not isinstance(caught.value, Malformed)


async def test_a_wrong_container_is_malformed_and_hides_what_it_was(house):
    with pytest.raises(Malformed) as caught:
        await house.call("addTenant", id="acme", client_auth=["s3cret"] * 3)
    assert caught.value.detail[0]["input"] == "list of 3"


async def test_a_tenants_token_changes_its_name_and_urls(house):
    acme = await house.tenant("acme", client_base_url=URL)
    await house.call("updateTenant", acme, tenant_id="acme", name="Acme")
    assert (await house.store.get_tenant("acme")).url_set_by_admin is True
    await house.call("updateTenant", acme, tenant_id="acme", client_sync_path="/other")
    stored = await house.store.get_tenant("acme")
    assert (stored.name, stored.client_sync_path, stored.url_set_by_admin) == (
        "Acme",
        "/other",
        False,
    )
    await house.call("updateTenant", tenant_id="acme", client_base_url=URL)
    assert (await house.store.get_tenant("acme")).url_set_by_admin is True


async def test_a_tenants_token_may_not_set_a_url_that_leads_inside(house):
    acme = await house.tenant("acme", client_base_url="http://127.0.0.1:81")
    with pytest.raises(Invalid, match="allowed_networks") as caught:
        await house.call("updateTenant", acme, client_base_url="http://[::1]:81")
    assert caught.value.field == "client_base_url"
    await house.call("updateTenant", acme, client_base_url="http://127.0.0.1:81", name="x")
    with pytest.raises(Invalid) as caught:  # with another path it would be guarded, and not called
        await house.call("updateTenant", acme, client_sync_path="/other")
    assert caught.value.field == "client_base_url"
    assert (await house.store.get_tenant("acme")).url_set_by_admin is True


@pytest.mark.parametrize("name", ["client_base_url", "client_sync_path", "client_attachment_path"])
async def test_a_tenants_own_url_is_https_unless_its_host_is_allowed(house, name):
    acme = await house.tenant("acme", client_base_url="http://app.example.com")
    changed = {name: "http://other.example.com" if name == "client_base_url" else "/other"}
    with pytest.raises(Invalid, match="must begin with https://") as caught:
        await house.call("updateTenant", acme, **changed)
    assert caught.value.field == "client_base_url"
    assert "allow " in caught.value.hint

    hosts = AllowList.of(["app.example.com", "other.example.com"])
    allowing = Door(replace(house.context, allow=hosts), house.audit)
    assert await allowing.open("updateTenant", changed, acme) == {"ok": True}
    assert (await house.store.get_tenant("acme")).url_set_by_admin is False


@pytest.mark.parametrize(
    "field",
    [
        {"active": True},
        {"rate_limits": {}},
        {"large_file_config": {}},
        {"attachment_folders": ["/srv"]},
    ],
)
async def test_limits_activity_and_storage_are_the_admins(house, field):
    acme = await house.tenant("acme")
    (name,) = field
    with pytest.raises(Forbidden, match=name):
        await house.call("updateTenant", acme, tenant_id="acme", **field)


async def test_a_tenants_token_cannot_send_kept_credentials_elsewhere(house):
    acme = await house.tenant("acme", client_base_url=URL, client_auth=BEARER)
    evil = {"tenant_id": "acme", "client_base_url": "https://evil.example"}
    masked = {"method": "bearer", "token": "********"}
    for change in (evil, {**evil, "client_auth": masked}):
        with pytest.raises(Invalid) as caught:
            await house.call("updateTenant", acme, **change)
        assert caught.value.field == "client_auth"
    await house.call("updateTenant", acme, **evil, client_auth={"method": "none"})
    assert (await house.store.get_tenant("acme")).client_auth == {"method": "none"}


async def test_deactivating_takes_back_what_was_claimed(house):
    key = (await house.call("addTenant", id="acme"))["api_key"]
    await house.call("updateTenant", tenant_id="acme", active=False)
    assert ("recall", "acme", None, None) in house.engine.asked
    with pytest.raises(Forbidden):
        await house.context.tokens.authenticate(key)
    await house.call("updateTenant", tenant_id="acme", active=True)
    assert house.engine.asked[-1] == ("wake_all",)
    assert (await house.context.tokens.authenticate(key)).tenant_id == "acme"


async def test_a_deleted_tenant_leaves_nothing_behind(house):
    key = (await house.call("addTenant", id="acme"))["api_key"]
    await house.account("acme", "main")
    await house.tenant("bravo", "main")
    for tenant_id in ("acme", "bravo"):
        await house.post(house.mail(tenant_id=tenant_id))
    assert await house.call("deleteTenant", tenant_id="acme") == {"ok": True}
    with pytest.raises(Unauthorized):
        await house.context.tokens.authenticate(key)
    assert [m["tenant_id"] for m in (await house.call("listMessages"))["messages"]] == ["bravo"]
    assert [a["tenant_id"] for a in (await house.call("listAccounts"))["accounts"]] == ["bravo"]
    assert (await house.call("getStats"))["tenants"] == 1
    assert 'tenant_id="acme"' not in (await house.call("metrics"))["text"]


async def test_the_folder_of_a_tenant_goes_with_it_and_what_a_link_leads_to_stays(
    house, settings, tmp_path
):
    others = tmp_path / "others"
    others.mkdir()
    (others / "kept").write_bytes(b"x")
    for tenant_id in ("acme", "bravo", "linked"):
        await house.call("addTenant", id=tenant_id)
    for tenant_id in ("acme", "bravo"):
        folder = settings.attachments_of(tenant_id)
        folder.mkdir(parents=True)
        (folder / "a.pdf").write_bytes(b"x")
        (folder / "link").symlink_to(others)
    settings.attachments_of("linked").symlink_to(others)
    for tenant_id in ("acme", "linked"):
        await house.call("deleteTenant", tenant_id=tenant_id)
    left = sorted(path.name for path in settings.attachments_of("bravo").parent.iterdir())
    assert left == ["bravo"]
    assert (settings.attachments_of("bravo") / "a.pdf").exists()
    assert (others / "kept").exists()


async def test_a_folder_that_cannot_be_removed_is_told_of(house, settings, caplog):
    await house.call("addTenant", id="acme")
    settings.attachments_of("acme").parent.mkdir(parents=True)
    settings.attachments_of("acme").write_bytes(b"no folder")
    with caplog.at_level(logging.WARNING):
        await house.call("deleteTenant", tenant_id="acme")
    assert "folder_not_removed" in caplog.text
    assert (await house.call("listTenants"))["tenants"] == []


async def test_a_new_key_replaces_the_old_one_and_is_shown_once(house):
    old = (await house.call("addTenant", id="acme"))["api_key"]
    await house.context.tokens.authenticate(old)
    new = (await house.call("createTenantKey", tenant_id="acme"))["api_key"]
    with pytest.raises(Unauthorized):
        await house.context.tokens.authenticate(old)
    assert (await house.context.tokens.authenticate(new)).tenant_id == "acme"
    (listed,) = (await house.call("listTenantKeys", tenant_id="acme"))["keys"]
    assert listed.keys() == {"key_id", "prefix", "created_at", "last_used_ts"}
    assert new.startswith(listed["prefix"])
    assert new not in str(listed)


async def test_a_key_ends_at_its_time_or_when_it_is_revoked(house):
    await house.tenant("acme")
    at = house.clock.now() + 1
    key = (await house.call("createTenantKey", tenant_id="acme", expires_at=at))["api_key"]
    await house.context.tokens.authenticate(key)
    house.clock.at = at
    with pytest.raises(Unauthorized):
        await house.context.tokens.authenticate(key)
    key = (await house.call("createTenantKey", tenant_id="acme"))["api_key"]
    await house.context.tokens.authenticate(key)
    assert await house.call("revokeTenantKey", tenant_id="acme") == {"ok": True}
    with pytest.raises(Unauthorized):
        await house.context.tokens.authenticate(key)


async def test_changed_limits_reach_the_engine_and_lift_the_pauses_of_the_old_ones(house):
    await house.tenant("acme", "main", "other")
    now = house.clock.now()
    limited = {
        "paused_until": now + 99,
        "paused_reason": "the tenant's limit of 5 a day is reached",
    }
    refused = {"paused_until": now + 99, "paused_reason": "login: 535 no", "failures": 1}
    await house.store.change_account("acme", "main", limited, now=now)
    await house.store.change_account("acme", "other", refused, now=now)

    await house.call("updateTenant", tenant_id="acme", rate_limits={"daily": 9})

    assert ("limits_changed", "acme") in house.engine.asked
    accounts = (await house.call("listAccounts", tenant_id="acme"))["accounts"]
    assert [account.get("paused_by") for account in accounts] == [None, "fault"]


@pytest.mark.parametrize(
    "names", [("daily", "per_day"), ("minute", "per_minute"), ("hour", "hourly")]
)
async def test_limits_that_stay_the_same_recall_nothing(house, names):
    await house.tenant("acme", "main")
    first, second = names
    await house.call("updateTenant", tenant_id="acme", rate_limits={first: 9})
    house.engine.asked.clear()

    await house.call("updateTenant", tenant_id="acme", rate_limits={second: 9})

    assert ("limits_changed", "acme") not in house.engine.asked
