"""Answers and failures on the wire."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mail_proxy.domain import errors


async def test_an_answer_is_its_json(client, door):
    door.answer = {"ok": True, "name": "né", "rejected": [{"id": None}]}

    answered = await client("GET", "/status")

    assert answered.status == 200
    assert answered.headers["content-type"] == "application/json"
    assert answered.json == door.answer


async def test_no_version_is_told_and_nothing_may_be_cached(client, anonymous, door):
    for answered in [
        await client("GET", "/health"),
        await client("GET", "/nothing"),
        await client.raw(b"no http\r\n\r\n"),
    ]:
        assert answered.headers["server"] == "mail-proxy"
        assert answered.headers["cache-control"] == "no-store"


async def test_metrics_are_the_text_that_scrapers_read(anonymous, door):
    door.answer = {"ok": True, "text": 'gmp_sent_total{account_id="é"} 1.0\n'}

    answered = await anonymous("GET", "/metrics")

    assert answered.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert answered.body.decode() == door.answer["text"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.Invalid("tenant_id is required", field="tenant_id"), 400),
        (errors.Malformed("messages: not a list"), 422),
        (errors.Unauthorized("Token not authorized for this tenant"), 401),
        (errors.Forbidden("Admin token required"), 403),
        (errors.NotFound("Tenant 'x' not found"), 404),
        (errors.Conflict("several tenants have it"), 409),
        (errors.TooLarge("too large"), 413),
        (errors.SecretsUnavailable("the key is lost"), 503),
        (errors.StoreUnavailable("locked"), 503),
        (errors.StoreFull("no room"), 507),
        (errors.StoreError("broken"), 500),
    ],
    ids=lambda value: getattr(value, "code", ""),
)
async def test_a_failure_has_its_status_and_its_sentence(error, status: int, client, door):
    door.answer = error

    failure = (await client("GET", "/status")).failure(status)

    assert failure["code"] == error.code
    assert failure["error"] == failure["detail"] == str(error)


async def test_the_detail_of_a_failure_keeps_its_nulls(client, door):
    door.answer = errors.RejectedBatch(None, [{"id": None, "reason": "invalid payload"}])

    failure = (await client("POST", "/commands/add-messages", b"{}")).failure(400)

    assert failure["detail"] == {
        "error": None,
        "rejected": [{"id": None, "reason": "invalid payload"}],
    }


async def test_a_store_that_is_away_says_when_to_come_again(client, door):
    door.answer = errors.StoreUnavailable("locked")

    assert (await client("GET", "/status")).headers["retry-after"] == "5"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/account/main", 400),
        ("POST", "/commands/suspend", 400),
        ("POST", "/commands/activate", 400),
        ("GET", "/tenant/acme", 404),
    ],
)
async def test_some_paths_answer_400_for_what_is_not_there(
    method: str, path: str, status: int, client, door
):
    door.answer = errors.NotFound("not found")

    (await client(method, path)).failure(status)


async def test_an_unknown_path_is_404(client):
    assert (await client("GET", "/nothing")).failure(404)["detail"] == "Not Found"


async def test_a_wrong_method_is_405_and_names_the_right_ones(client):
    answered = await client("PATCH", "/tenant/acme")

    assert answered.failure(405)["detail"] == "Method Not Allowed"
    assert answered.headers["allow"] == "DELETE,GET,PUT"


async def test_a_bug_is_logged_and_its_answer_tells_nothing(client, door, caplog):
    door.answer = RuntimeError("the password is hunter2")

    with caplog.at_level(logging.ERROR):
        answered = await client("GET", "/status")

    assert answered.status == 500
    assert answered.json == {
        "ok": False,
        "error": "internal error",
        "detail": "internal error",
        "code": "internal",
    }
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_an_answer_that_is_no_json_is_a_bug(client, door):
    door.answer = {"ok": True, "what": object()}

    (await client("GET", "/status")).failure(500)


# --- streams ---


class Stream:
    """`n` messages of about a kilobyte; after them `error`, when there is one."""

    def __init__(self, n: int, error: Exception | None = None) -> None:
        self._n = n
        self._error = error
        self.given = 0
        self.closed = asyncio.Event()

    def answer(self, **rest: Any) -> dict[str, Any]:
        return {"ok": True, **rest, "messages": self._messages()}

    async def _messages(self) -> AsyncIterator[dict[str, Any]]:
        try:
            for n in range(self._n):
                self.given += 1
                yield {"pk": n, "message": {"body": "x" * 1000, "cc": None}, "history": [1]}
            if self._error:
                raise self._error
        finally:
            self.closed.set()


@pytest.mark.parametrize("n", [0, 1, 2, 63, 64, 500])
async def test_a_stream_is_one_json_document(n: int, client, door):
    stream = Stream(n)
    door.answer = lambda: stream.answer(total=n)

    answered = await client("GET", "/messages")

    assert answered.status == 200
    assert answered.headers["content-type"] == "application/json"
    assert {k: v for k, v in answered.json.items() if k != "messages"} == {"ok": True, "total": n}
    assert [m["pk"] for m in answered.json["messages"]] == list(range(n))
    assert all(m["message"]["cc"] is None for m in answered.json["messages"])
    assert stream.closed.is_set()


async def test_a_stream_that_fails_early_is_a_failure(client, door):
    door.answer = lambda: Stream(10, errors.StoreUnavailable("locked")).answer()

    (await client("GET", "/messages")).failure(503)


async def test_a_stream_that_fails_late_is_cut_and_never_looks_whole(client, door, caplog):
    stream = Stream(500, errors.StoreUnavailable("locked"))
    door.answer = stream.answer

    with caplog.at_level(logging.ERROR), pytest.raises((ValueError, ConnectionError)):
        await client("GET", "/messages")

    assert len(caplog.records) == 1
    assert stream.closed.is_set()


async def test_a_stream_waits_for_its_reader(client, door):
    stream = Stream(50_000)
    door.answer = stream.answer

    reader, writer = await client.connect()
    writer.write(b"GET /messages HTTP/1.1\r\nHost: x\r\nX-API-Token: admin-token\r\n\r\n")
    await asyncio.wait_for(reader.readexactly(100_000), 2)
    held = -1
    while held != stream.given:
        held = stream.given
        for _ in range(50):
            await asyncio.sleep(0)

    assert held < 50_000  # 50 MB would have been made: the rest waits for the reader
    writer.transport.abort()


async def test_a_reader_who_leaves_ends_the_stream(client, door):
    stream = Stream(50_000)
    door.answer = stream.answer

    reader, writer = await client.connect()
    writer.write(b"GET /messages HTTP/1.1\r\nHost: x\r\nX-API-Token: admin-token\r\n\r\n")
    await asyncio.wait_for(reader.readexactly(1000), 2)
    writer.transport.abort()

    await asyncio.wait_for(stream.closed.wait(), 2)
    assert stream.given < 50_000
