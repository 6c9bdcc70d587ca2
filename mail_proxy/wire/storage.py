"""Requests about the files that mails have links to, and the place that they are kept at."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from mail_proxy.wire.fields import Request, Text
from mail_proxy.wire.tenants import TenantKey


class CheckStorage(TenantKey):
    """Of that tenant, as its `large_file_config` has it."""


class DownloadFile(Request):
    """token, filename: as the link in the mail has them."""

    token: Text
    filename: Text


# --- answers ---


class StorageStep(TypedDict):
    """name: write, link, read, delete.
    seconds: how long it took.
    error: why it failed.
    """

    name: str
    ok: bool
    seconds: float
    error: NotRequired[str]


class StorageChecked(TypedDict):
    """works: every step did. Without a step that failed, those behind it may be left out.
    steps: what was tried, in that order.
    """

    ok: Literal[True]
    works: bool
    steps: list[StorageStep]


class FileOffered(TypedDict):
    """file: what HTTP answers with the octets of, or a redirect to where they are."""

    ok: Literal[True]
    file: Any
