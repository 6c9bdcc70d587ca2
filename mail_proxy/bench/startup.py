"""How long one waits for the commands that are given most."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

from mail_proxy.bench.figures import Figures
from mail_proxy.bench.stand import Stand

_TIMES = 5


def measure_startup(stand: Stand, figures: Figures) -> None:
    """`--help` and `list` as processes; the start of the daemon as the stand saw it."""
    figures.add("help_ms", _command_ms("--help"))
    figures.add("list_ms", _command_ms("list"))
    figures.add("start_ms", stand.start_s * 1000)
    figures.add("idle_mb", stand.idle_mb)


def _command_ms(word: str) -> float:
    """The median of several; the first one, which finds cold files, is not counted."""
    took: list[float] = []
    with tempfile.TemporaryDirectory(prefix="mail-proxy-bench-") as home:
        environ = {**os.environ, "MAIL_PROXY_HOME": home}
        for _ in range(_TIMES + 1):
            began = time.perf_counter()
            subprocess.run(  # noqa: S603 - our own interpreter and a word of ours
                [sys.executable, "-P", "-m", "mail_proxy", word],
                env=environ,
                capture_output=True,
                check=True,
            )
            took.append(time.perf_counter() - began)
    return statistics.median(took[1:]) * 1000
