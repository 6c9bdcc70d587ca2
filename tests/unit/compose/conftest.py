"""What the tests of compose/ share: a mail that is good, and a stamp."""

from __future__ import annotations

from typing import Any

import pytest

from mail_proxy.compose import Stamp


@pytest.fixture
def stamp() -> Stamp:
    return Stamp("<0123456789abcdef@example.com>", 1_700_000_000.75, "order-1")


@pytest.fixture
def fields() -> dict[str, Any]:
    """A new one for each test, which may change it."""
    return {
        "from": "Shop <shop@example.com>",
        "to": ["ann@example.org"],
        "subject": "Your order",
        "body": "Thank you.\n",
    }
