"""The TCP socket that the API listens on."""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection

from mail_proxy.domain.errors import ConfigurationError

_PORTS = range(8000, 9000)
_LAST_PORT = 65535
_BACKLOG = 1024


class PortInUse(ConfigurationError):
    """Somebody listens there already."""

    def __init__(self, message: str, *, port: int, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.port = port


def listen_tcp(host: str, port: int | None, *, spared: Collection[int] = ()) -> socket.socket:
    """A listening socket; without a port, at the first free one from 8000 that is not spared.

    Blocks while `host` is looked up. Raises ConfigurationError that names host and port.
    """
    if port is not None and not 0 <= port <= _LAST_PORT:
        raise ConfigurationError(f"cannot listen on {host_and_port(host, port)}: no such port")
    family, address = _resolve(host)
    if port is not None:
        try:
            return _bind(family, address, port)
        except OSError as error:
            raise _cannot(host, port, error) from error
    for candidate in (port for port in _PORTS if port not in spared):
        try:
            return _bind(family, address, candidate)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise _cannot(host, candidate, error) from error
    raise ConfigurationError(
        f"no port from {_PORTS[0]} to {_PORTS[-1]} is free on {host}",
        hint="choose one with --port, or set GMP_PORT",
    )


def host_and_port(host: str, port: int) -> str:
    """As in a URL: an IPv6 address stands in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _resolve(host: str) -> tuple[socket.AddressFamily, str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(
            f"cannot listen on '{host}': no such address", hint="use --host 127.0.0.1"
        ) from error
    family, _, _, _, address = found[0]
    return family, str(address[0])


def _bind(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    both = address == "::" and socket.has_dualstack_ipv6()
    return socket.create_server(
        (address, port), family=family, backlog=_BACKLOG, dualstack_ipv6=both
    )


def _cannot(host: str, port: int, error: OSError) -> ConfigurationError:
    where = f"cannot listen on {host_and_port(host, port)}"
    match error.errno:
        case errno.EADDRINUSE:
            hint = f"ss -ltnp 'sport = :{port}'"
            return PortInUse(f"{where}: the port is in use", port=port, hint=hint)
        case errno.EACCES:
            why, hint = "not permitted", "choose a --port above 1023"
        case _:
            why, hint = error.strerror or str(error), "check --host and --port"
    return ConfigurationError(f"{where}: {why}", hint=hint)
