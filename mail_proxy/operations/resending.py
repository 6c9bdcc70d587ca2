"""Resend: a new message of one that is finished, to all its recipients or to those refused."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from pydantic_core import from_json

from mail_proxy.domain.actions import NO_CONTENT, NONE_REFUSED, Action, refusal
from mail_proxy.domain.address import parse_address
from mail_proxy.domain.attachment import SEALED_AUTH
from mail_proxy.domain.errors import Invalid, SecretsUnavailable
from mail_proxy.domain.message import QUEUE_FULL, check_id
from mail_proxy.domain.state import RecipientState
from mail_proxy.operations.accept import count_full
from mail_proxy.operations.changes import Change
from mail_proxy.operations.context import Context
from mail_proxy.operations.intake import rfc_message_id
from mail_proxy.operations.once import HEADER, KEPT_S, PostKey, sha256_of
from mail_proxy.operations.spooling import relinked
from mail_proxy.operations.suppressions import without_suppressed
from mail_proxy.store import Acted, Copy, MessageFilter, MessageRow, NewMessage
from mail_proxy.store.values.changes import KeepCopies
from mail_proxy.store.values.intake import KeptAnswer
from mail_proxy.wire.messages import Changed, ResendMessages

READ_BYTES = 4 * 2**20  # of contents in memory at one time, or one content that is larger
NOTHING_MADE: Mapping[str, str] = MappingProxyType({})
_MADE = "made"  # what is kept before there is an answer: new ids by the pk of the old message
_REFUSED = frozenset({RecipientState.REFUSED, RecipientState.BOUNCED})


async def resend_messages(ctx: Context, request: ResendMessages) -> Changed:
    """Send finished messages once more, as new ones; the old ones stay as they are."""
    if request.new_id is not None:
        _check_new_id(request, request.new_id)
    if request.idempotency_key is None or request.dry_run:
        return await _Resend(ctx, request).run()
    return await _resend_once(ctx, request, await _key_of(ctx, request, request.idempotency_key))


async def _resend_once(ctx: Context, request: ResendMessages, key: PostKey) -> Changed:
    """What an interrupted post of this key has made already is told as done, and not made again."""
    async with ctx.posts.of(key):
        since = ctx.clock.now() - KEPT_S
        kept = await ctx.store.find_answer(key.tenant_id, key.key, since=since)
        first: Any = {_MADE: {}} if kept is None else key.answer_of(kept)
        if _MADE not in first:
            answer: Changed = first
            return answer
        resend = _Resend(ctx, request, key, first[_MADE])
        told = await resend.run()
        if resend.made:
            await ctx.store.keep_answer(key.kept(told, ctx.clock.now()))
        return told


async def _key_of(ctx: Context, request: ResendMessages, key: str) -> PostKey:
    if request.filter is not None:
        # What a filter finds is another thing each time, so there is no same post of it.
        raise Invalid(f"{HEADER}: with ids, not with a filter", field="idempotency_key")
    rest = ["resend", request.model_dump(exclude={"ids", "idempotency_key"})]
    return PostKey(ctx.caller.tenant_id or "", key, await sha256_of(request.ids, rest, ctx.clock))


def _check_new_id(request: ResendMessages, new_id: str) -> None:
    if request.filter is not None or len(set(request.ids)) != 1:
        raise Invalid("new_id: for one message alone", field="new_id")
    try:
        check_id(new_id)
    except Invalid as error:
        raise Invalid(f"new_{error}", field="new_id") from error


class _Resend(Change):
    """made: new ids by the pk of the old message, those of an interrupted post of `key` too."""

    def __init__(
        self,
        ctx: Context,
        request: ResendMessages,
        key: PostKey | None = None,
        made: Mapping[str, str] = NOTHING_MADE,
    ) -> None:
        super().__init__(ctx, request, Action.RESEND)
        self._is_for_all = request.recipients == "all"
        self._new_id = request.new_id
        self._key = key
        self.made = dict(made)

    async def apply(self, ids: Sequence[str], _among: MessageFilter | None) -> list[Acted]:
        """A finished message changes no more, so it is not looked at with the filter again.

        The rows come first without their contents, for these may be larger than the memory.
        """
        rows = await self._ctx.store.find_messages(self.tenant_id, ids)
        done = [
            Acted(row.id, row.pk, row.state, "", self.made[str(row.pk)])
            for row in rows
            if str(row.pk) in self.made
        ]
        left = [row for row in rows if str(row.pk) not in self.made]
        return done + [acted for some in _cut(left) for acted in await self._resent(some)]

    async def _resent(self, rows: Sequence[MessageRow]) -> list[Acted]:
        ids = [row.id for row in rows]
        full = await self._ctx.store.find_messages(self.tenant_id, ids, full=True)
        refusals = {row.pk: self._refusal(row) for row in full}
        possible = [row for row in full if not refusals[row.pk]]
        copies = await self._copies(possible)
        _note_refusals(refusals, possible, copies)
        if self._request.dry_run:
            return _acted(full, refusals)
        async with relinked(self._ctx, copies) as linked:
            _note_refusals(refusals, possible, linked)
            done = await self._store(possible, linked)
        self.made |= _new_ids(done)
        count_full(self._ctx, [self.tenant_id for each in done if each.reason == QUEUE_FULL])
        return [each for each in _acted(full, refusals) if each.reason] + done

    async def _store(
        self, rows: Sequence[MessageRow], messages: Sequence[NewMessage | Invalid]
    ) -> list[Acted]:
        most = self._ctx.max_queued(self.tenant_id)
        copies = [
            Copy(row.pk, message, self._new_id)
            for row, message in zip(rows, messages, strict=True)
            if isinstance(message, NewMessage)
        ]
        return await self._ctx.store.copy_messages(
            self.tenant_id,
            copies,
            self.act,
            max_queued={self.tenant_id: most} if most else {},
            keep=self._keep(),
        )

    def _keep(self) -> KeepCopies | None:
        key, before, now = self._key, dict(self.made), self._ctx.clock.now()
        if key is None:
            return None

        def kept(acted: Sequence[Acted]) -> KeptAnswer | None:
            made = {**before, **_new_ids(acted)}
            return key.kept({_MADE: made}, now) if made else None

        return kept

    async def _copies(self, rows: Sequence[MessageRow]) -> list[NewMessage | Invalid]:
        """Invalid where it cannot be: all recipients are on the suppression list by now, say."""
        now = self._ctx.clock.now()
        found = await without_suppressed(self._ctx, [self._copy(row, now) for row in rows])
        return [await self._with_auth(row, copy) for row, copy in zip(rows, found, strict=True)]

    async def _with_auth(self, row: MessageRow, copy: NewMessage | Invalid) -> NewMessage | Invalid:
        """What its attachments brought is opened here, and sealed for the new row."""
        if isinstance(copy, Invalid) or SEALED_AUTH.encode() not in copy.content:
            return copy
        try:
            auth = await self._ctx.store.attachment_auth(row.tenant_id, row.pk)
        except SecretsUnavailable as error:
            return Invalid(str(error))
        return replace(copy, attachment_auth=json.dumps(auth)) if auth else copy

    def _refusal(self, row: MessageRow) -> str:
        if reason := refusal(Action.RESEND, row.state):
            return reason
        if not row.content:
            return NO_CONTENT
        return "" if self._recipients(row) else NONE_REFUSED

    def _recipients(self, row: MessageRow) -> tuple[str, ...]:
        return tuple(r.address for r in row.recipients if self._is_for_all or r.state in _REFUSED)

    def _copy(self, row: MessageRow, now: float) -> NewMessage:
        """Everything as it was, but due now and without an end; a Message-ID of its own."""
        content = row.content or b""
        fields = from_json(content)
        return NewMessage(
            tenant_id=row.tenant_id,
            id=row.id,
            account_id=row.account_id,
            priority=row.priority,
            due_at=now,
            deferred_ts=None,
            batch_code=row.batch_code,
            sender=row.sender,
            subject=row.subject,
            return_path=row.return_path,
            rfc_message_id=rfc_message_id(fields, parse_address(fields["from"], field="from")),
            recipients=self._recipients(row),
            content=content,
            created_at=now,
            request_id=self._ctx.request_id,
            spool=fields.get("spool"),
            spooled_bytes=row.size_bytes - len(content),
        )


def _note_refusals(
    refusals: dict[int, str],
    rows: Sequence[MessageRow],
    messages: Sequence[NewMessage | Invalid],
) -> None:
    for row, message in zip(rows, messages, strict=True):
        if isinstance(message, Invalid):
            refusals[row.pk] = str(message)


def _acted(rows: Sequence[MessageRow], refusals: Mapping[int, str]) -> list[Acted]:
    return [Acted(row.id, row.pk, row.state, refusals[row.pk]) for row in rows]


def _new_ids(acted: Iterable[Acted]) -> dict[str, str]:
    return {str(each.pk): each.new_id for each in acted if each.new_id is not None}


def _cut(rows: Sequence[MessageRow]) -> Iterator[list[MessageRow]]:
    """Runs of rows whose contents fit into memory together."""
    run: list[MessageRow] = []
    run_bytes = 0
    for row in rows:
        if run and run_bytes + row.size_bytes > READ_BYTES:
            yield run
            run, run_bytes = [], 0
        run.append(row)
        run_bytes += row.size_bytes
    if run:
        yield run
