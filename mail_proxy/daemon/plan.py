"""What this process is to run, and where it tells of it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from mail_proxy.config.file import Value, read_config, write_config
from mail_proxy.config.instances import Instance
from mail_proxy.config.load import DEFAULT, FILE, OPTION
from mail_proxy.config.pidfile import DaemonInfo, write_pid_file
from mail_proxy.config.processes import this_process
from mail_proxy.config.settings import Settings
from mail_proxy.daemon.readiness import Readiness
from mail_proxy.observe import log


@dataclass(slots=True)
class Plan:
    """One daemon, named or `serve`.

    instance: the paths of the state folder, also for `serve`.
    is_background: behind the terminal; the log is a file then, else stderr.
    """

    settings: Settings
    instance: Instance
    readiness: Readiness
    is_named: bool
    is_background: bool = field(init=False)

    def __post_init__(self) -> None:
        self.is_background = self.readiness.is_awaited

    def open_log(self) -> None:
        """Also opens it anew, when somebody has moved the file away."""
        log.configure(
            self.settings.log_level,
            stream=None if self.is_background else sys.stderr,
            path=self.instance.log_path if self.is_background else None,
            as_json=self.settings.log_format == "json",
        )

    def keep_address(self, port: int) -> None:
        """Write the port into config.toml, so that an instance is found there again.

        Nothing is written over what the file says, nor what the environment gave. The settings
        tell the port from here on, and where it is kept.
        """
        kept = self._to_keep(port) if self.is_named else {}
        if kept:
            write_config(self.instance.config_path, kept)
        settings = self.settings
        self.settings = replace(
            settings,
            http=replace(settings.http, port=port),
            sources={**settings.sources, **{f"http.{key}": FILE for key in kept}},
        )

    def _to_keep(self, port: int) -> dict[str, Value]:
        sources = self.settings.sources
        kept: dict[str, Value] = {}
        if sources["http.port"] in (DEFAULT, OPTION) and not self._is_kept("port"):
            kept["port"] = port
        if sources["http.host"] == OPTION and not self._is_kept("host"):
            kept["host"] = self.settings.http.host
        return kept

    def write_pid(self, *, port: int, url: str, warnings: Sequence[str] = ()) -> None:
        me = this_process()
        sources = self.settings.sources
        info = DaemonInfo(
            pid=os.getpid(),
            port=port,
            host=self.settings.http.host,
            started_at=time.time(),
            birth=me.birth,
            url=url,
            stop_grace_s=self.settings.delivery.stop_grace_s,
            sources={key: sources[f"http.{key}"] for key in ("host", "port")},
            warnings=tuple(warnings),
        )
        write_pid_file(self.instance.pid_path, info)

    def _is_kept(self, key: str) -> bool:
        return key in read_config(self.instance.config_path).values
