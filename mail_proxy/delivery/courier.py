"""One connection at work: takes messages of one account and sends them one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pydantic_core import from_json

from mail_proxy.compose import Built, Stamp, build, envelope_address
from mail_proxy.delivery.claimer import STORE_PAUSE_S
from mail_proxy.delivery.finish import Finisher
from mail_proxy.delivery.gate import ALONE_AFTER, Gate
from mail_proxy.delivery.journal import Journal
from mail_proxy.delivery.lane import Lane
from mail_proxy.delivery.leases import Leases
from mail_proxy.delivery.letters import Letter, needs_letter
from mail_proxy.delivery.not_now import NotNow
from mail_proxy.delivery.outcome import Rules, broken, outcome_of, released
from mail_proxy.delivery.steps import Steps
from mail_proxy.domain.attempt import AttemptResult, RecipientVerdict, Verdict
from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import ContentChanged, RelayError, StoreFull, StoreUnavailable
from mail_proxy.domain.retry import RetryPolicy
from mail_proxy.domain.state import RecipientState
from mail_proxy.observe import events
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.smtp import Relay, Session, SMTPPool
from mail_proxy.store import Claimed, Outcome

# After so many messages, or so many seconds, a connection is given up while others wait for one.
QUANTUM = 20
QUANTUM_S = 1.0
NOTHING: Mapping[str, Any] = MappingProxyType({})


class _Unprepared(Exception):
    """The message has attachments, and they are not here."""


@dataclass(slots=True)
class Courier:
    """Sends from `lane` until it is empty, its account fails, or others wait for a connection."""

    lane: Lane
    pool: SMTPPool
    finisher: Finisher
    journal: Journal
    leases: Leases
    gate: Gate
    clock: Clock
    metrics: MailMetrics
    retry: RetryPolicy
    read_content: Callable[[str, int], Awaitable[bytes]]
    letter_of: Callable[[Claimed], Letter | None]
    unprepared: Callable[[Claimed], None]  # told of a message that turns out to need a letter
    may_begin: Callable[[], bool]
    others_wait: Callable[[], bool]
    is_over: Callable[[Lane], bool]  # others wait, and its tenant has more than its share
    connected: Callable[[Lane], None]  # told when it has its connection
    low: Callable[[Lane], None]  # told after each message: time to claim more?
    worked: Callable[[Lane], None]  # told when the account is sound
    fault: Callable[[Lane, str], None]  # told when it is not, and why
    sent: int = field(default=0, init=False)
    is_connected: bool = field(default=False, init=False)  # also later, until its end
    connected_at: float = field(default=0.0, init=False)  # monotonic
    is_sending: bool = field(default=False, init=False)
    _rules: Rules | None = field(default=None, init=False)

    async def run(self) -> None:
        try:
            session = await self.pool.acquire(Relay.of(self.lane.account))
        except RelayError as error:
            self.fault(self.lane, str(error))
            return
        self.is_connected = True
        self.connected_at = self.clock.monotonic()
        self.connected(self.lane)
        try:
            await self._send_all(session)
        finally:
            await self.pool.release(session)

    async def _send_all(self, session: Session) -> None:
        while session.is_usable and self.may_begin() and not self._is_to_yield():
            message = await self._next()
            if message is None:
                return
            was_used = session.messages_sent > 0
            self.is_sending = True
            await self._one(session, message, was_used=was_used)
            self.is_sending = False
            self.sent += 1
            self.lane.pace.ended()
            self.low(self.lane)
            if self.finisher.is_full:
                await self.finisher.flush()

    async def _next(self) -> Claimed | None:
        """Another message to begin at once; one that took daemons down has the gate to itself."""
        while not self.gate.is_open:
            await self.gate.opened()
        message = self.lane.take()
        if message is not None and message.lapses >= ALONE_AFTER:
            self.lane.add([message])  # while we wait, it may be taken back
            await self.gate.close()
            message = self.lane.take()
            if message is None:
                self.gate.open()
        return message

    def _is_to_yield(self) -> bool:
        if not self.sent or not self.others_wait():
            return False
        has_had_its_turn = (
            self.sent >= QUANTUM or self.clock.monotonic() - self.connected_at >= QUANTUM_S
        )
        return has_had_its_turn or self.is_over(self.lane)

    async def _one(self, session: Session, message: Claimed, *, was_used: bool) -> None:
        steps = Steps(message, self.journal, self.leases, self.gate)
        server = session.server  # before anything is sent: nothing may fail between a dot and `put`
        started = self.clock.monotonic()
        try:
            verdict = self.lane.judged(message, await self._attempt(session, message, steps))
        except NotNow:
            self.finisher.put(message, released(message))
            return
        except _Unprepared:  # it is claimed again, and prepared then
            self.unprepared(message)
            self.finisher.put(message, released(message))
            return
        except (ContentChanged, OSError) as error:  # of a file; the next try fetches it anew
            verdict = _ended_early(message, _words_of(error), steps)
        except asyncio.CancelledError:
            self._settle(message, steps, _interrupted(message, steps), 0.0, pauses=False)
            raise
        except Exception as error:  # noqa: BLE001 - a bug or an unbuildable mail ends one attempt only
            events.attempt_broke(message, error)
            verdict = _broke(message, error, steps)
        seconds = self.clock.monotonic() - started
        told = {"seconds": round(seconds, 3), **server}
        # A kept connection that the server had closed: nothing is wrong with the account.
        stale = was_used and verdict.account_fault is not None and verdict.reply is None
        self._settle(message, steps, verdict, seconds, pauses=not stale, told=told)
        self.metrics.attempt(seconds)

    async def _attempt(self, session: Session, message: Claimed, steps: Steps) -> AttemptResult:
        """Raises NotNow when there was no dot, and nobody is to blame."""
        steps.begin()
        result = None
        try:
            result = await self._transact(session, message, steps)
        finally:
            steps.end(result)
        return result

    async def _transact(self, session: Session, message: Claimed, steps: Steps) -> AttemptResult:
        built = await self._built(message)
        steps.composed()
        return await session.send(
            envelope_address(message.return_path) if message.return_path else "",
            [envelope_address(r.address) for r in message.recipients],
            built.data,
            needs_smtputf8=built.needs_smtputf8,
            envid=message.rfc_message_id.strip("<>"),
            on_dot=steps.dot,
            on_reply=steps.replied,
        )

    async def _built(self, message: Claimed) -> Built:
        stamp = Stamp(message.rfc_message_id, message.created_at, message.id)
        letter = self.letter_of(message)
        if letter is not None and letter.raw is not None:  # its head is read from the disk
            return await asyncio.to_thread(build, letter.fields, stamp, (), letter.raw)
        if letter is not None:
            return build(letter.fields, stamp, letter.contents)
        content = await self._content(message)
        if message.content is None and needs_letter(content):
            raise _Unprepared
        return build(from_json(content), stamp)

    async def _content(self, message: Claimed) -> bytes:
        """Kept nowhere: of a big mail there is one in memory for each connection.

        Raises StoreError for one that cannot be read at any time.
        """
        while message.content is None:
            try:
                return await self.read_content(message.tenant_id, message.pk)
            except (StoreUnavailable, StoreFull) as error:  # nor could a result be written now
                events.store_trouble(where="content", error=error)
                await self.clock.sleep(STORE_PAUSE_S)
        return message.content

    def _settle(
        self,
        message: Claimed,
        steps: Steps,
        verdict: Verdict,
        seconds: float,
        *,
        pauses: bool,
        told: Mapping[str, Any] = NOTHING,
    ) -> None:
        """Hand the result over; nothing here waits, and nothing stands before `put`.

        told: of the attempt, for the message's timeline.
        """
        if verdict.account_fault is None:
            outcome = self._outcome(message, steps, verdict)
            for event in outcome.events if told else ():
                event.data["attempt"] = told
            self.finisher.put(message, outcome, seconds)
            self.lane.clear(message)
            if (
                verdict.dot_sent or verdict.reply is not None
            ):  # else nothing was asked of the server
                self.worked(self.lane)
        elif pauses:
            self.finisher.put(message, self._outcome(message, steps, verdict), seconds)
            self.lane.suspect(message)
            self.fault(self.lane, verdict.account_fault)
        else:
            self.finisher.put(message, released(message))

    def _outcome(self, message: Claimed, steps: Steps, verdict: Verdict) -> Outcome:
        now = self.clock.now()
        try:
            if self._rules is None:  # the lane's account never changes: a changed one has its own
                policy = self.lane.retry_policy(self.retry)
                self._rules = Rules(policy, self.lane.account.in_doubt)
            return outcome_of(message, verdict, self._rules, now=now, dice=self.clock.dice())
        except Exception as error:  # noqa: BLE001 - a bug of ours must not lose what the relay has taken
            events.attempt_broke(message, error)
            return broken(message, error, dot_sent=steps.dot_sent, now=now)


def _all_pending(message: Claimed) -> tuple[RecipientVerdict, ...]:
    return tuple(RecipientVerdict(RecipientState.PENDING, None) for _ in message.recipients)


def _interrupted(message: Claimed, steps: Steps) -> Verdict:
    """Stopped in the middle: in doubt after the dot, as if never begun before it."""
    why = "stopped while it was sent"
    if steps.dot_sent:
        return Verdict(
            _all_pending(message), in_doubt=True, reason=f"in doubt: {why}", dot_sent=True
        )
    return Verdict(_all_pending(message), account_fault=why, reason=why)


def _words_of(error: ContentChanged | OSError) -> str:
    """Without the path, which is none of the application's business."""
    if isinstance(error, ContentChanged):
        return str(error)
    return f"an attachment cannot be read: {error.strerror or type(error).__name__}"


def _broke(message: Claimed, error: Exception, steps: Steps) -> Verdict:
    return _ended_early(message, f"{type(error).__name__}: {error}"[:500], steps)


def _ended_early(message: Claimed, why: str, steps: Steps) -> Verdict:
    if steps.dot_sent:
        return Verdict(
            _all_pending(message), in_doubt=True, reason=f"in doubt: {why}", dot_sent=True
        )
    return Verdict(_all_pending(message), reason=why)
