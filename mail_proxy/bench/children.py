"""Helpers of the benchmark as processes of their own, asked by lines of JSON over their pipes.

A child ends when its input does, so it does not outlive the benchmark, whatever ends that. When the
benchmark fails or is interrupted, it is killed with all that it has started: its answer is of no
use any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from mail_proxy.bench.plan import BenchFailed
from mail_proxy.domain.errors import MailProxyError
from mail_proxy.event_loop import new_event_loop

Verb = Callable[..., Awaitable[dict[str, Any]]]

_LINE_BYTES = 64 * 2**20
_END_S = 10.0


class Child:
    """The benchmark's side: `child.ask("post", count=100)`."""

    def __init__(self, role: str, *words: str) -> None:
        """role: a module of this package that has `verbs`. words: what it is started with."""
        self.role = role
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-m", "mail_proxy.bench.child", role, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,  # with what it starts; and a terminal's Ctrl-C goes to us alone
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, verb: str, **fields: Any) -> dict[str, Any]:
        """Its answer; waits for as long as it takes. Raises BenchFailed."""
        self.tell(verb, **fields)
        return self.answer()

    def tell(self, verb: str, **fields: Any) -> None:
        """Ask, and go on; `answer` has to follow."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"verb": verb, **fields}).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise BenchFailed(f"the {self.role} process has ended") from error

    def answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BenchFailed(f"the {self.role} process has ended")
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            raise BenchFailed(f"{self.role}: {answer['failed']}")
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if kind is not None:
            self._kill()
        with contextlib.suppress(OSError):  # what it has not read is of no use any more
            self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._kill()
            self._process.wait()
        finally:
            self._process.stdout.close()

    def _kill(self) -> None:
        """Its whole group, whose number is its own as long as it is not waited for."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)


def serve(main: Callable[[], contextlib.AbstractAsyncContextManager[Mapping[str, Verb]]]) -> None:
    """The child's side: answer until the input ends. main: opens what the verbs need."""

    async def run() -> None:
        lines = await _standard_input()
        async with main() as verbs:
            while line := await lines.readline():
                answer = await _answer_to(json.loads(line), verbs)
                sys.stdout.write(json.dumps(answer) + "\n")
                sys.stdout.flush()

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(run())


async def _answer_to(asked: dict[str, Any], verbs: Mapping[str, Verb]) -> dict[str, Any]:
    verb = verbs[asked.pop("verb")]
    answer: dict[str, Any] = {}
    try:
        answer = await verb(**asked)
    except* (MailProxyError, OSError) as errors:
        whys = {str(error) or type(error).__name__ for error in _flat(errors)}
        answer = {"failed": "; ".join(sorted(whys))}
    return answer


def _flat(errors: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _flat(error)
        else:
            yield error


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=_LINE_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    return reader
