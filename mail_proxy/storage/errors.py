"""What goes wrong where files are kept."""

from __future__ import annotations

from mail_proxy.domain.errors import MailProxyError


class StorageFailed(MailProxyError):
    """A place did not take, show or remove a file; another time it may.

    detail: what its library said, without secrets, for the admin.
    """

    code = "storage"


class NotStored(StorageFailed):
    """There is no such file, or it is not the one that was stored."""
