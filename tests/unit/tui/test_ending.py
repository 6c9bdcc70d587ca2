"""The way out of the dashboard, when the interpreter takes longer to end than is waited for."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOW_TO_END = """
import asyncio, sys, time
from mail_proxy_tui import ending

class Slow:
    def __del__(self):
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            pass

async def leave():
    ending.REST_S = 0.05
    ending.Ending(lambda code: None).leave_soon(0)

asyncio.run(leave())
sys.modules["slow"] = Slow()  # it dies while the interpreter is taken down
"""


@pytest.mark.slow
def test_the_alarm_of_the_way_out_kills_no_process_that_is_ending() -> None:
    done = subprocess.run([sys.executable, "-c", SLOW_TO_END], timeout=60, check=False)
    assert done.returncode == 0
