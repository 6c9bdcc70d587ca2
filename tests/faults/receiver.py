"""The handle of the mail server that runs in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from mail_proxy.sinks.script import Step
from tests.faults.receiver_process import Seen

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0
READS_WITHIN_S = 0.5  # a client that lives reads a reply sooner, on a busy machine too


@dataclass(frozen=True, slots=True)
class State:
    """count: messages whose dot came. phases: one for each open connection."""

    count: int
    phases: list[str]
    logins: int
    connections: int
    peak: int


class Receiver:
    """Listens from `async with` on until its end."""

    host = "127.0.0.1"

    def __init__(self) -> None:
        self.port = 0
        self._one_at_a_time = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.faults.receiver_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}"},
            limit=2**28,
        )
        assert self._process.stdout is not None
        self.port = json.loads(await self._process.stdout.readline())["port"]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()

    async def _ask(self, name: str, **arguments: Any) -> Any:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        async with self._one_at_a_time:
            stdin.write(json.dumps([name, arguments]).encode() + b"\n")
            return json.loads(await stdout.readline())

    async def script(self, *rules: dict[str, Any]) -> None:
        """Follow these rules (fields of `sinks.script.Rule`) from now on, and no others."""
        await self._ask("script", rules=rules)

    async def delay(self, at: Step, seconds: float) -> None:
        """Follow no rule but this: wait before each reply at that step."""
        await self.script({"at": at, "delay_s": seconds})

    async def users(self, users: dict[str, str]) -> None:
        """Take mail only from these, name -> password."""
        await self._ask("users", users=users)

    async def disconnect_idle(self) -> None:
        await self._ask("disconnect_idle")

    async def state(self) -> State:
        return State(**await self._ask("state"))

    async def seen(self, start: int = 0) -> list[Seen]:
        """Every message whose final dot came, in that order."""
        return [Seen(**fields) for fields in await self._ask("seen", start=start)]

    async def until(self, is_true: Callable[[State], bool], timeout_s: float = PATIENCE_S) -> State:
        """Raises TimeoutError, which tells the last state."""
        try:
            async with asyncio.timeout(timeout_s):
                while not is_true(state := await self.state()):  # noqa: ASYNC110 - a process
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise TimeoutError(f"the receiver saw {state} in {timeout_s:g} s") from None
        return state

    async def until_count(self, count: int, timeout_s: float = PATIENCE_S) -> State:
        return await self.until(lambda state: state.count >= count, timeout_s)

    async def until_left(self) -> None:
        """Until nobody is connected, so that nothing more can come."""
        await self.until(lambda state: not state.phases)


def copies(seen: Iterable[Seen]) -> Counter[tuple[str, str]]:
    """How often each (id, recipient) was taken."""
    return Counter((mail.id, to) for mail in seen if mail.taken for to in mail.recipients)


def unread(seen: Iterable[Seen], killed_at: float) -> Counter[str]:
    """By id, the messages whose reply the client may not have read when it was killed.

    Their dot came, nothing followed on the connection, and the reply left late or not at all.
    """
    return Counter(
        mail.id
        for mail in seen
        if mail.taken
        and not mail.followed
        and (mail.replied_at is None or mail.replied_at > killed_at - READS_WITHIN_S)
    )


def most_in_a_window(seen: Iterable[Seen], window_s: float) -> int:
    """The most messages taken within any `window_s`, by the receiver's clock."""
    times = sorted(mail.at for mail in seen if mail.taken)
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] >= window_s:
            first += 1
        most = max(most, last - first + 1)
    return most
