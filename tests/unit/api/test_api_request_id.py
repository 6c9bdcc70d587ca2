"""Every answer names its request: as the caller did, or with a new id."""

from __future__ import annotations

import asyncio
import io

import pytest

from mail_proxy.domain.errors import NotFound, RejectedBatch, TooMany
from mail_proxy.observe import events, log
from mail_proxy.wire.request_id import is_request_id
from tests.patience import PATIENCE_S

HEADER = "X-Request-ID"
POST = "/commands/add-messages"


def id_of(answered) -> str:
    found = answered.headers["x-request-id"]
    assert is_request_id(found)
    return found


async def test_the_callers_id_is_answered_and_goes_along(client, door):
    answered = await client("GET", "/status", headers=(f"{HEADER}: order-7_a.b",))

    assert id_of(answered) == "order-7_a.b"
    assert door.calls[0][2].request_id == "order-7_a.b"


async def test_without_one_each_request_gets_its_own(client, door):
    first, second = await client("GET", "/status"), await client("GET", "/status")

    assert len({id_of(first), id_of(second)}) == 2
    assert [caller.request_id for _, _, caller in door.calls] == [id_of(first), id_of(second)]


async def test_the_socket_of_the_instance_has_them_too(local, door):
    answered = await local("GET", "/status", headers=(f"{HEADER}: from-a-script",))

    assert id_of(answered) == door.calls[0][2].request_id == "from-a-script"


@pytest.mark.parametrize(
    "given",
    ["", "a b", "a" * 65, "a" * 8000, "caf\xe9", "a;b", "<script>", "\x80\x9b31m"],
)
async def test_a_bad_one_is_replaced_and_nothing_is_refused(client, door, given: str):
    answered = await client("GET", "/status", headers=(f"{HEADER}: {given}",))

    assert answered.status == 200
    assert id_of(answered) == door.calls[0][2].request_id != given


async def test_of_two_none_is_taken(client, door):
    answered = await client("GET", "/status", headers=(f"{HEADER}: a", f"{HEADER}: b"))

    assert id_of(answered) not in ("a", "b")


@pytest.mark.parametrize("given", ["\x1b]0;owned\x07", "a" * 10_000, "a\rX-Admin: yes", "a\x00"])
async def test_what_no_header_may_hold_is_no_request(client, door, given: str):
    answered = await client("GET", "/status", headers=(f"{HEADER}: {given}",))

    answered.failure(400)
    assert id_of(answered)
    assert b"owned" not in answered.body
    assert door.calls == []


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [("GET", "/absent", 404), ("PATCH", "/status", 405), ("GET", "/docs", 200)],
)
async def test_what_is_no_command_is_answered_with_it(client, method, target, status):
    answered = await client(method, target, headers=(f"{HEADER}: call-1",))

    assert (answered.status, id_of(answered)) == (status, "call-1")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("no such message"), 404),
        (RejectedBatch(None, []), 400),
        (TooMany("wait", limit="max_queued", retry_after_s=1), 429),
        (ValueError("a bug"), 500),
    ],
)
async def test_failures_are_answered_with_it(client, door, error, status):
    door.answer = error
    answered = await client("POST", POST, b"{}", (f"{HEADER}: call-1",))

    assert (answered.status, id_of(answered)) == (status, "call-1")


async def test_a_wrong_token_is_answered_with_it(client):
    client.token = "wrong"
    answered = await client("GET", "/status", headers=(f"{HEADER}: call-1",))

    assert (answered.status, id_of(answered)) == (401, "call-1")


async def test_a_body_that_is_too_large_is_answered_with_it(client):
    answered = await client("POST", POST, b"{}" + b" " * 200_000, (f"{HEADER}: call-1",))

    assert (answered.status, id_of(answered)) == (413, "call-1")


async def test_an_expectation_that_is_not_met_is_answered_with_it(client):
    headers = (f"{HEADER}: call-1", "Expect: tea")
    answered = await client("POST", POST, b"{}", headers)

    assert (answered.status, id_of(answered)) == (417, "call-1")


async def test_a_list_that_is_streamed_is_answered_with_it(client, door):
    async def messages():
        for n in range(3000):
            yield {"id": f"m{n}", "subject": "s" * 100}

    door.answer = lambda: {"ok": True, "messages": messages()}
    answered = await client("GET", "/messages", headers=(f"{HEADER}: call-1",))

    assert answered.headers["transfer-encoding"] == "chunked"
    assert id_of(answered) == "call-1"


async def test_lines_of_the_log_belong_to_their_request_on_one_connection_too(server, door):
    """A connection's task lives on after the request."""
    stream = io.StringIO()
    door.answer = lambda: events.run_now("acme") or {"ok": True}
    heads = [
        b"GET /health HTTP/1.1\r\nHost: x\r\nX-Request-ID: first\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nX-Request-ID: second\r\nConnection: close\r\n\r\n",
    ]
    log.configure("INFO", stream=stream)
    try:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.writelines(heads)
            await reader.read()
            writer.close()
        events.run_now("later")
    finally:
        log.unconfigure()

    lines = [line.split(" run_now ")[1] for line in stream.getvalue().splitlines()]
    assert lines == [
        "tenant=acme request_id=first",
        "tenant=acme request_id=second",
        "tenant=later",
    ]
