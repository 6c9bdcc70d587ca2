"""A deep queue against a shallow one, on one instance: what costs more with what waits?"""

from __future__ import annotations

import statistics
import time

from mail_proxy.bench.drained import Cost, drain_cost
from mail_proxy.bench.figures import Figures
from mail_proxy.bench.plan import Plan
from mail_proxy.bench.stand import Stand
from mail_proxy.bench.usage import cpu_s

_POSTS = 200
_LOOKS = 15
_ROUNDS = 3  # drains at each depth; the median counts
# Numbers are kept for a second: a look within it reads nothing.
_FRESH_S = 1.05
_STATS_LOOKS = 5


WHAT = ("drain", "post", "list", "stats")


def measure_scale(stand: Stand, plan: Plan, figures: Figures) -> dict[str, dict[str, float]]:
    """Adds the ratios of each depth to the first one; the costs themselves in ms, by depth."""
    costs: dict[int, dict[str, Cost]] = {}
    for depth in plan.depths:
        stand.say(f"scale: {depth:,} queued")
        costs[depth] = _costs_at(stand, plan, depth)
    first = costs[plan.depths[0]]
    for depth in plan.depths[1:]:
        for what, (wall_s, used_s) in costs[depth].items():
            figures.add(f"scale_{what}", wall_s / first[what][0], depth=depth)
            figures.add(f"scale_{what}_cpu", used_s / first[what][1], depth=depth)
    return {str(depth): _in_ms(some) for depth, some in costs.items()}


def _in_ms(costs: dict[str, Cost]) -> dict[str, float]:
    record: dict[str, float] = {}
    for what, (wall_s, used_s) in costs.items():
        record |= {f"{what}_ms": wall_s * 1000, f"{what}_cpu_ms": used_s * 1000}
    return record


def _costs_at(stand: Stand, plan: Plan, depth: int) -> dict[str, Cost]:
    stand.suspend()
    stand.fill_to(depth)
    listed = _look(stand, "listMessages", _LOOKS, 0.0, limit=100)
    stats = _look(stand, "getStats", _STATS_LOOKS, _FRESH_S)
    used_s = cpu_s(stand.pid)
    posts: list[float] = stand.post(_POSTS)["took_s"]
    used_s = (cpu_s(stand.pid) - used_s) / _POSTS
    drains = [drain_cost(stand, plan.messages, depth) for _ in range(_ROUNDS)]
    return {
        "drain": _median(drains),
        "post": (statistics.median(posts), used_s),
        "list": listed,
        "stats": stats,
    }


def _median(costs: list[Cost]) -> Cost:
    return statistics.median(wall for wall, _ in costs), statistics.median(cpu for _, cpu in costs)


def _look(stand: Stand, command: str, times: int, pause_s: float, **fields: int) -> Cost:
    costs: list[Cost] = []
    for _ in range(times):
        time.sleep(pause_s)
        used_s, began = cpu_s(stand.pid), time.perf_counter()
        stand.control.call(command, **fields)
        costs.append((time.perf_counter() - began, cpu_s(stand.pid) - used_s))
    return _median(costs)
