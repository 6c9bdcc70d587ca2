"""Requests about the servers that an instance speaks to."""

from __future__ import annotations

from typing import Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from mail_proxy.wire.fields import Request


class CheckNetwork(Request):
    """Whether the mail servers of all accounts and the callbacks of all tenants can be reached."""

    login: bool = Field(default=False, description="Log in too, as for a message.")


# --- answers ---


class CheckedAccount(TypedDict):
    """failed_stage, error: where and why it ended early.

    offers_starttls: seen before anything was encrypted, or it is encrypted now.
    certificate_expires_at: seconds since the epoch; not there in clear.
    login: accepted, refused or none.
    """

    tenant_id: str
    account_id: str
    host: str
    port: int
    ok: bool
    failed_stage: NotRequired[str]
    error: NotRequired[str]
    tls_version: NotRequired[str]
    offers_starttls: bool
    certificate_expires_at: NotRequired[float]
    login: str


class CheckedCallback(TypedDict):
    """ok: something answered at the URL, whatever it said. error: why nothing did."""

    tenant_id: str
    url: str
    ok: bool
    error: NotRequired[str]


class NetworkChecked(TypedDict):
    """unchecked: accounts and callbacks that the time was too short for."""

    ok: Literal[True]
    accounts: list[CheckedAccount]
    callbacks: list[CheckedCallback]
    unchecked: int
