"""A mail file: reading it, and what of it the queue shows and needs."""

from __future__ import annotations

import base64
import math
import re
import sys
from pathlib import Path
from typing import Any, BinaryIO

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.here import Here
from mail_proxy.domain import units
from mail_proxy.domain.safe_text import safe_text

_LARGE_BYTES = 2**20  # from here on the limit of the instance is asked for
_BESIDE_BYTES = 64 * 1024  # of a request: all but the mail
_LIMIT = "http.max_request_bytes"


def read_mail(found: Here, file: str) -> bytes:
    """The octets of that file; `-` is stdin. Raises CommandFailed."""
    try:
        if file == "-":
            return _whole(found, sys.stdin.buffer, "what came on stdin")
        with Path(file).expanduser().open("rb") as opened:
            return _whole(found, opened, safe_text(file, 200))
    except OSError as error:
        raise CommandFailed(
            f"cannot read {safe_text(file, 200)}: {error.strerror}",
            tries=(f"{found.path} send --to you@example.com",)
            if isinstance(error, FileNotFoundError)
            else (),
            code=ExitCode.USAGE,
        ) from error


def _whole(found: Here, opened: BinaryIO, name: str) -> bytes:
    """Raises CommandFailed for what is larger than the instance takes; OSError."""
    data = opened.read(_LARGE_BYTES + 1)
    if len(data) <= _LARGE_BYTES:
        return data
    request_bytes = _most_of_a_request(found)
    most = max(0, request_bytes - _BESIDE_BYTES) * 3 // 4  # it travels as base64
    data += opened.read(max(0, most + 1 - len(data)))
    if len(data) <= most:
        return data
    larger = min(1024, math.ceil(request_bytes / 2**20) * 2)
    raise CommandFailed(
        f"{name} is too large: as base64 it must fit into a request, and GMP_MAX_REQUEST_MB "
        f"is {request_bytes / 2**20:g}, so a mail may have {units.size(most)}",
        tries=(f"mail-proxy {found.instance_name} config set max_request_mb={larger}",),
    )


def _most_of_a_request(found: Here) -> int:
    settings = found.call("getInstance").get("settings") or ()
    values = {setting["name"]: setting["value"] for setting in settings}
    return int(values[_LIMIT])


def message_from(raw: bytes, message_id: str) -> dict[str, Any]:
    """The fields of a message whose text is this file. Raises CommandFailed.

    Addresses and subject are read out of its headers, where the queue shows and needs them.
    """
    from email import message_from_bytes
    from email.policy import default
    from email.utils import getaddresses

    # Only the headers: a body of 40 MiB need not become objects.
    end = re.search(rb"\r?\n\r?\n", raw)
    headers = message_from_bytes(raw[: end.end()] if end else raw, policy=default)

    def all_of(name: str) -> list[str]:
        values = [str(value) for value in headers.get_all(name, [])]
        return [address for _, address in getaddresses(values) if address]

    sender = str(headers.get("From", "")).strip()
    recipients = {name: all_of(name) for name in ("to", "cc", "bcc")}
    if not sender or not any(recipients.values()):
        what = "From" if not sender else "To, Cc or Bcc"
        raise CommandFailed(f"the file has no {what} header; is it a mail?", code=ExitCode.USAGE)
    return {
        "id": message_id,
        "from": sender,
        **{name: addresses for name, addresses in recipients.items() if addresses},
        "subject": str(headers.get("Subject", "")).strip() or "(no subject)",
        "raw": base64.b64encode(raw).decode("ascii"),
    }
