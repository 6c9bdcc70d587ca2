"""Bodies made to hurt: each is answered with a small JSON failure, and no command is run."""

from __future__ import annotations

import asyncio
import gzip
from contextlib import suppress
from dataclasses import replace

import pytest

from mail_proxy.api import ApiServer
from mail_proxy.api import json as api_json
from mail_proxy.domain.errors import Malformed
from tests.patience import PATIENCE_S

SECRET = b"the text of somebody's mail"

HOSTILE = {
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": Infinity}',
    "-Infinity": b'{"a": -Infinity}',
    "infinity by exponent": b'{"a": 1e999}',
    "-infinity by exponent, deep inside": b'{"a": [{"b": [-1E+400]}]}',
    "infinity by digits": b'{"a": ' + b"1" * 400 + b".0}",
    "a number of 5000 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "a number of 4000 digits": b'{"a": ' + b"9" * 4000 + b"}",
    "a number of 65 bits": b'{"a": 18446744073709551616}',
    "a lone high surrogate": b'{"a": "\\ud800"}',
    "a lone low surrogate": b'{"a": "\\udc00"}',
    "a lone surrogate in a key": b'{"\\ud800": 1}',
    "a surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "no UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a raw control character": b'{"a": "\x01"}',
    "100 000 open brackets": b"[" * 99_999,
    "40 000 nested arrays": b'{"a": ' + b"[" * 40_000 + b"]" * 40_000 + b"}",
    "12 000 nested objects": b'{"a":' * 12_000 + b"1" + b"}" * 12_000,
    "cut off": b'{"a": "' + SECRET,
    "trailing text": b'{"a": 1} ' + SECRET,
    "single quotes": b"{'a': '" + SECRET + b"'}",
    "a form": b"a=1&b=" + SECRET,
    "blanks": b"  ",
    "an array": b'["' + SECRET + b'"]',
    "a string": b'"' + SECRET + b'"',
    "a number": b"17",
    "null": b"null",
    "true": b"true",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_hostile_body_is_malformed_and_not_repeated(body: bytes, client, door):
    answered = await client("POST", "/tenant", body)

    failure = answered.failure(422)
    assert failure["code"] == "malformed"
    assert set(failure["detail"][0]) == {"type", "loc", "msg", "input"}
    assert failure["detail"][0]["loc"][0] == "body"
    assert len(answered.body) < 600
    assert SECRET not in answered.body
    assert door.calls == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"limit": 18446744073709551616}', "limit"),
        ('{"a": 1, "messages": [{}, {"priority": 1e999}]}', "messages.1.priority"),
        ('{"a": [1, {"b c": [[[[[[-99999999999999999999]]]]]]}]}', "a.1.?.0.0.0"),
    ],
)
async def test_a_number_that_is_too_large_is_told_with_its_field(
    body: str, field: str, client, door
):
    failure = (await client("POST", "/tenant", body.encode())).failure(422)

    assert failure["field"] == field
    assert failure["error"].startswith(f"{field}: a number is ")
    assert [str(part) for part in failure["detail"][0]["loc"]] == ["body", *field.split(".")]
    assert door.calls == []


async def test_the_largest_numbers_of_64_bits_pass(client, door):
    await client("POST", "/tenant", b'{"a": 9223372036854775807, "b": -9223372036854775808}')

    assert door.payload == {"a": 2**63 - 1, "b": -(2**63)}


async def test_the_last_of_a_doubled_key_counts(client, door):
    await client("POST", "/tenant", b'{"a": 1, "a": 2}')

    assert door.payload == {"a": 2}


def test_a_body_of_millions_of_values_is_refused_before_it_is_parsed(monkeypatch):
    monkeypatch.setattr(api_json, "MOST_COMMAS", 3)

    assert api_json.decode(b'{"a": [1, 2, 3, 4]}') == {"a": [1, 2, 3, 4]}
    with pytest.raises(Malformed, match="too many values"):
        api_json.decode(b'{"a": [1, 2, 3, 4, 5]}')


async def test_a_body_over_the_limit_is_told_at_once(client, door):
    # The body itself is never sent: the declared length is enough.
    head = "POST /tenant HTTP/1.1\r\nHost: x\r\nX-API-Token: admin-token\r\nConnection: close\r\n"

    reader, writer = await client.connect()
    writer.write(f"{head}Content-Length: 1000000000000\r\n\r\n".encode())
    status_line = await asyncio.wait_for(reader.readline(), PATIENCE_S)
    writer.close()

    assert b" 413 " in status_line
    assert door.calls == []


async def test_a_body_over_the_limit_is_a_json_failure(client, door):
    answered = await client("POST", "/tenant", b'{"a": "' + SECRET * 5000 + b'"}')

    assert answered.failure(413)["code"] == "too_large"
    assert SECRET not in answered.body
    assert door.calls == []


async def test_a_chunked_body_over_the_limit_is_cut_off(client, door):
    head = "POST /tenant HTTP/1.1\r\nHost: x\r\nX-API-Token: admin-token\r\nConnection: close\r\n"
    chunk = f"{60_000:x}\r\n{'a' * 60_000}\r\n"

    answered = await client.raw(
        f"{head}Transfer-Encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n".encode()
    )

    answered.failure(413)


