"""The store's verbs on a file of its own, with more and more in the queue."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from mail_proxy.bench.letter import BODY, RECIPIENT, SENDER
from mail_proxy.domain.clock import SystemClock
from mail_proxy.domain.reply import Reply
from mail_proxy.domain.state import Event, RecipientState
from mail_proxy.secrets import Keyring
from mail_proxy.store import (
    Account,
    Claimed,
    NewEvent,
    NewMessage,
    Outcome,
    RecipientResult,
    Store,
    Tenant,
    open_store,
)
from tests.benchmarks.cost import Cost

CONTENT = json.dumps({"from": SENDER, "to": [RECIPIENT], "subject": "B", "body": BODY}).encode()
ACCEPTED_AT_ONCE = 100
CLAIMED_AT_ONCE = 50
FILLED_AT_ONCE = 1000
TAKEN = Reply(250, "2.0.0", "queued")


async def verbs(depths: Sequence[int], count: int) -> AsyncIterator[tuple[int, dict[str, Cost]]]:
    """For each depth, rising, what a message costs in each verb; so many are measured."""
    with tempfile.TemporaryDirectory(prefix="mail-proxy-bench-") as folder:
        keyring = Keyring(b"k" * 32, Path(folder) / "secret.key")
        clock = SystemClock()
        store = await open_store(f"sqlite:///{folder}/queue.db", keyring=keyring, clock=clock)
        try:
            await store.put_tenant(Tenant("acme"), now=time.time())
            await store.put_account(Account("acme", "main", "h", 1), now=time.time())
            queue = Queue(store)
            for depth in depths:
                while queue.waiting < depth:
                    await queue.accept(min(FILLED_AT_ONCE, depth - queue.waiting))
                yield depth, await queue.costs(count)
        finally:
            await store.close()


class Queue:
    """waiting: how many, when nothing is being measured."""

    def __init__(self, store: Store) -> None:
        self.waiting = 0
        self._store = store
        self._accepted = 0

    async def accept(self, count: int) -> None:
        now = time.time()
        numbers = range(self._accepted, self._accepted + count)
        await self._store.accept([new_message(n, now) for n in numbers], now=now)
        self._accepted += count
        self.waiting += count

    async def costs(self, count: int) -> dict[str, Cost]:
        accepted, claimed, finished = Cost(count), Cost(count), Cost(count)
        for _ in range(count // ACCEPTED_AT_ONCE):
            with accepted.taken():
                await self.accept(ACCEPTED_AT_ONCE)
        for _ in range(count // CLAIMED_AT_ONCE):
            with claimed.taken():
                messages = await self._claim()
            with finished.taken():
                ours = await self._store.finish([sent(m) for m in messages], now=time.time())
            assert len(ours) == CLAIMED_AT_ONCE
            self.waiting -= CLAIMED_AT_ONCE
        return {
            f"accept, {ACCEPTED_AT_ONCE} at once": accepted,
            f"claim, {CLAIMED_AT_ONCE} at once": claimed,
            f"finish, {CLAIMED_AT_ONCE} at once": finished,
        }

    async def _claim(self) -> tuple[Claimed, ...]:
        claim = await self._store.claim(
            "acme", "main", limit=CLAIMED_AT_ONCE, now=time.time(), daemon="bench"
        )
        return claim.messages


def new_message(number: int, now: float) -> NewMessage:
    return NewMessage(
        tenant_id="acme",
        id=f"b{number}",
        account_id="main",
        priority=2,
        due_at=now,
        deferred_ts=None,
        batch_code=None,
        sender=SENDER,
        subject="Benchmark",
        return_path=SENDER,
        rfc_message_id=f"<b{number}@sender.example>",
        recipients=(RECIPIENT,),
        content=CONTENT,
        created_at=now,
        request_id="5d41402abc4b2a76",
    )


def sent(message: Claimed) -> Outcome:
    results = tuple(
        RecipientResult(r.position, RecipientState.ACCEPTED, TAKEN) for r in message.recipients
    )
    event = NewEvent("sent", time.time(), "sent", {"sent_ts": time.time()}, reportable=True)
    return Outcome(
        message.tenant_id,
        message.pk,
        message.lease_token,
        Event.ACCEPT,
        recipients=results,
        events=(event,),
        dot_sent=True,
    )
