"""How long an answer is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from mail_proxy.domain.errors import MailProxyError

_T = TypeVar("_T")


async def within(asked: Awaitable[_T], seconds: float) -> _T:
    """The answer. Raises MailProxyError when it takes longer."""
    try:
        async with asyncio.timeout(seconds):
            return await asked
    except TimeoutError as error:
        raise MailProxyError(f"no answer within {seconds:g} s") from error
