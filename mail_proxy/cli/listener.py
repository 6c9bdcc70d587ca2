"""The receiver behind `mail-proxy listen`, and how it shows what comes."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Mapping, Sequence
from typing import Any

from mail_proxy.cli.errors import OutputClosed, OutputFailed
from mail_proxy.cli.message_page import event_mark
from mail_proxy.cli.output import Writer
from mail_proxy.domain.command_line import shell_line
from mail_proxy.domain.errors import BadSignature
from mail_proxy.domain.report_url import report_url
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.domain.webhook import ID, verify
from mail_proxy.sinks.reports import Answer, Fault, Post, ReportSink

_TIMES = {"sent_ts": "sent", "error_ts": "error", "deferred_ts": "deferred", "bounce_ts": "bounce"}
_REASONS = ("error", "deferred_reason", "bounce_reason", "pec_details")


def answer_named(word: str) -> Answer:
    """Raises ValueError for a word that names none."""
    if word == "ok":
        return 200, {"ok": True}
    if word == "error":
        return 200, {"ok": False}
    if word in set(Fault):
        return Fault(word)
    if not 200 <= int(word) <= 599:
        raise ValueError(word)
    return int(word)


def run_listener(
    writer: Writer, *, host: str, port: int, secrets: Sequence[str], answer: Answer
) -> None:
    """Until SIGINT or SIGTERM. Raises OSError where nothing can listen."""
    asyncio.run(_listen(Listener(writer, secrets, answer), host, port))


class Listener:
    """Shows each post and answers it. failed: what could not be written, and ends it all."""

    def __init__(self, writer: Writer, secrets: Sequence[str], answer: Answer) -> None:
        self.posts = 0
        self.ended = asyncio.Event()
        self.failed: Exception | None = None
        self.writer = writer
        self._secrets = secrets
        self._answer = answer

    def take(self, post: Post) -> Answer:
        self.posts += 1
        problem = self._problem(post)
        answer = (401, {"ok": False, "error": problem}) if problem else self._answer
        if not problem and post.body is None:
            problem, answer = "it is no JSON", (400, {"ok": False, "error": "not JSON"})
        try:
            self._show(post, problem, answer)
        except (OutputClosed, OutputFailed) as error:
            self.failed = error
            self.ended.set()
        return answer

    def _problem(self, post: Post) -> str:
        """Why it is not believed; empty when it is, or when there is no secret to know by."""
        if not self._secrets:
            return ""
        try:
            verify(self._secrets, post.headers, post.raw, now=time.time())
        except BadSignature as error:
            return str(error)
        return ""

    def _show(self, post: Post, problem: str, answer: Answer) -> None:
        entries = _entries(post.body)
        said = answer if isinstance(answer, int | Fault) else answer[0]
        if not self.writer.is_for_people:
            told = {
                "webhook_id": _header(post.headers, ID),
                "verified": not problem if self._secrets else None,
                "problem": problem or None,
                "answer": str(said),
                "body": post.body,
            }
            self.writer.line(json.dumps(told))  # the body as it came, its times too
            return
        trust = f"not believed: {problem}" if problem else "verified" if self._secrets else "taken"
        what = f"{len(entries)} events" if len(entries) != 1 else "1 event"
        at = time.strftime("%H:%M:%S")
        self.writer.line(f"{at}  {what if entries else 'heartbeat'}, {trust}, answered {said}")
        for entry in entries:
            self.writer.line("  " + entry_line(entry))


async def _listen(listener: Listener, host: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    writer = listener.writer
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, listener.ended.set)
    async with ReportSink(host=host, port=port, choose=listener.take, keep=False) as sink:
        writer.hint(f"Listening on {report_url(sink.base_url, None)}; Ctrl-C ends it")
        writer.hint(f"  mail-proxy NAME tenants update ID --base-url {shell_line(sink.base_url)}")
        await listener.ended.wait()
    if listener.failed is not None:
        raise listener.failed
    writer.hint("1 post came" if listener.posts == 1 else f"{listener.posts} posts came")


def entry_line(entry: Mapping[str, Any]) -> str:
    """One event as a person reads it; whatever it holds, no terminal acts on it."""
    kind = next((word for key, word in _TIMES.items() if key in entry), "")
    kind = kind or safe_text(entry.get("pec_event"), 40) or "event"
    reason = next((safe_text(entry[key], 500) for key in _REASONS if entry.get(key)), "")
    message, tenant = safe_text(entry.get("id"), 255), safe_text(entry.get("tenant_id"), 64)
    event_id = safe_text(entry.get("event_id"), 40)
    line = f"{event_mark(kind)} {kind:<9} {message}  {tenant}  event {event_id}  {reason}"
    return line.rstrip()


def _entries(body: object) -> list[Mapping[str, Any]]:
    found = body.get("delivery_report") if isinstance(body, dict) else None
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in headers.items() if key.lower() == name), None)
