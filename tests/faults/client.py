"""An application that posts messages, and keeps in mind what was answered."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import aiohttp

PATIENCE_S = 120.0
AWAY = frozenset({503, 507})


class Client:
    """acknowledged: ids that a 2xx told of. unknown: ids whose post got no answer, not yet told of.

    refused: answers that said "not now", by status.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str) -> None:
        self.acknowledged: set[str] = set()
        self.unknown: set[str] = set()
        self.refused: list[int] = []
        self._session = session
        self._url = url
        self._key = key

    async def post(self, ids: list[str], **fields: Any) -> bool:
        """Post once; whether it was answered with 2xx. `already sent` counts as taken."""
        # As a file: aiohttp warns of long texts.
        body = io.BytesIO(json.dumps({"messages": [message(i, **fields) for i in ids]}).encode())
        headers = {"X-API-Token": self._key, "Content-Type": "application/json"}
        try:
            async with self._session.post(
                f"{self._url}/commands/add-messages", data=body, headers=headers
            ) as answer:
                told = await answer.json()
        except aiohttp.ClientConnectionError:
            self.unknown.update(ids)
            return False
        if answer.status in AWAY:
            self.refused.append(answer.status)
            return False
        assert answer.status == 200, told
        reasons = {rejection["reason"] for rejection in told["rejected"]}
        assert reasons <= {"already sent"}, told
        self.acknowledged.update(ids)
        self.unknown.difference_update(ids)
        return True

    async def post_until_answered(self, ids: list[str], **fields: Any) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not await self.post(ids, **fields):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)  # the daemon is away: an application would wait as well


def message(id_: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "from": "billing@acme.example",
        "to": ["ann@example.com"],
        "subject": id_,
        "body": "Hello.\n",
        **fields,
    }
