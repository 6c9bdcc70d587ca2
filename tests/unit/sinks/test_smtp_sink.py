"""The scripted mail server, seen by clients that are not ours."""

import asyncio
import smtplib

import aiosmtplib
import pytest

from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.smtp import SmtpSink, header
from tests.patience import PATIENCE_S

MAIL = b"Subject: x\r\nX-Genro-Mail-ID: m1\r\n\r\nhello\r\n"


@pytest.fixture
async def sink():
    async with SmtpSink() as opened:
        yield opened


@pytest.fixture
async def talk():
    """Open a connection to a sink, for bytes; it ends with the test."""
    writers = []

    async def connect(sink):
        reader, writer = await asyncio.open_connection(sink.host, sink.port)
        writers.append(writer)
        return reader, writer

    yield connect
    for writer in writers:
        writer.transport.abort()


async def client_of(sink):
    client = aiosmtplib.SMTP(hostname=sink.host, port=sink.port, start_tls=False)
    await client.connect()
    return client


async def send(sink, *recipients, data=MAIL):
    client = await client_of(sink)
    try:
        return await client.sendmail("s@x", list(recipients) or ["a@x"], data)
    finally:
        client.close()


async def test_it_keeps_what_a_foreign_client_sends(sink):
    await send(sink, "a@x", "b@x")
    (received,) = sink.messages
    assert (received.return_path, received.recipients) == ("s@x", ("a@x", "b@x"))
    assert received.data == MAIL
    assert (sink.count, sink.size_bytes, sink.connections) == (1, len(MAIL), 1)
    assert sink.copies == {"m1 a@x": 1, "m1 b@x": 1}


async def test_the_standard_library_is_served_too(sink):
    def blocking():
        with smtplib.SMTP(sink.host, sink.port, timeout=5) as client:
            client.sendmail("s@x", ["a@x"], MAIL)

    await asyncio.to_thread(blocking)
    assert sink.messages[0].data == MAIL


async def test_counting_alone_keeps_no_message():
    async with SmtpSink(keep=False) as sink:
        await send(sink)
        assert (sink.count, sink.messages, sink.commands) == (1, [], [])
        assert sink.copies == {"m1 a@x": 1}


async def test_an_answer_is_for_its_recipient_alone(sink):
    sink.answer(Stage.RCPT, "550 5.1.1 no such user", recipient="no@x")
    refused, _ = await send(sink, "yes@x", "no@x")
    assert refused["no@x"].code == 550
    assert sink.messages[0].recipients == ("yes@x",)


async def test_an_answer_lasts_as_often_as_it_is_told(sink):
    sink.answer(Stage.MAIL, "451 4.7.1 later", times=2)
    for _ in range(2):
        with pytest.raises(aiosmtplib.SMTPSenderRefused, match="later"):
            await send(sink)
    await send(sink)
    assert sink.count == 1


async def test_it_obeys_again_when_the_script_is_dropped(sink):
    sink.answer(Stage.DATA, "554 no")
    sink.obey()
    await send(sink)
    assert sink.count == 1


async def test_what_is_refused_at_the_dot_is_not_taken(sink):
    sink.answer(Stage.DOT, "550 5.7.1 spam", recipient="a@x")
    with pytest.raises(aiosmtplib.SMTPDataError):
        await send(sink)
    assert (sink.count, len(sink.refused), sink.copies) == (0, 1, {})


@pytest.mark.parametrize("when", ["before", "during"])
async def test_a_message_counts_though_its_reply_is_never_sent(sink, when):
    sink.drop(Stage.DOT, when=when)
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await send(sink)
    assert sink.count == 1


async def test_a_drop_after_the_reply_lets_the_reply_through(sink):
    sink.drop(Stage.DOT, when="after", times=1)
    await send(sink)
    assert sink.count == 1


