"""addMessages: a batch goes into the queue, and each bad message of it is told why not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeGuard

from mail_proxy.domain.errors import Invalid, RejectedBatch, TooMany
from mail_proxy.domain.message import ALREADY_SENT, IMMEDIATE, QUEUE_FULL, check_id, parse_priority
from mail_proxy.observe import events
from mail_proxy.observe.refusals import MAX_QUEUED
from mail_proxy.operations.context import Context
from mail_proxy.operations.intake import Intake
from mail_proxy.operations.once import KEPT_S, PostKey, has_bulk, sha256_of
from mail_proxy.operations.spooling import Bulk, spooled
from mail_proxy.operations.suppressions import without_suppressed
from mail_proxy.store.values.intake import Accepted, Keep, KeptAnswer, NewMessage
from mail_proxy.wire.messages import MAX_BATCH, Added, AddMessages, Rejection

TOO_MANY = f"Cannot enqueue more than {MAX_BATCH} messages at once"
ROOM_AFTER_S = 30.0  # nobody knows when mail will have left; soon enough, and not all the time
_Found = tuple[int, NewMessage | Bulk]  # its place in the batch, and what was found there
TURN_S = 0.02  # of checking, before other requests go on


async def add_messages(ctx: Context, request: AddMessages) -> Added:
    """Put messages into the queue; they are stored and synced when this answers.

    Raises RejectedBatch when none was taken for another reason than `already sent`, TooMany when
    it was for a full queue, Conflict for an idempotency key that was used for another body.
    """
    if len(request.messages) > MAX_BATCH:
        raise RejectedBatch(TOO_MANY, None)
    if request.idempotency_key is None:
        return await _add(ctx, request, None)
    key = await _key_of(ctx, request, request.idempotency_key)
    async with ctx.posts.of(key):
        since = ctx.clock.now() - KEPT_S
        kept = await ctx.store.find_answer(key.tenant_id, key.key, since=since)
        if kept is None:
            return await _add(ctx, request, key)
        first: Added = key.answer_of(kept)
        return first


async def _key_of(ctx: Context, request: AddMessages, key: str) -> PostKey:
    rest = [request.tenant_id, request.default_priority]
    body_sha256 = await sha256_of(request.messages, rest, ctx.clock)
    return PostKey(ctx.caller.tenant_id or "", key, body_sha256)


async def _add(ctx: Context, request: AddMessages, key: PostKey | None) -> Added:
    now = ctx.clock.now()
    intake = Intake(
        ctx.directory,
        tenant_id=request.tenant_id,
        default_priority=_default_priority(ctx, request.default_priority),
        now=now,
        request_id=ctx.request_id,
    )
    found, rejected = await _check_all(ctx, intake, request.messages)
    async with _spooled(ctx, await _let_through(ctx, found, rejected), rejected) as checked:
        return await _queue(ctx, checked, rejected, key, now)


async def _queue(
    ctx: Context,
    checked: Sequence[tuple[int, NewMessage]],
    rejected: dict[int, Rejection],
    key: PostKey | None,
    now: float,
) -> Added:
    messages = [message for _, message in checked]

    def keep(verdicts: Sequence[Accepted]) -> KeptAnswer | None:
        result = _result(ctx, checked, rejected, verdicts)
        if key is None or result.is_refused:
            return None
        return key.kept(result.answer, now)

    verdicts = await _store(ctx, messages, now, None if key is None else keep)
    result = _result(ctx, checked, rejected, verdicts)
    _tell(ctx, result.queued, len(result.answer["rejected"]))
    count_full(ctx, result.full)
    if result.is_refused:
        # Held by no name here: with its traceback it would keep the whole post until a collection.
        raise _error(ctx, result)
    return result.answer


@dataclass(frozen=True, slots=True)
class _Result:
    """What becomes of a post. full: tenants that had no room, one for each of their messages."""

    queued: list[NewMessage]
    answer: Added
    full: list[str]

    @property
    def is_refused(self) -> bool:
        """Nothing of it was taken, for another reason than `already sent`."""
        reasons = (entry["reason"] for entry in self.answer["rejected"])
        return not self.queued and any(reason != ALREADY_SENT for reason in reasons)


def _result(
    ctx: Context,
    checked: Sequence[tuple[int, NewMessage]],
    rejected: dict[int, Rejection],
    verdicts: Sequence[Accepted],
) -> _Result:
    """Pure: it is asked for inside the store's transaction, and after it."""
    told = dict(rejected)
    queued: list[NewMessage] = []
    full: list[str] = []
    for (place, message), verdict in zip(checked, verdicts, strict=True):
        if verdict.reason:
            told[place] = {"id": message.id, "reason": _reason(ctx, message, verdict.reason)}
            full += [message.tenant_id] if verdict.reason == QUEUE_FULL else []
        else:
            queued.append(message)
    answer: Added = {
        "ok": True,
        "queued": len(queued),
        "rejected": [told[place] for place in sorted(told)],
    }
    return _Result(queued, answer, full)


def _error(ctx: Context, result: _Result) -> RejectedBatch | TooMany:
    """Why nothing of a post was taken."""
    rejected: list[dict[str, object]] = [dict(entry) for entry in result.answer["rejected"]]
    if not result.full:
        return RejectedBatch(None, rejected)
    sentence = f"{_full(ctx, result.full[0])}; nothing of this post was taken"
    detail = {"error": sentence, "rejected": rejected}
    return TooMany(sentence, limit=MAX_QUEUED, retry_after_s=ROOM_AFTER_S, detail=detail)


