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
from dataclasses import asdict, dataclass
from typing import Any

from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.dialogue import Dialogue, Mail
from mail_proxy.sinks.script import Rule
from mail_proxy.sinks.smtp import SmtpSink, header


@dataclass(slots=True)
class Seen:
    """One message whose final dot came.

    at, replied_at: by the monotonic clock, which all processes of a machine share.
    taken: the script did not refuse it. followed: something came after the reply on the same
        connection, so the client has read the reply.
    """

    id: str
    message_id: str
    recipients: list[str]
    at: float
    connection: int
    taken: bool
    replied_at: float | None = None
    followed: bool = False


class WatchedDialogue(Dialogue):
    """Tells at any time which step its connection is in.

    phase: `connect`, `idle` (a command is awaited), the stage whose reply is being given, or
        `body` (354 was said, the dot has not come).
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.phase = "connect"
        self.last: Seen | None = None  # the latest message, until something follows
        self._is_said = False

    async def _line(self) -> bytes:
        self.phase = "idle"
        line = await super()._line()
        if self.last is not None:
            self.last.followed = True
            self.last = None
        return line

    async def _answer(self, stage: Stage, usual: str, *addresses: str) -> bool:
        self.phase = stage.value
        return await super()._answer(stage, usual, *addresses)

    async def _message(self) -> bytes:
        self.phase = "body"
        await self._flush()
        await asyncio.sleep(self._sink.stall_s)  # type: ignore[attr-defined]
        data = await super()._message()
        self.phase = Stage.DOT.value
        self._is_said = False
        return data

    def _say(self, line: str) -> None:
        super()._say(line)
        self._is_said = self.phase == Stage.DOT.value

    async def _flush(self) -> None:
        await super()._flush()
        if self._is_said and self.last is not None and self.last.replied_at is None:
            self.last.replied_at = time.monotonic()


class WatchedSink(SmtpSink):
    """stall_s: how long it reads nothing after each 354."""

    dialogue = WatchedDialogue

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.seen: list[Seen] = []
        self.logins = 0
        self.stall_s = 0.0

    def note_command(self, line: str, *, encrypted: bool) -> None:
        self.logins += line[:4].upper() == "AUTH"

    def keep(self, mail: Mail, data: bytes, dialogue: Dialogue) -> None:
        super().keep(mail, data, dialogue)
        self._note(mail, data, dialogue, taken=True)

    def refuse(self, mail: Mail, data: bytes, dialogue: Dialogue) -> None:
        super().refuse(mail, data, dialogue)
        self._note(mail, data, dialogue, taken=False)

    def _note(self, mail: Mail, data: bytes, dialogue: Dialogue, *, taken: bool) -> None:
        assert isinstance(dialogue, WatchedDialogue)
        seen = Seen(
            header(data, b"X-Genro-Mail-ID"),
            header(data, b"Message-ID"),
            list(mail.recipients),
            time.monotonic(),
            id(dialogue),
            taken,
        )
        self.seen.append(seen)
        dialogue.last = seen

    def phases(self) -> list[str]:
        return [d.phase for d in self._open if isinstance(d, WatchedDialogue)]


class Requests:
    """What the other end may ask for; each method is one request."""

    def __init__(self, sink: WatchedSink) -> None:
        self._sink = sink

    def script(self, rules: list[dict[str, Any]], stall_s: float) -> None:
        """Follow these rules from now on, and no others."""
        self._sink.obey()
        self._sink.stall_s = stall_s
        for rule in rules:
            self._sink.script.add(Rule(**{**rule, "stage": Stage(rule["stage"])}))

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
