"""A verifier of Standard Webhooks, written from the specification and from nothing of ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

TOLERANCE_S = 5 * 60


def is_genuine(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Signed by this secret, and at most five minutes old or ahead."""
    found = {name.lower(): value for name, value in headers.items()}
    try:
        id_, timestamp = found["webhook-id"], found["webhook-timestamp"]
        signatures = found["webhook-signature"].split(" ")
    except KeyError:
        return False
    if abs(now - int(timestamp)) > TOLERANCE_S:
        return False
    key = base64.b64decode(secret.split("_", 1)[1])
    signed = b".".join((id_.encode(), timestamp.encode(), body))
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return any(
        hmac.compare_digest(text, expected)
        for version, _, text in (each.partition(",") for each in signatures)
        if version == "v1"
    )
