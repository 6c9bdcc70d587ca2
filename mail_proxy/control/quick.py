"""The fast way to a running daemon: blocking HTTP over its control socket.

Standard library only, as one-shot commands pay for every import.
"""

from __future__ import annotations

import http.client
import socket
from collections.abc import Generator
from pathlib import Path
from typing import Any

from mail_proxy.config.unix_socket import connect
from mail_proxy.control import event_stream
from mail_proxy.control.event_stream import EventReader
from mail_proxy.control.request import Request, answer_from, request_for
from mail_proxy.domain.command_line import shell_line
from mail_proxy.domain.errors import MailProxyError, NotRunning
from mail_proxy.wire.request_id import HEADER

_PART_BYTES = 64 * 1024
TIMEOUT_S = 60.0  # without a byte; a check of an account may take 30 s


class SocketControl:
    """A SyncControl over `control.sock`; the rights on that file are the login.

    Each call has a connection of its own: it costs a tenth of a millisecond, and a connection kept
    over a prompt may be closed under us, and then nobody knows whether the command ran.
    """

    is_live = True

    def __init__(self, socket_path: Path, *, timeout_s: float = TIMEOUT_S) -> None:
        self._path = socket_path
        self._timeout_s = timeout_s

    def answers(self) -> bool:
        """Somebody listens; says nothing of how well it is."""
        try:
            connect(self._path, self._timeout_s).close()
        except OSError:
            return False
        return True

    def call(self, command: str, /, **fields: Any) -> dict[str, Any]:
        """Raises NotRunning when nobody listens, and what the daemon failed with."""
        request = request_for(command, fields)
        connection = _Connection(self._dial(), self._timeout_s)
        try:
            return _exchange(connection, request)
        except TimeoutError as error:
            raise MailProxyError(
                f"the daemon did not answer within {self._timeout_s:g} s",
                hint="the command may have run all the same",
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise MailProxyError(
                "the daemon went away before it answered",
                hint="the command may have run all the same",
            ) from error
        finally:
            connection.close()

    def stream(self, command: str, /, **fields: Any) -> Generator[dict[str, Any], None, None]:
        """The events of a command that streams, until the daemon ends it, or the caller."""
        request = request_for(command, fields)
        connection = _Connection(self._dial(), self._timeout_s)
        try:
            response = _sent(connection, request)
            kind = response.headers.get("Content-Type", "")
            if response.status != 200 or not kind.startswith(event_stream.KIND):
                yield answer_of(response)
                return
            reader = EventReader()
            while part := response.read1(_PART_BYTES):
                yield from reader.feed(part)
        except (OSError, http.client.HTTPException) as error:
            raise MailProxyError("the daemon went away while it told events") from error
        finally:
            connection.close()

    def close(self) -> None:
        """Nothing is kept open between calls."""

    def _dial(self) -> socket.socket:
        try:
            return connect(self._path, self._timeout_s)
        except OSError as error:
            raise unreachable(self._path, error) from error


class _Connection(http.client.HTTPConnection):
    """HTTP on a socket that is already connected."""

    def __init__(self, connected: socket.socket, timeout_s: float) -> None:
        super().__init__("mail-proxy", timeout=timeout_s)
        self.sock = connected


def _exchange(connection: _Connection, request: Request) -> dict[str, Any]:
    return answer_of(_sent(connection, request))


def _sent(connection: _Connection, request: Request) -> http.client.HTTPResponse:
    headers = {**request.headers, "Connection": "close"}
    connection.request(request.method, request.target, body=request.body, headers=headers)
    return connection.getresponse()


def unreachable(socket_path: Path, error: OSError) -> NotRunning:
    """Why nobody was reached at a control socket."""
    if isinstance(error, PermissionError):
        hint = shell_line("ls", "-l", socket_path)
        return NotRunning(f"no right to use {socket_path}", hint=hint)
    return NotRunning(f"no daemon answers at {socket_path}")


def answer_of(response: http.client.HTTPResponse) -> dict[str, Any]:
    """Raises what the daemon failed with, and HTTPException for half an answer."""
    body = response.read()
    return answer_from(
        response.status,
        response.headers.get("Content-Type", ""),
        body,
        request_id=response.headers.get(HEADER, ""),
    )
