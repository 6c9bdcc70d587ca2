"""G16: no window of its length holds more than a limit, over kills and several claimers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.domain.limits import DAY_S, HOUR_S, MINUTE_S
from mail_proxy.domain.reply import Reply
from mail_proxy.domain.state import Event, RecipientState
from mail_proxy.secrets import Keyring
from mail_proxy.store import (
    Account,
    Claimed,
    NewMessage,
    Outcome,
    RecipientResult,
    Tenant,
    open_store,
)
from tests.faults.figures import record
from tests.faults.nemesis import Nemesis
from tests.faults.profile import seeded, sized
from tests.faults.receiver import most_in_a_window

Sites = Any  # see conftest
LIMIT = 60
TOTAL, KILLS = sized((70, 1), (300, 3))


@pytest.mark.slow
async def test_g16_sixty_a_minute_hold_over_kills(site: Sites) -> None:
    async with site(limit_per_minute=LIMIT, retry_delays=[0.2], max_retries=20) as here:
        nemesis = Nemesis(here, seeded("g16"))
        began = time.monotonic()
        await here.post_many([f"m{n}" for n in range(TOTAL)])
        for n in range(KILLS):
            await here.relay.until_count((n + 1) * TOTAL // (KILLS + 1))
            await nemesis.kill(0.0, 0.3)
        await here.until_empty(timeout_s=TOTAL * 60 / 54 + 60)
        took_s = time.monotonic() - began
        ledger = await here.check()
        seen = await here.relay.seen()
    most = most_in_a_window(seen, 60.0)
    record("G16", messages=TOTAL, kills=KILLS, most_in_a_minute=most, seconds=round(took_s, 1))
    assert most <= LIMIT
    assert ledger.counted == {"sent": TOTAL}
    assert took_s <= max(TOTAL * 60 / 54, 75.0)


class _VirtualClock:
    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def dice(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here sleeps")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "window_s", "most"),
    [("minute", MINUTE_S, 20), ("hour", HOUR_S, 60), ("day", DAY_S, 60)],
)
async def test_g16_four_claimers_and_restarts_exceed_no_window(
    tmp_path: Path, name: str, window_s: int, most: int
) -> None:
    """Each claimer takes a few, holds them for a while, delivers some and gives the rest back."""
    chance = seeded(f"g16 {name}")
    clock = _VirtualClock()
    keyring = Keyring(b"k" * 32, tmp_path / "secret.key")
    total = 6 * most
    path = str(tmp_path / "queue.db")
    store = await open_store(path, keyring=keyring, clock=clock)
    await store.put_tenant(Tenant("acme"), now=clock.at)
    account = Account("acme", "main", "mail.example", 25, **{f"limit_per_{name}": most})
    await store.put_account(account, now=clock.at)
    await store.accept([_message(n, clock.at) for n in range(total)], now=clock.at)
    held: list[list[Claimed]] = [[] for _ in range(4)]
    seen: list[float] = []
    began = clock.at
    while len(seen) < total:
        assert clock.at < began + 9 * window_s
        clock.at += window_s * chance.uniform(0, 0.02)
        turns = list(range(4))
        chance.shuffle(turns)
        for claimer in turns:
            outcomes = []
            for message in held[claimer]:
                sends = chance.random() < 0.9
                seen += [clock.at] if sends else []
                outcomes.append(_sent(message) if sends else _released(message))
            await store.finish(outcomes, now=clock.at)
            claim = await store.claim(
                "acme", "main", limit=chance.randint(1, 15), now=clock.at, daemon=f"d{claimer}"
            )
            held[claimer] = list(claim.messages)
        if chance.random() < 0.01:  # the process ends, and another one opens the file
            await store.finish([_released(m) for some in held for m in some], now=clock.at)
            held = [[] for _ in range(4)]
            await store.close()
            store = await open_store(path, keyring=keyring, clock=clock)
    await store.close()
    worst = max(sum(at - window_s < other <= at for other in seen) for at in seen)
    assert worst <= most
    assert clock.at - began <= 6 * window_s / 0.9
    record(f"G16 {name}, virtual clock", messages=total, limit=most, most_in_a_window=worst)


def _message(n: int, now: float) -> NewMessage:
    return NewMessage(
        tenant_id="acme",
        id=f"m{n}",
        account_id="main",
        priority=2,
        due_at=now,
        deferred_ts=None,
        batch_code=None,
        sender="ann@acme.example",
        subject="x",
        return_path="ann@acme.example",
        rfc_message_id=f"<m{n}@acme.example>",
        recipients=("bob@example.net",),
        content=b"{}",
        created_at=now,
    )


def _sent(message: Claimed) -> Outcome:
    taken = tuple(
        RecipientResult(r.position, RecipientState.ACCEPTED, Reply(250, "2.0.0", "ok"))
        for r in message.recipients
    )
    return Outcome(
        message.tenant_id,
        message.pk,
        message.lease_token,
        Event.ACCEPT,
        recipients=taken,
        dot_sent=True,
    )


def _released(message: Claimed) -> Outcome:
    return Outcome(
        message.tenant_id, message.pk, message.lease_token, Event.RELEASE, spends_try=False
    )
