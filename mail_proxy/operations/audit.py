"""The command log: who changed what, when, and how it was answered; secrets are masked.

Posts of messages come by the thousand a second, so they are summed up: one line for each caller
and second, with counts only, and with the id of the request where there was one post alone. All
other changes are written before they are answered.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import StoreError
from mail_proxy.observe import events
from mail_proxy.operations.excerpt import excerpt, name_excerpt
from mail_proxy.secrets import mask
from mail_proxy.store.base import Store
from mail_proxy.wire.caller import Caller
from mail_proxy.wire.routes import Route

POSTS = "addMessages"
SUM_S = 1.0


@dataclass(slots=True)
class _Sum:
    """request_id: of the only post; None: there were several."""

    request_id: str | None
    counts: Counter[str] = field(default_factory=Counter)


class Audit:
    """`note` after each change; `run` writes the sums while the loops run, `flush` the rest."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._sums: dict[tuple[str, str, str, int], _Sum] = {}
        self._ended = asyncio.Event()

    async def note(
        self,
        route: Route,
        caller: Caller,
        payload: Mapping[str, Any],
        *,
        status: int,
        answer: Mapping[str, Any] | None,
    ) -> None:
        """A change was answered with the HTTP status `status`; a failed write is logged only."""
        tenant_id = _tenant_of(payload, caller)
        if route.name == POSTS:
            key = (tenant_id, route.path, caller.name, status)
            known = self._sums.setdefault(key, _Sum(caller.request_id))
            known.counts.update(_counts(payload, answer))
            if known.counts["posts"] > 1:
                known.request_id = None
            return
        shown = excerpt(mask(dict(payload)))
        await self._write(tenant_id, route.path, caller.name, shown, status, caller.request_id)

    async def run(self) -> None:
        """Write the sums each second until `stop`."""
        while not self._ended.is_set():
            try:
                async with asyncio.timeout(SUM_S):
                    await self._ended.wait()
            except TimeoutError:
                pass  # a second has gone
            try:
                await self.flush()
            except Exception as error:  # noqa: BLE001 - a bug in the log must not stop the mail
                events.task_broke("audit", error)

    def stop(self) -> None:
        self._ended.set()

    async def flush(self) -> None:
        sums, self._sums = self._sums, {}
        for (tenant_id, path, caller, status), each in sums.items():
            counts = dict(each.counts)
            await self._write(tenant_id, path, caller, counts, status, each.request_id)

    async def _write(
        self,
        tenant_id: str,
        endpoint: str,
        caller: str,
        payload: dict[str, Any],
        status: int,
        request_id: str | None,
    ) -> None:
        try:
            await self._store.log_command(
                tenant_id=tenant_id,
                command_ts=self._clock.now(),
                endpoint=endpoint,
                caller=caller,
                payload=payload,
                response_status=status,
                request_id=request_id or None,
            )
        except StoreError as error:  # the change is made; its answer must not say otherwise
            events.store_trouble(where="command log", error=error)


def _tenant_of(payload: Mapping[str, Any], caller: Caller) -> str:
    given = payload.get("tenant_id")
    return caller.tenant_id or (name_excerpt(given) if isinstance(given, str) else "")


def _counts(payload: Mapping[str, Any], answer: Mapping[str, Any] | None) -> dict[str, int]:
    messages = payload.get("messages")
    counts = {"posts": 1, "messages": len(messages) if isinstance(messages, list) else 0}
    if answer is not None:
        counts |= {"queued": answer["queued"], "rejected": len(answer["rejected"])}
    return counts
