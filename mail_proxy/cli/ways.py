"""The real ways out of this process. Each is imported when it is gone: `--help` needs none."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from mail_proxy.cli.doors import Daemon, DaemonState, Started
from mail_proxy.config.instances import Instance
from mail_proxy.control.base import SyncControl


class RealDoors:
    """Implements `Doors` with the packages below this one."""

    def control(self, instance: Instance, environ: Mapping[str, str]) -> SyncControl:
        from mail_proxy.config.load import load_settings
        from mail_proxy.control.open import open_control

        return open_control(instance, lambda: load_settings(instance, environ))

    def create(self, instance: Instance) -> None:
        from mail_proxy.config.file import create_instance

        create_instance(instance, now=time.time())

    def check(
        self, instance: Instance, environ: Mapping[str, str], *, host: str | None, port: int | None
    ) -> None:
        from mail_proxy.config.load import load_settings

        load_settings(instance, environ, host=host, port=port)

    def start(
        self,
        instance: Instance,
        environ: Mapping[str, str],
        *,
        host: str | None,
        port: int | None,
        timeout_s: float,
    ) -> Started:
        from mail_proxy.control.process import AlreadyRunning, start_daemon, wait_for_daemon

        while True:
            try:
                info = start_daemon(
                    instance, host=host, port=port, timeout_s=timeout_s, environ=environ
                )
            except AlreadyRunning:
                running = wait_for_daemon(instance, timeout_s)  # another command may start it now
                if running is None:
                    continue  # that one has failed, or was just stopping: it is our turn
                return Started(running.pid, running.url, True, running.warnings)
            return Started(info.pid, info.url, False, info.warnings)

    def stop(self, instance: Instance, *, force: bool, on_wait: Callable[[float], None]) -> bool:
        from mail_proxy.control.process import stop_daemon

        return stop_daemon(instance, force=force, on_wait=on_wait)

    def status(self, instance: Instance) -> Daemon:
        from mail_proxy.control.process import RunState, daemon_status

        status = daemon_status(instance)
        state = DaemonState(status.state.value)
        if status.state is RunState.RUNNING and not status.answers:
            state = DaemonState.UNRESPONSIVE
        info = status.info
        if info is None:
            return Daemon(state)
        return Daemon(
            state, info.pid, info.url or None, info.started_at, info.host, info.port, info.sources
        )

    def front_command(
        self,
        instance: Instance | None,
        *,
        host: str | None,
        port: int | None,
        is_new: bool = False,
    ) -> list[str]:
        from mail_proxy.control.process import daemon_command

        return daemon_command(instance, host=host, port=port, is_new=is_new)

    def become(self, command: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
        os.execve(command[0], list(command), dict(environ))  # noqa: S606 - our own interpreter
