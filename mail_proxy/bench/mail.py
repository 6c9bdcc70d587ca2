"""The mail server that the benchmark sends to: Postfix's `smtp-sink`, or our own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from mail_proxy.bench.children import Verb
from mail_proxy.bench.plan import BenchFailed
from mail_proxy.bench.usage import bytes_read
from mail_proxy.sinks.link import Link
from mail_proxy.sinks.smtp import EXTENSIONS, SmtpSink

_BACKLOG = "1000"
_START_S = 10.0
_MESSAGES = re.compile(rb"mesg=(\d+)")
_TAIL_BYTES = 256


@contextlib.asynccontextmanager
async def verbs(kind: str, *words: str) -> AsyncIterator[Mapping[str, Verb]]:
    """kind: `builtin [SECONDS [EXTENSION-TO-LEAVE-OUT]]`, or `smtp-sink PROGRAM COUNTERS`.

    SECONDS: of a round trip. COUNTERS: the file for what smtp-sink counts.
    """
    if kind == "smtp-sink":
        async with _smtp_sink(words[0], Path(words[1])) as found:
            yield found
        return
    async with _builtin(*words) as found:
        yield found


# --- ours ---


class _StampingSink(SmtpSink):
    """Notes when each MAIL came, by the monotonic clock, which all processes share."""

    def __init__(self, extensions: frozenset[str]) -> None:
        super().__init__(keep=False, extensions=extensions)
        self.mail_at: list[float] = []

    def note_command(self, line: str, *, encrypted: bool) -> None:
        if line.startswith("MAIL"):
            self.mail_at.append(time.monotonic())
        super().note_command(line, encrypted=encrypted)


@contextlib.asynccontextmanager
async def _builtin(round_trip_s: str = "0", without: str = "") -> AsyncIterator[Mapping[str, Verb]]:
    async with _StampingSink(EXTENSIONS - {without}) as sink, contextlib.AsyncExitStack() as stack:
        port = sink.port
        if float(round_trip_s):
            link = Link(sink.port, delay_s=float(round_trip_s) / 2)
            port = (await stack.enter_async_context(link)).port

        async def where() -> dict[str, Any]:
            return {"host": sink.host, "port": port}

        async def count() -> dict[str, Any]:
            sink.copies.clear()  # one entry a message would grow without end
            return {"messages": sink.count, "bytes": sink.size_bytes}

        async def mail_at() -> dict[str, Any]:
            """When MAIL came since the last time this was asked."""
            stamps, sink.mail_at = sink.mail_at, []
            return {"mail_at": stamps}

        yield {"where": where, "count": count, "mail_at": mail_at}


# --- Postfix's ---


@contextlib.asynccontextmanager
async def _smtp_sink(program: str, counters: Path) -> AsyncIterator[Mapping[str, Verb]]:
    with socket.create_server(("127.0.0.1", 0)) as placeholder:
        port = placeholder.getsockname()[1]
    as_user = ["-u", "nobody"] if os.geteuid() == 0 else []  # it wants no root
    with counters.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            program, "-c", *as_user, f"127.0.0.1:{port}", _BACKLOG, stdout=out
        )
    try:
        await _until_it_greets(process, port)
        at_start = bytes_read(process.pid) or 0  # libraries, the table of users

        async def where() -> dict[str, Any]:
            return {"host": "127.0.0.1", "port": port}

        async def count() -> dict[str, Any]:
            size = bytes_read(process.pid)
            came = None if size is None else size - at_start
            return {"messages": _counted(counters), "bytes": came}

        yield {"where": where, "count": count}
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _until_it_greets(process: asyncio.subprocess.Process, port: int) -> None:
    """Then it has started: it listens before it has read all that it needs."""
    async with asyncio.timeout(_START_S):
        while process.returncode is None:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)  # it tells nobody that it is there
                continue
            greeting = await reader.readline()
            writer.close()
            if greeting:
                return
    raise BenchFailed("smtp-sink ended at once; its words stand above")


def _counted(counters: Path) -> int:
    """The last number of messages that it wrote."""
    with counters.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        found = _MESSAGES.findall(file.read())
    return int(found[-1]) if found else 0
