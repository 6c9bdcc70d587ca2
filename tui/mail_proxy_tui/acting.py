"""What a person has done: asks first where that is due, does it, and says what became of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Protocol

from textual.worker import Worker

from mail_proxy.domain.errors import MailProxyError, NotRunning
from mail_proxy.domain.message import WHOLE_TENANT
from mail_proxy.domain.safe_text import safe_text
from mail_proxy_tui.board import Board
from mail_proxy_tui.draw.questions import (
    SETTLING,
    Question,
    Said,
    is_asked,
    of_doubt,
    of_messages,
    of_others,
    said,
)
from mail_proxy_tui.feed.actions import in_doubt_of, with_left_out, without_refused
from mail_proxy_tui.feed.base import Action, Done, Feed, MessageRow, TenantRow, Verb

Then = Callable[[Done], None]
_LONG_S = 10.0  # seconds that a message which needs reading stays


class Host(Protocol):
    """The app."""

    @property
    def board(self) -> Board: ...

    @property
    def feed(self) -> Feed | None: ...

    def work(self, task: Coroutine[None, None, None]) -> Worker[None]:
        """Run it beside the screen."""
        ...

    def confirmed(self, question: Question) -> Awaitable[bool]: ...

    def settled_as(self, question: Question) -> Awaitable[str]:
        """The key of what became of messages in doubt; empty: nobody knows."""
        ...

    def say(self, text: str, *, is_good: bool, seconds: float | None = None) -> None: ...

    def look_anew(self) -> None:
        """Something has changed: ask for all again."""
        ...


class Acting:
    """Each of these begins something and returns at once; one at a time, also while it asks."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._at_work: Worker[None] | None = None
        self._verb = Verb.RETRY  # what it does

    def ask(self, action: Action, waiting: int | None = None) -> None:
        """Of a tenant, a batch, an account. waiting: messages that it concerns."""
        self._begin(action.verb, self._others(action, waiting))

    def messages(self, action: Action, rows: Sequence[MessageRow], then: Then) -> None:
        """rows: those of them that are on the screen. then: gets what became of it."""
        self._begin(action.verb, self._messages(action, tuple(rows), then))

    def settle(self, action: Action, rows: Sequence[MessageRow], then: Then) -> None:
        """Those that are in doubt: a person says what became of them. rows, then: as before."""
        self._begin(action.verb, self._settle(action, tuple(rows), then))

    def suspend_tenant(self, tenant: TenantRow) -> None:
        """Or activate it, with all its batches."""
        verb = Verb.ACTIVATE if tenant.suspended else Verb.SUSPEND
        waiting = None
        if tenant.ready is not None:
            waiting = tenant.ready + (tenant.deferred or 0) + (tenant.suspended_messages or 0)
        self.ask(Action(verb, tenant_id=tenant.tenant_id), waiting)

    def suspend_of(self, row: MessageRow) -> None:
        """Suspend the batch of a message, or its tenant where it has none; or activate it."""
        self._begin(Verb.SUSPEND, self._suspend_of(row))

    def run_now(self) -> None:
        action = Action(Verb.RUN_NOW, tenant_id=self._host.board.tenant_id)
        self._begin(action.verb, self._run_now(action))

    # --- how ---

    def _begin(self, verb: Verb, task: Coroutine[None, None, None]) -> None:
        """Refused while another one is under way: its question would come over the other's."""
        if self._at_work is not None and not self._at_work.is_finished:
            task.close()
            self._host.say(f"{self._verb.value} is still at work", is_good=False)
            return
        self._verb = verb
        self._at_work = self._host.work(self._guarded(task))

    async def _guarded(self, task: Coroutine[None, None, None]) -> None:
        try:
            await task
        except MailProxyError as error:
            hint = f"  {error.hint}" if error.hint else ""
            self._host.say(safe_text(f"{error}{hint}", 400), is_good=False, seconds=_LONG_S)

    @property
    def _feed(self) -> Feed:
        """Raises NotRunning where nothing may be done."""
        self._check_can_act()
        feed = self._host.feed
        assert feed is not None  # without one nobody can act
        return feed

    def _check_can_act(self) -> None:
        """Before a question, and once more when it is answered."""
        if self._host.feed is None or not self._host.board.can_act:
            raise NotRunning("nothing can be changed now: it is read-only")

    async def _others(self, action: Action, waiting: int | None) -> None:
        self._check_can_act()
        if await self._host.confirmed(of_others(action, waiting)):
            self._tell(said(action, await self._feed.act(action)))

    async def _messages(self, action: Action, rows: tuple[MessageRow, ...], then: Then) -> None:
        if is_asked(action) or await self._may_double(action):
            trial = await self._feed.act(action, is_trial=True)
            if not trial.done:
                self._tell(said(action, trial))
                return
            if not await self._host.confirmed(of_messages(action, rows, trial)):
                return
        await self._act(action, then)

    async def _may_double(self, action: Action) -> bool:
        """It sends again what is in doubt: as the daemon has it now, for rows are old, and not all
        are on the screen."""
        if action.verb is not Verb.RETRY:
            return False
        trial = await self._feed.act(replace(action, verb=Verb.SETTLE_SENT), is_trial=True)
        return trial.done > 0 or trial.is_partial

    async def _act(self, action: Action, then: Then) -> None:
        done = await self._feed.act(action)
        then(done)
        self._tell(said(action, done))

    async def _settle(self, action: Action, rows: tuple[MessageRow, ...], then: Then) -> None:
        asked = in_doubt_of(action)
        trial = await self._feed.act(asked, is_trial=True)
        if not trial.done and not trial.is_partial:
            self._tell(Said("Nothing here is in doubt.", False))
            return
        verb = SETTLING.get(await self._host.settled_as(of_doubt(action, rows, trial)))
        if verb is None:
            return
        self._verb = verb
        if verb is Verb.RETRY and asked.filter is None:
            await self._send_again(asked, then)
        else:
            await self._act(replace(asked, verb=verb), then)  # the daemon refuses the others

    async def _send_again(self, asked: Action, then: Then) -> None:
        """A retry takes more than what is in doubt, and much may have happened since the question:
        of messages by their ids only those that are in doubt now."""
        trial = await self._feed.act(asked, is_trial=True)
        again = replace(without_refused(asked, trial), verb=Verb.RETRY)
        done = await self._feed.act(again) if again.messages else Done(0)
        done = with_left_out(done, trial)
        then(done)
        self._tell(said(again, done))

    async def _suspend_of(self, row: MessageRow) -> None:
        tenant_id = row.key.tenant_id
        tenants = {tenant.tenant_id: tenant for tenant in await self._feed.tenants()}
        suspended = tenants[tenant_id].suspended if tenant_id in tenants else ()
        if WHOLE_TENANT in suspended:
            action = Action(Verb.ACTIVATE, tenant_id=tenant_id)
        else:
            verb = Verb.ACTIVATE if row.batch_code in suspended else Verb.SUSPEND
            action = Action(verb, tenant_id=tenant_id, batch_code=row.batch_code)
        self._verb = action.verb
        await self._others(action, None)

    async def _run_now(self, action: Action) -> None:
        feed = self._feed
        ready = (await feed.numbers(action.tenant_id)).all.ready
        await feed.act(action)
        self._tell(said(action, Done(ready)))

    def _tell(self, told: Said) -> None:
        self._host.say(told.text, is_good=told.is_good, seconds=None if told.is_good else _LONG_S)
        self._host.look_anew()
