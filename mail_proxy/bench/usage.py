"""What a process has used, from /proc (Linux)."""

from __future__ import annotations

from pathlib import Path

_PROC = Path("/proc")
_NS_PER_S = 1e9


def cpu_s(pid: int) -> float:
    """Seconds of CPU that its present threads have used, in user and kernel mode.

    From `schedstat`, for `stat` counts in hundredths of a second.
    """
    tasks = (_PROC / str(pid) / "task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / _NS_PER_S


def resident_mb(pid: int) -> float:
    """Memory in RAM now, in MB of 10^6 bytes."""
    return _status_mb(pid, "VmRSS:")


def peak_mb(pid: int) -> float:
    """The most since `forget_peak`."""
    return _status_mb(pid, "VmHWM:")


def forget_peak(pid: int) -> None:
    """The peak counts from now on; needs the rights of the process's user."""
    (_PROC / str(pid) / "clear_refs").write_text("5")


def bytes_read(pid: int) -> int | None:
    """By all its reads, from sockets too; None where the kernel does not tell us."""
    try:
        lines = (_PROC / str(pid) / "io").read_text().splitlines()
    except OSError:
        return None
    return int(dict(line.split(": ") for line in lines)["rchar"])


def _status_mb(pid: int, field: str) -> float:
    for line in (_PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024 / 1e6
    raise OSError(f"/proc/{pid}/status has no {field}")
