"""Sends the examples of the API's description to a real server, and keeps what it answers.

`python -m tests.docs.examples` (`make openapi`) writes the answers beside their requests, and the
description to docs/openapi.json. A new command needs an entry with what is sent in
mail_proxy/api/examples.json; they are sent in that order, to one instance.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from mail_proxy.api import ApiServer
from mail_proxy.api.openapi import document, document_text
from mail_proxy.config.settings import DeliverySettings, HttpSettings, Settings
from mail_proxy.domain.attachment import Attachment, Mode
from mail_proxy.domain.content import BytesContent
from mail_proxy.observe import log
from mail_proxy.proxy import MailProxy
from mail_proxy.sinks.reports import ReportSink
from mail_proxy.sinks.smtp import SmtpSink
from mail_proxy.wire.routes import ROUTES

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "mail_proxy" / "api" / "examples.json"
DOCUMENT = ROOT / "docs" / "openapi.json"
TOKEN = "the-admins-token"

# The relay and the application of the examples stand on this machine.
SHOWN_HOST, SHOWN_PORT = "smtp.example.com", 587
SHOWN_URL = "https://app.example.com"
SHOWN_SELF = "https://mail.example.com"

# What differs each time, and what is shown of it.
_SHOWN_TS = 1795228126
_SHOWN_TIME = "2026-11-21T02:28:46.123"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\Z")
_SHOWN = {
    "api_key": "mp_3q2-7wQxN0cXo5wzZb1kq4hXr8tYv6uJm9sLpDfGhKe",
    "prefix": "mp_3q2-7w",
    "key_id": "9f86d081884c7d65",
    "secret": "whsec_c2hvd24gb25jZSBhbmQgbmV2ZXIgYWdhaW4gLi4uLi4=",
    "uptime_seconds": 42,
    "oldest_waiting_s": 0.25,
    "db_ms": 1.5,
    "db_bytes": 512_000,
    "lag_s": 0.0001,
    "rss_bytes": 83_886_080,
    "pid": 4123,
    "address": "127.0.0.1:8000",
    "now": float(_SHOWN_TS),
    "pk": "912052473810964480",
    "event_id": "1",
    "request_id": "5d41402abc4b2a76",
    "seconds": 0.0123,
    "folder": "/home/me/.mail-proxy/myserver/cache/kept",
    "connect": 0.0123,
    "tls": 0.0345,
    "auth": 0.0456,
}
_SHOWN_LINE = (
    "2026-11-21T02:28:46.123Z INFO message_sent tenant=acme account=main id=order-1742 "
    'pk=912052473810964480 tries=1 seconds=0.0123 reply="250 2.0.0 ok"'
)
_METRICS = ("gmp_sent_total", "gmp_pending_messages")
_SETTINGS = ("http.host", "delivery.test_mode")


def examples() -> list[dict[str, Any]]:
    return json.loads(EXAMPLES.read_text(encoding="utf-8"))


async def recorded() -> list[dict[str, Any]]:
    """The examples with the answers of now. Raises AssertionError for one that failed."""
    with tempfile.TemporaryDirectory() as folder, _logging(Path(folder) / "daemon.log"):
        settings = Settings(
            name="myserver",
            state_dir=Path(folder),
            database=str(Path(folder) / "mail_service.db"),
            http=HttpSettings(port=0),
            delivery=DeliverySettings(test_mode=True),
            api_token=TOKEN,
        )
        async with (
            SmtpSink() as relay,
            ReportSink() as application,
            await MailProxy.open(settings) as proxy,
            ApiServer(proxy, settings) as server,
            aiohttp.ClientSession(server.url, headers={"X-API-Token": TOKEN}) as session,
        ):
            proxy.start()
            here = _Here(relay.host, relay.port, application.base_url, server.url, proxy)
            return [await _sent(session, example, here) for example in examples()]


@contextmanager
def _logging(path: Path) -> Iterator[None]:
    """One line is in it, and no other comes."""
    path.write_text(f"{_SHOWN_LINE}\n", encoding="utf-8")
    log.configure("CRITICAL", path=path)
    try:
        yield
    finally:
        log.unconfigure()


class _Here(NamedTuple):
    """What stands for the names in the examples."""

    host: str
    port: int
    url: str
    own_url: str
    proxy: MailProxy

    async def link(self) -> str:
        """To a file that a mail of the tenant would have a link to."""
        large = self.proxy.large_files
        attachment = Attachment("offer.txt", Mode.BASE64)
        content = BytesContent(b"The text of a large offer.\n" * 400_000)
        applied = await large.applied("acme", 1, {"body": ""}, [attachment], [content])
        (found,) = re.findall(r"/download/\S+", applied.fields["body_text"])
        return str(found)


async def _sent(session: aiohttp.ClientSession, example: Any, here: _Here) -> dict[str, Any]:
    route = ROUTES[example["command"]]
    body = dict(example.get("body", {})) or example.get("body")
    if body and body.get("host") == SHOWN_HOST:
        body |= {"host": here.host, "port": here.port}
    if body and body.get("client_base_url") == SHOWN_URL:
        body["client_base_url"] = here.url
    if config := (body or {}).get("large_file_config"):
        body["large_file_config"] = {**config, "public_base_url": here.own_url}
    path = route.path.format(**example.get("path", {}))
    if route.sends_file:
        path = await here.link()
    async with session.request(
        route.method, path, params=example.get("query"), json=body
    ) as response:
        text, kind = await response.text(), response.content_type
        assert response.status == 200, f"{route.name}: {response.status} {text}"
    answer: Any
    if route.name == "metrics":
        answer = _metrics(text)
    elif route.sends_file:
        answer = text[:27]
    elif kind == "text/event-stream":
        answer = re.sub(r"id: \d+", f"id: {_SHOWN_TS}000001", text)
        answer = re.sub(r'"ts":[\d.]+', f'"ts":{_SHOWN_TS}.123', answer)
    else:
        answer = _steady(json.loads(text), here)
    given = {key: example[key] for key in ("command", "path", "query", "body") if key in example}
    return {**given, "answer": answer}


def _metrics(text: str) -> str:
    lines = [
        line
        for line in text.splitlines()
        if any(name in line for name in _METRICS) and not line.startswith("# HELP")
    ]
    return "".join(f"{line}\n" for line in lines)


def _steady(value: Any, here: _Here, name: str = "") -> Any:
    """The same with what differs each time replaced."""
    match value:
        case dict():
            return {key: _steady(inner, here, key) for key, inner in value.items()}
        case list() if name == "settings":
            return [item for item in value if item["name"] in _SETTINGS]
        case list():
            return [_steady(item, here) for item in value]
        case here.host:
            return SHOWN_HOST
        case here.port:
            return SHOWN_PORT
        case _ if (shown := _shown(name, value)) is not None:
            return shown
        case int() | float() if name.endswith("_ts"):
            return _SHOWN_TS
        case str() if _TIME.match(value):
            return _SHOWN_TIME
        case str():
            value = value.replace(here.url, SHOWN_URL).replace(here.host, SHOWN_HOST)
            return value.replace(str(here.port), str(SHOWN_PORT))
        case _:
            return value


def _shown(name: str, value: Any) -> Any:
    """What stands for a value that differs each time; None for others."""
    if name == "id" and isinstance(value, str) and value.isdigit():  # a line of the command log
        return _SHOWN["pk"]
    return None if value == "first" else _SHOWN.get(name)  # one key's id is always the same


def main() -> None:
    found = asyncio.run(recorded())
    lines = ",\n".join(f" {json.dumps(example, ensure_ascii=False)}" for example in found)
    EXAMPLES.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    document.cache_clear()
    document_text.cache_clear()
    DOCUMENT.write_bytes(document_text())


if __name__ == "__main__":
    main()
