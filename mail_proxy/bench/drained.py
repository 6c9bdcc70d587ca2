"""What it costs to send from a queue that stays deep."""

from __future__ import annotations

import time

from mail_proxy.bench.stand import Stand
from mail_proxy.bench.usage import cpu_s

Cost = tuple[float, float]  # seconds, and seconds of the daemon's CPU, for one message


def drain_cost(stand: Stand, count: int, depth: int) -> Cost:
    """From `count` above the depth down to it."""
    stand.suspend()
    stand.fill_to(depth + count)
    before = stand.received()
    used_s, began = cpu_s(stand.pid), time.perf_counter()
    stand.activate()
    sent = stand.wait_until_received(before + count) - before
    elapsed_s = time.perf_counter() - began
    used_s = cpu_s(stand.pid) - used_s
    stand.suspend()
    return elapsed_s / sent, used_s / sent
