"""Each way in which the scripted mail server can break, as a foreign client sees it."""

import asyncio
import ssl
import time

import pytest

from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.certificates import Authority
from mail_proxy.sinks.link import Link
from mail_proxy.sinks.script import Moment, Rule
from mail_proxy.sinks.smtp import SmtpSink

OPENING = b"MAIL FROM:<s@x>\r\nRCPT TO:<a@x>\r\nDATA\r\n"
MAIL = OPENING + b"X-Genro-Mail-ID: m1\r\n\r\nhello\r\n.\r\n"


@pytest.fixture
async def sink():
    async with SmtpSink() as opened:
        yield opened


@pytest.fixture
async def talk():
    """Open a connection to a port, for bytes; it ends with the test."""
    writers = []

    async def connect(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        return reader, writer

    yield connect
    for writer in writers:
        writer.transport.abort()


async def all_of(reader):
    """What is said until the end, and whether that came as an RST."""
    said = b""
    try:
        while data := await reader.read(1000):
            said += data
    except ConnectionResetError:
        return said, True
    return said, False


async def test_a_drop_in_the_body_comes_before_the_dot(sink, talk):
    sink.drop(Moment.BODY)
    reader, writer = await talk(sink.port)
    writer.write(MAIL)
    assert (await all_of(reader))[0].endswith(b"354 end with a dot\r\n")
    assert (sink.count, sink.refused) == (0, [])


async def test_a_body_is_read_so_far_before_it_is_broken_off(sink, talk):
    sink.script.add(Rule(Moment.BODY, reply="552 5.3.4 too much", after_bytes=100))
    reader, writer = await talk(sink.port)
    writer.write(OPENING + b"x" * 99)
    for _ in range(4):
        await reader.readline()
    writer.write(b"x")
    assert await reader.readline() == b"552 5.3.4 too much\r\n"


async def test_a_reset_is_no_ordinary_end(sink, talk):
    sink.drop(Stage.DOT, when="during", resets=True)
    reader, writer = await talk(sink.port)
    writer.write(MAIL)
    said, was_reset = await all_of(reader)
    assert was_reset
    assert said.splitlines()[-1] == b"250 2.0"
    assert sink.count == 1


async def test_a_reply_may_come_octet_by_octet(sink, talk):
    sink.answer(Stage.MAIL, "250 ok", drip_s=0.001)
    reader, writer = await talk(sink.port)
    await reader.readline()
    writer.write(OPENING)
    pieces = [await reader.read(1000) for _ in range(3)]
    assert b"".join(pieces).startswith(b"250")
    assert max(map(len, pieces)) < 8


async def test_a_step_can_be_passed_over_before_it_is_broken(sink, talk):
    sink.answer(Stage.RCPT, "451 4.7.1 later", skip=2, times=1)
    reader, writer = await talk(sink.port)
    await reader.readline()
    writer.write(b"MAIL FROM:<s@x>\r\n" + b"RCPT TO:<a@x>\r\n" * 4)
    await reader.readline()
    assert [(await reader.readline())[:3] for _ in range(4)] == [b"250", b"250", b"451", b"250"]


@pytest.mark.parametrize(
    ("moment", "command"),
    [(Moment.EHLO, b"EHLO x"), (Moment.RSET, b"RSET"), (Moment.QUIT, b"QUIT")],
)
async def test_421_can_be_said_anywhere(sink, talk, moment, command):
    sink.answer(moment, "421 4.3.2 going down")
    sink.drop(moment)
    reader, writer = await talk(sink.port)
    await reader.readline()
    writer.write(command + b"\r\n")
    assert await reader.readline() == b"421 4.3.2 going down\r\n"


async def test_an_idle_client_can_be_told_before_it_is_left(sink, talk):
    reader, _ = await talk(sink.port)
    await reader.readline()
    sink.disconnect_idle(saying="421 4.4.2 idle too long")
    assert await all_of(reader) == (b"421 4.4.2 idle too long\r\n", False)


async def test_an_idle_client_can_be_reset(sink, talk):
    reader, _ = await talk(sink.port)
    await reader.readline()
    sink.disconnect_idle(resets=True)
    assert await all_of(reader) == (b"", True)


async def test_a_message_tells_when_it_began_and_ended(talk):
    times = iter([5.0, 10.0, 20.0, 30.0, 40.0, 50.0])
    told = []
    async with SmtpSink(now=lambda: next(times), on_message=told.append) as sink:
        sink.drop(Stage.DOT, when="before")
        reader, writer = await talk(sink.port)
        before = time.monotonic()
        writer.write(MAIL.replace(b"s@x>", b"s@x> RET=HDRS").replace(b"a@x>", b"a@x> NOTIFY=NEVER"))
        await all_of(reader)
        (received,) = sink.messages
    assert told == [received]
    assert received.began_at < received.at
    assert before <= received.monotonic <= time.monotonic()
    assert (received.parameters, received.rcpt_parameters) == ("RET=HDRS", ("NOTIFY=NEVER",))


async def test_what_is_refused_at_the_dot_is_kept_with_its_time(sink, talk):
    sink.answer(Stage.DOT, "421 4.3.2 going down")
    reader, writer = await talk(sink.port)
    writer.write(MAIL)
    for _ in range(5):
        await reader.readline()
    assert sink.refused[0].monotonic > 0
    assert sink.count == 0


@pytest.mark.parametrize("way", ["cut", "reset", "in clear"])
async def test_a_handshake_can_be_broken_in_the_middle(tmp_path, talk, way):
    authority = Authority(tmp_path)
    async with SmtpSink(tls=authority.server("localhost")) as sink:
        if way == "in clear":
            sink.answer(Moment.HANDSHAKE, "220 what?")
        else:
            sink.drop(Moment.HANDSHAKE, resets=way == "reset")
        reader, writer = await talk(sink.port)
        await reader.readline()
        writer.write(b"STARTTLS\r\n")
        assert (await reader.readline())[:3] == b"220"
        writer.write(b"a hello")
        expected = (b"220 what?\r\n" if way == "in clear" else b"", way == "reset")
        assert await all_of(reader) == expected


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"host": "localhost", "days": -1}, "expired"),
        ({"host": "elsewhere.invalid"}, "Hostname mismatch"),
        ({"host": "localhost", "self_signed": True}, "self-signed"),
    ],
)
async def test_a_bad_certificate_is_refused_for_what_is_wrong_with_it(tmp_path, options, why):
    authority = Authority(tmp_path)
    async with SmtpSink(tls=authority.server(**options), implicit_tls=True) as sink:
        with pytest.raises(ssl.SSLCertVerificationError, match=why):
            await asyncio.open_connection("localhost", sink.port, ssl=authority.trusting())


async def test_a_link_takes_its_time_and_hears_all(sink, talk):
    async with Link(sink.port, delay_s=0.02) as link:
        began = time.monotonic()
        reader, writer = await talk(link.port)
        await reader.readline()
        writer.write(MAIL)
        for _ in range(4):
            await reader.readline()
        assert time.monotonic() - began >= 0.06  # the greeting, and there and back
        assert link.sent == [MAIL]
    assert sink.count == 1


async def test_a_link_can_be_cut(sink, talk):
    async with Link(sink.port) as link:
        reader, _ = await talk(link.port)
        await reader.readline()
        link.cut()
        assert (await all_of(reader))[0] == b""


async def test_a_link_to_nowhere_ends(talk):
    async with SmtpSink() as sink:
        port = sink.port
    async with Link(port) as link:
        reader, _ = await talk(link.port)
        assert await all_of(reader) == (b"", False)