@pytest.mark.parametrize("slow", ["hangs", "sleeps"])
async def test_a_sink_ends_although_it_hangs_or_sleeps(slow, talk):
    async with asyncio.timeout(PATIENCE_S):
        async with SmtpSink() as sink:
            if slow == "hangs":
                sink.hang(Stage.DATA)
            else:
                sink.delay(Stage.DATA, 3600.0)
            reader, writer = await talk(sink)
            writer.write(b"MAIL FROM:<s@x>\r\nRCPT TO:<a@x>\r\nDATA\r\n")
            for _ in range(3):
                await reader.readline()
        assert sink.open_connections == 0


async def test_a_waiter_is_told_how_many_came(sink):
    await send(sink)
    await sink.wait_for(1)
    with pytest.raises(TimeoutError, match="1 of 2 messages"):
        await sink.wait_for(2, timeout_s=0.01)


async def test_a_waiter_wakes_when_enough_came(sink):
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(sink.wait_for(2))
        await send(sink)
        assert not waiting.done()
        await send(sink)
    assert sink.count == 2


async def test_who_must_log_in_is_not_heard_before():
    async with SmtpSink(users={"ann": "secret"}) as sink:
        with pytest.raises(aiosmtplib.SMTPSenderRefused, match="log in"):
            await send(sink)
        client = await client_of(sink)
        with pytest.raises(aiosmtplib.SMTPAuthenticationError):
            await client.auth_plain("ann", "wrong")
        await client.auth_login("ann", "secret")
        await client.sendmail("s@x", ["a@x"], MAIL)
        client.close()
        assert sink.messages[0].login == "ann"
        assert not any("secret" in c.line or "c2VjcmV0" in c.line for c in sink.commands)


@pytest.mark.parametrize(
    "line", ["AUTH PLAIN !!", "AUTH PLAIN AAAA", "AUTH FOO", "AUTH LOGIN //8="]
)
async def test_a_broken_login_is_answered(line, talk):
    async with SmtpSink(users={"ann": "secret"}) as sink:
        reader, writer = await talk(sink)
        await reader.readline()
        writer.write(f"{line}\r\n".encode())
        assert (await reader.readline())[:2] in (b"50", b"33", b"53")


async def test_too_large_a_message_is_refused():
    async with SmtpSink(max_size=100) as sink:
        with pytest.raises(aiosmtplib.SMTPSenderRefused, match="too large"):
            await send(sink, data=b"x" * 200)
        client = await client_of(sink)
        await client.ehlo()
        client.esmtp_extensions.pop("size")
        with pytest.raises(aiosmtplib.SMTPDataError, match="too large"):
            await client.sendmail("s@x", ["a@x"], b"x" * 200)
        client.close()


async def test_commands_out_of_order_are_refused(sink, talk):
    reader, writer = await talk(sink)
    writer.write(
        b"RCPT TO:<a@x>\r\nDATA\r\nMAIL from x\r\nMAIL FROM:<s@x>\r\nMAIL FROM:<s@x>\r\n"
        b"RCPT\r\nSTARTTLS\r\nVRFY x\r\nNOOP\r\nRSET\r\nHELO x\r\nQUIT\r\n"
    )
    codes = [line[:3].decode() for line in (await reader.read()).splitlines()]
    assert " ".join(codes) == "220 503 554 501 250 503 501 502 500 250 250 250 221"


async def test_an_endless_line_ends_the_connection(sink, talk):
    reader, writer = await talk(sink)
    writer.write(b"x" * 200_000)
    await reader.readline()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)


async def test_replies_to_pipelined_commands_come_together(sink, talk):
    reader, writer = await talk(sink)
    await reader.readline()
    writer.write(b"MAIL FROM:<s@x>\r\nRCPT TO:<a@x>\r\nDATA\r\n")
    assert (await reader.read(1000)).count(b"\r\n") == 3
    writer.write(b"..\r\n.\r\n")
    await reader.readline()
    assert sink.messages[0].data == b".\r\n"


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"X-Id: 1\r\n\r\n", "1"),
        (b"A: b\r\nx-id:2\r\n\r\nX-Id: 3", "2"),
        (b"A: b\r\n\r\nX-Id: 3", ""),
        (b"Not-X-Id: 1\r\n\r\n", ""),
        (b"", ""),
    ],
)
def test_a_header_is_found_in_the_head_only(data, value):
    assert header(data, b"X-Id") == value
