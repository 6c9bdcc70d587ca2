"""Attachments that are too large for a mail: kept elsewhere, and reached by a link.

`LargeFileStorage` decides, uploads, makes links, answers downloads and removes what is over. The
libraries of the clouds are imported when a tenant's `storage_url` needs one.
"""

from mail_proxy.storage.backends import Backends
from mail_proxy.storage.cloud import check_installed
from mail_proxy.storage.downloads import Downloads, OfferedFile
from mail_proxy.storage.large_files import Applied, LargeFileStorage
from mail_proxy.storage.trial import Step

__all__ = [
    "Applied",
    "Backends",
    "Downloads",
    "LargeFileStorage",
    "OfferedFile",
    "Step",
    "check_installed",
]
