"""Requests that wake, stop and free the sending."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import AfterValidator
from typing_extensions import TypedDict

from mail_proxy.domain.message import WHOLE_TENANT, check_batch_code
from mail_proxy.wire.fields import TenantRequest


def _batch_code(value: str) -> str:
    """A code that a message may have; the empty one and `*` are the whole tenant."""
    return value if value in ("", WHOLE_TENANT) else check_batch_code(value)


BatchCode = Annotated[str, AfterValidator(_batch_code)]


class RunNow(TenantRequest):
    """Wake the loops; of one tenant when it is named."""


class Suspend(TenantRequest):
    """A batch, a tenant, or (the admin, without a tenant) the whole scheduler."""

    batch_code: BatchCode | None = None


class Activate(Suspend):
    """The way back, with the same three reaches."""


class Triggered(TypedDict):
    ok: Literal[True]
    triggered: Literal[True]


class Suspension(TypedDict):
    """What is suspended now.

    suspended_batches: codes, or `["*"]` for the whole tenant.
    pending_messages: not yet processed, of the tenant or of that batch.
    scheduler_active: only in the answer for the whole scheduler.
    """

    ok: Literal[True]
    tenant_id: NotRequired[str]
    batch_code: NotRequired[str]
    suspended_batches: list[str]
    pending_messages: int
    scheduler_active: NotRequired[bool]
