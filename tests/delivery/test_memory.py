"""Contents that do not fit into a claim are read one by one, when their messages are begun."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from mail_proxy.domain.errors import StoreError, StoreUnavailable
from mail_proxy.domain.state import State

House = Any


def big(subject: str, size_bytes: int) -> bytes:
    body = f"{'x' * 70}\n" * (size_bytes // 71)
    fields = {"from": "a@acme.example", "to": ["ann@example.com"], "subject": subject}
    return json.dumps(fields | {"body": body}).encode()


async def test_mails_larger_than_a_claim_s_budget_arrive_whole(house: House) -> None:
    async with house.running():
        for n in range(6):
            await house.post(f"m{n}", content=big(f"m{n}", 600_000))
        assert await house.statuses(6) == ["sent"] * 6
    assert [len(mail.data) > 600_000 for mail in house.relay.messages] == [True] * 6
    subjects = sorted(mail.data.split(b"Subject: ")[1][:2] for mail in house.relay.messages)
    assert subjects == [b"m0", b"m1", b"m2", b"m3", b"m4", b"m5"]


async def test_a_content_that_cannot_be_read_now_costs_no_try(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failed = house.store.content, asyncio.Event()

    async def content(tenant_id: str, pk: int) -> bytes:
        if not failed.is_set():
            failed.set()
            raise StoreUnavailable("away")
        found: bytes = await real(tenant_id, pk)
        return found

    monkeypatch.setattr(house.store, "content", content)
    async with house.running():
        await house.post("m1", content=big("m1", 600_000))
        await failed.wait()
        while not house.results:
            house.clock.advance(1)
            await house.row("m1")
    row = await house.row("m1")
    assert (row.state, row.tries) == (State.SENT, 1)


async def test_a_content_that_can_never_be_read_fails_by_itself(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def damaged(tenant_id: str, pk: int) -> bytes:
        raise StoreError("the database is damaged")

    monkeypatch.setattr(house.store, "content", damaged)
    async with house.running():
        await house.post("m1", content=big("m1", 600_000))
        await house.post("m2")
        assert await house.statuses(2) == ["deferred", "sent"]
    row = await house.row("m1")
    assert (row.state, row.tries) == (State.WAITING, 1)
    assert row.error == "StoreError: the database is damaged"
