"""Large contents pass through memory piece by piece, however many come at once."""

from __future__ import annotations

import asyncio
import sys
import textwrap

import pytest

_FETCH = """
import asyncio, resource, sys
from pathlib import Path
from mail_proxy.attachments import AttachmentManager, Origin
from mail_proxy.config.settings import AttachmentSettings, CacheSettings
from mail_proxy.domain.attachment import Attachment, Mode
from mail_proxy.domain.clock import SystemClock
from mail_proxy.http_out import AllowList, OutgoingHttp
from mail_proxy.observe.metrics import MailMetrics

def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

async def main(base, state):
    origin = Origin("acme")
    async with OutgoingHttp(allow=AllowList.of(["127.0.0.1"])) as http:
        async with AttachmentManager(
            http, AttachmentSettings(), CacheSettings(), Path(state),
            clock=SystemClock(), metrics=MailMetrics().cache,
        ) as manager:
            before = peak_mb()
            many = await asyncio.gather(*(
                manager.fetch(origin, [Attachment("a", Mode.HTTP_URL, f"{base}/large?{n}")])
                for n in range(20)
            ))
            for fetched in many:
                (content,) = fetched.contents
                assert sum(len(block) for block in content.blocks()) == 10 * 2**20
                fetched.close()
            print(peak_mb() - before)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.slow
async def test_twenty_of_ten_mebibytes_at_once_take_a_few_of_memory(server, tmp_path):
    server.files["/large"] = bytes(10 * 2**20)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", textwrap.dedent(_FETCH), server.url(""), str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await child.communicate()
    assert child.returncode == 0
    assert float(told) < 60, f"{float(told):.0f} MB more than before"
    print(f"20 x 10 MiB at once: {float(told):.0f} MB more than before")
