"""Secrets: encryption at rest, the key and where it comes from, tokens, masking.

Nothing here reads a setting or a database; the store passes what it has recorded.
"""

from mail_proxy.secrets.keyring import Keyring
from mail_proxy.secrets.masking import MASK, mask
from mail_proxy.secrets.tokens import (
    new_token,
    new_webhook_secret,
    same_token,
    token_sha256,
)

__all__ = [
    "MASK",
    "Keyring",
    "mask",
    "new_token",
    "new_webhook_secret",
    "same_token",
    "token_sha256",
]
