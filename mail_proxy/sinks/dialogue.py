"""The server's side of one SMTP connection (RFC 5321), for `sinks.smtp`.

Replies are gathered and leave in one write when the client's bytes are used up, as RFC 2920
section 3.2 asks of servers.
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.script import Rule, Script

READ_BYTES = 262_144
MAX_LINE_BYTES = 65_536
HANDSHAKE_S = 10.0
HANGS_S = 86400.0  # longer than any client waits; the end of the sink ends it
_PATH = re.compile(r"(?:FROM|TO):\s*<([^<>]*)>\s*(.*)", re.IGNORECASE)
_SIZE = re.compile(r"\bSIZE=(\d+)", re.IGNORECASE)


class Closed(Exception):
    """The connection has ended, by either side."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the server offers. users: name -> password; empty: anyone may send.

    tls: the certificate, for STARTTLS or, with `implicit_tls`, from the first byte.
    """

    extensions: frozenset[str]
    max_size: int
    users: Mapping[str, str]
    tls: ssl.SSLContext | None
    implicit_tls: bool


@dataclass(slots=True)
class Mail:
    """The transaction that is open."""

    return_path: str
    parameters: str
    recipients: list[str] = field(default_factory=list)


class Sink(Protocol):
    """Who keeps what comes."""

    offer: Offer
    script: Script

    def note_command(self, line: str, *, encrypted: bool) -> None: ...

    def keep(self, mail: Mail, data: bytes, dialogue: Dialogue) -> None:
        """A whole message came, and it was not refused."""
        ...

    def refuse(self, mail: Mail, data: bytes, dialogue: Dialogue) -> None:
        """A whole message came, and was refused."""
        ...


class Dialogue:
    """One connection, from greeting to end."""

    def __init__(
        self, sink: Sink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.encrypted = sink.offer.implicit_tls
        self.login: str | None = None
        self.mail: Mail | None = None
        self._sink = sink
        self._offer = sink.offer
        self._reader = reader
        self._writer = writer
        self._buffer = bytearray()
        self._replies: list[bytes] = []
        self._verbs: dict[str, Callable[[str], Awaitable[None]]] = {
            "EHLO": self._ehlo,
            "HELO": self._helo,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": self._noop,
            "QUIT": self._quit,
        }

    async def run(self) -> None:
        """Serve until the end. Raises Closed then, or ConnectionError."""
        await self._answer(Stage.CONNECT, "220 sink.invalid ESMTP")
        while True:
            line = (await self._line()).decode("utf-8", "replace")
            verb, _, rest = line.partition(" ")
            handler = self._verbs.get(verb.upper())
            self._sink.note_command(_without_secret(line), encrypted=self.encrypted)
            if handler is None:
                self._say("500 5.5.2 unknown command")
            else:
                await handler(rest)

    @property
    def is_idle(self) -> bool:
        """Between two messages."""
        return self.mail is None and not self._buffer

    def abort(self) -> None:
        self._writer.transport.abort()

    # --- bytes ---

    async def _fill(self) -> None:
        await self._flush()
        data = await self._reader.read(READ_BYTES)
        if not data:
            raise Closed
        self._buffer += data

    async def _flush(self) -> None:
        if self._replies:
            self._writer.write(b"".join(self._replies))
            self._replies.clear()
            await self._writer.drain()

    async def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > MAX_LINE_BYTES:
                raise Closed
            await self._fill()
        return self._take(end + 2)[:-2]

    async def _message(self) -> bytes:
        """The bytes up to the final dot, dots unstuffed; lines end in CRLF, the last one too."""
        self._buffer[:0] = b"\r\n"  # the end of the line before: the final dot may come first
        searched = 0
        while (end := self._buffer.find(b"\r\n.\r\n", searched)) < 0:
            if len(self._buffer) > 2 * self._offer.max_size + MAX_LINE_BYTES:
                raise Closed
            searched = max(0, len(self._buffer) - 4)
            await self._fill()
        stuffed = self._take(end + len(b"\r\n.\r\n"))[: -len(b".\r\n")]
        return stuffed.replace(b"\r\n.", b"\r\n")[2:]

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _say(self, line: str) -> None:
        self._replies.append(f"{line}\r\n".encode())

    # --- the script ---

    async def _answer(self, stage: Stage, usual: str, *addresses: str) -> bool:
        """Say the usual, or what the script wants; True for a positive reply."""
        return await self._follow(self._sink.script.rule_for(stage, addresses), usual)

    async def _follow(self, rule: Rule | None, usual: str) -> bool:
        if rule is None:
            self._say(usual)
            return usual[0] in "23"
        if rule.delay_s or rule.hangs:
            await self._flush()
            await asyncio.sleep(HANGS_S if rule.hangs else rule.delay_s)
        reply = usual if rule.reply is None else rule.reply
        if rule.drop == "during":
            self._replies.append(reply[: len(reply) // 2].encode())
        elif rule.drop != "before":
            self._say(reply)
        if rule.drop is not None:
            await self._flush()
            raise Closed
        return reply[0] in "23"

    # --- commands ---

    async def _ehlo(self, _: str) -> None:
        self.mail = None
        lines = ["sink.invalid", *self._offered()]
        for line in lines[:-1]:
            self._say(f"250-{line}")
        self._say(f"250 {lines[-1]}")

    def _offered(self) -> list[str]:
        lines = sorted(self._offer.extensions - {"SIZE"})
        if "SIZE" in self._offer.extensions:
            lines.append(f"SIZE {self._offer.max_size}")
        if self._offer.tls is not None and not self.encrypted:
            lines.append("STARTTLS")
        if self._offer.users:
            lines.append("AUTH PLAIN LOGIN")
        return lines

    async def _helo(self, _: str) -> None:
        self.mail = None
        self._say("250 sink.invalid")

    async def _starttls(self, _: str) -> None:
        if self._offer.tls is None or self.encrypted:
            self._say("502 5.5.1 no STARTTLS here")
            return
        if not await self._answer(Stage.TLS, "220 2.0.0 go ahead"):
            return
        await self._flush()
        self._buffer.clear()  # what was sent in clear is not believed (RFC 3207 section 4.2)
        in_clear = self._writer.transport
        try:
            await self._writer.start_tls(self._offer.tls, ssl_handshake_timeout=HANDSHAKE_S)
        except AttributeError as error:
            # The client left in that moment: asyncio has no transport then, and trips over it, here
            # and again where the writer ends.
            self._writer._transport = in_clear  # type: ignore[attr-defined]
            raise Closed from error
        self.encrypted = True
        self.mail = self.login = None

    async def _auth(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        try:
            match mechanism.upper():
                case "PLAIN":
                    *_, user, password = (await self._told(initial, "")).split("\0")
                case "LOGIN":
                    user = await self._told(initial, "VXNlcm5hbWU6")
                    password = await self._told("", "UGFzc3dvcmQ6")
                case _:
                    self._say("504 5.5.4 unknown mechanism")
                    return
        except ValueError:
            self._say("501 5.5.2 not base64, or not what the mechanism says")
            return
        is_known = self._offer.users.get(user) == password
        usual = "235 2.7.0 welcome" if is_known else "535 5.7.8 wrong user or password"
        if await self._answer(Stage.AUTH, usual, user):
            self.login = user

    async def _told(self, initial: str, challenge: str) -> str:
        """What the client says to a challenge, or has already said. Raises ValueError."""
        if not initial:
            self._say(f"334 {challenge}")
            initial = (await self._line()).decode("ascii", "replace")
        return base64.b64decode(initial, validate=True).decode()

    async def _mail(self, rest: str) -> None:
        match = _PATH.fullmatch(rest)
        if match is None:
            self._say("501 5.5.4 MAIL FROM:<address>")
        elif self._offer.users and self.login is None:
            self._say("530 5.7.0 log in first")
        elif self.mail is not None:
            self._say("503 5.5.1 one message at a time")
        elif await self._answer(Stage.MAIL, self._usual_for_mail(match[2]), match[1]):
            self.mail = Mail(match[1], match[2])

    def _usual_for_mail(self, parameters: str) -> str:
        size = _SIZE.search(parameters)
        if size and int(size[1]) > self._offer.max_size:
            return "552 5.3.4 too large"
        return "250 2.1.0 ok"

    async def _rcpt(self, rest: str) -> None:
        match = _PATH.fullmatch(rest)
        if match is None:
            self._say("501 5.5.4 RCPT TO:<address>")
        elif self.mail is None:
            self._say("503 5.5.1 MAIL first")
        elif await self._answer(Stage.RCPT, "250 2.1.5 ok", match[1]):
            self.mail.recipients.append(match[1])

    async def _data(self, _: str) -> None:
        mail = self.mail or Mail("", "")
        usual = "354 end with a dot" if mail.recipients else "554 5.5.1 no valid recipients"
        if not await self._answer(Stage.DATA, usual, *mail.recipients):
            return
        data = await self._message()
        self.mail = None
        rule = self._sink.script.rule_for(Stage.DOT, mail.recipients)
        usual = self._usual_for_dot(mail, data)
        if (rule.reply if rule and rule.reply else usual)[0] in "23":
            self._sink.keep(mail, data, self)
        else:
            self._sink.refuse(mail, data, self)
        await self._follow(rule, usual)

    def _usual_for_dot(self, mail: Mail, data: bytes) -> str:
        if not mail.recipients:
            return "554 5.5.1 no valid recipients"
        if len(data) > self._offer.max_size:
            return "552 5.3.4 too large"
        return "250 2.0.0 taken"

    async def _rset(self, _: str) -> None:
        self.mail = None
        self._say("250 2.0.0 ok")

    async def _noop(self, _: str) -> None:
        self._say("250 2.0.0 ok")

    async def _quit(self, _: str) -> None:
        self._say("221 2.0.0 bye")
        await self._flush()
        raise Closed


def _without_secret(line: str) -> str:
    """AUTH with its mechanism only."""
    return " ".join(line.split()[:2]) if line[:4].upper() == "AUTH" else line
