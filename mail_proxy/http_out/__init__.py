"""The one client for everything that calls a tenant's URL, guarded against our own network.

`trusted=True`, for URLs that the admin has set, skips the check of addresses and nothing else.
"""

from mail_proxy.http_out.client import HttpAnswer, OutgoingHttp
from mail_proxy.http_out.errors import Blocked, Unreachable
from mail_proxy.http_out.guard import check_url, is_forbidden, why_forbidden

__all__ = [
    "Blocked",
    "HttpAnswer",
    "OutgoingHttp",
    "Unreachable",
    "check_url",
    "is_forbidden",
    "why_forbidden",
]
