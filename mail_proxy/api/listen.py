"""The TCP socket that the API listens on."""

from __future__ import annotations

import errno
import socket

from mail_proxy.domain.errors import ConfigurationError

_FIRST_PORT, _LAST_PORT = 8000, 8999
_BACKLOG = 1024


def listen_tcp(host: str, port: int | None) -> socket.socket:
    """A listening socket; without a port, at the first free one from 8000.

    Blocks while `host` is looked up. Raises ConfigurationError that names host and port.
    """
    family, address = _resolve(host)
    if port is not None:
        try:
            return _bind(family, address, port)
        except (OSError, OverflowError) as error:
            raise _cannot(host, port, error) from error
    for candidate in range(_FIRST_PORT, _LAST_PORT + 1):
        try:
            return _bind(family, address, candidate)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise _cannot(host, candidate, error) from error
    raise ConfigurationError(
        f"no port from {_FIRST_PORT} to {_LAST_PORT} is free on {host}",
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


def _cannot(host: str, port: int, error: OSError | OverflowError) -> ConfigurationError:
    where = host_and_port(host, port)
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        why, hint = "the port is in use", f"ss -ltnp 'sport = :{port}', or choose another --port"
    elif isinstance(error, OSError) and error.errno == errno.EACCES:
        why, hint = "not permitted", "choose a --port above 1023"
    else:
        why = (isinstance(error, OSError) and error.strerror) or str(error)
        hint = "check --host and --port"
    return ConfigurationError(f"cannot listen on {where}: {why}", hint=hint)
