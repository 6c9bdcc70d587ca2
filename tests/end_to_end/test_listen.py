"""`mail-proxy listen` as a process: a post from outside, and Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import signal
import sys

import aiohttp
import pytest

pytestmark = pytest.mark.slow


async def test_it_prints_and_answers_and_ends_on_an_interrupt(tmp_path):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mail_proxy", "listen", "--port", "0", "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    async with asyncio.timeout(60):
        told = (await process.stderr.readline()).decode()
        url = told.split()[2].rstrip(";")
        body = {"delivery_report": [{"id": "m1", "sent_ts": 1}]}
        async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
            assert await answer.json() == {"ok": True}
        line = json.loads(await process.stdout.readline())
        assert line["body"] == body
        process.send_signal(signal.SIGINT)
        _, rest = await process.communicate()
    assert process.returncode == 0
    assert "1 post came" in rest.decode()
    assert "Traceback" not in rest.decode()
