"""`start --reload`: the daemon in front, started again when its code changes. For development."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
_LOOK_S = 0.5
_STOP_S = 90.0  # longer than the default grace, which lets what is on the wire end

Times = dict[Path, float]


def run_reloading(
    command: Sequence[str],
    environ: Mapping[str, str],
    *,
    tell: Callable[[str], None],
    folder: Path = _PACKAGE,
) -> int:
    """Run until the daemon ends by itself, or Ctrl-C; its exit code. folder: what is watched."""
    while True:
        known = times_of(folder)
        with subprocess.Popen(command, env=dict(environ)) as daemon:  # noqa: S603 - our own module
            try:
                code = _wait(daemon, folder, known)
            finally:
                _end(daemon)
        if code is not None:
            return code
        tell("The code changed: starting again")


def _wait(daemon: subprocess.Popen[bytes], folder: Path, known: Times) -> int | None:
    """The exit code when it ended; None when the code changed."""
    while True:
        try:
            return daemon.wait(_LOOK_S)
        except subprocess.TimeoutExpired:
            if times_of(folder) != known:
                return None


def _end(daemon: subprocess.Popen[bytes]) -> None:
    if daemon.poll() is None:
        daemon.terminate()
        try:
            daemon.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            daemon.kill()


def times_of(folder: Path) -> Times:
    """When each Python file below the folder was last written."""
    return {path: path.stat().st_mtime for path in folder.rglob("*.py") if path.exists()}
