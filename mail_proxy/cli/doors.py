"""How the CLI reaches the world outside its process: controls, daemons, and other faces.

Declared apart from `ways`, which goes them, so that a test can stand in for all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NoReturn, Protocol

from mail_proxy.config.instances import Instance
from mail_proxy.control.base import SyncControl


class DaemonState(StrEnum):
    RUNNING = "running"
    UNRESPONSIVE = "unresponsive"  # it runs and does not answer: starting, stopping or hanging
    STOPPED = "stopped"
    DEAD = "dead"  # a pid file, and no such process


@dataclass(frozen=True, slots=True)
class Daemon:
    """What is known of an instance's daemon; started_at in seconds since the epoch.

    host, port: where its API was bound. sources: where each was told: `option`, `environment`,
    `config.toml` or `default`.
    """

    state: DaemonState
    pid: int | None = None
    url: str | None = None
    started_at: float | None = None
    host: str | None = None
    port: int | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_running(self) -> bool:
        return self.state in (DaemonState.RUNNING, DaemonState.UNRESPONSIVE)


@dataclass(frozen=True, slots=True)
class Started:
    """was_running: it ran before, nothing was started. warnings: what it cannot do, in words."""

    pid: int
    url: str
    was_running: bool = False
    warnings: tuple[str, ...] = ()


class Doors(Protocol):
    """The ways out. Every one raises MailProxyError."""

    def control(self, instance: Instance, environ: Mapping[str, str]) -> SyncControl:
        """By its daemon, else by its store."""
        ...

    def create(self, instance: Instance) -> None: ...

    def check(
        self, instance: Instance, environ: Mapping[str, str], *, host: str | None, port: int | None
    ) -> None:
        """Refuse the settings that a start would refuse."""
        ...

    def start(
        self,
        instance: Instance,
        environ: Mapping[str, str],
        *,
        host: str | None,
        port: int | None,
        timeout_s: float,
    ) -> Started:
        """Returns when the daemon answers."""
        ...

    def stop(self, instance: Instance, *, force: bool, on_wait: Callable[[float], None]) -> bool:
        """Returns when it has ended; False: it did not run. on_wait: seconds waited so far."""
        ...

    def status(self, instance: Instance) -> Daemon: ...

    def front_command(
        self,
        instance: Instance | None,
        *,
        host: str | None,
        port: int | None,
        is_new: bool = False,
    ) -> list[str]:
        """The command line of a daemon in front; without an instance, that of `serve`.

        is_new: the instance was made for it, and goes when its start is refused.
        """
        ...

    def become(self, command: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
        """Run another program in the place of this one."""
        ...


@dataclass(frozen=True, slots=True)
class Session:
    """How the REPL was asked for.

    url, token: of a daemon elsewhere; without a URL the instance itself, and no token is needed.
    code: run this; file: run that file; neither: stdin, or the person at the terminal.
    is_plain: without colours, menus and history. shows_http: each request, on stderr.
    """

    url: str | None = None
    token: str | None = field(default=None, repr=False)
    code: str | None = None
    file: str | None = None
    is_plain: bool = False
    shows_http: bool = False


@dataclass(frozen=True, slots=True)
class Watch:
    """How the dashboard was asked for. interval_s: between looks at the daemon.

    tenant_id: whom it shows; None: all. once: one frame as text. ascii: None: by the locale.
    size: columns and lines of the one frame. url, token: of a daemon elsewhere; without a URL the
    instance itself, and no token is needed. token_file: where a changed token is read again.
    """

    tenant_id: str | None = None
    interval_s: int = 1
    once: bool = False
    read_only: bool = False
    ascii: bool | None = None
    size: tuple[int, int] = (80, 24)
    url: str | None = None
    token: str | None = field(default=None, repr=False)
    token_file: str | None = None


class Faces(Protocol):
    """The faces that take the terminal over. Only `__main__` opens them: this one stays light."""

    def repl(self, instance: Instance, environ: Mapping[str, str], session: Session) -> int:
        """Its exit code."""
        ...

    def dashboard(self, instance: Instance, environ: Mapping[str, str], watch: Watch) -> int:
        """Its exit code, the terminal as it was before."""
        ...
