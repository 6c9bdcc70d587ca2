"""G6: a frozen daemon does no harm when it wakes.

That lapsed leases write nothing, and that a late 250 is recorded, is shown with several daemons on
one database in `tests/delivery/test_fencing.py`. On SQLite nobody takes over from a frozen daemon,
for it holds the lock: here a real one is stopped at each step and goes on.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mail_proxy.control.process import start_daemon
from mail_proxy.domain.errors import MailProxyError
from mail_proxy.domain.reply import Stage
from tests.faults.figures import record
from tests.faults.profile import sized
from tests.faults.receiver import copies

pytestmark = pytest.mark.slow

Sites = Any  # see conftest
FROZEN_S = sized(2.0, 75.0)  # in full longer than a lease
STEPS = [Stage.MAIL, Stage.DATA, Stage.DOT]


async def test_g6_a_frozen_daemon_goes_on_and_doubles_nothing(site: Sites) -> None:
    async with site(retry_delays=[0.2], max_retries=20) as here:
        for step in STEPS:
            await here.relay.delay(step, 0.5)
            await here.post_many([f"{step.value}{n}" for n in range(20)])
            await here.relay.until(lambda state, step=step: step.value in state.phases)
            here.freeze()
            await here.relay.script()
            await asyncio.sleep(FROZEN_S)
            with pytest.raises(MailProxyError, match="running"):
                await asyncio.to_thread(start_daemon, here.instance, environ=here.environ)
            here.thaw()
            await here.until_empty()
        ledger = await here.check(with_reports=True)
        came = copies(await here.relay.seen())
    assert ledger.counted == {"sent": 20 * len(STEPS)}
    assert set(came.values()) == {1}
    assert not ledger.doubts()
    record("G6", frozen_s=FROZEN_S, times=len(STEPS), messages=len(came), second_copies=0)
