"""G1: what was answered with 2xx is on stable storage: it survives kill -9 and a power loss."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.faults.figures import record
from tests.faults.installation import until
from tests.faults.nemesis import Nemesis
from tests.faults.profile import program, seeded, sized

pytestmark = pytest.mark.slow

Sites = Any  # see conftest
CLIENTS = 4
BATCH = 20


async def test_g1a_every_acknowledged_message_is_there_after_kills(site: Sites) -> None:
    kills = sized(4, 50)
    async with site() as here:
        await here.call("suspend")  # this is about accepting; nothing is sent
        chance = seeded("g1a")
        nemesis = Nemesis(here, chance)
        is_over = asyncio.Event()

        async def post(n: int) -> None:
            client = here.new_client()
            posts = 0
            while not is_over.is_set():
                ids = [f"c{n}-{posts}-{m}" for m in range(BATCH)]
                if await client.post(ids):
                    posts += 1
                else:
                    await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as group:
            for n in range(CLIENTS):
                group.create_task(post(n))
            for _ in range(kills):
                await nemesis.kill(0.05, sized(0.5, 2.0))
            is_over.set()
        ledger = await here.check()
    assert len(here.acknowledged) >= kills * BATCH
    record("G1 a", kills=kills, acknowledged=len(here.acknowledged), missing=0)
    assert set(ledger.states) >= here.acknowledged


async def test_g1b_a_sync_lies_between_the_request_and_its_answer(
    site: Sites, tmp_path: Path
) -> None:
    tracer = program("strace", "strace")
    requests = 200
    async with site() as here:
        await here.call("suspend")
        client = here.new_client()
        await client.post(["before"])  # the connection is there
        trace = tmp_path / "trace"
        strace = await _attach(tracer, here.pid, trace)
        for n in range(requests):
            assert await client.post([f"m{n}"])
        strace.terminate()
        await strace.wait()
    calls = trace.read_text(errors="replace").splitlines()
    unsynced = 0
    answered = 0
    is_synced = False
    for call in calls:
        if "POST /commands/add-messages" in call:
            is_synced = False
        elif re.search(r"(fsync|fdatasync)(\(| resumed).*= 0", call):
            is_synced = True
        elif "HTTP/1.1 200" in call:
            answered += 1
            unsynced += not is_synced
            is_synced = False
    assert answered == requests
    assert unsynced == 0
    record("G1 b", requests=requests, without_a_sync=unsynced)


async def _attach(tracer: str, pid: int, trace: Path) -> asyncio.subprocess.Process:
    """Trace reads, writes and syncs of all threads of the process from now on."""
    calls = "trace=read,recvfrom,recvmsg,write,writev,sendto,sendmsg,fsync,fdatasync"
    process = await asyncio.create_subprocess_exec(
        *[tracer, "-f", "-p", str(pid), "-e", calls, "-s", "80", "-o", str(trace)],
        stderr=asyncio.subprocess.DEVNULL,
        preexec_fn=os.setsid,
    )
    status = Path(f"/proc/{pid}/task")
    await until(lambda: all(_is_traced(task) for task in status.iterdir()))
    return process


def _is_traced(task: Path) -> bool:
    return "TracerPid:\t0\n" not in (task / "status").read_text()
