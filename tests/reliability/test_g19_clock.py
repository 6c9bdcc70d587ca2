"""G19: a clock that jumps breaks no limit, stops nothing, and makes nobody spin."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.faults.figures import record
from tests.faults.profile import lacks, sized
from tests.faults.receiver import most_in_a_window

pytestmark = pytest.mark.slow

Sites = Any  # see conftest
LIBRARIES = sorted(Path("/usr/lib").glob("**/faketime/libfaketime.so.1"))
LIMIT = sized(1000, 30)  # in full it is reached, which takes two minutes
MESSAGES = 30
IDLE_S = sized(3.0, 20.0)
TICKS = os.sysconf("SC_CLK_TCK")


@pytest.fixture
def faked(tmp_path: Path) -> tuple[dict[str, str], Path]:
    """The environment of a daemon whose clock we set, and the file that says how far it is off."""
    if not LIBRARIES:
        lacks("needs libfaketime (Debian: faketime)")
    file = tmp_path / "clock"
    file.write_text("+0\n")
    return {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_CACHE_DURATION": "1",
    }, file


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def _share_of_cpu(pid: int, seconds: float) -> float:
    began, used = time.monotonic(), _cpu_s(pid)
    await asyncio.sleep(seconds)
    return (_cpu_s(pid) - used) / (time.monotonic() - began)


@pytest.mark.parametrize("jump_s", [7200, -7200])
async def test_g19_a_jump_of_two_hours_does_no_harm(
    site: Sites, faked: tuple[dict[str, str], Path], jump_s: int
) -> None:
    settings, file = faked
    async with site(settings=settings, limit_per_minute=LIMIT) as here:
        await here.post_many([f"before{n}" for n in range(MESSAGES)])
        await here.relay.until_count(MESSAGES // 2)
        file.write_text(f"{jump_s:+d}\n")
        await _until_jumped(here, jump_s)
        await here.relay.until_count(MESSAGES)
        await here.until_reported()
        busy = min(
            [await _share_of_cpu(here.pid, IDLE_S) for _ in range(3)]
        )  # who spins, always does
        await here.until_empty(timeout_s=150)
        seen = await here.relay.seen()
        ledger = await here.check()
    most = most_in_a_window(seen, 60.0)
    assert most <= LIMIT
    assert ledger.counted == {"sent": len(here.acknowledged)}
    assert busy < 0.2
    record(f"G19 {jump_s:+d} s", most_in_a_minute=most, limit=LIMIT, cpu=f"{busy:.0%}")


async def _until_jumped(here: Any, jump_s: int) -> None:
    """Post until the daemon gives its new time to a message; the library looks once a second."""
    client = here.new_client()
    async with asyncio.timeout(30):
        for n in itertools.count():
            await client.post_until_answered([f"after{n}"])
            ((at,),) = here.query("SELECT created_at FROM messages WHERE id = ?", f"after{n}")
            if abs(at - time.time() - jump_s) < 600:
                return
            await asyncio.sleep(0.5)
