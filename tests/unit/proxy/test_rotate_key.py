"""Another encryption key: while mail and changes go on, and killed at each step."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.config.settings import Settings
from mail_proxy.domain.errors import Conflict, SecretsUnavailable
from mail_proxy.proxy import MailProxy
from mail_proxy.store import resealing

ACCOUNTS = 30
SECRETS = 2 * ACCOUNTS + 2  # two of each account, the tenant's login, the admin token


@pytest.fixture
def own_key(settings: Settings) -> Settings:
    """The key lies in secret.key."""
    return replace(settings, encryption_key=None)


async def furnish(proxy: MailProxy) -> None:
    auth = {"method": "bearer", "token": "client-secret"}
    await proxy.handle_command("addTenant", {"id": "acme", "client_auth": auth})
    for n in range(ACCOUNTS):
        place = {"tenant_id": "acme", "id": f"a{n}", "host": "smtp.example.com", "port": 587}
        secrets = {"user": "me", "password": f"smtp-{n}", "imap_password": f"imap-{n}"}
        await proxy.handle_command("addAccount", {**place, **secrets})


def key_ids(settings: Settings) -> set[str]:
    """Of all that is sealed in the database, the check value among it."""
    with sqlite3.connect(settings.database) as conn:
        found = [row[0].strip('"') for row in conn.execute("SELECT value FROM instance")]
        passwords = conn.execute("SELECT password_enc, imap_password_enc FROM accounts")
        found += [value for row in passwords for value in row]
        found += [row[0] for row in conn.execute("SELECT client_auth_enc FROM tenants")]
    conn.close()
    return {value.split(":")[1] for value in found if value and value.startswith("ENC:")}


async def check_all_is_readable(proxy: MailProxy) -> None:
    store = proxy._parts.store
    accounts = {a.account_id: a for a in await store.list_accounts("acme")}
    assert len(accounts) == ACCOUNTS
    for n in range(ACCOUNTS):
        account = accounts[f"a{n}"]
        assert (account.password, account.imap_password) == (f"smtp-{n}", f"imap-{n}")
    assert (await store.get_tenant("acme")).client_auth["token"] == "client-secret"
    assert proxy.secrets_problem == ""


@pytest.mark.slow
async def test_every_secret_has_the_new_key_and_nothing_fails_meanwhile(
    own_key: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "AT_ONCE", 1)
    async with await MailProxy.open(own_key) as proxy:
        proxy.start()
        await furnish(proxy)
        token = proxy.admin_token
        before = own_key.key_path.read_bytes()
        rotating = asyncio.create_task(proxy.handle_command("rotateKey"))
        rounds = 0
        while not rotating.done():
            n = rounds % ACCOUNTS
            change = {"id": f"a{n}", "host": "smtp.example.com", "port": 587, "user": "me"}
            masked = {"password": "********", "imap_password": f"imap-{n}", "tenant_id": "acme"}
            await proxy.handle_command("addAccount", {**change, **masked})
            await check_all_is_readable(proxy)
            rounds += 1
        assert rounds > 3
        assert (await rotating)["values"] <= SECRETS
        await check_all_is_readable(proxy)
        assert len(key_ids(own_key)) == 1
    assert own_key.key_path.read_bytes() != before
    assert own_key.key_path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in own_key.state_dir.glob("secret.key*")] == ["secret.key"]
    async with await MailProxy.open(own_key) as proxy:
        await check_all_is_readable(proxy)
        assert proxy.admin_token == token


async def test_credentials_of_attachments_get_the_new_key_too(
    own_key: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "AT_ONCE", 2)
    auth = {"method": "bearer", "token": "of-one-file"}
    attachment = {"filename": "a", "storage_path": "https://files.example/a", "auth": auth}
    mail = {"tenant_id": "acme", "account_id": "a0", "from": "a@example.com"}
    mail |= {"to": "b@example.org", "subject": "s", "attachments": [attachment]}
    proxy = await MailProxy.open(own_key)
    try:
        await furnish(proxy)
        messages = [{**mail, "id": f"m{n}"} for n in range(5)]
        await proxy.handle_command("addMessages", {"messages": messages})
        await proxy.handle_command("rotateKey")
        store = proxy._parts.store
        rows = await store.find_messages("acme", [f"m{n}" for n in range(5)])
        found = [await store.attachment_auth("acme", row.pk) for row in rows]
    finally:
        await proxy.close()
    assert found == [{0: auth}] * 5
    with sqlite3.connect(own_key.database) as conn:
        sealed = [row[0] for row in conn.execute("SELECT auth_enc FROM contents")]
    conn.close()
    assert {value.split(":")[1] for value in sealed} == key_ids(own_key)


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from mail_proxy.config.settings import Settings
from mail_proxy.proxy import MailProxy
from mail_proxy.secrets import keyfile
from mail_proxy.store import db, resealing
step, folder = sys.argv[1], Path(sys.argv[2])
resealing.AT_ONCE = 1
n = 0
def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
some = resealing.reseal_some
def counted(*args, **kwargs):
    global n
    n += 1
    if step == f"after {n - 1}":
        die()
    return some(*args, **kwargs)
resealing.reseal_some = counted
if step == "unpublished":
    keyfile.make = die
if step == "unchecked":
    db.MailProxyDb.set_setting = die
if step == "unpromoted":
    keyfile.promote = die
async def main():
    proxy = await MailProxy.open(Settings("myserver", folder, str(folder / "queue.db")))
    await proxy.handle_command("rotateKey")
asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "step", ["unpublished", "after 0", "after 1", "after 20", "unchecked", "unpromoted"]
)
async def test_killed_at_any_step_it_loses_nothing_and_goes_on(
    own_key: Settings, step: str, eventually: Any
) -> None:
    async with await MailProxy.open(own_key) as proxy:
        await furnish(proxy)
    before = own_key.key_path.read_bytes()
    killed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", KILLED, step, str(own_key.state_dir)],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        timeout=60,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    async with await MailProxy.open(own_key) as proxy:  # a command, without the loops
        await check_all_is_readable(proxy)
    async with await MailProxy.open(own_key) as proxy:
        proxy.start()
        await check_all_is_readable(proxy)

        async def is_over() -> bool:
            return proxy._parts.store.is_key_replaced and len(key_ids(own_key)) == 1

        await eventually(is_over)
    async with await MailProxy.open(own_key) as proxy:
        await check_all_is_readable(proxy)
    assert [path.name for path in own_key.state_dir.glob("secret.key*")] == ["secret.key"]
    assert (own_key.key_path.read_bytes() == before) == (step == "unpublished")


@pytest.mark.slow
async def test_a_key_from_elsewhere_is_not_ours_to_replace(settings: Settings) -> None:
    async with await MailProxy.open(settings) as proxy:
        with pytest.raises(Conflict, match="comes from MAIL_PROXY_ENCRYPTION_KEY"):
            await proxy.handle_command("rotateKey")
    assert not list(settings.state_dir.glob("secret.key*"))


@pytest.mark.slow
async def test_a_lost_key_cannot_be_replaced(own_key: Settings) -> None:
    async with await MailProxy.open(own_key) as proxy:
        await furnish(proxy)
    own_key.key_path.rename(own_key.state_dir / "elsewhere")
    async with await MailProxy.open(own_key) as proxy:
        with pytest.raises(SecretsUnavailable, match="is lost"):
            await proxy.handle_command("rotateKey")
    (own_key.state_dir / "elsewhere").rename(own_key.key_path)
    async with await MailProxy.open(own_key) as proxy:
        await check_all_is_readable(proxy)
