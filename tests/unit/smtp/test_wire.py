"""What arrives is what was sent, byte for byte; and no byte more is said."""

import pytest

from mail_proxy.sinks.smtp import SmtpSink

HEAD = b"Subject: x\r\n\r\n"
BODIES = [
    b"",
    b"\r\n",
    b"\r\n\r\n\r\n",
    b"a",
    b"a\r\n",
    b"a\r\n\r\n",
    b".",
    b".\r\n",
    b"..",
    b"..\r\n",
    b"...\r\n",
    b".\r\n.\r\n",
    b".\r\n.\r\n.\r\n",
    b".a\r\n",
    b"a\r\n.",
    b"a\r\n.\r\n",
    b"a\r\n..\r\n",
    b"a\r\n.\r\nb\r\n",
    b"a\r\n\r\n.\r\n\r\nb\r\n",
    b"\r\n.\r\n",
    b"\r\n.\r\nMAIL FROM:<evil@x>\r\nRCPT TO:<victim@x>\r\nDATA\r\n",
    b"\r\n\r\n.\r\n\r\n.\r\n",
    b"a.\r\n.b\r\n..c\r\n...",
    b"QUIT\r\nRSET\r\n",
    b"\xe4\xff\x80.\r\n.\xe4\r\n",
    b"\x00\x01.\r\n",
    b" .\r\n\t.\r\n",
    b"a" * 998 + b"\r\n." + b"b" * 996 + b"\r\n",
    b".\r\n" * 40_000,
    b"a" * 65_534 + b"\r\n.\r\n..\r\n" + b"b" * 65_536,
]


def test_there_are_thirty_bodies():
    assert len({*BODIES}) == 30


@pytest.mark.parametrize("head", [HEAD, b""], ids=["with headers", "bare"])
@pytest.mark.parametrize(
    "extensions", [("PIPELINING", "8BITMIME"), ("8BITMIME",)], ids=["pipelined", "plain"]
)
async def test_every_body_arrives_unchanged_and_alone(open_pool, relay_to, extensions, head):
    async with SmtpSink(extensions=extensions) as sink:
        pool = open_pool()
        session = await pool.acquire(relay_to(sink))
        for body in BODIES:
            result = await session.send("s@x", ["r@x"], head + body)
            assert result.is_accepted
        await pool.release(session)
        sent = [head + body for body in BODIES]
        ended = [data if not data or data.endswith(b"\r\n") else data + b"\r\n" for data in sent]
        assert [message.data for message in sink.messages] == ended
        assert sink.connections == 1
        verbs = [command.line.partition(" ")[0] for command in sink.commands]
        assert verbs == ["EHLO"] + ["MAIL", "RCPT", "DATA"] * len(BODIES)


async def test_each_recipient_is_named_once_and_in_order(open_pool, relay_to, sink, message):
    pool = open_pool()
    session = await pool.acquire(relay_to(sink))
    recipients = [f"r{i}@x.example" for i in range(100)]
    await session.send("s@x", recipients, message)
    await pool.release(session)
    rcpts = [c.line for c in sink.commands if c.line.startswith("RCPT")]
    assert rcpts == [f"RCPT TO:<{address}>" for address in recipients]
    assert sink.messages[0].recipients == tuple(recipients)


async def test_an_international_address_arrives_as_utf8(open_pool, relay_to, sink, message):
    pool = open_pool()
    session = await pool.acquire(relay_to(sink))
    result = await session.send("s@x", ["j\u00f6rg@b\u00fccher.example"], message)
    await pool.release(session)
    assert result.is_accepted
    assert sink.messages[0].recipients == ("j\u00f6rg@b\u00fccher.example",)
    assert sink.messages[0].parameters.split()[-1] == "SMTPUTF8"
