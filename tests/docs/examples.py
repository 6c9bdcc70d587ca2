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
from pathlib import Path
from typing import Any

import aiohttp

from mail_proxy.api import ApiServer
from mail_proxy.api.openapi import document, document_text
from mail_proxy.config.settings import DeliverySettings, HttpSettings, Settings
from mail_proxy.proxy import MailProxy
from mail_proxy.sinks.smtp import SmtpSink
from mail_proxy.wire.routes import ROUTES

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "mail_proxy" / "api" / "examples.json"
DOCUMENT = ROOT / "docs" / "openapi.json"
TOKEN = "the-admins-token"

# The relay of the examples stands on this machine.
SHOWN_HOST, SHOWN_PORT = "smtp.example.com", 587

# What differs each time, and what is shown of it.
_SHOWN_TS = 1795228126
_SHOWN_TIME = "2026-11-21T02:28:46.123"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\Z")
_SHOWN = {
    "api_key": "mp_3q2-7wQxN0cXo5wzZb1kq4hXr8tYv6uJm9sLpDfGhKe",
    "prefix": "mp_3q2-7w",
    "key_id": "1",
    "uptime_seconds": 42,
    "oldest_waiting_s": 0.25,
    "now": float(_SHOWN_TS),
    "pk": "912052473810964480",
    "event_id": "1",
    "connect": 0.0123,
    "tls": 0.0345,
    "auth": 0.0456,
}
_METRICS = ("gmp_sent_total", "gmp_pending_messages")
_SETTINGS = ("http.host", "delivery.test_mode")


def examples() -> list[dict[str, Any]]:
    return json.loads(EXAMPLES.read_text(encoding="utf-8"))


async def recorded() -> list[dict[str, Any]]:
    """The examples with the answers of now. Raises AssertionError for one that failed."""
    with tempfile.TemporaryDirectory() as folder:
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
            await MailProxy.open(settings) as proxy,
            ApiServer(proxy, settings) as server,
            aiohttp.ClientSession(server.url, headers={"X-API-Token": TOKEN}) as session,
        ):
            proxy.start()
            return [await _sent(session, example, relay) for example in examples()]


async def _sent(session: aiohttp.ClientSession, example: Any, relay: SmtpSink) -> dict[str, Any]:
    route = ROUTES[example["command"]]
    body = example.get("body")
    if body and body.get("host") == SHOWN_HOST:
        body = {**body, "host": relay.host, "port": relay.port}
    path = route.path.format(**example.get("path", {}))
    async with session.request(
        route.method, path, params=example.get("query"), json=body
    ) as response:
        text = await response.text()
        assert response.status == 200, f"{route.name}: {response.status} {text}"
    answer = _metrics(text) if route.name == "metrics" else _steady(json.loads(text), relay)
    given = {key: example[key] for key in ("command", "path", "query", "body") if key in example}
    return {**given, "answer": answer}


def _metrics(text: str) -> str:
    lines = [line for line in text.splitlines() if any(name in line for name in _METRICS)]
    return "".join(f"{line}\n" for line in lines)


def _steady(value: Any, relay: SmtpSink, name: str = "") -> Any:
    """The same with what differs each time replaced."""
    match value:
        case dict():
            return {key: _steady(inner, relay, key) for key, inner in value.items()}
        case list() if name == "settings":
            return [item for item in value if item["name"] in _SETTINGS]
        case list():
            return [_steady(item, relay) for item in value]
        case relay.host:
            return SHOWN_HOST
        case relay.port:
            return SHOWN_PORT
        case _ if name in _SHOWN:
            return _SHOWN[name]
        case int() | float() if name.endswith("_ts"):
            return _SHOWN_TS
        case str() if _TIME.match(value):
            return _SHOWN_TIME
        case str():
            return value.replace(relay.host, SHOWN_HOST).replace(str(relay.port), str(SHOWN_PORT))
        case _:
            return value


def main() -> None:
    found = asyncio.run(recorded())
    lines = ",\n".join(f" {json.dumps(example, ensure_ascii=False)}" for example in found)
    EXAMPLES.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    document.cache_clear()
    document_text.cache_clear()
    DOCUMENT.write_bytes(document_text())


if __name__ == "__main__":
    main()
