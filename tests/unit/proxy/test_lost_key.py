"""A database whose encryption key is lost for a while."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.config.settings import Settings
from mail_proxy.domain.errors import Invalid
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
