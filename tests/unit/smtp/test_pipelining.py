"""What PIPELINING is worth on a slow line."""

import time

import pytest

from mail_proxy.sinks.link import Link
from mail_proxy.sinks.smtp import EXTENSIONS, SmtpSink

ONE_WAY_S = 0.025
MESSAGES = 5


async def rate(pool, relay_to, message, extensions):
    """Messages a second over one connection that is open already."""
    async with SmtpSink(extensions=extensions) as sink, Link(sink.port, delay_s=ONE_WAY_S) as link:
        session = await pool.acquire(relay_to(link))
        began = time.perf_counter()
        for _ in range(MESSAGES):
            assert (await session.send("s@x", ["a@x"], message)).is_accepted
        seconds = time.perf_counter() - began
        await pool.release(session)
        assert (sink.count, sink.connections) == (MESSAGES, 1)
        return MESSAGES / seconds


@pytest.mark.slow
async def test_on_a_line_of_50_ms_pipelining_sends_1_7_times_as_fast(open_pool, relay_to, message):
    pool = open_pool()
    pipelined = await rate(pool, relay_to, message, EXTENSIONS)
    plain = await rate(pool, relay_to, message, EXTENSIONS - {"PIPELINING"})
    await pool.close()
    assert pipelined >= 1.7 * plain
