"""The one client for everything that calls a tenant's URL, guarded against our own network.

`trusted=True`, for URLs that the admin has set, skips the check of addresses and nothing else.
`GuardedDial` does the same for the mail servers that tenants set.
"""

from mail_proxy.http_out.allowlist import NOTHING, AllowList
from mail_proxy.http_out.client import HttpAnswer, OutgoingHttp
from mail_proxy.http_out.dial import GuardedDial
from mail_proxy.http_out.download import Download
from mail_proxy.http_out.errors import Blocked, TimedOut, TooLong, Unreachable
from mail_proxy.http_out.guard import (
    check_callback,
    check_host,
    check_url,
    is_forbidden,
    why_forbidden,
)

__all__ = [
    "NOTHING",
    "AllowList",
    "Blocked",
    "Download",
    "GuardedDial",
    "HttpAnswer",
    "OutgoingHttp",
    "TimedOut",
    "TooLong",
    "Unreachable",
    "check_callback",
    "check_host",
    "check_url",
    "is_forbidden",
    "why_forbidden",
]
