"""Where the API of this daemon listens, with regard to the other instances of this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from mail_proxy.api.listen import PortInUse, listen_tcp
from mail_proxy.config.file import read_config
from mail_proxy.config.instances import Instance, list_instances
from mail_proxy.config.lock import daemon_of
from mail_proxy.config.pidfile import read_pid_file
from mail_proxy.config.settings import Settings
from mail_proxy.domain.errors import ConfigurationError


def open_address(settings: Settings, instance: Instance, *, is_named: bool) -> socket.socket:
    """A listening socket; without a port in the settings, at the first that is nobody's.

    A port that another instance keeps in its config.toml is that one's, also while it is stopped.
    Raises ConfigurationError, which names the instance that has the port.
    """
    http = settings.http
    others = _others(instance) if is_named else []
    try:
        return listen_tcp(http.host, http.port, spared=set(_kept_ports(others)))
    except PortInUse as error:
        raise _in_use(error, settings, others, is_named=is_named) from error


def _others(instance: Instance) -> list[Instance]:
    found = list_instances(instance.folder.parent)
    return [other for other in found if other.name != instance.name]


def _kept_ports(others: list[Instance]) -> Iterator[int]:
    for other in others:
        try:
            port = read_config(other.config_path).values.get("port")
        except ConfigurationError:
            continue  # it is told when that instance is started
        if isinstance(port, int):
            yield port


def _in_use(
    error: PortInUse, settings: Settings, others: list[Instance], *, is_named: bool
) -> ConfigurationError:
    owner = next((other.name for other in others if _runs_at(other, error.port)), None)
    why = f"{error} by the instance '{owner}'" if owner else str(error)
    if not is_named:
        return ConfigurationError(why, hint="set GMP_PORT to another port")
    free = _free_port(settings.http.host, others)
    return ConfigurationError(why, hint=f"mail-proxy start {settings.name} --port {free}")


def _runs_at(instance: Instance, port: int) -> bool:
    info = read_pid_file(instance.pid_path)
    held = daemon_of(instance.folder)
    return info is not None and info.port == port and held is not None


def _free_port(host: str, others: list[Instance]) -> str:
    """A port that could be had a moment ago, for a hint."""
    try:
        with listen_tcp(host, None, spared=set(_kept_ports(others))) as found:
            return str(found.getsockname()[1])
    except ConfigurationError:
        return "PORT"
