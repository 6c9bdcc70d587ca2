"""A deep queue against a shallow one, on one instance: what costs more with what waits?"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

from mail_proxy.bench.figures import Figures
from mail_proxy.bench.plan import Plan
from mail_proxy.bench.stand import Stand
from mail_proxy.bench.usage import cpu_s
from mail_proxy.control.quick import SocketControl

_POSTS = 200
_LOOKS = 15
_ROUNDS = 3  # drains at each depth; the median counts
# Numbers are kept for a second: a look within it reads nothing.
_FRESH_S = 1.05
_STATS_LOOKS = 3


@dataclass(frozen=True, slots=True)
class _Costs:
    """Each in seconds, at one depth."""

    drain_s: float
    drain_cpu_s: float
    post_s: float
    list_s: float
    stats_s: float


def measure_scale(stand: Stand, plan: Plan, figures: Figures) -> dict[str, dict[str, float]]:
    """Adds the ratios of each depth to the first one; the costs themselves, by depth."""
    costs: dict[int, _Costs] = {}
    for depth in plan.depths:
        stand.say(f"scale: {depth:,} queued")
        costs[depth] = _costs_at(stand, plan, depth)
    first = costs[plan.depths[0]]
    for depth in plan.depths[1:]:
        here = costs[depth]
        figures.add("scale_drain", here.drain_s / first.drain_s, depth=depth)
        figures.add("scale_drain_cpu", here.drain_cpu_s / first.drain_cpu_s, depth=depth)
        figures.add("scale_post", here.post_s / first.post_s, depth=depth)
        figures.add("scale_list", here.list_s / first.list_s, depth=depth)
        figures.add("scale_stats", here.stats_s / first.stats_s, depth=depth)
    return {str(depth): _in_ms(cost) for depth, cost in costs.items()}


def _in_ms(costs: _Costs) -> dict[str, float]:
    return {
        "drain_ms": costs.drain_s * 1000,
        "drain_cpu_ms": costs.drain_cpu_s * 1000,
        "post_ms": costs.post_s * 1000,
        "list_ms": costs.list_s * 1000,
        "stats_ms": costs.stats_s * 1000,
    }


def _costs_at(stand: Stand, plan: Plan, depth: int) -> _Costs:
    stand.suspend()
    stand.fill_to(depth)
    list_s = _look_s(stand.control, "listMessages", _LOOKS, 0.0, limit=100)
    stats_s = _look_s(stand.control, "getStats", _STATS_LOOKS, _FRESH_S)
    posts = stand.post(_POSTS)["took_s"]
    drains = [_drain(stand, plan.messages, depth) for _ in range(_ROUNDS)]
    return _Costs(
        drain_s=statistics.median(wall for wall, _ in drains),
        drain_cpu_s=statistics.median(cpu for _, cpu in drains),
        post_s=statistics.median(posts),
        list_s=list_s,
        stats_s=stats_s,
    )


def _look_s(
    control: SocketControl, command: str, times: int, pause_s: float, **fields: int
) -> float:
    took: list[float] = []
    for _ in range(times):
        time.sleep(pause_s)
        began = time.perf_counter()
        control.call(command, **fields)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def _drain(stand: Stand, count: int, depth: int) -> tuple[float, float]:
    """Seconds and seconds of CPU a message, from `count` above the depth down to it."""
    stand.suspend()
    stand.fill_to(depth + count)
    waiting = stand.pending()
    used_s, began = cpu_s(stand.pid), time.perf_counter()
    stand.activate()
    left = stand.wait_until_left(depth)
    elapsed_s = time.perf_counter() - began
    used_s = cpu_s(stand.pid) - used_s
    stand.suspend()
    return elapsed_s / (waiting - left), used_s / (waiting - left)
