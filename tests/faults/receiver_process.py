"""A mail server in a process of its own: it outlives the daemon, and remembers all that it saw.

python -m tests.faults.receiver_process; on stdin one request a line, on stdout one answer, JSON.
`receiver.py` is the other end of it. It ends when stdin does.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.dialogue import Dialogue
from mail_proxy.sinks.keeping import Mail
from mail_proxy.sinks.pipe import Pipe
from mail_proxy.sinks.script import Moment, Rule, Step
from mail_proxy.sinks.smtp import SmtpSink, header
from tests.faults.letters import digests


@dataclass(slots=True)
class Seen:
    """One message whose final dot came.

    at, replied_at: by the monotonic clock, which all processes of a machine share.
    taken: the script did not refuse it. followed: something came after the reply on the same
        connection, so the client has read the reply.
    parts: the SHA-256 of each attachment, in order.
    """

    id: str
    message_id: str
    recipients: list[str]
    at: float
    connection: int
    taken: bool
    replied_at: float | None = None
    followed: bool = False
    parts: list[str] = field(default_factory=list)


class WatchedPipe(Pipe):
    """Notes when the reply to a message has left, and when something follows it.

    last: the latest message, until something follows. is_said: its reply waits to leave.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.last: Seen | None = None
        self.is_said = False

    async def line(self) -> bytes:
        line = await super().line()
        if self.last is not None:
            self.last.followed = True
            self.last = None
        return line

    async def flush(self) -> None:
        await super().flush()
        if self.is_said and self.last is not None:
            self.last.replied_at = time.monotonic()
            self.is_said = False


class WatchedDialogue(Dialogue):
    """Tells at any time which step its connection is in.

    phase: `idle` (a command is awaited), the step whose reply is being given, or `body` (354 was
        said, the dot has not come).
    """

    def __init__(
        self, sink: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        super().__init__(sink, reader, writer)
        self._pipe: WatchedPipe = WatchedPipe(reader, writer)
        self.phase = "connect"

    async def _answer(self, at: Step, usual: str, *addresses: str) -> bool:
        self.phase = at.value
        try:
            return await super()._answer(at, usual, *addresses)
        finally:
            self.phase = "idle"

    async def _message(self, mail: Mail) -> bytes:
        self.phase = Moment.BODY.value
        await self._pipe.flush()
        return await super()._message(mail)

    def note(self, seen: Seen) -> None:
        self.phase = Stage.DOT.value
        self._pipe.last = seen

    async def _follow(self, rule: Rule | None, usual: str) -> bool:
        is_positive = await super()._follow(rule, usual)
        if self.phase == Stage.DOT.value:
            self._pipe.is_said = True
            self.phase = "idle"
        return is_positive


class WatchedSink(SmtpSink):
    """An SmtpSink that remembers of each message what `Seen` says."""

    dialogue = WatchedDialogue

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.seen: list[Seen] = []
        self.logins = 0

    def note_command(self, line: str, *, encrypted: bool) -> None:
        self.logins += line[:4].upper() == "AUTH"

    def keep(self, mail: Mail, data: bytes) -> None:
        super().keep(mail, data)
        self._note(mail, data, taken=True)

    def refuse(self, mail: Mail, data: bytes) -> None:
        super().refuse(mail, data)
        self._note(mail, data, taken=False)

    def _note(self, mail: Mail, data: bytes, *, taken: bool) -> None:
        ours = asyncio.current_task()
        (dialogue,) = (d for d, task in self._open.items() if task is ours)
        assert isinstance(dialogue, WatchedDialogue)
        seen = Seen(
            header(data, b"X-Genro-Mail-ID"),
            header(data, b"Message-ID"),
            list(mail.recipients),
            time.monotonic(),
            id(dialogue),
            taken,
            parts=digests(data) if header(data, b"Content-Type").startswith("multipart/") else [],
        )
        self.seen.append(seen)
        dialogue.note(seen)

    def phases(self) -> list[str]:
        return [d.phase for d in self._open if isinstance(d, WatchedDialogue)]


class Requests:
    """What the other end may ask for; each method is one request."""

    def __init__(self, sink: WatchedSink) -> None:
        self._sink = sink

    def script(self, rules: list[dict[str, Any]]) -> None:
        """Follow these rules from now on, and no others."""
        self._sink.obey()
        for rule in rules:
            self._sink.script.add(Rule(**{**rule, "at": _step(rule["at"])}))

    def users(self, users: dict[str, str]) -> None:
        offer = self._sink.offer
        self._sink.offer = type(offer)(
            offer.extensions, offer.max_size, users, offer.tls, offer.implicit_tls
        )

    def state(self) -> dict[str, Any]:
        return {
            "count": len(self._sink.seen),
            "phases": self._sink.phases(),
            "logins": self._sink.logins,
            "connections": self._sink.connections,
            "peak": self._sink.peak,
        }

    def seen(self, start: int) -> list[dict[str, Any]]:
        return [asdict(seen) for seen in self._sink.seen[start:]]

    def disconnect_idle(self) -> None:
        self._sink.disconnect_idle()


def _step(name: str) -> Step:
    return Stage(name) if name in set(Stage) else Moment(name)


async def main() -> None:
    loop = asyncio.get_running_loop()
    asked = asyncio.StreamReader(limit=2**26)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(asked), sys.stdin)
    async with WatchedSink(keep=False) as sink:
        requests = Requests(sink)
        print(json.dumps({"port": sink.port}), flush=True)
        while line := await asked.readline():
            name, arguments = json.loads(line)
            method: Callable[..., Any] = getattr(requests, name)
            print(json.dumps(method(**arguments)), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
