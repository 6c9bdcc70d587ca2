"""The server's side of one SMTP connection (RFC 5321), for `sinks.smtp`."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable

from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.keeping import Mail, Sink
from mail_proxy.sinks.pipe import MAX_LINE_BYTES, Closed, Pipe
from mail_proxy.sinks.script import Moment, Rule, Step

HANGS_S = 86400.0  # longer than any client waits; the end of the sink ends it
_PATH = re.compile(r"(?:FROM|TO):\s*<([^<>]*)>\s*(.*)", re.IGNORECASE)
_SIZE = re.compile(r"\bSIZE=(\d+)", re.IGNORECASE)


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
        self._pipe = Pipe(reader, writer)
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
            line = (await self._pipe.line()).decode("utf-8", "replace")
            verb, _, rest = line.partition(" ")
            handler = self._verbs.get(verb.upper())
            self._sink.note_command(_without_secret(line), encrypted=self.encrypted)
            if handler is None:
                self._pipe.say("500 5.5.2 unknown command")
            else:
                await handler(rest)

    @property
    def is_idle(self) -> bool:
        """Between two messages."""
        return self.mail is None and self._pipe.is_used_up

    def abort(self) -> None:
        self._pipe.abort()

    def reset(self) -> None:
        """End it with RST."""
        self._pipe.reset()

    def leave(self, words: str) -> None:
        """Say a line that nobody asked for, and close."""
        self._pipe.interject(words)
        self._pipe.close()

    # --- the script ---

    async def _answer(self, at: Step, usual: str, *addresses: str) -> bool:
        """Say the usual, or what the script wants; True for a positive reply."""
        return await self._follow(self._sink.script.rule_for(at, addresses), usual)

    async def _follow(self, rule: Rule | None, usual: str) -> bool:
        if rule is None:
            self._pipe.say(usual)
            return _is_positive(usual)
        await self._wait(rule)
        reply = usual if rule.reply is None else rule.reply
        if rule.drop == "during":
            self._pipe.say_part(reply[: len(reply) // 2])
        elif rule.drop != "before":
            await self._say(reply, rule)
        await self._end(rule)
        return _is_positive(reply)

    async def _wait(self, rule: Rule) -> None:
        if rule.delay_s or rule.hangs:
            await self._pipe.flush()
            await asyncio.sleep(HANGS_S if rule.hangs else rule.delay_s)

    async def _say(self, reply: str, rule: Rule) -> None:
        if rule.drip_s:
            await self._pipe.drip(reply, rule.drip_s)
        else:
            self._pipe.say(reply)

    async def _end(self, rule: Rule) -> None:
        if rule.drop is None:
            return
        await self._pipe.flush_out()
        if rule.resets:
            self._pipe.reset()
        raise Closed

    # --- commands ---

    async def _ehlo(self, _: str) -> None:
        self.mail = None
        lines = ["sink.invalid", *self._offered()]
        marked = [f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]
        await self._answer(Moment.EHLO, "\r\n".join(marked))

    def _offered(self) -> list[str]:
        lines = sorted(self._offer.extensions - {"SIZE"})
        if "SIZE" in self._offer.extensions:
            lines.append(f"SIZE {self._offer.max_size}")
        if self._offer.tls is not None and not self.encrypted:
            lines.append("STARTTLS")
        if self._offer.users:
            lines.append(f"AUTH {' '.join(self._offer.mechanisms)}")
        return lines

    async def _helo(self, _: str) -> None:
        self.mail = None
        self._pipe.say("250 sink.invalid")

    async def _starttls(self, _: str) -> None:
        if self._offer.tls is None or self.encrypted:
            self._pipe.say("502 5.5.1 no STARTTLS here")
            return
        if not await self._answer(Stage.TLS, "220 2.0.0 go ahead"):
            return
        await self._pipe.flush()
        rule = self._sink.script.rule_for(Moment.HANDSHAKE)
        if rule is not None:
            await self._break_handshake(rule)
        await self._pipe.encrypt(self._offer.tls)
        self.encrypted = True
        self.mail = self.login = None

    async def _break_handshake(self, rule: Rule) -> None:
        """In the middle of it, the client has begun: answer in clear, hang, or close."""
        await self._pipe.fill()
        await self._wait(rule)
        if rule.reply is not None:
            self._pipe.say(rule.reply)
            await self._pipe.flush()
        await self._end(rule)
        if rule.reply is not None:
            raise Closed

    async def _auth(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        is_offered = mechanism.upper() in self._offer.mechanisms
        try:
            match mechanism.upper() if is_offered else "":
                case "XOAUTH2" | "OAUTHBEARER":
                    user, password = _bearer(await self._told(initial, ""))
                    if self._offer.users.get(user) != password:
                        # RFC 7628 section 3.2.2: why, to which the client answers anything.
                        await self._told("", _WHY_NOT)
                case "PLAIN":
                    *_, user, password = (await self._told(initial, "")).split("\0")
                case "LOGIN":
                    user = await self._told(initial, "VXNlcm5hbWU6")
                    password = await self._told("", "UGFzc3dvcmQ6")
                case _:
                    self._pipe.say("504 5.5.4 unknown mechanism")
                    return
        except ValueError:
            self._pipe.say("501 5.5.2 not base64, or not what the mechanism says")
            return
        is_known = self._offer.users.get(user) == password
        usual = "235 2.7.0 welcome" if is_known else "535 5.7.8 wrong user or password"
        if await self._answer(Stage.AUTH, usual, user):
            self.login = user

    async def _told(self, initial: str, challenge: str) -> str:
        """What the client says to a challenge, or has already said. Raises ValueError."""
        if not initial:
            self._pipe.say(f"334 {challenge}")
            initial = (await self._pipe.line()).decode("ascii", "replace")
        return base64.b64decode(initial, validate=True).decode()

    async def _mail(self, rest: str) -> None:
        match = _PATH.fullmatch(rest)
        if match is None:
            self._pipe.say("501 5.5.4 MAIL FROM:<address>")
        elif self._offer.users and self.login is None:
            self._pipe.say("530 5.7.0 log in first")
        elif self.mail is not None:
            self._pipe.say("503 5.5.1 one message at a time")
        elif await self._answer(Stage.MAIL, self._usual_for_mail(match[2]), match[1]):
            self.mail = self._begun(match[1], match[2])

    def _begun(self, return_path: str, parameters: str) -> Mail:
        return Mail(return_path, parameters, self._sink.now(), self.login, self.encrypted)

    def _usual_for_mail(self, parameters: str) -> str:
        size = _SIZE.search(parameters)
        if size and int(size[1]) > self._offer.max_size:
            return "552 5.3.4 too large"
        return "250 2.1.0 ok"

    async def _rcpt(self, rest: str) -> None:
        match = _PATH.fullmatch(rest)
        if match is None:
            self._pipe.say("501 5.5.4 RCPT TO:<address>")
        elif self.mail is None:
            self._pipe.say("503 5.5.1 MAIL first")
        elif await self._answer(Stage.RCPT, "250 2.1.5 ok", match[1]):
            self.mail.recipients.append(match[1])
            self.mail.rcpt_parameters.append(match[2])

    async def _data(self, _: str) -> None:
        mail = self.mail or self._begun("", "")
        usual = "354 end with a dot" if mail.recipients else "554 5.5.1 no valid recipients"
        if not await self._answer(Stage.DATA, usual, *mail.recipients):
            return
        data = await self._message(mail)
        self.mail = None
        rule = self._sink.script.rule_for(Stage.DOT, mail.recipients)
        usual = self._usual_for_dot(mail, data)
        if _is_positive(rule.reply if rule and rule.reply is not None else usual):
            self._sink.keep(mail, data)
        else:
            self._sink.refuse(mail, data)
        await self._follow(rule, usual)

    async def _message(self, mail: Mail) -> bytes:
        rule = self._sink.script.rule_for(Moment.BODY, mail.recipients)

        async def before_more(count: int) -> None:
            nonlocal rule
            if rule is not None and count >= rule.after_bytes:
                due, rule = rule, None
                await self._wait(due)
                if due.reply is not None:
                    await self._say(due.reply, due)
                    await self._pipe.flush()
                await self._end(due)

        return await self._pipe.message(2 * self._offer.max_size + MAX_LINE_BYTES, before_more)

    def _usual_for_dot(self, mail: Mail, data: bytes) -> str:
        if not mail.recipients:
            return "554 5.5.1 no valid recipients"
        if len(data) > self._offer.max_size:
            return "552 5.3.4 too large"
        return "250 2.0.0 taken"

    async def _rset(self, _: str) -> None:
        self.mail = None
        await self._answer(Moment.RSET, "250 2.0.0 ok")

    async def _noop(self, _: str) -> None:
        self._pipe.say("250 2.0.0 ok")

    async def _quit(self, _: str) -> None:
        await self._answer(Moment.QUIT, "221 2.0.0 bye")
        await self._pipe.flush()
        raise Closed


_WHY_NOT = base64.b64encode(b'{"status":"invalid_token"}').decode()
_USER = re.compile(r"user=([^\x01]*)\x01|n,a=([^\x01,]*),\x01")
_BEARER = re.compile(r"\x01auth=Bearer ([!-~]+)\x01\x01\Z")


def _bearer(said: str) -> tuple[str, str]:
    """User and access token (RFC 7628 section 3.1, or XOAUTH2). Raises ValueError."""
    user, token = _USER.match(said), _BEARER.search(said)
    if user is None or token is None:
        raise ValueError(said)
    name = user[1] or (user[2] or "").replace("=2C", ",").replace("=3D", "=")
    return name, token[1]


def _without_secret(line: str) -> str:
    """AUTH with its mechanism only."""
    return " ".join(line.split()[:2]) if line[:4].upper() == "AUTH" else line


def _is_positive(reply: str) -> bool:
    return reply[:1] in ("2", "3")
