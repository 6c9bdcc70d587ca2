"""Tokens of the admin and of tenants: made here, stored as a hash, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from mail_proxy.domain.webhook import secret_from

PREFIX = "mp_"  # so that secret scanners find a leaked one


def new_token() -> str:
    """`mp_` and 43 URL-safe characters: 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def new_webhook_secret() -> str:
    """`whsec_` and the base64 of 256 random bits."""
    return secret_from(secrets.token_bytes(32))


def token_sha256(token: str) -> str:
    """The hex digest that is stored. Tokens are random, so a slow hash would gain nothing."""
    return hashlib.sha256(_bytes(token)).hexdigest()


def same_token(given: str, expected: str) -> bool:
    """Compare in constant time, whatever the lengths. An empty token equals nothing."""
    if not given or not expected:
        return False
    return hmac.compare_digest(token_sha256(given), token_sha256(expected))


def _bytes(token: str) -> bytes:
    # A header may carry bytes that are no UTF-8: they arrive as lone surrogates.
    return token.encode("utf-8", "surrogatepass")
