"""Failures of connections are told in words, not in numbers of the system."""

import asyncio
import errno
import re
import socket
import ssl

import aiosmtplib
import pytest

from mail_proxy.domain.errors import RelayUnreachable
from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.smtp import SmtpSink
from mail_proxy.smtp import Relay, trouble
from mail_proxy.smtp.means import Means

OF_MACHINES = re.compile(r"Errno|_NUMBER|-1|Malformed|Error\b")


async def why(pool, relay):
    with pytest.raises(RelayUnreachable) as caught:
        await pool.acquire(relay)
    assert not OF_MACHINES.search(str(caught.value))
    return caught.value.stage, caught.value.why


async def test_a_closed_port_refuses(open_pool, relay_to):
    async with SmtpSink() as sink:
        relay = relay_to(sink)
    stage, words = await why(open_pool(), relay)
    assert (stage, words) == (Stage.CONNECT, "connection refused: nothing listens there")


async def test_an_unknown_host_is_not_found(open_pool, relay_to, monkeypatch):
    async def unknown(*_args, **_options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", unknown, raising=False)
    _, words = await why(open_pool(), Relay("t", "a", "nosuch.invalid", 25))
    assert words == "host not found: nosuch.invalid"


async def test_tls_to_a_plain_server_is_told_with_what_to_try(open_pool, relay_to, raw_server):
    async def talk(reader, writer):
        writer.write(b"220 hi\r\n")

    async with raw_server(talk, rude=True) as server:
        stage, words = await why(open_pool(connect_timeout_s=5), relay_to(server, tls_mode="ssl"))
    assert stage is Stage.TLS
    assert words == "the server speaks no TLS on this port (try tls_mode starttls or none)"


async def test_a_server_that_expects_tls_first_is_told_by_its_alert(
    open_pool, relay_to, raw_server
):
    async def talk(reader, writer):
        writer.write(b"\x15\x03\x03\x00\x02\x02\x0a")
        writer.write_eof()

    async with raw_server(talk) as server:
        stage, words = await why(open_pool(), relay_to(server, tls_mode="none"))
    assert stage is Stage.CONNECT
    assert words.startswith("the server expects TLS from the first byte (try tls_mode ssl")


async def test_a_silent_server_may_expect_tls_first(open_pool, relay_to, sink):
    sink.hang(Stage.CONNECT)
    _, words = await why(open_pool(connect_timeout_s=0.05), relay_to(sink))
    assert words.startswith("timed out after 0.05 s; a server that expects TLS first is silent too")


async def test_a_server_that_closes_is_told(open_pool, relay_to, raw_server):
    async def talk(reader, writer):
        writer.close()

    async with raw_server(talk) as server:
        for mode in ("none", "ssl"):
            _, words = await why(open_pool(), relay_to(server, tls_mode=mode))
            assert words == "the server closed the connection"


@pytest.mark.parametrize(
    ("greeting", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "HTTP/1.1 400 Bad Request"),
        (b"* OK IMAP4 ready\r\n", "* OK IMAP4 ready"),
        (b"250 hi\r\n", "250 hi"),
        (b"220-" + b"x" * 99_999, "its lines have no end"),
    ],
)
async def test_what_is_no_mail_server_is_told(open_pool, relay_to, raw_server, greeting, said):
    async def talk(reader, writer):
        writer.write(greeting)

    async with raw_server(talk) as server:
        _, words = await why(open_pool(), relay_to(server, tls_mode="none"))
    assert words == f"what answers there is not a mail server: {said}"


async def test_an_unknown_authority_can_be_made_known(open_pool, relay_to, certificates):

    async with SmtpSink(tls=certificates.good) as sink:
        pool = open_pool()
        pool._means = Means(tls=ssl.create_default_context)
        stage, words = await why(pool, relay_to(sink, tls_mode="starttls"))
    assert stage is Stage.TLS
    assert "the certificate of localhost is not good" in words
    assert words.endswith("a private authority can be added to the certificates of the system")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError("Multiple exceptions: [Errno 111] a, [Errno 101] b"), "connection refused"),
        (OSError(errno.EHOSTUNREACH, "No route"), "there is no way to that host"),
        (OSError(errno.EMFILE, "x"), "too many open files"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), "the name server does not answer"),
        (aiosmtplib.SMTPServerDisconnected("Connection lost"), trouble.CLOSED),
        (ValueError("x"), ""),
    ],
)
def test_a_lost_connection_has_words(error, words):
    assert words in trouble.lost(error, "h")
    assert bool(trouble.lost(error, "h")) is bool(words)


@pytest.mark.parametrize(
    ("reason", "is_implicit", "words"),
    [
        ("WRONG_VERSION_NUMBER", False, "then speaks no TLS"),
        ("UNSUPPORTED_PROTOCOL", True, "only old versions of TLS"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", True, "sslv3 alert handshake failure"),
    ],
)
def test_a_failure_of_tls_has_words(reason, is_implicit, words):

    error = ssl.SSLError(1, f"[SSL: {reason}]")
    error.reason = reason
    assert words in trouble.no_tls(error, is_implicit=is_implicit)
