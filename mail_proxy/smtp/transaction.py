"""One mail transaction (RFC 5321 section 3.3) as a state machine without I/O.

It is told the bytes that came and says the bytes to send; `phase` is always known, and so is
whether the final dot has left. Where PIPELINING is offered, MAIL, every RCPT and DATA leave in one
write (RFC 2920). The driver is `connection.py`:

    send(begin()); send(feed(received)) ... until `phase` is BODY or DONE
    BODY: send each of body(), then end(), which holds the final dot; feed() ... until DONE
    (body() blocks where the message is not in memory: `is_streamed`)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from enum import StrEnum, auto
from typing import TypeAlias

from mail_proxy.domain.attempt import AttemptResult
from mail_proxy.domain.content import MailContent
from mail_proxy.domain.reply import Reply, Stage
from mail_proxy.smtp.envelope import Envelope
from mail_proxy.smtp.replies import NotSmtp, ReplyReader
from mail_proxy.smtp.stuffing import StuffedMail

# Gets the replies to RCPT, in envelope order; None for one that was not answered.
OnDot: TypeAlias = Callable[[Sequence[Reply | None]], None]
# Gets the result as soon as the reply to the final dot is read; must not raise.
OnReply: TypeAlias = Callable[[AttemptResult], None]

CHUNK_BYTES = 65536  # of a body, in one write


class Phase(StrEnum):
    """What is awaited."""

    RESET = auto()  # the reply to RSET, which ends what an earlier message left
    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    BODY = auto()  # nothing: the server said 354 and we send
    DOT = auto()  # the reply to the message
    DRAIN = auto()  # replies that change nothing any more, but must be read
    EMPTY = auto()  # the last of these, to an empty message
    DONE = auto()


_STAGES = {
    Phase.RESET: Stage.MAIL,
    Phase.MAIL: Stage.MAIL,
    Phase.RCPT: Stage.RCPT,
    Phase.DATA: Stage.DATA,
    Phase.BODY: Stage.DATA,
    Phase.DOT: Stage.DOT,
}
_SHUTTING_DOWN = 421  # RFC 5321 section 3.8: it may answer any command


class Transaction:
    """The course of one message.

    result: set as soon as nothing can change it; the bytes still to be read come after that.
    is_reusable: at the end, the next message may use the same connection.
    needs_reset: at the end, and it must send RSET first.
    answers: replies read so far.
    dot_sent: the bytes of the final dot were handed out.
    """

    def __init__(
        self,
        capabilities: Mapping[str, str],
        return_path: str,
        recipients: Sequence[str],
        data: bytes | MailContent,
        *,
        needs_smtputf8: bool = False,
        envid: str | None = None,
        reset: bool = False,
    ) -> None:
        """`data`: lines end in CRLF, no dot is stuffed. Raises ValueError for what is not so.

        What is not in memory is looked at in `body`, which raises it then.
        A message that the server cannot take has its `result` at once, and nothing is to be sent.
        """
        self.phase = Phase.RESET if reset else Phase.MAIL
        self.result: AttemptResult | None = None
        self.is_reusable = True
        self.needs_reset = reset
        self.answers = 0
        self.dot_sent = False
        self._data = b""
        self._streamed: StuffedMail | None = None
        if isinstance(data, bytes):
            self._data = data
        else:
            self._streamed = StuffedMail(data)
        self._replies: list[Reply | None] = [None] * len(recipients)
        self._answered = 0  # recipients
        self._reader = ReplyReader()
        self._awaited = 0  # replies to what was sent
        self._pipelining = "PIPELINING" in capabilities
        envelope = Envelope(
            return_path, recipients, data, needs_smtputf8=needs_smtputf8, envid=envid
        )
        commands = [b"RSET\r\n"] if reset else []
        self._commands = deque(commands + envelope.commands(capabilities))
        refusal = envelope.refusal(capabilities)
        if refusal is not None:
            self._settle(Stage.MAIL, refusal)
            self.phase = Phase.DONE

    # --- what the driver calls ---

    def begin(self) -> bytes:
        """The first bytes to send."""
        return self._next_commands()

    def feed(self, data: bytes) -> bytes:
        """Take bytes of the server; the bytes to send now, often none."""
        try:
            replies = self._reader.feed(data)
        except NotSmtp as error:
            self.lose(str(error))
            return b""
        out = b""
        for reply in replies:
            if self.phase is Phase.DONE:  # after a 421: the server hangs up, whatever it adds
                self.is_reusable = False
                break
            if self._awaited == 0 or out:  # `out` has not left yet: this cannot be its answer
                self._surplus(reply)
                break
            self._awaited -= 1
            self.answers += 1
            out = self._take(reply)
        if self.phase is Phase.DONE and not self._reader.is_empty:
            self.is_reusable = False
        return b"" if self.phase is Phase.DONE else out

    @property
    def is_short(self) -> bool:
        """`end` gives all of the message: `body` has nothing."""
        return len(self._data) <= CHUNK_BYTES and self._streamed is None

    @property
    def is_streamed(self) -> bool:
        """`body` reads files, so it belongs in a thread; it raises ContentChanged and OSError."""
        return self._streamed is not None

    def body(self) -> Generator[bytes, None, None]:
        """The message, dots stuffed (RFC 5321 section 4.5.2), without the part that ends it."""
        return self._chunks() if self._streamed is None else self._streamed.blocks()

    def end(self) -> bytes:
        """The last part of the message with the final dot; from here on it may be delivered."""
        assert self.phase is Phase.BODY, self.phase
        self.phase = Phase.DOT
        self.dot_sent = True
        self._awaited = 1
        if self._streamed is not None:
            return self._streamed.ending()
        start = max(0, (len(self._data) - 1) // CHUNK_BYTES * CHUNK_BYTES)
        newline = b"\r\n" if self._data and not self._data.endswith(b"\r\n") else b""
        return self._stuffed(start) + newline + b".\r\n"

    def lose(self, why: str) -> None:
        """The connection is lost or useless; `why` is a sentence."""
        if self.result is None:
            self.result = AttemptResult(
                self.replies, self.stage, None, lost=why, dot_sent=self.dot_sent
            )
        self.is_reusable = False
        self.phase = Phase.DONE

    @property
    def replies(self) -> tuple[Reply | None, ...]:
        """To RCPT so far, in envelope order."""
        return tuple(self._replies)

    @property
    def stage(self) -> Stage:
        """The stage of the reply that is awaited; at the end, the one that decided."""
        return self.result.stage if self.result else _STAGES[self.phase]

    # --- replies ---

    def _take(self, reply: Reply) -> bytes:
        """Act on the reply to the oldest open command; the bytes to send."""
        if reply.code == _SHUTTING_DOWN:
            return self._shut(reply)
        match self.phase:
            case Phase.RESET:
                return self._on_reset(reply)
            case Phase.MAIL:
                return self._on_mail(reply)
            case Phase.RCPT:
                return self._on_rcpt(reply)
            case Phase.DATA:
                return self._on_data(reply)
            case Phase.DOT:
                return self._on_dot(reply)
            case Phase.DRAIN:
                return self._on_drained(reply)
            case Phase.EMPTY:
                self.phase = Phase.DONE
                return b""
            case Phase.BODY | Phase.DONE:
                raise AssertionError(f"{self.phase} awaits no reply")

    def _on_reset(self, reply: Reply) -> bytes:
        if not _is_done(reply):
            return self._lose(f"RSET was answered with {reply}")
        self.needs_reset = False
        self.phase = Phase.MAIL
        return self._next_commands()

    def _on_mail(self, reply: Reply) -> bytes:
        if _is_done(reply):
            self.phase = Phase.RCPT
            self.needs_reset = True  # until the message has been transferred
            return self._next_commands()
        if reply.is_positive:
            return self._lose(f"MAIL was answered with {reply}")
        return self._refused(Stage.MAIL, reply)

    def _on_rcpt(self, reply: Reply) -> bytes:
        if reply.is_positive and not _is_done(reply):
            return self._lose(f"RCPT was answered with {reply}")
        self._replies[self._answered] = reply
        self._answered += 1
        if self._answered < len(self._replies):
            return self._next_commands()
        if not self._has_accepted:
            return self._refused(Stage.RCPT, reply)
        self.phase = Phase.DATA
        return self._next_commands()

    def _on_data(self, reply: Reply) -> bytes:
        if _is_done(reply):
            return self._lose(f"DATA was answered with {reply}")
        if not reply.is_positive:
            return self._refused(Stage.DATA, reply)
        self.phase = Phase.BODY
        return b""

    def _on_dot(self, reply: Reply) -> bytes:
        if reply.is_positive and not _is_done(reply):
            return self._lose(f"the message was answered with {reply}")
        self._settle(Stage.DOT, reply)
        self.needs_reset = False
        self.phase = Phase.DONE
        return b""

    def _on_drained(self, reply: Reply) -> bytes:
        if self._awaited:
            return b""
        # The last one answers DATA.
        if reply.is_positive and not _is_done(reply):
            return self._empty_message()
        self.phase = Phase.DONE
        return b""

    def _empty_message(self) -> bytes:
        """The server wants a message though it took no recipient (RFC 2920 section 3.1)."""
        if self._answered < len(self._replies):
            # It refused MAIL and may have taken recipients: a dot could deliver an empty message.
            return self._lose("the server refused the sender and asked for the message")
        self.phase = Phase.EMPTY
        self._awaited = 1
        self.needs_reset = False
        return b".\r\n"

    # --- ends ---

    def _refused(self, stage: Stage, reply: Reply) -> bytes:
        """Nothing of this message will be sent; replies to commands that left are still read."""
        self._settle(stage, reply)
        self._commands.clear()
        self.needs_reset = True
        self.phase = Phase.DRAIN if self._awaited else Phase.DONE
        return b""

    def _shut(self, reply: Reply) -> bytes:
        """421: the server closes the connection; no other reply will come."""
        if self.phase is Phase.RCPT:
            self._replies[self._answered] = reply
        if self.result is None:
            self._settle(self.stage, reply)
        return self._lose("")

    def _surplus(self, reply: Reply) -> None:
        """A reply that answers nothing. Before the end no later reply could be told apart."""
        if self.phase is Phase.BODY and not reply.is_positive:
            # Some servers say that the message is too large, or that they go, while it comes.
            self._settle(Stage.DATA, reply)
        self.lose(f"the server answered without being asked: {reply}")

    def _lose(self, why: str) -> bytes:
        self.lose(why)
        return b""

    def _settle(self, stage: Stage, reply: Reply) -> None:
        self.result = AttemptResult(self.replies, stage, reply, dot_sent=self.dot_sent)

    # --- bytes ---

    def _next_commands(self) -> bytes:
        """The next command, or all that are left; replies to those already sent come first."""
        if not self._commands or self._awaited:
            return b""
        if not self._pipelining:
            self._awaited = 1
            return self._commands.popleft()
        self._awaited = len(self._commands)
        out = b"".join(self._commands)
        self._commands.clear()
        return out

    @property
    def _has_accepted(self) -> bool:
        return any(reply is not None and reply.is_positive for reply in self._replies)

    def _chunks(self) -> Generator[bytes, None, None]:
        for start in range(0, len(self._data) - CHUNK_BYTES, CHUNK_BYTES):
            yield self._stuffed(start)

    def _stuffed(self, start: int) -> bytes:
        """One chunk; `"\\n."` is enough to look for, as there is no bare LF."""
        chunk = self._data[start : start + CHUNK_BYTES].replace(b"\n.", b"\n..")
        begins_a_line = start == 0 or self._data[start - 1 : start] == b"\n"
        return b"." + chunk if begins_a_line and chunk.startswith(b".") else chunk


def _is_done(reply: Reply) -> bool:
    """2yz: completed. 3yz is positive too, and wants more."""
    return reply.code < 300
