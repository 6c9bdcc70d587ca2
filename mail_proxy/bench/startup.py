"""How long one waits for the commands that are given most."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping

from mail_proxy.bench.figures import Figures
from mail_proxy.bench.machine import environment
from mail_proxy.bench.stand import INSTANCE, Stand
from mail_proxy.bench.terminal import Terminal

_TIMES = 5
COMMAND = (sys.executable, "-P", "-m", "mail_proxy")
NUMBERS = "immediate"  # a line of the dashboard that only a daemon has told


def measure_startup(stand: Stand, figures: Figures) -> None:
    """Commands as processes; the start of the daemon as the stand saw it."""
    beside = environment(stand.folder)
    with tempfile.TemporaryDirectory(prefix="mail-proxy-bench-") as home:
        empty = environment(home)
        figures.add("help_ms", _command_ms(empty, "--help"))
        figures.add("list_ms", _command_ms(empty, "list"))
    figures.add("complete_ms", _command_ms(beside, "__complete", "--", INSTANCE, "st"))
    figures.add("stats_ms", _command_ms(beside, INSTANCE, "stats"))
    figures.add("top_ms", _median_ms(lambda: _first_numbers_s(beside)))
    figures.add("start_ms", stand.start_s * 1000)
    figures.add("idle_mb", stand.idle_mb)


def _command_ms(environ: Mapping[str, str], *words: str) -> float:
    def took_s() -> float:
        began = time.perf_counter()
        subprocess.run(  # noqa: S603 - our own interpreter and words of ours
            [*COMMAND, *words], env=environ, capture_output=True, check=True
        )
        return time.perf_counter() - began

    return _median_ms(took_s)


def _first_numbers_s(environ: Mapping[str, str]) -> float:
    with Terminal((*COMMAND, INSTANCE, "top"), environ) as terminal:
        return terminal.until_shown(NUMBERS) - terminal.began


def _median_ms(took_s: Callable[[], float]) -> float:
    """Of several; the first one, which finds cold files, is not counted."""
    took_s()
    return statistics.median(took_s() for _ in range(_TIMES)) * 1000
