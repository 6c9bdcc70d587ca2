from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from mail_proxy.daemon.signals import StopRequest, signals_caught
from tests.patience import PATIENCE_S

HANGS = """
import asyncio
from mail_proxy.daemon.signals import StopRequest, signals_caught

async def main():
    request = StopRequest(at_once=lambda: print("at once", flush=True))
    with signals_caught(request, on_hangup=None):
        print("ready", flush=True)
        await request.wait()
        print(request.reason, flush=True)
        await asyncio.Event().wait()  # what is on the wire does not end

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_asks_to_stop_and_is_remembered(number: signal.Signals) -> None:
    request = StopRequest()
    with signals_caught(request, on_hangup=None):
        os.kill(os.getpid(), number)
        async with asyncio.timeout(PATIENCE_S):
            await request.wait()

    assert request.reason == number.name


async def test_a_hangup_does_what_it_was_told_to() -> None:
    seen = asyncio.Event()
    request = StopRequest()
    with signals_caught(request, on_hangup=seen.set):
        os.kill(os.getpid(), signal.SIGHUP)
        async with asyncio.timeout(PATIENCE_S):
            await seen.wait()

    assert request.reason == ""


async def test_in_front_a_hangup_asks_to_stop() -> None:
    request = StopRequest()
    with signals_caught(request, on_hangup=None):
        os.kill(os.getpid(), signal.SIGHUP)
        async with asyncio.timeout(PATIENCE_S):
            await request.wait()

    assert request.reason == "SIGHUP"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_second_signal_ends_the_process_at_once(number: signal.Signals, code: int) -> None:
    with subprocess.Popen([sys.executable, "-c", HANGS], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            process.send_signal(signal.SIGTERM)
            assert process.stdout.readline() == b"SIGTERM\n"
            process.send_signal(number)

            assert process.wait(PATIENCE_S) == code
            assert process.stdout.read() == b"at once\n"
        finally:
            process.kill()
