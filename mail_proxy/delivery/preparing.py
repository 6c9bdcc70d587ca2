"""Messages with attachments, between their claim and their lane's buffer.

What they need is fetched before a connection is taken for them. So a slow file server holds up
nobody but them, and their account when a hundred of it wait (`lane.MOST_LENT`). Here too a message
is claimed and not begun, and can be taken back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field

from mail_proxy.delivery.claimer import STORE_PAUSE_S
from mail_proxy.delivery.finish import Finisher
from mail_proxy.delivery.lane import Lane
from mail_proxy.delivery.letters import Letter, Letters, needs_letter
from mail_proxy.delivery.outcome import ROOM_WAIT_S, Rules, broken, outcome_of, put_off, released
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

LONGEST_S = 900.0  # for all that one message needs, uploads of large files too
MOST_NOTED = 10_000

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
    _noted: set[int] = field(default_factory=set, init=False)  # pks; see `note`

    def is_needed(self, message: Claimed) -> bool:
        """As far as is known now; of one whose content did not come along, when it is read."""
        if message.content is not None:
            return needs_letter(message.content)
        return message.pk in self._noted

    def note(self, message: Claimed) -> None:
        """It was begun, and turned out to need a letter: so when it is claimed again."""
        if len(self._noted) >= MOST_NOTED:  # of messages that never came back
            self._noted.clear()
        self._noted.add(message.pk)

    def begin(self, lane: Lane, message: Claimed, *, is_lower: bool) -> None:
        """Take the message; it is in the lane's hands again when its letter is there.

        is_lower: it was claimed for a slot of lower priorities.
        """
        self._noted.discard(message.pk)
        task = self.spawn(self._prepare(lane, message, is_lower), f"letter {message.pk}")
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

    async def _prepare(self, lane: Lane, message: Claimed, is_lower: bool) -> None:
        started = self.clock.monotonic()
        try:
            found = await self._letter_or_outcome(lane, message)
        except Exception as error:  # noqa: BLE001 - a bug of ours defers one message only
            events.attempt_broke(message, error)
            found = broken(message, error, dot_sent=False, now=self.clock.now())
        seconds = self.clock.monotonic() - started
        is_ours = lane.returned(message)  # else it was taken back in this moment
        if isinstance(found, Outcome):
            if is_ours:
                self._ended(lane, message, found, seconds)
            return
        self.metrics.attachments_here(seconds)
        if is_ours and not self._is_expired(message):
            self._held[_key(message)] = found
            lane.add([message], lower=[message.pk] if is_lower else ())
            self.ready(lane)
            return
        found.close()
        if is_ours:  # the next look at what expires ends it
            self._ended(lane, message, released(message), seconds)

    async def _letter_or_outcome(self, lane: Lane, message: Claimed) -> Letter | Outcome:
        try:
            async with asyncio.timeout(LONGEST_S):
                return await self._letter(message)
        except AttachmentFailed as error:
            self.metrics.attachment_failed(is_permanent=error.is_permanent)
            if error.is_ours:
                return put_off(message, str(error), now=self.clock.now(), wait_s=ROOM_WAIT_S)
            return self._failed(lane, message, str(error), is_permanent=error.is_permanent)
        except SecretsUnavailable as error:  # no fault of the message: it loses no try
            return put_off(message, str(error), now=self.clock.now())
        except TimeoutError:
            self.metrics.attachment_failed(is_permanent=False)
            why = f"its attachments were not all here after {LONGEST_S:g} s"
            return self._failed(lane, message, why, is_permanent=False)

    def _is_expired(self, message: Claimed) -> bool:
        return message.expires_at is not None and message.expires_at <= self.clock.now()

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

    def _ended(self, lane: Lane, message: Claimed, outcome: Outcome, seconds: float) -> None:
        """No connection will be asked for: nobody else tells that the lane has room for more."""
        self.finisher.put(message, outcome, seconds)
        lane.pace.ended()
        self.ready(lane)

    def _failed(self, lane: Lane, message: Claimed, why: str, *, is_permanent: bool) -> Outcome:
        state = RecipientState.REFUSED if is_permanent else RecipientState.PENDING
        verdict = Verdict(
            tuple(RecipientVerdict(state, None) for _ in message.recipients), reason=why
        )
        rules = Rules(lane.retry_policy(self.retry), lane.account.in_doubt)
        return outcome_of(message, verdict, rules, now=self.clock.now(), dice=self.clock.dice())


def _key(message: Claimed) -> _Key:
    return message.pk, message.lease_token
