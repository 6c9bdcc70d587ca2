"""A time as an option takes it: how long ago, a date, or seconds since the epoch."""

from __future__ import annotations

from datetime import datetime

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.forms.checks import span
from mail_proxy.forms.fields import BadAnswer

_EPOCH_DIGITS = 9  # 31 years of seconds are no span that anybody means


def moment(option: str, text: str | None, now: float) -> float | None:
    """Seconds since the epoch; a date without a zone is ours. None for None.

    Raises CommandFailed (wrong usage) that names the option.
    """
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) >= _EPOCH_DIGITS:
        return float(text)
    try:
        return now - (span(text) or 0)
    except BadAnswer:
        pass  # no time span: a date then
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        raise CommandFailed(
            f"{option}: a time such as 2h, 3d or 2026-11-21T10:00 is needed",
            code=ExitCode.USAGE,
        ) from None
