"""Where a listing goes on: opaque words that are safe in a URL, and never trusted."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.message import check_text


def packed(values: Sequence[Any]) -> str:
    text = json.dumps(values, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def unpacked(cursor: str) -> Any:
    """Whatever it holds. Raises Invalid for what nobody has packed."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise not_ours() from error


def fit(*numbers: float) -> bool:
    """The database can hold them; it cannot hold infinity, nor what is no number."""
    return all(abs(number) < 2**63 for number in numbers)


def tenant_in(tenant_id: str) -> str:
    """Raises Invalid for one that no database takes."""
    try:
        return check_text(tenant_id, field="cursor")
    except Invalid as error:
        raise not_ours() from error


def not_ours() -> Invalid:
    return Invalid("cursor: not one that this command has given", field="cursor")
