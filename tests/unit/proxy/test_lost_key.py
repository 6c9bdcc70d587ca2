"""A database whose encryption key is lost for a while."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.config.settings import Settings
from mail_proxy.domain.errors import Conflict, Invalid, SecretsUnavailable
from mail_proxy.proxy import MailProxy
from mail_proxy.secrets import MASK
from mail_proxy.wire.caller import tenant

ACCOUNT = {"tenant_id": "acme", "id": "main", "host": "smtp.example.com", "port": 587}


async def call(settings: Settings, name: str, caller: Any = None, **fields: Any) -> Any:
    async with await MailProxy.open(settings) as proxy:
        if caller is None:
            return await proxy.handle_command(name, fields)
        return await proxy.handle_command(name, fields, caller)


@pytest.mark.slow
async def test_a_masked_password_outlives_the_loss_of_the_key(tmp_path: Path) -> None:
    good = Settings("x", tmp_path, str(tmp_path / "queue.db"), encryption_key=bytes(32))
    lost = replace(good, encryption_key=bytes(31) + b"x")
    await call(good, "addTenant", id="acme")
    await call(good, "addAccount", **ACCOUNT, password="secret", user="me")

    await call(lost, "addAccount", **{**ACCOUNT, "user": "me", "ttl": 60}, password=MASK)
    elsewhere = {**ACCOUNT, "user": "me", "host": "smtp.evil.example"}
    with pytest.raises(Invalid, match="password must be given again"):
        await call(lost, "addAccount", tenant("acme"), **elsewhere, password=MASK)

    async with await MailProxy.open(good) as proxy:
        answer = await proxy.handle_command(
            "getAccount", {"tenant_id": "acme", "account_id": "main"}
        )
    assert answer["account"]["has_password"] is True
    assert answer["account"]["ttl"] == 60


@pytest.mark.slow
@pytest.mark.parametrize(
    "login",
    [
        {"password": "secret"},
        {"oauth2": {"provider": "google", "client_id": "app", "refresh_token": "secret"}},
    ],
)
async def test_what_is_changed_while_the_key_is_lost_costs_no_secret(
    tmp_path: Path, login: dict[str, Any]
) -> None:
    good = Settings("x", tmp_path, str(tmp_path / "queue.db"), encryption_key=bytes(32))
    lost = replace(good, encryption_key=bytes(31) + b"x")
    which = {"tenant_id": "acme", "account_id": "main"}
    await call(good, "addTenant", id="acme")
    await call(good, "addAccount", **ACCOUNT, **login, imap_password="other", user="me")

    method = "oauth2" if "oauth2" in login else "password"  # as it is stored already
    await call(lost, "updateAccount", **which, limit_per_hour=9, auth_method=method)
    with pytest.raises(Invalid, match="must be given again"):
        await call(lost, "updateAccount", tenant("acme"), **which, host="smtp.evil.example")

    async with await MailProxy.open(good) as proxy:
        found = await proxy._parts.store.get_account("acme", "main")
    assert found is not None
    assert (found.limit_per_hour, found.imap_password) == (9, "other")
    assert (found.password, found.oauth2) == (login.get("password"), login.get("oauth2"))


@pytest.mark.slow
async def test_the_admin_vouches_for_no_endpoint_that_nobody_can_read(tmp_path: Path) -> None:
    good = Settings("x", tmp_path, str(tmp_path / "queue.db"), encryption_key=bytes(32))
    lost = replace(good, encryption_key=bytes(31) + b"x")
    oauth2 = {"token_url": "https://x.example/t", "client_id": "app", "refresh_token": "secret"}
    which = {"tenant_id": "acme", "account_id": "main", "host": ACCOUNT["host"]}
    await call(good, "addTenant", id="acme")
    await call(good, "addAccount", tenant("acme"), **ACCOUNT, user="me", oauth2=oauth2)

    masked = {"token_url": "https://y.example/t", "client_id": "app", "refresh_token": MASK}
    await call(lost, "updateAccount", **which, oauth2=masked)

    async with await MailProxy.open(good) as proxy:
        found = await proxy._parts.store.get_account("acme", "main")
    assert found is not None
    assert (found.oauth2, found.host_set_by_admin) == (oauth2, False)


@pytest.mark.slow
@pytest.mark.parametrize("is_wrong", [True, False])
async def test_with_a_lost_or_wrong_key_mail_is_held_and_nothing_is_lost(
    settings: Settings, sink: Any, eventually: Any, is_wrong: bool
) -> None:
    good = replace(settings, encryption_key=None)
    place = {"tenant_id": "acme", "host": sink.host, "port": sink.port}
    mail = {"from": "a@x.example", "to": ["b@y.example"], "subject": "s", "body": "b"}
    async with await MailProxy.open(good) as proxy:
        await proxy.handle_command("addTenant", {"id": "acme"})
        login = {"user": "me", "password": "x"}
        await proxy.handle_command("addAccount", {**place, "id": "sealed", **login})
        await proxy.handle_command("addAccount", {**place, "id": "open"})
    kept = good.key_path.read_bytes()
    good.key_path.unlink()
    if is_wrong:
        good.key_path.write_bytes(bytes(32))
    async with await MailProxy.open(good) as proxy:
        proxy.start()
        assert proxy.secrets_problem
        posted = [{**mail, "id": name, "account_id": name} for name in ("sealed", "open")]
        told = await proxy.handle_command("addMessages", {"tenant_id": "acme", "messages": posted})
        assert told["queued"] == 2
        await sink.wait_for(1)  # what needs no secret goes
        why = await proxy.handle_command("explainMessage", {"tenant_id": "acme", "id": "sealed"})
        assert why["code"] == "no_password"
        assert why["do"] == "mail-proxy myserver acme accounts set-password sealed"
        stats = await proxy.handle_command("getStats")
        assert stats["secrets_problem"] == proxy.secrets_problem
        shown = await proxy.handle_command("getStats", {"tenant_id": "acme"}, tenant("acme"))
        assert "secrets_problem" not in shown
        account = await proxy.handle_command("getAccount", {"account_id": "sealed"}, tenant("acme"))
        assert account["account"]["needs_password"] is True
    good.key_path.write_bytes(kept)
    async with await MailProxy.open(good) as proxy:
        found = await proxy._parts.store.get_account("acme", "sealed")
        assert found is not None
        assert found.password == "x"
        listed = (await proxy.handle_command("listMessages"))["messages"]
        (waiting,) = [message for message in listed if message["id"] == "sealed"]
        assert (waiting["status"], waiting["tries"]) == ("pending", 0)


@pytest.mark.slow
async def test_after_a_key_that_is_lost_for_good_passwords_are_given_anew(
    settings: Settings, sink: Any
) -> None:
    own = replace(settings, encryption_key=None)
    place = {"tenant_id": "acme", "id": "main", "host": sink.host, "port": sink.port, "user": "me"}
    sink.offer = replace(sink.offer, users={"me": "again"})
    mail = {"id": "m1", "from": "a@x.example", "to": ["b@y.example"], "subject": "s", "body": "b"}
    async with await MailProxy.open(own) as proxy:
        await proxy.handle_command("addTenant", {"id": "acme"})
        await proxy.handle_command("addAccount", {**place, "password": "x"})
        with pytest.raises(Conflict, match="is not lost"):
            await proxy.handle_command("rotateKey", {"lost": True})
    own.key_path.write_bytes(bytes(32))
    async with await MailProxy.open(own) as proxy:
        proxy.start()
        await proxy.handle_command("addMessages", {"messages": [mail]})
        with pytest.raises(SecretsUnavailable):
            await proxy.handle_command("addAccount", {**place, "password": "again"})
        await proxy.handle_command("rotateKey", {"lost": True})
        assert "secrets_problem" not in await proxy.handle_command("getStats")
        why = await proxy.handle_command("explainMessage", {"tenant_id": "acme", "id": "m1"})
        assert why["code"] == "no_password"
        await proxy.handle_command("addAccount", {**place, "password": "again"})
        await sink.wait_for(1)
        token = proxy.admin_token
    async with await MailProxy.open(own) as proxy:
        assert (proxy.secrets_problem, proxy.admin_token) == ("", token)
    assert len(list(own.state_dir.glob("secret.key.unfit-*"))) == 1


@pytest.mark.slow
async def test_logins_of_attachments_that_cannot_be_read_cost_no_try(
    settings: Settings, sink: Any, eventually: Any
) -> None:
    good = replace(settings, encryption_key=None)
    login = {"method": "bearer", "token": "s3cret"}
    sealed = {"filename": "a", "storage_path": "https://files.example/a", "auth": login}
    asked = {"filename": "b", "storage_path": "invoices/7"}  # with the tenant's login
    mail = {"from": "a@x.example", "to": ["b@y.example"], "subject": "s", "body": "b"}
    posted = [{**mail, "id": a["filename"], "attachments": [a]} for a in (sealed, asked)]
    async with await MailProxy.open(good) as proxy:
        url = "https://app.example.com"
        tenant = {"id": "acme", "client_base_url": url, "client_auth": login}
        await proxy.handle_command("addTenant", tenant)
        account = {"id": "main", "tenant_id": "acme", "host": sink.host, "port": sink.port}
        await proxy.handle_command("addAccount", account)
        await proxy.handle_command("addMessages", {"tenant_id": "acme", "messages": posted})
    good.key_path.unlink()
    async with await MailProxy.open(good) as proxy:
        proxy.start()

        async def are_put_off() -> bool:
            told = await proxy.handle_command("listMessages", {"status": "deferred"})
            return len(told["messages"]) == 2

        await eventually(are_put_off)
        listed = (await proxy.handle_command("listMessages"))["messages"]
        assert [message["tries"] for message in listed] == [0, 0]
        for message in listed:
            why = await proxy.handle_command("explainMessage", {"id": message["id"]})
            assert "cannot be read" in why["why"]
