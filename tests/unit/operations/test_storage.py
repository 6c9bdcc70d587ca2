"""What the admin may set of a tenant's large files, and how it is kept and shown."""

from __future__ import annotations

from typing import Any

import pytest

from mail_proxy.domain.errors import Conflict, Invalid, NotFound
from mail_proxy.store.values.tenants import Tenant

MASK = "********"
GOOD = {
    "enabled": True,
    "action": "rewrite",
    "storage_url": "s3://bucket/prefix",
    "storage_auth": {"key": "AKIA", "secret": "s3cret", "region": "eu-central-1"},
}


async def shown(house) -> dict[str, Any]:
    return (await house.call("getTenant", tenant_id="acme"))["large_file_config"]


async def stored(house) -> Tenant:
    return await house.store.get_tenant("acme")


async def test_credentials_are_kept_apart_and_shown_masked(house):
    await house.tenant("acme", large_file_config=GOOD)

    tenant = await stored(house)
    assert tenant.storage_auth == GOOD["storage_auth"]
    assert "storage_auth" not in tenant.large_file_config
    assert (await shown(house))["storage_auth"] == {**GOOD["storage_auth"], "secret": MASK}


@pytest.mark.parametrize(
    ("auth", "name"),
    [
        ({"account_name": "a", "account_key": "s3cret"}, "account_key"),
        ({"connection_string": "AccountKey=s3cret"}, "connection_string"),
        ({"service_account": {"private_key": "s3cret"}}, "service_account"),
        ({"secret": "s3cret"}, "secret"),
    ],
)
async def test_what_is_shown_can_be_put_back(house, auth, name):
    await house.tenant("acme", large_file_config={**GOOD, "storage_auth": auth})
    config = await shown(house)
    assert config["storage_auth"][name] == MASK

    await house.call("updateTenant", tenant_id="acme", large_file_config=config)

    assert (await stored(house)).storage_auth == auth
    logged = await house.store.list_commands(limit=9)
    assert "s3cret" not in str(logged)


async def test_other_fields_leave_it_and_a_configuration_without_credentials_ends_them(house):
    await house.tenant("acme", large_file_config=GOOD)
    await house.call("updateTenant", tenant_id="acme", name="Acme")
    assert (await stored(house)).storage_auth == GOOD["storage_auth"]

    rest = {name: value for name, value in GOOD.items() if name != "storage_auth"}
    await house.call("updateTenant", tenant_id="acme", large_file_config=rest)
    assert (await stored(house)).storage_auth is None


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("storage_url", {"storage_url": "ssh://host/x"}),
        ("storage_url", {"storage_url": "simplecache::s3://bucket/x"}),
        ("storage_url", {"storage_url": "s3://key:secret@bucket/x"}),
        ("storage_url", {"storage_url": None}),
        ("public_base_url", {"storage_url": "file:///srv/files"}),
        ("public_base_url", {"public_base_url": "https://example.com/?x=1"}),
        ("public_base_url", {"public_base_url": "https://example.com/#x"}),
        ("storage_auth.client_kwargs", {"storage_auth": {"client_kwargs": {}}}),
        ("storage_auth.anon", {"storage_auth": {"anon": True}}),
    ],
)
async def test_what_cannot_work_is_refused_by_its_field(house, field, changes):
    with pytest.raises(Invalid) as caught:
        await house.tenant("acme", large_file_config={**GOOD, **changes})

    assert str(caught.value.field).endswith(field)


async def test_a_place_inside_may_be_the_admins(house):
    auth = {**GOOD["storage_auth"], "endpoint_url": "http://127.0.0.1:9000"}

    await house.tenant("acme", large_file_config={**GOOD, "storage_auth": auth})

    assert (await stored(house)).storage_auth == auth


async def test_a_missing_library_is_told_when_the_place_is_set(house, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(Invalid) as caught:
        await house.tenant("acme", large_file_config=GOOD)

    assert caught.value.field == "large_file_config.storage_url"
    assert caught.value.hint == "pip install 'mail-proxy[large-files]'"
    local = {**GOOD, "storage_url": "file://", "public_base_url": "https://x.example.com"}
    await house.tenant("acme", large_file_config=local)


async def test_each_step_of_a_test_is_told(house):
    local = {"storage_url": "file://", "public_base_url": "http://127.9.9.9:9"}
    await house.tenant("acme", large_file_config={**GOOD, **local})

    told = await house.call("checkStorage", tenant_id="acme")

    assert told["works"] is False  # nobody answers at that address
    steps = {step["name"]: step for step in told["steps"]}
    assert [(name, step["ok"]) for name, step in steps.items()] == [
        ("write", True),
        ("link", True),
        ("read", False),
        ("delete", True),
    ]
    assert "127.9.9.9" in steps["read"]["error"]
    files = house.context.settings.files_dir
    assert [path for path in files.rglob("*") if path.is_file()] == []


async def test_a_test_ends_where_nothing_can_be_written(house, tmp_path):
    (tmp_path / "file").write_text("no folder")
    local = {"storage_url": f"file://{tmp_path}/file", "public_base_url": "http://127.9.9.9:9"}
    await house.tenant("acme", large_file_config={**GOOD, **local})

    told = await house.call("checkStorage", tenant_id="acme")

    (step,) = told["steps"]
    assert (told["works"], step["name"], step["ok"]) == (False, "write", False)


async def test_without_a_place_there_is_nothing_to_test(house):
    await house.tenant("acme")
    with pytest.raises(Conflict):
        await house.call("checkStorage", tenant_id="acme")
    with pytest.raises(NotFound):
        await house.call("checkStorage", tenant_id="nobody")