def _reason(ctx: Context, message: NewMessage, reason: str) -> str:
    return _full(ctx, message.tenant_id) if reason == QUEUE_FULL else reason


def _full(ctx: Context, tenant_id: str) -> str:
    most = ctx.max_queued(tenant_id)
    return f"the queue of tenant '{tenant_id}' has no room: max_queued is {most} messages"


def count_full(ctx: Context, tenant_ids: Iterable[str]) -> None:
    """One id for each message that found no room."""
    for tenant_id, n in Counter(tenant_ids).items():
        ctx.metrics.refused(MAX_QUEUED, tenant_id, ctx.directory.name_of(tenant_id), n)


def _default_priority(ctx: Context, given: object) -> int:
    if given is None:
        return ctx.settings.delivery.default_priority
    try:
        return parse_priority(given)
    except Invalid as error:
        raise Invalid(f"default_{error}", field="default_priority") from None


async def _check_all(
    ctx: Context, intake: Intake, entries: Sequence[object]
) -> tuple[list[_Found], dict[int, Rejection]]:
    """Good messages and rejections, each with its place in the batch.

    A thousand messages to a thousand people take seconds; others get a turn in between. A large
    one is looked at in a thread.
    """
    checked: list[_Found] = []
    rejected: dict[int, Rejection] = {}
    turn_ends = ctx.clock.monotonic() + TURN_S
    for place, entry in enumerate(entries):
        if ctx.clock.monotonic() > turn_ends:
            await asyncio.sleep(0)
            turn_ends = ctx.clock.monotonic() + TURN_S
        try:
            large = has_bulk(entry)
            found = await asyncio.to_thread(intake.check, entry) if large else intake.check(entry)
            checked.append((place, found))
        except Invalid as error:
            rejected[place] = _rejection(entry, error)
    return checked, rejected


async def _let_through(
    ctx: Context,
    checked: Sequence[_Found],
    rejected: dict[int, Rejection],
) -> list[_Found]:
    """Those that somebody may get; the others go to `rejected`."""
    left: list[_Found] = []
    messages = [one.message if isinstance(one, Bulk) else one for _, one in checked]
    found = await without_suppressed(ctx, messages)
    for (place, one), message, verdict in zip(checked, messages, found, strict=True):
        if isinstance(verdict, Invalid):
            rejected[place] = _rejection({"id": message.id}, verdict)
        elif isinstance(one, Bulk):
            left.append((place, replace(one, message=verdict)))
        else:
            left.append((place, verdict))
    return left


@asynccontextmanager
async def _spooled(
    ctx: Context, checked: Sequence[_Found], rejected: dict[int, Rejection]
) -> AsyncIterator[list[tuple[int, NewMessage]]]:
    """Inside, what is large lies in files; what shows itself wrong then goes to `rejected`."""
    bulks = [one for _, one in checked if isinstance(one, Bulk)]
    async with spooled(ctx, bulks) as written:
        rest = iter(written)
        left = []
        for place, one in checked:
            found = next(rest) if isinstance(one, Bulk) else one
            if isinstance(found, Invalid):
                assert isinstance(one, Bulk)
                rejected[place] = _rejection({"id": one.message.id}, found)
            else:
                left.append((place, found))
        yield left


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


async def _store(
    ctx: Context, messages: Sequence[NewMessage], now: float, keep: Keep | None
) -> list[Accepted]:
    """Put them into the queue; what is claimed and not begun is taken back and replaced."""
    if not messages:
        return []
    limits = {m.tenant_id: most for m in messages if (most := ctx.max_queued(m.tenant_id))}
    verdicts = await ctx.store.accept(messages, now=now, keep=keep, max_queued=limits)
    refused = [n for n, verdict in enumerate(verdicts) if verdict.reason == ALREADY_SENT]
    if not refused:
        return verdicts
    by_tenant: dict[str, list[str]] = {}
    for n in refused:
        by_tenant.setdefault(messages[n].tenant_id, []).append(messages[n].id)
    async with AsyncExitStack() as recalled:
        for tenant_id, ids in by_tenant.items():
            await recalled.enter_async_context(ctx.engine.recalled(tenant_id, ids=ids))
        again = await ctx.store.accept(
            [messages[n] for n in refused],
            now=now,
            keep=keep and (lambda some: keep(_with(verdicts, refused, some))),
            max_queued=limits,
        )
    return _with(verdicts, refused, again)


def _with(
    verdicts: Sequence[Accepted], places: Sequence[int], others: Sequence[Accepted]
) -> list[Accepted]:
    """`verdicts` with `others` at these places."""
    found = list(verdicts)
    for n, verdict in zip(places, others, strict=True):
        found[n] = verdict
    return found


def _tell(ctx: Context, queued: Iterable[NewMessage], rejected: int) -> None:
    """Wake the accounts that have work now, and write one line for each tenant."""
    urgent: dict[tuple[str, str], bool] = {}
    per_tenant: dict[str, int] = {}
    for message in queued:
        key = (message.tenant_id, message.account_id)
        urgent[key] = urgent.get(key, False) or message.priority == IMMEDIATE
        per_tenant[message.tenant_id] = per_tenant.get(message.tenant_id, 0) + 1
    for (tenant_id, account_id), is_urgent in urgent.items():
        ctx.engine.wake(tenant_id, account_id, is_urgent=is_urgent)
    for tenant_id, n in per_tenant.items():
        events.messages_accepted(tenant_id=tenant_id, n=n, rejected=rejected)
        ctx.news.put("accepted", tenant_id, n=n)
