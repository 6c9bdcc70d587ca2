"""What a person does with messages: hold, free, retry, settle, delete; by ids or by a filter.

By a filter it goes in small steps, so that a million messages hold up nobody: each step finds some,
changes those in one short transaction, and tells of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mail_proxy.domain.actions import PAST, TAKES_BACK, Action
from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.filter_text import parse_filter
from mail_proxy.domain.state import State
from mail_proxy.observe import events
from mail_proxy.operations.context import Context
from mail_proxy.operations.searches import change_cursor, change_place
from mail_proxy.operations.tally import LISTED, Tally
from mail_proxy.store import Act, Acted, MessageFilter
from mail_proxy.store.keys import next_pk
from mail_proxy.wire.messages import MAX_IDS, Changed, ChangeMessages, Deleted, SettleMessages

STEP = 200  # messages of a filter in one transaction


async def hold_messages(ctx: Context, request: ChangeMessages) -> Changed:
    """Keep messages that wait from being sent, until they are freed."""
    return await Change(ctx, request, Action.HOLD).run()


async def free_messages(ctx: Context, request: ChangeMessages) -> Changed:
    """Let messages go that are held."""
    return await Change(ctx, request, Action.FREE).run()


async def retry_messages(ctx: Context, request: ChangeMessages) -> Changed:
    """Due now, with all tries anew."""
    return await Change(ctx, request, Action.RETRY).run()


async def settle_messages(ctx: Context, request: SettleMessages) -> Changed:
    """End messages in doubt on a person's word; the application is told."""
    return await Change(ctx, request, Action.SETTLE, is_sent=request.as_ == "sent").run()


async def delete_messages(ctx: Context, request: ChangeMessages) -> Deleted:
    """Remove messages; the application is not told. What is being sent at this moment stays."""
    told = await Change(ctx, request, Action.DELETE).run()
    left = {entry["id"] for entry in told["not_possible"]} | set(told["not_found"])
    answer: Deleted = {
        "ok": True,
        "removed": told["counts"]["done"],
        "not_found": [id_ for id_ in _unique(request.ids) if id_ in left],
        "unauthorized": [],
    }
    if told["not_possible"]:
        answer["not_possible"] = told["not_possible"]
    if "next_cursor" in told:
        answer["next_cursor"] = told["next_cursor"]
    if "dry_run" in told:
        answer["dry_run"] = True
    return answer


class Change:
    """One request."""

    def __init__(
        self,
        ctx: Context,
        request: ChangeMessages,
        action: Action,
        *,
        is_sent: bool = False,
    ) -> None:
        self._ctx = ctx
        self._request = request
        self._action = action
        self._is_sent = is_sent
        self.tenant_id = ctx.tenant_id(request.tenant_id)
        self._tally = Tally(listed=LISTED if request.filter is not None else MAX_IDS)

    @property
    def act(self) -> Act:
        """As of now; a change of many messages takes its time."""
        ctx = self._ctx
        return Act(self._action, ctx.clock.now(), ctx.caller.name, self._is_sent, ctx.request_id)

    async def run(self) -> Changed:
        """Raises Invalid for a filter that cannot be read, and for ids beside one."""
        request = self._request
        cursor = None
        if request.filter is None:
            await self._by_ids(_unique(request.ids))
        else:
            cursor = await self._by_filter(request.filter)
        if self._tally.n_done and not request.dry_run:
            self._tell(PAST[self._action], self._tally.n_done, self._ctx.caller.name)
        return self._tally.answer(cursor, is_trial=request.dry_run)

    def _tell(self, what: str, n: int, by: str) -> None:
        events.messages_changed(tenant_id=self.tenant_id, what=what, n=n, by=by)
        only = self._request.ids[0] if n == 1 and len(self._request.ids) == 1 else ""
        self._ctx.news.put(what, self.tenant_id, id=only, words=f"by {by}", n=n)

    async def _by_ids(self, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), STEP):
            some = ids[start : start + STEP]
            acted = await self._step(some, None)
            there = {each.id for each in acted}
            self._tally.not_found(id_ for id_ in some if id_ not in there)

    async def _by_filter(self, text: str) -> str | None:
        """Where to go on, if there may be more."""
        terms = parse_filter(text)
        if self._request.ids:
            raise Invalid("give ids or a filter, not both", field="filter")
        if not terms:
            raise Invalid("filter: an empty one is all messages: say state:all", field="filter")
        after, up_to = None, next_pk()
        if self._request.cursor is not None:
            after, up_to = change_place(self._request.cursor)
        # What comes in meanwhile, as what a resend makes, is not meant.
        chosen = MessageFilter(self.tenant_id, terms, self._ctx.clock.now(), up_to)
        left = self._request.limit
        while True:
            size = STEP if left is None else min(STEP, left)
            found = await self._ctx.store.search_keys(chosen, limit=size, after=after)
            if found.rows:
                await self._step([key.id for key in found.rows], chosen)
            after = found.after
            left = None if left is None else left - len(found.rows)
            if after is None:
                return None
            if left == 0:
                return change_cursor(after, up_to)

    async def _step(self, ids: Sequence[str], among: MessageFilter | None) -> list[Acted]:
        acted = await self.apply(ids, among)
        busy = [each.id for each in acted if each.reason and each.state is State.LEASED]
        if busy and self._action in TAKES_BACK:
            acted = [each for each in acted if each.id not in busy] + await self._again(busy)
        self._tally.acted(acted)
        if not self._request.dry_run and any(not each.reason for each in acted):
            self._wake()
        return acted

    async def _again(self, ids: Sequence[str]) -> list[Acted]:
        """What is claimed and not begun is taken back first."""
        if self._request.dry_run:  # nobody knows before it is tried
            return await self.apply(ids, None)
        async with self._ctx.engine.recalled(self.tenant_id, ids=ids):
            return await self.apply(ids, None)

    async def apply(self, ids: Sequence[str], among: MessageFilter | None) -> list[Acted]:
        """Do it to those that are there; `among`: that match still."""
        return await self._ctx.store.change_messages(
            self.tenant_id, ids, self.act, among=among, is_trial=self._request.dry_run
        )

    def _wake(self) -> None:
        if self._action is Action.SETTLE:
            self._ctx.reporter.wake(self.tenant_id)
        elif self._action not in {Action.HOLD, Action.DELETE}:
            self._ctx.engine.wake_all()


def _unique(ids: Iterable[str]) -> list[str]:
    """Each once, in the order given."""
    return list(dict.fromkeys(ids))
