"""`--print-http`: a line on stderr for each request."""

from __future__ import annotations

from typing import Any

from mail_proxy.control.request import request_for
from mail_proxy.control.told import Asked
from mail_proxy.domain.errors import MailProxyError
from mail_proxy.repl import speech


def tell(asked: Asked) -> None:
    """Method, path, status and time; never a body, which may hold a secret."""
    line = _line(asked.command, asked.fields)
    if asked.took_s is None:
        speech.say(line)
        return
    status = asked.error.http_status if asked.error else 200
    speech.say(f"{line}  {status or '-'}  {asked.took_s * 1000:.0f} ms")


def _line(command: str, fields: dict[str, Any]) -> str:
    try:
        request = request_for(command, fields)
    except MailProxyError:
        return command
    return f"{request.method} {request.target}"
