"""Tenants, keys, accounts, settings, and secrets at rest."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from mail_proxy.domain.errors import Invalid, SecretsUnavailable
from mail_proxy.domain.state import State
from mail_proxy.secrets import Keyring
from mail_proxy.store import Account, ApiKey, Tenant, open_store, tenants
from mail_proxy.store.schema import suppressions

AUTH = {"method": "bearer", "token": "canary-token"}
TENANT = Tenant(
    "acme",
    name="Acme",
    client_base_url="https://acme.example",
    client_auth=AUTH,
    rate_limits={"hourly": 10},
    report_style="full",
)
ACCOUNT = Account(
    "acme",
    "main",
    "mail.example",
    587,
    user="ann",
    password="canary-password",
    imap_password="canary-imap",
    retry_delays=(1.0, 2.5),
    capabilities={"SIZE": "1000"},
    is_default=True,
    use_tls=False,
)


async def test_a_tenant_comes_back_as_it_was_put(store):
    assert await store.put_tenant(TENANT, now=5.0)

    assert await store.get_tenant("acme") == replace(TENANT, created_at=5.0, updated_at=5.0)
    assert await store.get_tenant("none") is None


async def test_putting_a_tenant_again_replaces_it_and_keeps_its_birth(store):
    await store.put_tenant(TENANT, now=5.0)

    assert not await store.put_tenant(Tenant("acme", name="New"), now=6.0)

    assert await store.get_tenant("acme") == Tenant(
        "acme", name="New", created_at=5.0, updated_at=6.0
    )


async def test_of_two_that_make_the_same_new_tenant_one_does(store):
    names = ("One", "Other")
    made = await asyncio.gather(
        *(store.put_tenant(Tenant("acme", name=name), now=5.0, only_new=True) for name in names)
    )

    assert sorted(made) == [False, True]
    assert (await store.get_tenant("acme")).name == names[made.index(True)]


async def test_changing_a_tenant_leaves_the_other_fields(store):
    await store.put_tenant(TENANT, now=5.0)

    assert await store.change_tenant("acme", {"active": False, "client_auth": None}, now=7.0)

    assert await store.get_tenant("acme") == replace(
        TENANT, active=False, client_auth=None, created_at=5.0, updated_at=7.0
    )
    assert not await store.change_tenant("none", {"active": False}, now=7.0)


async def test_tenants_are_listed_by_name_and_the_inactive_may_be_left_out(store):
    await store.put_tenant(Tenant("b"), now=1.0)
    await store.put_tenant(Tenant("a", active=False), now=1.0)

    assert [t.tenant_id for t in await store.list_tenants()] == ["a", "b"]
    assert [t.tenant_id for t in await store.list_tenants(active_only=True)] == ["b"]


async def test_deleting_a_tenant_takes_everything_and_nobody_elses(scene):
    store = scene.store
    await scene.add("beta", "main")
    await scene.send("m1")
    await scene.post("m2", "m1", tenant_id="beta")
    await scene.post("m3", batch_code="may")
    await store.suspend("acme", "may", now=scene.now)
    await store.put_key(ApiKey("acme", "k", "hash", "mp_", 1.0))

    assert await store.delete_tenant("acme")

    assert await store.get_tenant("acme") is None
    assert await store.list_accounts("acme") == []
    assert await store.find_key("hash") is None
    assert (await store.standing("acme")).totals == []
    assert await store.suspended_batches("acme") == []
    assert await store.tenants_with_reports() == []
    assert await scene.list_ids() == ["m2", "m1"]
    assert not await store.delete_tenant("acme")


async def test_nothing_is_written_for_a_tenant_that_is_gone(scene):
    store = scene.store
    key = ApiKey("acme", "k", "hash", "mp_", 1.0)
    assert await store.put_key(key)
    assert await store.suppress("acme", {"a@b": None}, now=1.0) == 1
    await store.delete_tenant("acme")

    assert not await store.put_key(key)
    assert await store.suppress("acme", {"a@b": None}, now=1.0) is None
    assert await store.rotate_webhook_secret("acme", "s", now=1.0, overlap_s=1.0) is None

    assert await store.find_key("hash") is None
    assert await store.suppressed("acme", ["a@b"]) == {}
    assert await store.get_tenant("acme") is None


async def test_a_tenant_of_many_messages_is_deleted_in_pieces(scene):
    await scene.post(*(f"m{i}" for i in range(1100)))

    await scene.store.delete_tenant("acme")

    assert await scene.list_ids() == []


async def test_what_is_kept_of_a_tenant_is_deleted_in_pieces_too(scene, monkeypatch):
    store = scene.store
    await scene.add("beta", "main")
    await store.suppress("acme", {f"a{i}@b": None for i in range(1100)}, now=1.0)
    await store.suppress("beta", {"a@b": None}, now=1.0)
    pieces = []
    drop = tenants.drop_tenant

    def counted(conn, tenant_id, **kept):
        before = conn.execute(select(func.count()).select_from(suppressions)).scalar_one()
        more = drop(conn, tenant_id, **kept)
        pieces.append(
            before - conn.execute(select(func.count()).select_from(suppressions)).scalar()
        )
        return more

    monkeypatch.setattr(tenants, "drop_tenant", counted)

    await store.delete_tenant("acme")

    assert sum(pieces) == 1100
    assert max(pieces) == tenants.MESSAGE_CHUNK
    assert await store.get_tenant("acme") is None
    assert await store.suppressed("beta", ["a@b"]) == {"a@b": None}


async def test_a_key_is_found_by_its_hash_until_it_is_replaced(store):
    old = ApiKey("acme", "one", "hash-1", "mp_abc", 1.0, 99.0, "for 2026")
    new = ApiKey("acme", "two", "hash-2", "mp_def", 2.0)
    await store.put_tenant(Tenant("acme"), now=1.0)
    await store.put_key(old)
    await store.put_key(new)

    assert await store.find_key("hash-1") == old
    assert await store.list_keys("acme") == [old, new]
    await store.put_key(replace(old, token_sha256="hash-3"))
    assert await store.find_key("hash-1") is None
    assert await store.delete_key("acme", "one") is True
    assert await store.delete_key("acme", "one") is False
    assert await store.find_key("hash-3") is None
    assert await store.list_keys("acme") == [new]


async def test_the_last_use_of_a_key_is_noted(store):
    key = ApiKey("acme", "one", "hash-1", "mp_abc", 1.0)
    await store.put_tenant(Tenant("acme"), now=1.0)
    await store.put_key(key)
    await store.note_key_uses({("acme", "one"): 5.0, ("acme", "gone"): 6.0})
    assert await store.list_keys("acme") == [replace(key, last_used_at=5.0)]


async def test_an_account_comes_back_as_it_was_put(store):
    assert await store.put_account(ACCOUNT, now=5.0)

    assert await store.get_account("acme", "main") == replace(
        ACCOUNT, created_at=5.0, updated_at=5.0
    )
    assert await store.get_account("beta", "main") is None


async def test_changing_an_account_sets_the_given_fields_only(store):
    await store.put_account(ACCOUNT, now=5.0)
    changes = {"password": "new", "paused_until": 9.0, "retry_delays": None}

    assert await store.change_account("acme", "main", changes, now=7.0)

    assert await store.get_account("acme", "main") == replace(
        ACCOUNT, **changes, created_at=5.0, updated_at=7.0
    )
    assert not await store.change_account("acme", "none", changes, now=7.0)


@pytest.mark.parametrize("name", ["pasword", "secret_unreadable", "password_enc"])
async def test_a_field_that_does_not_exist_is_a_mistake(store, name):
    await store.put_account(ACCOUNT, now=5.0)

    with pytest.raises(ValueError, match=name):
        await store.change_account("acme", "main", {name: "x"}, now=7.0)


async def test_an_account_is_edited_as_the_writes_before_have_left_it(scene):
    oauth2 = {"refresh_token": "r1", "client_id": "app"}
    await scene.store.put_account(replace(ACCOUNT, oauth2=oauth2), now=5.0)

    def edit(old):
        return replace(old, port=25, oauth2={**old.oauth2, "client_id": "other"})

    # Asked for at once, so nothing of the edit can have been read before the renewal was written.
    renewed, edited = await asyncio.gather(
        scene.store.renew_refresh_token("acme", "main", "r1", "r2", now=6.0),
        scene.store.edit_account("acme", "main", edit, now=7.0),
    )

    assert renewed
    assert edited.oauth2 == {"refresh_token": "r2", "client_id": "other"}
    found = await scene.store.get_account("acme", "main")
    assert (found.port, found.oauth2) == (25, edited.oauth2)


async def test_an_edit_that_raises_writes_nothing(scene):
    before = await scene.store.get_account("acme", "main")

    def refuse(old):
        raise Invalid("host: no", field="host")

    with pytest.raises(Invalid, match="host: no"):
        await scene.store.edit_account("acme", "main", refuse, now=7.0)

    assert await scene.store.get_account("acme", "main") == before


async def test_an_account_is_made_for_no_tenant_that_is_gone(store):
    assert await store.edit_account("acme", "main", lambda _: ACCOUNT, now=1.0) is None
    assert await store.list_accounts(None) == []


async def test_the_mark_of_the_default_account_is_taken_from_the_others(store):
    for tenant_id, account_id in (("a", "x"), ("b", "y"), ("a", "z")):
        account = replace(ACCOUNT, tenant_id=tenant_id, account_id=account_id, is_default=True)
        await store.put_account(account, now=1.0)

    marked = [(a.tenant_id, a.account_id) for a in await store.list_accounts(None) if a.is_default]
    assert marked == [("a", "z"), ("b", "y")]


async def test_accounts_are_listed_by_tenant_and_name(store):
    for tenant_id, account_id in (("b", "x"), ("a", "z"), ("a", "y")):
        account = replace(ACCOUNT, tenant_id=tenant_id, account_id=account_id)
        await store.put_account(account, now=1.0)

    assert [(a.tenant_id, a.account_id) for a in await store.list_accounts(None)] == [
        ("a", "y"),
        ("a", "z"),
        ("b", "x"),
    ]
    assert [a.account_id for a in await store.list_accounts("a")] == ["y", "z"]


async def test_a_deleted_account_takes_no_more_messages(scene):
    assert await scene.store.delete_account("acme", "main")

    (answer,) = await scene.post("m1")

    assert answer.reason == "account not found for tenant"
    assert not await scene.store.delete_account("acme", "main")


async def test_settings_are_values_of_any_json_kind(store):
    await store.set_setting("a", {"x": [1, None]})
    await store.set_setting("b", "ENC: is no secret")
    await store.set_setting("c", "canary-setting", secret=True)
    await store.set_setting("a", 2)

    assert await store.get_setting("a") == 2
    assert await store.get_setting("none") is None
    found = await store.settings()
    assert (found["a"], found["b"], found["c"]) == (2, "ENC: is no secret", "canary-setting")


async def test_no_secret_lies_in_the_database_as_text(store, tmp_path):
    await store.put_tenant(TENANT, now=1.0)
    await store.put_account(ACCOUNT, now=1.0)
    await store.change_account("acme", "main", {"password": "canary-changed"}, now=1.0)
    await store.set_setting("c", "canary-setting", secret=True)
    await store.close()

    stored = b"".join(file.read_bytes() for file in tmp_path.glob("queue.db*"))

    assert b"mail.example" in stored
    assert b"canary" not in stored


async def test_with_a_lost_key_all_but_the_secrets_is_there(scene, database, keyring, tmp_path):
    await scene.store.put_account(ACCOUNT, now=1.0)
    await scene.store.put_tenant(TENANT, now=1.0)
    await scene.store.set_setting("c", "canary-setting", secret=True)
    await scene.post("m1")
    await scene.store.close()

    wrong = Keyring(b"w" * 32, tmp_path / "other.key")
    async with await open_store(database, keyring=wrong) as store:
        account = await store.get_account("acme", "main")
        tenant = await store.get_tenant("acme")
        assert (account.secret_unreadable, account.password, account.user) == (True, None, "ann")
        assert (tenant.secret_unreadable, tenant.client_auth) == (True, None)
        assert await store.get_setting("c") is None
        assert (await store.find_messages("acme", ["m1"]))[0].state is State.WAITING
        with pytest.raises(SecretsUnavailable):
            await store.change_account("acme", "main", {"password": "new"}, now=2.0)
        await store.put_account(replace(account, port=25), now=2.0)

    async with await open_store(database, keyring=keyring) as store:
        account = await store.get_account("acme", "main")
        assert (account.password, account.port) == ("canary-password", 25)
