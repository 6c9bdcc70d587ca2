"""Messages with attachments, between their claim and their lane's buffer.

What they need is fetched before a connection is taken for them, so a slow file server holds nobody
up but them. Here too a message is claimed and not begun, and can be taken back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field

from mail_proxy.delivery.claimer import STORE_PAUSE_S
from mail_proxy.delivery.finish import Finisher
from mail_proxy.delivery.lane import Lane
from mail_proxy.delivery.letters import Letter, Letters, needs_letter
from mail_proxy.delivery.outcome import Rules, broken, outcome_of, put_off, released
from mail_proxy.domain.attempt import RecipientVerdict, Verdict
from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import (
    AttachmentFailed,
    SecretsUnavailable,
    StoreFull,
    StoreUnavailable,
)
from mail_proxy.domain.retry import RetryPolicy
from mail_proxy.domain.state import RecipientState
from mail_proxy.observe import events
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.store import Claimed, Outcome

_Key = tuple[int, int]  # pk, lease token


@dataclass(slots=True)
class Preparing:
    """The letters of what is claimed, from the moment that they are asked for until the end.

    ready: told when a lane has another message to begin, or room for one more.
    """

    letters: Letters
    read_content: Callable[[str, int], Awaitable[bytes]]
    finisher: Finisher
    clock: Clock
    metrics: MailMetrics
    retry: RetryPolicy
    ready: Callable[[Lane], None]
    spawn: Callable[[Coroutine[None, None, None], str], asyncio.Task[None] | None]
    _held: dict[_Key, Letter] = field(default_factory=dict, init=False)

    def begin(self, lane: Lane, message: Claimed) -> None:
        """Take the message; it is in the lane's hands again when its letter is there."""
        task = self.spawn(self._prepare(lane, message), f"letter {message.pk}")
        if task is not None:
            lane.lend(message, task.cancel)
        else:  # the engine has ended
            self.finisher.put(message, released(message))

    def letter_of(self, message: Claimed) -> Letter | None:
        """None: it needs none, or nobody has looked yet."""
        return self._held.get(_key(message))

    def release(self, message: Claimed) -> None:
        """It is not ours any more."""
        letter = self._held.pop(_key(message), None) if self._held else None
        if letter is not None:
            letter.close()

    async def _prepare(self, lane: Lane, message: Claimed) -> None:
        started = self.clock.monotonic()
        try:
            letter = await self._letter(message)
        except AttachmentFailed as error:
            if lane.returned(message):
                seconds = self.clock.monotonic() - started
                self._ended(lane, message, self._failed(lane, message, error), seconds)
                self.metrics.attachment_failed(is_permanent=error.is_permanent)
        except SecretsUnavailable as error:  # no fault of the message: it loses no try
            if lane.returned(message):
                self.finisher.put(message, put_off(message, str(error), now=self.clock.now()))
        except Exception as error:  # noqa: BLE001 - a bug of ours defers one message only
            events.attempt_broke(message, error)
            if lane.returned(message):
                now = self.clock.now()
                outcome = broken(message, error, dot_sent=False, now=now)
                self._ended(lane, message, outcome, self.clock.monotonic() - started)
        else:
            self.metrics.attachments_here(self.clock.monotonic() - started)
            self._arrived(lane, message, letter)

    async def _letter(self, message: Claimed) -> Letter:
        """Waits for the store as long as it is away: nothing else could be done either."""
        while True:
            try:
                payload = message.content
                if payload is None:
                    payload = await self.read_content(message.tenant_id, message.pk)
                return await self.letters.letter(message, payload)
            except (StoreUnavailable, StoreFull) as error:
                events.store_trouble(where="content", error=error)
                await self.clock.sleep(STORE_PAUSE_S)

    def _arrived(self, lane: Lane, message: Claimed, letter: Letter) -> None:
        if not lane.returned(message):  # it was taken back in this moment
            letter.close()
            return
        self._held[_key(message)] = letter
        lane.add([message])
        self.ready(lane)

    def _ended(self, lane: Lane, message: Claimed, outcome: Outcome, seconds: float) -> None:
        """No connection will be asked for: nobody else tells that the lane has room for more."""
        self.finisher.put(message, outcome, seconds)
        self.ready(lane)

    def _failed(self, lane: Lane, message: Claimed, error: AttachmentFailed) -> Outcome:
        state = RecipientState.REFUSED if error.is_permanent else RecipientState.PENDING
        verdict = Verdict(
            tuple(RecipientVerdict(state, None) for _ in message.recipients), reason=str(error)
        )
        rules = Rules(lane.retry_policy(self.retry), lane.account.in_doubt)
        return outcome_of(message, verdict, rules, now=self.clock.now(), dice=self.clock.dice())


def is_to_prepare(message: Claimed) -> bool:
    """As far as is known now; of one whose content did not come with the claim, when it is read."""
    return message.content is not None and needs_letter(message.content)


def _key(message: Claimed) -> _Key:
    return message.pk, message.lease_token
