"""Which process a number means: pids are reused, births are not.

Standard library only.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_PROC = Path("/proc")
_STATE_FIELD = 0  # after the name, proc(5): state is field 3, starttime field 22
_START_FIELD = 19


@dataclass(frozen=True, slots=True)
class Process:
    """One process, told from a later one with the same pid.

    birth: the boot and the clock tick of its start; empty where the system does not tell.
    """

    pid: int
    birth: str

    def is_alive(self) -> bool:
        """It runs still; a zombie does not."""
        return find_process(self.pid) == self


def this_process() -> Process:
    """The calling process."""
    return find_process(os.getpid()) or Process(os.getpid(), "")


def find_process(pid: int) -> Process | None:
    """The process that has this pid now, or None."""
    if sys.platform != "linux":
        return Process(pid, "") if _exists(pid) else None
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The name, in parentheses, may hold spaces and parentheses itself.
    after_name = stat.rpartition(b")")[2].split()
    if after_name[_STATE_FIELD] in (b"Z", b"X"):
        return None
    return Process(pid, f"{boot_id()}:{after_name[_START_FIELD].decode()}")


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Tells this run of the machine from all others; empty where the system does not tell."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
