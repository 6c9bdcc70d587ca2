"""Signatures of posts, as the Standard Webhooks specification has them (standardwebhooks.com).

A post carries `webhook-id`, `webhook-timestamp` (seconds since the epoch) and `webhook-signature`:
`v1,<base64>` of HMAC-SHA256 over `id.timestamp.body`, one for each secret that is good at that
time, separated by spaces.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mail_proxy.domain.errors import BadSignature, Invalid

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
PREFIX = "whsec_"
VERSION = "v1"
TOLERANCE_S = 300.0  # either way: clocks differ, and what is older may be a replay
SHORTEST_BYTES, LONGEST_BYTES = 24, 64  # of a secret, by the specification
MOST_SECRETS = 3  # that sign at one time
_DIGITS = 15  # of a timestamp: more is no time


def secret_from(key: bytes) -> str:
    """The text of a secret of these random bytes."""
    return PREFIX + base64.b64encode(key).decode("ascii")


def key_of(secret: str) -> bytes:
    """The bytes of a secret, with `whsec_` or without. Raises Invalid, which does not show it."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not SHORTEST_BYTES <= len(key) <= LONGEST_BYTES:
        raise Invalid(
            f"a webhook secret is {PREFIX} and the base64 of "
            f"{SHORTEST_BYTES} to {LONGEST_BYTES} bytes",
            field="secret",
        )
    return key


def rotated(
    stored: Sequence[Mapping[str, Any]] | None, secret: str, *, now: float, overlap_s: float
) -> list[dict[str, Any]]:
    """The secrets of a tenant, newest first, when `secret` takes the place of the newest.

    That one signs for another `overlap_s`; those before it end when it was said.
    """
    ends = now + overlap_s
    old = [
        {**each, "expires_at": ends if each["expires_at"] is None else each["expires_at"]}
        for each in stored or ()
    ]
    new = {"secret": secret, "created_at": now, "expires_at": None}
    return [new, *(each for each in old if each["expires_at"] > now)][:MOST_SECRETS]


def good_at(stored: Sequence[Mapping[str, Any]] | None, now: float) -> list[str]:
    """Those that sign now, newest first."""
    return [
        each["secret"]
        for each in stored or ()
        if each["expires_at"] is None or each["expires_at"] > now
    ]


def headers_for(secrets: Iterable[str], *, id: str, timestamp: int, body: bytes) -> dict[str, str]:  # noqa: A002 - the specification's word
    """The headers of a post; without a secret it has no signature."""
    headers = {ID: id, TIMESTAMP: str(timestamp)}
    signatures = [signature(secret, id=id, timestamp=timestamp, body=body) for secret in secrets]
    if signatures:
        headers[SIGNATURE] = " ".join(signatures)
    return headers


def signature(secret: str, *, id: str, timestamp: int | str, body: bytes) -> str:  # noqa: A002 - the specification's word
    """`v1,` and the signature by one secret."""
    signed = f"{id}.{timestamp}.".encode() + body
    digest = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
    return f"{VERSION},{base64.b64encode(digest).decode('ascii')}"


def verify(
    secrets: Iterable[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float,
    tolerance_s: float = TOLERANCE_S,
) -> str:
    """The webhook-id of a post that one of the secrets has signed, at most so long ago or ahead.

    headers: in any case. Raises BadSignature that says what is wrong, Invalid for a bad secret.
    """
    found = {name.lower(): value for name, value in headers.items()}
    missing = [name for name in (ID, TIMESTAMP, SIGNATURE) if not found.get(name)]
    if missing:
        raise BadSignature(f"the header {missing[0]} is missing")
    timestamp = found[TIMESTAMP]
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _DIGITS):
        raise BadSignature("the webhook-timestamp is no number of seconds")
    if abs(now - int(timestamp)) > tolerance_s:
        raise BadSignature("the webhook-timestamp is too far from this clock")
    given = [text.encode() for text in found[SIGNATURE].split()]
    # The text that was sent, zeros and all: that is what was signed.
    ours = [signature(s, id=found[ID], timestamp=timestamp, body=body).encode() for s in secrets]
    if not any(hmac.compare_digest(one, other) for one in ours for other in given):
        raise BadSignature("no webhook-signature is by a known secret")
    return found[ID]
