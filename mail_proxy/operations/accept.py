"""addMessages: a batch goes into the queue, and each bad message of it is told why not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from typing import TypeGuard

from mail_proxy.domain.errors import Invalid, RejectedBatch
from mail_proxy.domain.message import check_id, parse_priority
from mail_proxy.observe import events
from mail_proxy.operations.context import Context
from mail_proxy.operations.intake import Intake
from mail_proxy.store.values import Accepted, NewMessage
from mail_proxy.wire.messages import MAX_BATCH, Added, AddMessages, Rejection

TOO_MANY = f"Cannot enqueue more than {MAX_BATCH} messages at once"
ALREADY_SENT = "already sent"
URGENT = 0  # the priority that does not wait for the next claim
TURN_S = 0.02  # of checking, before other requests go on


async def add_messages(ctx: Context, request: AddMessages) -> Added:
    """Put messages into the queue; they are stored and synced when this answers.

    Raises RejectedBatch when none was taken for another reason than `already sent`.
    """
    if len(request.messages) > MAX_BATCH:
        raise RejectedBatch(TOO_MANY, None)
    now = ctx.clock.now()
    intake = Intake(
        ctx.directory,
        tenant_id=request.tenant_id,
        default_priority=_default_priority(ctx, request.default_priority),
        now=now,
    )
    checked, rejected = await _check_all(ctx, intake, request.messages)
    verdicts = await _store(ctx, [message for _, message in checked], now)
    queued: list[NewMessage] = []
    for (place, message), verdict in zip(checked, verdicts, strict=True):
        if verdict.reason:
            rejected[place] = {"id": message.id, "reason": verdict.reason}
        else:
            queued.append(message)
    _tell(ctx, queued, len(rejected))
    return _answer(len(queued), [rejected[place] for place in sorted(rejected)])


def _default_priority(ctx: Context, given: object) -> int:
    if given is None:
        return ctx.settings.delivery.default_priority
    try:
        return parse_priority(given)
    except Invalid as error:
        raise Invalid(f"default_{error}", field="default_priority") from None


async def _check_all(
    ctx: Context, intake: Intake, entries: Sequence[object]
) -> tuple[list[tuple[int, NewMessage]], dict[int, Rejection]]:
    """Good messages and rejections, each with its place in the batch.

    A thousand messages to a thousand people take seconds; others get a turn in between.
    """
    checked: list[tuple[int, NewMessage]] = []
    rejected: dict[int, Rejection] = {}
    turn_ends = ctx.clock.monotonic() + TURN_S
    for place, entry in enumerate(entries):
        if ctx.clock.monotonic() > turn_ends:
            await asyncio.sleep(0)
            turn_ends = ctx.clock.monotonic() + TURN_S
        try:
            checked.append((place, intake.check(entry)))
        except Invalid as error:
            rejected[place] = _rejection(entry, error)
    return checked, rejected


def _rejection(entry: object, error: Invalid) -> Rejection:
    given = entry.get("id") if isinstance(entry, dict) else None
    rejection: Rejection = {"id": given if _is_id(given) else None, "reason": str(error)}
    if error.field:
        rejection["field"] = error.field
    return rejection


def _is_id(given: object) -> TypeGuard[str]:
    """What is none is not sent back: it may be long, or no text at all."""
    try:
        return bool(check_id(given))
    except Invalid:
        return False


async def _store(ctx: Context, messages: Sequence[NewMessage], now: float) -> list[Accepted]:
    """Put them into the queue; what is claimed and not begun is taken back and replaced."""
    if not messages:
        return []
    verdicts = await ctx.store.accept(messages, now=now)
    refused = [n for n, verdict in enumerate(verdicts) if verdict.reason == ALREADY_SENT]
    if not refused:
        return verdicts
    by_tenant: dict[str, list[str]] = {}
    for n in refused:
        by_tenant.setdefault(messages[n].tenant_id, []).append(messages[n].id)
    async with AsyncExitStack() as recalled:
        for tenant_id, ids in by_tenant.items():
            await recalled.enter_async_context(ctx.engine.recalled(tenant_id, ids=ids))
        again = await ctx.store.accept([messages[n] for n in refused], now=now)
    for n, verdict in zip(refused, again, strict=True):
        verdicts[n] = verdict
    return verdicts


def _tell(ctx: Context, queued: Iterable[NewMessage], rejected: int) -> None:
    """Wake the accounts that have work now, and write one line for each tenant."""
    urgent: dict[tuple[str, str], bool] = {}
    per_tenant: dict[str, int] = {}
    for message in queued:
        key = (message.tenant_id, message.account_id)
        urgent[key] = urgent.get(key, False) or message.priority == URGENT
        per_tenant[message.tenant_id] = per_tenant.get(message.tenant_id, 0) + 1
    for (tenant_id, account_id), is_urgent in urgent.items():
        ctx.engine.wake(tenant_id, account_id, is_urgent=is_urgent)
    for tenant_id, n in per_tenant.items():
        events.messages_accepted(tenant_id=tenant_id, n=n, rejected=rejected)


def _answer(queued: int, rejected: list[Rejection]) -> Added:
    if not queued and any(entry["reason"] != ALREADY_SENT for entry in rejected):
        raise RejectedBatch(None, [dict(entry) for entry in rejected])
    return {"ok": True, "queued": queued, "rejected": rejected}
