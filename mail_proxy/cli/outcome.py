"""What became of one message: waited for, and told."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.here import Here
from mail_proxy.cli.spinner import spinner
from mail_proxy.control.base import SyncControl
from mail_proxy.domain.command_line import by_id
from mail_proxy.domain.safe_text import safe_text

PATIENCE_S = 20.0
_LOOK_S = 0.1
_UNDECIDED = frozenset({"pending", "sending"})
_PASSING = frozenset({None, "ready", "sending", "no_connection", "expired"})  # these end soon
_WENT = frozenset({"sent", "bounced"})


def tell_outcome(found: Here, message_id: str, patience_s: float = PATIENCE_S) -> ExitCode:
    """Wait until it went, failed or was put off, at most that long; say so."""
    began = time.monotonic()
    with found.control() as control, spinner(found.writer, "waiting for the mail server"):
        message = _asked(control, found, message_id)
        while _is_undecided(message) and time.monotonic() - began < patience_s:
            time.sleep(_LOOK_S)
            message = _asked(control, found, message_id)
    return _tell(found, message, time.monotonic() - began)


def _asked(control: SyncControl, found: Here, message_id: str) -> Mapping[str, Any]:
    told = control.call("getMessage", tenant_id=found.tenant_id, id=message_id)
    message: Mapping[str, Any] = told["message"]
    return message


def _is_undecided(message: Mapping[str, Any]) -> bool:
    """What stands in its way, a suspended tenant for one, is told at once."""
    return (
        message.get("status") in _UNDECIDED
        and not message.get("last_error")
        and message.get("why_code") in _PASSING
    )


def _tell(found: Here, message: Mapping[str, Any], waited_s: float) -> ExitCode:
    status = str(message.get("status"))
    message_id = str(message.get("id"))
    record = {key: message.get(key) for key in ("id", "status", "error", "last_error", "why", "do")}
    writer = found.writer
    if status in _WENT:
        text = f"Sent as '{message_id}', {waited_s:.1f} s"
        writer.done(record, message_id if found.options.quiet else text)
        return ExitCode.DONE
    reason = message.get("error") or message.get("why") or message.get("last_error")
    reason = reason or f"no answer from the mail server after {waited_s:.0f} s, it goes on"
    has_failed = status == "error"
    what = "failed" if has_failed else "was not sent yet"
    writer.done(record | {"ok": False}, f"'{message_id}' {what}: {safe_text(reason)}")
    if message.get("do"):
        label = "Once mended:" if has_failed else "Next:"
        writer.hint(f"{label:<12} {safe_text(message['do'])}")
    writer.hint(f"{'All of it:':<12} {found.line('messages', 'show', *by_id(message_id))}")
    return ExitCode.FAILED if has_failed else ExitCode.TIMED_OUT