async def test_a_body_of_unknown_length_may_have_less(door, settings):
    http = replace(settings.http, max_chunked_bytes=50_000)
    async with ApiServer(door, replace(settings, http=http)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"POST /tenant HTTP/1.1\r\nHost: x\r\nX-API-Token: admin-token\r\n"
            b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            + f"{60_000:x}\r\n{'a' * 60_000}\r\n0\r\n\r\n".encode()
        )
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()

    assert b" 413 " in answer.partition(b"\r\n")[0]
    assert b"with a Content-Length it may have 100000" in answer
    assert door.calls == []


SURROGATES = {
    "high": (b'{"messages": ["\\ud800", 1]}', ["\ud800", 1]),
    "low, capital": (b'{"messages": ["\\uDC00"]}', ["\udc00"]),
    "a pair": (b'{"messages": ["\\ud83d\\ude00", "\\ud83d"]}', ["\U0001f600", "\ud83d"]),
}


@pytest.mark.parametrize(("body", "expected"), SURROGATES.values(), ids=SURROGATES.keys())
async def test_half_a_pair_in_a_batch_is_left_to_who_judges_each(body, expected, client, door):
    await client("POST", "/commands/add-messages", body)

    assert door.payload == {"messages": expected}


@pytest.mark.parametrize(
    "rest",
    [
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"9" * 5000,
        b"18446744073709551616",
        b"[" * 300 + b"]" * 300,
        b"[" * 100_000,
        b'"\xff"',
        b'"\x01"',
        b'"cut off',
    ],
    ids=lambda rest: rest[:12].decode("latin-1"),
)
async def test_half_a_pair_lets_nothing_else_through(rest: bytes, client, door):
    body = b'{"messages": ["\\ud800"], "x": ' + rest + b"}"

    answered = await client("POST", "/commands/add-messages", body)

    answered.failure(413 if len(body) > 100_000 else 422)
    assert door.calls == []


async def test_a_compressed_body_is_refused(client, door):
    bomb = gzip.compress(b'{"a": "' + b"x" * 10_000_000 + b'"}')

    answered = await client("POST", "/tenant", bomb, ("Content-Encoding: gzip",))

    assert answered.failure(415)["code"] == "unsupported"
    assert door.calls == []


async def test_a_body_that_never_ends_is_given_up(door, settings):
    hasty = replace(settings, http=replace(settings.http, body_timeout_s=0.02, stop_grace_s=0.02))
    async with ApiServer(door, hasty) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"POST /tenant HTTP/1.1\r\nHost: x\r\nX-API-Token: admin-token\r\n"
            b'Content-Length: 50\r\n\r\n{"a": '
        )
        status_line = await asyncio.wait_for(reader.readline(), PATIENCE_S)
        writer.close()

    assert b" 422 " in status_line
    assert door.calls == []


async def test_a_connection_whose_request_never_ends_is_closed(door, settings):
    hasty = replace(settings, http=replace(settings.http, keepalive_s=0.02))
    async with ApiServer(door, hasty) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /health HTTP/1.1\r\nX-Slow: ")

        async with asyncio.timeout(PATIENCE_S):
            with suppress(ConnectionResetError):  # closed before the bytes were read
                assert await reader.read() == b""
        writer.close()


async def test_what_is_no_http_gets_json_too(client):
    answered = await client.raw(b"\x16\x03\x01\x02\x00 secret\r\n\r\n")

    answered.failure(400)
    assert b"secret" not in answered.body


@pytest.mark.parametrize("head", ["A: " + "b" * 9000, "\r\n".join(f"A{n}: b" for n in range(200))])
async def test_endless_headers_are_refused(head: str, client, door):
    answered = await client("GET", "/health", headers=(head,))

    answered.failure(400)
    assert door.calls == []


@pytest.mark.parametrize("encoding", ["identity", "Identity"])
async def test_the_encoding_that_is_none_is_no_compression(encoding: str, client, door):
    await client("POST", "/tenant", b'{"id": "acme"}', (f"Content-Encoding: {encoding}",))

    assert door.payload == {"id": "acme"}


async def test_an_unknown_expectation_is_a_json_failure(client, door):
    answered = await client("POST", "/tenant", b"{}", ("Expect: wonders",))

    assert answered.failure(417)["code"] == "invalid"
    assert answered.headers["server"] == "mail-proxy"
    assert door.calls == []


async def test_a_body_that_waits_to_be_asked_for_is_asked_for(client, door):
    reader, writer = await client.connect()
    head = "POST /tenant HTTP/1.1\r\nHost: x\r\nX-API-Token: admin-token\r\nConnection: close\r\n"
    writer.write(f"{head}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n".encode())
    asked = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
    writer.write(b"{}")
    answer = await asyncio.wait_for(reader.readline(), PATIENCE_S)
    writer.close()

    assert asked == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert b" 200 " in answer
