"""G17: one tenant's backlog does not delay another's mail."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from mail_proxy.domain.reply import Stage
from tests.faults.client import Client
from tests.faults.figures import record
from tests.faults.profile import sized

pytestmark = pytest.mark.slow

Sites = Any  # see conftest
BACKLOG, ACCOUNTS, SLOW_S = sized((3_000, 60, 2.0), (50_000, 200, 5.0))
MAILS = 20


async def _second_tenant(here: Any) -> Client:
    key = (await here.call("addTenant", id="beta"))["api_key"]
    await here.call(
        "addAccount",
        tenant_id="beta",
        id="main",
        host=here.relay.host,
        port=here.relay.port,
        tls_mode="none",
    )
    return Client(here.session, here.url, key)


async def _time_of(here: Any, client: Client, name: str) -> float:
    """Seconds from the post until the last of the 20 is there."""
    ids = {f"{name}{n}" for n in range(MAILS)}
    start = (await here.relay.state()).count
    began = time.monotonic()
    assert await client.post(sorted(ids), to=["bob@quick.example"])
    while True:
        arrived = {mail.id: mail.at for mail in await here.relay.seen(start)}
        if ids <= arrived.keys():
            return max(arrived[id_] for id_ in ids) - began
        await asyncio.sleep(0.05)


async def test_g17_a_backlog_of_one_tenant_delays_no_other(site: Sites) -> None:
    async with site() as here:
        beta = await _second_tenant(here)
        await _time_of(here, beta, "warm")
        alone_s = await _time_of(here, beta, "alone")
        slow = "slow@slow.example"
        await here.relay.script({"at": Stage.DOT, "delay_s": SLOW_S, "recipient": slow})
        for n in range(ACCOUNTS):
            await here.add_account(id=f"a{n}")
        client = here.new_client()
        for n in range(ACCOUNTS):
            for first in range(0, BACKLOG // ACCOUNTS, 250):
                last = min(first + 250, BACKLOG // ACCOUNTS)
                ids = [f"a{n}-{k}" for k in range(first, last)]
                await client.post_until_answered(ids, account_id=f"a{n}", to=[slow])
        await here.relay.until(lambda state: state.phases.count("dot") >= 10)
        async with asyncio.timeout(60):
            beside_s = await _time_of(here, beta, "beside")
    record(
        "G17",
        backlog=BACKLOG,
        accounts=ACCOUNTS,
        alone_s=round(alone_s, 3),
        beside_s=round(beside_s, 3),
    )
    assert beside_s <= 2 * alone_s + 1.0
