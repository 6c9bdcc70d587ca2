"""The dashboard beside a drain: what it takes from it, and how it answers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from mail_proxy.bench.drained import Cost, drain_cost
from mail_proxy.bench.figures import Figures, percentile
from mail_proxy.bench.machine import environment
from mail_proxy.bench.plan import Plan
from mail_proxy.bench.stand import INSTANCE, Stand
from mail_proxy.bench.startup import COMMAND, NUMBERS
from mail_proxy.bench.terminal import Terminal
from mail_proxy.bench.usage import cpu_s, resident_mb

_ROUNDS = 7
_PART = 4  # of the messages of a plan in one drain: what is drained is to take seconds
_KEYS = 40
_KEY_PAUSE_S = 0.2
_LEAST = 1000  # are to wait while keys are pressed, so that there are rows
_COLUMNS, _LINES = 140, 40
_CURSOR = "\u258c"  # before the row that a key moves to
_SETTLE_S = 2.0  # its lists are read for the first time


def measure_dashboard(stand: Stand, plan: Plan, figures: Figures) -> None:
    """Drains without it and with it in turns; then keys in it while a queue drains.

    Each drain with it is compared with the two around it, as what else runs comes and goes.
    """
    depth, count = plan.depths[-1], _PART * plan.messages
    before = drain_cost(stand, count, depth)
    for number in range(_ROUNDS):
        stand.say(f"dashboard: drain {number + 1} of {_ROUNDS}, with it and without")
        wall_s, used_s = _watched(stand, count, depth, figures)
        behind = drain_cost(stand, count, depth)
        figures.add("watched_drain", (before[0] + behind[0]) / 2 / wall_s)
        figures.add("watched_drain_rate", 1 / wall_s)
        figures.add("watched_drain_cpu", used_s / ((before[1] + behind[1]) / 2))
        before = behind
    stand.say("dashboard: keys")
    stand.fill_to(depth + count)
    stand.activate()
    _press_keys(stand, count, depth, figures)


def _watched(stand: Stand, count: int, depth: int, figures: Figures) -> Cost:
    stand.suspend()
    stand.fill_to(depth + count)
    with _opened(stand) as terminal:
        used_s, began = cpu_s(terminal.pid), time.perf_counter()
        cost = drain_cost(stand, count, depth)
        elapsed_s = time.perf_counter() - began
        figures.add("top_cpu", (cpu_s(terminal.pid) - used_s) / elapsed_s * 100)
        figures.add("top_mb", resident_mb(terminal.pid))
    return cost


def _press_keys(stand: Stand, count: int, depth: int, figures: Figures) -> None:
    """To the next row and back, while it drains; each until the list is painted with its cursor.

    The list is also painted by itself, about each second, which then counts as the answer.
    """
    took_s: list[float] = []
    with _opened(stand) as terminal:
        for number in range(_KEYS):
            if stand.pending() < _LEAST:
                stand.suspend()
                stand.fill_to(depth + count)
                stand.activate()
            took_s.append(terminal.press("j" if number % 20 < 10 else "k", _CURSOR))
            time.sleep(_KEY_PAUSE_S)
    stand.suspend()
    figures.add("top_key_p95_ms", percentile(took_s, 95) * 1000)


@contextlib.contextmanager
def _opened(stand: Stand) -> Iterator[Terminal]:
    command = (*COMMAND, INSTANCE, "top")
    with Terminal(command, environment(stand.folder), columns=_COLUMNS, lines=_LINES) as terminal:
        terminal.until_shown(NUMBERS)
        terminal.until_shown(_CURSOR)
        time.sleep(_SETTLE_S)
        yield terminal
