"""The machine under the figures, without which they say nothing."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import statistics
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mail_proxy import __version__

_WRITES = 200
_WRITE = b"\0" * 4096


def describe_machine(folder: Path, mail_server: str) -> dict[str, Any]:
    """folder: on the file system that is measured."""
    return {
        "mail_proxy": __version__,
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "load_1m": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "aiosmtplib": version("aiosmtplib"),
        "fsync_ms": round(_fsync_ms(folder), 3),
        "mail_server": mail_server,
        "postfix": _postfix_version() if mail_server == "smtp-sink" else None,
    }


def environment(home: str | Path) -> dict[str, str]:
    """What is measured runs with: none of the reader's settings, and with compiled modules.

    Those are kept by an installation. Python that is told to keep none compiles at each start.
    """
    ours = {name: text for name, text in os.environ.items() if not name.startswith("GMP_")}
    ours.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**ours, "MAIL_PROXY_HOME": str(home)}


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _postfix_version() -> str | None:
    """smtp-sink itself tells none."""
    program = shutil.which("postconf", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        return None
    told = subprocess.run(  # noqa: S603 - Postfix's own program
        [program, "-dh", "mail_version"], capture_output=True, text=True, check=False
    )
    return told.stdout.strip() or None


def _fsync_ms(folder: Path) -> float:
    """The median of small appends that are each synced."""
    path = folder / "fsync"
    took: list[float] = []
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for _ in range(_WRITES):
            began = time.perf_counter()
            os.write(file, _WRITE)
            os.fsync(file)
            took.append(time.perf_counter() - began)
    finally:
        os.close(file)
        path.unlink()
    return statistics.median(took) * 1000
