"""Why an attempt is given up before its dot, through no fault of the message or the account."""

from __future__ import annotations


class NotNow(Exception):
    """The message goes back untouched; whoever raised this has told of the cause."""
