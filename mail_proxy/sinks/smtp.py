"""A mail server on loopback that takes everything, or does what it is told.

async with SmtpSink() as sink:
    sink.answer(Stage.RCPT, "550 5.1.1 no such user", recipient="a@example.org")
    sink.drop(Moment.BODY, times=1)  # before the final dot
    sink.drop(Stage.DOT, when="before", times=1, skip=2)  # after it, before its reply; the third
    sink.drop(Stage.DOT, when="during", resets=True)  # half a reply, then RST
    sink.answer(Stage.DOT, "421 4.3.2 going down", times=1)
    sink.delay(Stage.DOT, 40.0)
    sink.script.add(Rule(Stage.RCPT, drip_s=0.1))  # what the others cannot say
    ...
    await sink.wait_for(10, timeout_s=5)

Steps are the stages of a delivery, and the `Moment`s beside them. TLS is broken by a certificate
of `sinks.certificates`, by `answer(Stage.TLS, "454 ...")`, by what follows a 220 in an answer, and
by rules for Moment.HANDSHAKE. A rule is used up by the first step that it fits, of all connections.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from mail_proxy.sinks.dialogue import Dialogue
from mail_proxy.sinks.keeping import Mail, Offer
from mail_proxy.sinks.pipe import Closed
from mail_proxy.sinks.script import Drop, Rule, Script, Step

EXTENSIONS = frozenset({"PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"})
MAX_MESSAGE_BYTES = 50 * 2**20
_ENDING_S = 5.0  # for connections to notice that the sink closes


@dataclass(frozen=True, slots=True)
class Received:
    """One message whose final dot came.

    data: unstuffed. parameters: of MAIL, as sent; rcpt_parameters: of each recipient.
    at, began_at: of the final dot and of MAIL, seconds since the epoch by the sink's clock.
    monotonic: of the final dot, by time.monotonic(), which all processes of a machine share.
    """

    return_path: str
    recipients: tuple[str, ...]
    data: bytes
    at: float
    parameters: str = ""
    login: str | None = None
    encrypted: bool = False
    rcpt_parameters: tuple[str, ...] = ()
    began_at: float = 0.0
    monotonic: float = 0.0


@dataclass(frozen=True, slots=True)
class Command:
    """One line of a client; of AUTH the mechanism only."""

    line: str
    encrypted: bool
    at: float = 0.0  # seconds since the epoch


class SmtpSink:
    """Listens from `async with` on until its end.

    messages: those taken, and those whose final dot came and whose connection was then dropped;
        they are kept before the reply is said, held back or not.
    refused: those refused at the final dot, with 421 too.
    count, size_bytes, copies: of `messages`, counted; `copies` by the message's X-Genro-Mail-ID
        and one recipient, as `"<id> <address>"`.
    connections: opened so far. peak: open at one time, at most. commands: all lines, in order.
    """

    dialogue = Dialogue  # the server's side of a connection

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        extensions: Iterable[str] = EXTENSIONS,
        max_size: int = MAX_MESSAGE_BYTES,
        users: Mapping[str, str] | None = None,
        mechanisms: Iterable[str] = ("PLAIN", "LOGIN"),
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        keep: bool = True,
        now: Callable[[], float] = time.time,
        on_message: Callable[[Received], None] | None = None,
    ) -> None:
        """port 0: a free one. keep False: count only. users: name -> password, who must log in.

        mechanisms: of AUTH; for XOAUTH2 and OAUTHBEARER the passwords are access tokens.

        on_message: told of each of `messages` at its final dot, before the reply; keep it short.
        """
        self.host = host
        self.port = port
        self.offer = Offer(
            frozenset(extensions), max_size, users or {}, tls, implicit_tls, tuple(mechanisms)
        )
        self.script = Script()
        self.messages: list[Received] = []
        self.refused: list[Received] = []
        self.commands: list[Command] = []
        self.copies: Counter[str] = Counter()
        self.count = 0
        self.size_bytes = 0
        self.connections = 0
        self.peak = 0
        self._keep = keep
        self.now = now
        self._on_message = on_message
        self._server: asyncio.Server | None = None
        self._open: dict[Dialogue, asyncio.Task[None]] = {}
        self._awaited: list[tuple[int, asyncio.Future[None]]] = []

    # --- the script ---

    def answer(
        self,
        at: Step,
        reply: str,
        *,
        recipient: str | None = None,
        times: int | None = None,
        skip: int = 0,
        delay_s: float = 0.0,
        drip_s: float = 0.0,
    ) -> None:
        """Reply so at a step: the first `skip` times as usual, then `times` so, then as usual."""
        self.script.add(
            Rule(
                at,
                reply=reply,
                recipient=recipient,
                skip=skip,
                left=times,
                delay_s=delay_s,
                drip_s=drip_s,
            )
        )

    def drop(
        self,
        at: Step,
        *,
        when: Drop = "before",
        recipient: str | None = None,
        times: int | None = None,
        skip: int = 0,
        resets: bool = False,
    ) -> None:
        """Close the connection before, in the middle of, or after the reply at a step."""
        rule = Rule(at, drop=when, recipient=recipient, left=times, skip=skip, resets=resets)
        self.script.add(rule)

    def delay(self, at: Step, seconds: float, *, times: int | None = None, skip: int = 0) -> None:
        """Wait before the reply at a step."""
        self.script.add(Rule(at, delay_s=seconds, left=times, skip=skip))

    def hang(self, at: Step, *, times: int | None = None, skip: int = 0) -> None:
        """Say nothing more from a step on."""
        self.script.add(Rule(at, hangs=True, left=times, skip=skip))

    def obey(self) -> None:
        """Forget the script: take everything."""
        self.script.clear()

    def disconnect_idle(self, *, saying: str | None = None, resets: bool = False) -> None:
        """Close connections that are between two messages, as servers do after a while.

        saying: a line that nobody asked for goes first, such as "421 4.4.2 idle too long".
        resets: with RST.
        """
        for dialogue in [d for d in self._open if d.is_idle]:
            if saying is not None:
                dialogue.leave(saying)
            elif resets:
                dialogue.reset()
            else:
                dialogue.abort()

    # --- what came ---

    @property
    def open_connections(self) -> int:
        return len(self._open)

    async def wait_for(self, n: int, timeout_s: float = 30.0) -> None:
        """Until `n` messages in all have come. Raises TimeoutError, which says how many did."""
        if self.count >= n:
            return
        enough = asyncio.get_running_loop().create_future()
        self._awaited.append((n, enough))
        try:
            async with asyncio.timeout(timeout_s):
                await enough
        except TimeoutError:
            raise TimeoutError(f"{self.count} of {n} messages came in {timeout_s:g} s") from None
        finally:
            self._awaited.remove((n, enough))

    # --- for the dialogues ---

    def note_command(self, line: str, *, encrypted: bool) -> None:
        if self._keep:
            self.commands.append(Command(line, encrypted, self.now()))

    def keep(self, mail: Mail, data: bytes) -> None:
        received = self._received(mail, data)
        if self._keep:
            self.messages.append(received)
        if self._on_message is not None:
            self._on_message(received)
        tracking_id = header(data, b"X-Genro-Mail-ID")
        for address in mail.recipients:
            self.copies[f"{tracking_id} {address}"] += 1
        self.count += 1
        self.size_bytes += len(data)
        for n, enough in self._awaited:
            if self.count >= n and not enough.done():
                enough.set_result(None)

    def refuse(self, mail: Mail, data: bytes) -> None:
        if self._keep:
            self.refused.append(self._received(mail, data))

    def _received(self, mail: Mail, data: bytes) -> Received:
        return Received(
            mail.return_path,
            tuple(mail.recipients),
            data,
            self.now(),
            mail.parameters,
            mail.login,
            mail.encrypted,
            tuple(mail.rcpt_parameters),
            mail.began_at,
            time.monotonic(),
        )

    # --- listening ---

    async def __aenter__(self) -> Self:
        tls = self.offer.tls if self.offer.implicit_tls else None
        self._server = await asyncio.start_server(self._serve, self.host, self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for dialogue, task in self._open.items():
            dialogue.abort()
            task.cancel()  # it may be asleep, or in a handshake that does not notice the abort
        if self._open:
            await asyncio.wait(list(self._open.values()), timeout=_ENDING_S)
        await self._server.wait_closed()
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        dialogue = self.dialogue(self, reader, writer)
        self._open[dialogue] = task
        self.connections += 1
        self.peak = max(self.peak, len(self._open))
        try:
            await dialogue.run()
        except (Closed, OSError):
            pass  # the client went, TLS failed, or the script said so: nothing is to be told
        except asyncio.CancelledError:
            if self._server is not None and self._server.is_serving():
                raise
            # By __aexit__, which waits for us; asyncio 3.11 logs a cancelled one as broken.
        finally:
            del self._open[dialogue]
            writer.close()


def header(data: bytes, name: bytes) -> str:
    """The value of a header of an unparsed message, unfolded not; empty where there is none."""
    head, _, _ = data.partition(b"\r\n\r\n")
    start = (b"\r\n" + head).lower().find(b"\r\n" + name.lower() + b":")
    if start < 0:
        return ""
    value, _, _ = head[start + len(name) + 1 :].partition(b"\r\n")
    return value.decode("utf-8", "replace").strip()
