"""`start --reload`: the daemon in front, started again when its code changes. For development."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

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
    """Run until the daemon ends by itself, or a signal comes; its exit code.

    folder: what is watched.
    """
    with _ending_by_signal():
        while True:
            known = times_of(folder)
            code = _run_until_change(command, environ, folder, known)
            if code is not None:
                return code
            tell("The code changed: starting again")


def _run_until_change(
    command: Sequence[str], environ: Mapping[str, str], folder: Path, known: Times
) -> int | None:
    """The exit code when the daemon ended; None when the code changed."""
    # A process group of its own: Ctrl-C reaches us alone, and a second signal after it would tell
    # the daemon to drop what is on the wire.
    with subprocess.Popen(command, env=dict(environ), process_group=0) as daemon:  # noqa: S603 - ours
        try:
            while True:
                try:
                    return daemon.wait(_LOOK_S)
                except subprocess.TimeoutExpired:
                    if times_of(folder) != known:
                        return None
        finally:
            _end(daemon)


def _end(daemon: subprocess.Popen[bytes]) -> None:
    if daemon.poll() is None:
        daemon.terminate()
        try:
            daemon.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            daemon.kill()


@contextmanager
def _ending_by_signal() -> Iterator[None]:
    """A signal that would end us ends the daemon first."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [(number, signal.signal(number, interrupt)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def times_of(folder: Path) -> Times:
    """When each Python file below the folder was last written."""
    return {path: path.stat().st_mtime for path in folder.rglob("*.py") if path.exists()}
