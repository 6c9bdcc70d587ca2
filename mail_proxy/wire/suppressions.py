"""Requests about the addresses that a tenant's mail is not sent to."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from mail_proxy.wire.fields import Int, Line, TenantRequest, Text

MAX_SUPPRESSIONS = 10_000  # in one post, and in one page
Reason = Annotated[Line, Field(max_length=500)]


class ListSuppressions(TenantRequest):
    """address: only this one, if it is on the list; `@example.org` is a whole domain."""

    limit: Int = Field(default=1000, ge=1, le=MAX_SUPPRESSIONS)
    cursor: Text | None = None
    address: Text | None = None


class AddSuppressions(TenantRequest):
    """Each address is checked alone, so that a bad one spoils no other.

    addresses: texts, or objects with `address` and a `reason` of its own; at most 10 000.
    reason: of those without one.
    """

    addresses: list[Any] = Field(min_length=1, max_length=MAX_SUPPRESSIONS)
    reason: Reason | None = None


class RemoveSuppression(TenantRequest):
    """address: as it is listed, in any case."""

    address: Text


# --- answers ---


class SuppressionRecord(TypedDict):
    """address: in lower case, its domain in ASCII; `@example.org` is everybody there."""

    address: str
    reason: NotRequired[str]
    created_at: str


class Suppressions(TypedDict):
    ok: Literal[True]
    suppressions: list[SuppressionRecord]
    next_cursor: NotRequired[str]


class NotSuppressed(TypedDict):
    """Why one address was not taken; `address` is null when it was no text."""

    address: str | None
    reason: str
    field: NotRequired[str]


class Suppressed(TypedDict):
    """added: new ones. updated: those that were there already, and have the new reason."""

    ok: Literal[True]
    added: int
    updated: int
    rejected: list[NotSuppressed]
