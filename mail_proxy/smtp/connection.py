"""One open connection: owns the transport, drives a Transaction over it, keeps the timeouts.

After any error, timeout or cancellation the connection is closed and not used again: a reply that
comes late would be taken for the answer to the next message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from mail_proxy.config.settings import DeliverySettings
from mail_proxy.domain.attempt import AttemptResult
from mail_proxy.domain.content import MailContent
from mail_proxy.domain.reply import Stage
from mail_proxy.smtp.ahead import Ahead
from mail_proxy.smtp.transaction import OnDot, OnReply, Phase, Transaction
from mail_proxy.smtp.unsent import unsent_bytes

QUIT_TIMEOUT_S = 2.0  # politeness has an end: the mail was accepted, the reply to QUIT is of no use

_PARAMETERS_REFUSED = frozenset({501, 504, 555})
_TURNS = frozenset({Phase.BODY, Phase.DONE})  # phases in which it is for us to act


class Connection(asyncio.Protocol):
    """Ready for mail: greeted, encrypted and logged in by `handshake.py`.

    capabilities: as offered, keywords upper-case.
    messages: transactions begun.
    opened_at: for its owner, in the owner's time.
    is_fresh: neither used nor idle so far, so the server has had no cause to close it.
    gone: done when the socket is closed.
    loop: where it lives.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        capabilities: Mapping[str, str],
        settings: DeliverySettings,
        *,
        opened_at: float = 0.0,
    ) -> None:
        self.capabilities = capabilities
        self.messages = 0
        self.opened_at = opened_at
        self.is_fresh = True
        self._transport = transport
        self._settings = settings
        self.loop = asyncio.get_running_loop()
        self.gone: asyncio.Future[None] = self.loop.create_future()
        self._transaction: Transaction | None = None
        self._on_dot: OnDot | None = None
        self._on_reply: OnReply | None = None
        self._turn: asyncio.Future[None] | None = None  # awaited by `send`
        self._is_reusable = True
        self._needs_reset = False
        self._is_paused = False  # the transport's buffer is full
        self._unsent_bytes = 0  # of a body, when we last looked
        self._timeout_s = 0.0
        self._deadline = float("inf")  # in the loop's time
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = float("inf")
        transport.set_protocol(self)

    @property
    def is_reusable(self) -> bool:
        """Another message may be sent: in step with the server, and nobody closed it."""
        return self._is_reusable and not self._transport.is_closing()

    @property
    def tls_version(self) -> str | None:
        """As `TLSv1.3`; None where nothing is encrypted."""
        tls = self._transport.get_extra_info("ssl_object")
        return tls.version() if tls is not None else None

    def retire(self) -> None:
        """Never used again, though the message that is on its way may end well."""
        self._is_reusable = False

    def quit(self) -> None:
        """Say QUIT and close; `gone` tells when. Not in a transaction."""
        if not self.is_reusable or self._transaction is not None:
            self.abort()
            return
        self._is_reusable = False
        self._transport.write(b"QUIT\r\n")
        self.loop.call_later(QUIT_TIMEOUT_S, self._transport.abort)

    def abort(self) -> None:
        """Close at once; what was not sent yet is dropped."""
        self._is_reusable = False
        self._transport.abort()

    async def send(
        self,
        return_path: str,
        recipients: Sequence[str],
        data: bytes | MailContent,
        *,
        needs_smtputf8: bool = False,
        envid: str | None = None,
        on_dot: OnDot | None = None,
        on_reply: OnReply | None = None,
    ) -> AttemptResult:
        """Send one message; how it went is a value. See `Session.send`."""

        def attempt() -> Transaction:
            return Transaction(
                self.capabilities,
                return_path,
                recipients,
                data,
                needs_smtputf8=needs_smtputf8,
                envid=envid,
                reset=self._needs_reset,
            )

        result = await self._drive(attempt(), on_dot, on_reply)
        asked = "DSN" in self.capabilities and return_path != ""
        if not (asked and self.is_reusable and _may_mean_parameters(result)):
            return result
        # Some servers offer DSN, or what stands before them does, and know nothing of it. What is
        # only of use later must not end a message: once more without. For this connection only,
        # as the next one may end at a better server, and asking again costs one round trip.
        offered = self.capabilities
        self.capabilities = {key: value for key, value in offered.items() if key != "DSN"}
        again = await self._drive(attempt(), on_dot, on_reply)
        if _may_mean_parameters(again):
            self.capabilities = offered  # it meant something else
        return again

    async def _drive(
        self, transaction: Transaction, on_dot: OnDot | None, on_reply: OnReply | None
    ) -> AttemptResult:
        """From begin to end; the connection is closed when it cannot be used again."""
        assert self._transaction is None, "one message at a time"
        if transaction.result is not None:
            return transaction.result  # nothing was said to the server
        self.messages += 1
        self.is_fresh = False
        self._transaction, self._on_dot, self._on_reply = transaction, on_dot, on_reply
        try:
            return await self._run(transaction)
        except BaseException:  # cancelled, or `on_dot` failed: the server's next words are nobody's
            self.abort()
            raise
        finally:
            self._transaction = self._on_dot = self._on_reply = None
            self._deadline = float("inf")
            self._needs_reset = transaction.needs_reset
            if not transaction.is_reusable:
                self.abort()

    async def _run(self, transaction: Transaction) -> AttemptResult:
        if self._transport.is_closing():
            transaction.lose("the server closed the connection")
        else:
            self._write(transaction.begin())
            await self._until_our_turn(transaction)
        if transaction.phase is Phase.BODY:
            await self._send_body(transaction)
        if transaction.phase is Phase.BODY:
            self._end(transaction)
            await self._until_our_turn(transaction)
        assert transaction.result is not None
        return transaction.result

    def _end(self, transaction: Transaction) -> None:
        """Send the last part of the message, with the final dot; what `on_dot` raises stops it."""
        if self._on_dot is not None:
            self._on_dot(transaction.replies)
        self._write(transaction.end(), timeout_s=self._settings.dot_timeout_s)

    def _end_at_once(self, transaction: Transaction, turn: asyncio.Future[None]) -> None:
        """A short message leaves here, without a way through the loop to `send` and back."""
        try:
            self._end(transaction)
        except Exception as error:  # noqa: BLE001 - it belongs to `send`, which raises it
            turn.set_exception(error)

    async def _send_body(self, transaction: Transaction) -> None:
        """All but the last part, as fast as the server reads; ends early when it refuses."""
        if transaction.is_streamed:
            await self._stream_body(transaction)
            return
        for chunk in transaction.body():
            await self._hand_over(transaction, chunk)
            if transaction.phase is not Phase.BODY:
                return

    async def _stream_body(self, transaction: Transaction) -> None:
        timeout_s = self._settings.command_timeout_s
        with Ahead(transaction.body(), on_ready=self._wake, timeout_s=timeout_s) as blocks:
            while True:
                while not blocks.is_ready and transaction.phase is Phase.BODY:
                    await self._wait(transaction)
                if transaction.phase is not Phase.BODY:
                    return
                block = blocks.take()
                if block is None:
                    return
                await self._hand_over(transaction, block)

    async def _hand_over(self, transaction: Transaction, chunk: bytes) -> None:
        """Until the system has it all: what waits in our memory would let the dot pass for sent."""
        self._transport.set_write_buffer_limits(high=0)
        self._write(chunk)
        self._unsent_bytes = unsent_bytes(self._transport)
        while self._is_paused and transaction.phase is Phase.BODY:
            await self._wait(transaction)
        if transaction.phase is Phase.BODY and self._transport.is_closing():
            transaction.lose("the server closed the connection")  # a write failed

    async def _until_our_turn(self, transaction: Transaction) -> None:
        while transaction.phase not in _TURNS:
            await self._wait(transaction)

    async def _wait(self, transaction: Transaction) -> None:
        """Until something happened."""
        self._turn = self.loop.create_future()
        try:
            await self._turn
        except asyncio.CancelledError:
            if transaction.result is None:
                raise
            # The answer came in the same moment. It is returned, so that an accepted message is
            # known as such, and the cancellation waits for the next await.
            transaction.lose("cancelled")
            _cancel_later()
        finally:
            self._turn = None

    def _wake(self) -> None:
        if self._turn is not None and not self._turn.done():
            self._turn.set_result(None)

    def _write(self, data: bytes, *, timeout_s: float | None = None) -> None:
        self._transport.write(data)
        self._expect_within(timeout_s or self._settings.command_timeout_s)

    # --- timeouts: one timer for all replies, moved only when it fires too early ---

    def _expect_within(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._deadline = self.loop.time() + timeout_s
        if self._deadline < self._timer_at:
            self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = self._deadline
        self._timer = self.loop.call_at(self._deadline, self._on_timer)

    def _on_timer(self) -> None:
        self._timer, self._timer_at = None, float("inf")
        if self._transaction is None:
            return
        if self.loop.time() < self._deadline:
            self._set_timer()
        elif self._transaction.phase is Phase.BODY and self._is_moving():
            self._expect_within(self._timeout_s)
        else:
            self._lose(self._transaction, f"no answer within {self._timeout_s:g} s")

    def _is_moving(self) -> bool:
        """The server takes what we send, however slowly; or it is for us to send."""
        before, self._unsent_bytes = self._unsent_bytes, unsent_bytes(self._transport)
        return self._unsent_bytes < before or self._unsent_bytes == 0

    def _lose(self, transaction: Transaction, why: str) -> None:
        transaction.lose(why)
        self.abort()
        self._wake()

    # --- what the transport calls ---

    def data_received(self, data: bytes) -> None:
        transaction = self._transaction
        if transaction is None:
            # The reply to QUIT, or words that nobody asked for, 421 among them: the end either way.
            self.retire()
            self._transport.close()
            return
        answers = transaction.answers
        out = transaction.feed(data)
        if transaction.dot_sent and transaction.result is not None:
            self._tell_reply(transaction.result)
        if out:
            self._write(out)
        turn = self._turn
        if (
            transaction.phase is Phase.BODY
            and transaction.is_short
            and turn is not None
            and not turn.done()  # else `send` was cancelled in this moment
        ):
            self._end_at_once(transaction, turn)
        elif transaction.phase in _TURNS:
            self._wake()
        elif transaction.answers > answers:  # a slow half of a reply earns no more time
            self._expect_within(self._settings.command_timeout_s)

    def _tell_reply(self, result: AttemptResult) -> None:
        """Once; here and not in `send`, which the loop resumes later."""
        on_reply, self._on_reply = self._on_reply, None
        if on_reply is not None:
            on_reply(result)

    def eof_received(self) -> None:
        self.retire()
        if self._transaction is not None:
            self._lose(self._transaction, "the server closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        self.retire()
        if self._timer is not None:
            self._timer.cancel()
        if self._transaction is not None:
            self._lose(self._transaction, str(exc) if exc else "the server closed the connection")
        if not self.gone.done():
            self.gone.set_result(None)

    def pause_writing(self) -> None:
        self._is_paused = True

    def resume_writing(self) -> None:
        self._is_paused = False
        self._wake()


def _may_mean_parameters(result: AttemptResult) -> bool:
    """Nobody was accepted, by a reply that may speak of parameters (RFC 5321 section 4.1.1.11)."""
    if result.stage not in (Stage.MAIL, Stage.RCPT) or result.reply is None:
        return False
    return result.reply.code in _PARAMETERS_REFUSED


def _cancel_later() -> None:
    """Cancel the running task at its next await, once again and not once more."""
    task = asyncio.current_task()
    assert task is not None
    task.uncancel()
    task.cancel()
