"""For those who receive delivery reports: is this post really from the proxy?

    report = verify_webhook("whsec_...", request.headers, request.body)
    for entry in report["delivery_report"]: ...

Any library for Standard Webhooks does the same in its language.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from mail_proxy.domain.errors import BadSignature
from mail_proxy.domain.webhook import TOLERANCE_S, verify

__all__ = ["BadSignature", "verify_webhook"]


def verify_webhook(
    secrets: str | Iterable[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    tolerance_s: float = TOLERANCE_S,
) -> dict[str, Any]:
    """The report in `body`, once it is clear who has sent it, and when.

    secrets: `whsec_...`; while one is replaced, both. headers: in any case.
    body: the bytes as they came: JSON that was parsed and written again has other signatures.
    tolerance_s: how far its time may be from this machine's clock, either way.
    Raises BadSignature; Invalid for a secret that is none.
    """
    known = [secrets] if isinstance(secrets, str) else list(secrets)
    verify(known, headers, body, now=time.time(), tolerance_s=tolerance_s)
    try:
        report = json.loads(body)
    except (ValueError, RecursionError):
        report = None
    if not isinstance(report, dict):
        raise BadSignature("the body is no JSON object")
    return report
