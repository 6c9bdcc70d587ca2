"""`server.pid`: what a daemon tells of itself. A hint only: the lock says whether it runs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mail_proxy.config.processes import Process
from mail_proxy.domain.errors import ConfigurationError
from mail_proxy.private_files import read_private, write_private

_SIZE_LIMIT = 16384


@dataclass(frozen=True, slots=True)
class DaemonInfo:
    """One running daemon.

    host, port: where its API was bound.
    started_at: seconds since the epoch.
    birth: tells it from a later process with the same pid.
    stop_grace_s: how long it may take to stop.
    sources: where `host` and `port` were told, as `Settings.sources` names it.
    warnings: sentences about what it cannot do, for whoever starts it.
    """

    pid: int
    port: int
    host: str
    started_at: float
    birth: str = ""
    url: str = ""
    stop_grace_s: float = 60.0
    sources: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def process(self) -> Process:
        return Process(self.pid, self.birth)


def write_pid_file(path: Path, info: DaemonInfo) -> None:
    """Raises ConfigurationError."""
    try:
        write_private(path, json.dumps(asdict(info)).encode() + b"\n")
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from error


def read_pid_file(path: Path) -> DaemonInfo | None:
    """What stands there, true or not; None when there is nothing that can be read."""
    try:
        found: Any = json.loads(read_private(path, limit=_SIZE_LIMIT) or b"null")
        return DaemonInfo(
            pid=int(found["pid"]),
            port=int(found["port"]),
            host=str(found["host"]),
            started_at=float(found["started_at"]),
            birth=str(found.get("birth", "")),
            url=str(found.get("url", "")),
            stop_grace_s=float(found.get("stop_grace_s", 60.0)),
            sources={str(k): str(v) for k, v in dict(found.get("sources", {})).items()},
            warnings=tuple(str(warning) for warning in found.get("warnings", ())),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def remove_pid_file(path: Path) -> None:
    """Harmless where there is none. Raises ConfigurationError."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(f"cannot remove {path}: {error.strerror}") from error
