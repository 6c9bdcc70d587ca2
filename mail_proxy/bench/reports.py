"""The application's end: takes the delivery reports and counts them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from mail_proxy.bench.children import Verb
from mail_proxy.sinks.reports import PATH, ReportSink


@contextlib.asynccontextmanager
async def verbs() -> AsyncIterator[Mapping[str, Verb]]:
    async with ReportSink() as sink:
        counted = {"sent": 0, "others": 0}

        async def where() -> dict[str, Any]:
            return {"base_url": sink.base_url, "path": PATH}

        async def count() -> dict[str, Any]:
            """sent: messages told as sent so far. others: told as anything else."""
            entries, sink.entries = sink.entries, []  # millions would not fit
            sink.posts.clear()
            sent = sum("sent_ts" in entry for entry in entries)
            counted["sent"] += sent
            counted["others"] += len(entries) - sent
            return counted

        yield {"where": where, "count": count}
