"""The kept counts are those of the messages, whatever was done in whatever order."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from sqlalchemy import select

from mail_proxy.domain.state import Event
from mail_proxy.store.schema import counts

STEPS = 60


async def kept_counts(scene) -> dict[tuple[str, str, int], int]:
    """Of each account, state and priority that has messages."""
    rows = await scene.store._readers.read(  # the store tells them summed over accounts only
        lambda conn: conn.execute(select(counts).where(counts.c.n > 0)).all()
    )
    return {(row.account_id, row.state, row.priority): row.n for row in rows}


class Walk:
    """Does one random thing after another."""

    def __init__(self, scene, seed: int) -> None:
        self.scene = scene
        self.random = random.Random(seed)
        self.held = []

    def some_ids(self) -> list[str]:
        return [f"m{self.random.randrange(30)}" for _ in range(self.random.randrange(1, 8))]

    def batch_code(self) -> str | None:
        return self.random.choice([None, "may", "june"])

    async def step(self) -> None:
        verbs = [self.post, self.claim, self.finish, self.delete, self.retry, self.suspend]
        verbs += [self.activate, self.lapse, self.clean_up, self.post, self.claim, self.finish]
        await self.random.choice(verbs)()

    async def post(self) -> None:
        await self.scene.post(
            *self.some_ids(),
            batch_code=self.batch_code(),
            priority=self.random.randrange(4),
            account_id=self.random.choice(["main", "other"]),
        )

    async def claim(self) -> None:
        account_id = self.random.choice(["main", "other"])
        self.held += (await self.scene.claim(5, account_id=account_id)).messages

    async def finish(self) -> None:
        ended, self.held = self.held[:4], self.held[4:]
        await self.scene.finish(*(self.outcome(m) for m in ended))

    def outcome(self, claimed):
        event = self.random.choice([Event.DEFER, Event.RELEASE, Event.DOUBT, Event.RESEND])
        plain = self.scene.outcome(claimed, event, due_at=self.scene.now)
        ends = [self.scene.accepted(claimed), self.scene.failed(claimed), plain]
        return self.random.choice(ends)

    async def delete(self) -> None:
        await self.scene.delete(*self.some_ids())

    async def retry(self) -> None:
        await self.scene.retry(*self.some_ids())

    async def suspend(self) -> None:
        await self.scene.store.suspend("acme", self.batch_code(), now=self.scene.now)

    async def activate(self) -> None:
        await self.scene.store.activate("acme", self.batch_code(), now=self.scene.now)

    async def lapse(self) -> None:
        await self.scene.lapse()

    async def clean_up(self) -> None:
        for event in await self.scene.store.unreported("acme", limit=2):
            await self.scene.store.mark_reported("acme", [event], now=self.scene.now)
        await self.scene.store.cleanup_messages(None, before=self.scene.now + 1, limit=3)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
async def test_counts_are_those_of_the_messages(scene, seed):
    await scene.add("acme", "other")
    walk = Walk(scene, seed)

    for _ in range(STEPS):
        await walk.step()

        listing = await scene.rows()
        assert await kept_counts(scene) == Counter(
            (m.account_id, m.state, m.priority) for m in listing
        )
