"""A failure on the wire, and back: every face shows the same sentence, code and field."""

from __future__ import annotations

import math
from typing import Any

from mail_proxy.domain import errors
from mail_proxy.domain.errors import MailProxyError

_BY_CODE: dict[str, type[MailProxyError]] = {
    kind.code: kind
    for kind in (
        errors.Invalid,
        errors.Malformed,
        errors.NotFound,
        errors.Unauthorized,
        errors.Forbidden,
        errors.Conflict,
        errors.TooLarge,
        errors.UnsupportedEncoding,
        errors.TooMany,
        errors.ConfigurationError,
        errors.NotRunning,
        errors.StoreError,
        errors.StoreUnavailable,
        errors.StoreFull,
        errors.SecretsUnavailable,
    )
}

STATUS: dict[str, int] = {
    "invalid": 400,
    "rejected": 400,
    "malformed": 422,
    "not_found": 404,
    "unauthorized": 401,
    "forbidden": 403,
    "conflict": 409,
    "too_large": 413,
    "unsupported": 415,
    "too_many": 429,
    "secrets": 503,
    "storage": 503,
    "unavailable": 503,
    "full": 507,
}


def failure_body(error: MailProxyError) -> dict[str, Any]:
    """`ok`, `error` (a sentence), `detail`, `code`, and `field` and `hint` where there are any.

    A limit is named by `limit`, with `retry_after_s`: whole seconds, as in the header Retry-After.
    """
    body: dict[str, Any] = {
        "ok": False,
        "error": str(error),
        "detail": error.detail,
        "code": error.code,
    }
    if isinstance(error, errors.Invalid) and error.field:
        body["field"] = error.field
    if isinstance(error, errors.TooMany):
        body |= {"limit": error.limit, "retry_after_s": math.ceil(error.retry_after_s)}
    if error.hint:
        body["hint"] = error.hint
    return body


def failure_from(body: Any, status: int) -> MailProxyError:
    """The error that a daemon answered with; `body` may be anything."""
    if not isinstance(body, dict):
        return MailProxyError(f"the daemon answered {status}")
    code, detail = str(body.get("code")), body.get("detail")
    if code == errors.RejectedBatch.code and isinstance(detail, dict):
        return errors.RejectedBatch(detail.get("error"), detail.get("rejected"))
    error = _BY_CODE.get(code, MailProxyError)(
        str(body.get("error") or f"the daemon answered {status}"),
        detail=detail,
        hint=body.get("hint"),
    )
    if isinstance(error, errors.Invalid):
        error.field = body.get("field")
    if isinstance(error, errors.TooMany):
        error.limit = str(body.get("limit", ""))
        error.retry_after_s = float(body.get("retry_after_s", error.retry_after_s))
    return error
