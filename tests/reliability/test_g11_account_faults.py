"""G11: a fault of the account pauses it; the messages wait, and no try of theirs is spent."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.faults.figures import record
from tests.faults.profile import sized
from tests.faults.receiver import copies

pytestmark = pytest.mark.slow

Sites = Any  # see conftest
WATCHED_S, MOST_LOGINS = sized((12.0, 2), (60.0, 3))
QUEUED = 500


async def test_g11_a_wrong_password_is_tried_seldom_and_costs_no_try(site: Sites) -> None:
    async with site(user="me", password="wrong") as here:
        await here.relay.users({"me": "right"})
        began = time.monotonic()
        await here.post_many([f"m{n}" for n in range(QUEUED)])
        await asyncio.sleep(WATCHED_S - (time.monotonic() - began))
        logins = (await here.relay.state()).logins
        (account,) = (await here.call("listAccounts", tenant_id="acme"))["accounts"]
        waiting = here.query("SELECT count(*), max(tries) FROM messages WHERE state = 'waiting'")
        mended = time.monotonic()
        await here.add_account(user="me", password="right")
        await here.until_empty()
        took_s = time.monotonic() - mended
        ledger = await here.check(with_reports=True)
        came = copies(await here.relay.seen())
    assert 1 <= logins <= MOST_LOGINS
    assert waiting == [(QUEUED, 0)]
    assert account["failures"] >= 1
    assert account["paused_until_ts"] > 0
    assert "535" in account["paused_reason"]
    assert ledger.counted == {"sent": QUEUED}
    assert set(ledger.tries.values()) == {1}
    assert set(came.values()) == {1}
    record("G11", queued=QUEUED, watched_s=WATCHED_S, logins=logins, sent_after_s=round(took_s, 1))
