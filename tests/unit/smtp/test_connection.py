"""One connection: outcomes, the dot, timeouts, cancellation, what a hostile server does."""

import asyncio

import pytest

from mail_proxy.config.settings import DeliverySettings
from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.smtp import SmtpSink
from mail_proxy.smtp.connection import Connection

GREETING = b"220 hi\r\n"


async def test_a_message_is_accepted(open_pool, relay_to, sink, message):
    pool = open_pool()
    session = await pool.acquire(relay_to(sink))
    result = await session.send("s@x", ["a@x", "b@x"], message)
    await pool.release(session)
    assert result.is_accepted
    assert [reply.code for reply in result.recipients] == [250, 250]
    assert result.reply.text == "taken"
    (received,) = sink.messages
    assert (received.return_path, received.recipients) == ("s@x", ("a@x", "b@x"))


@pytest.mark.parametrize("extensions", [("PIPELINING",), ()], ids=["pipelined", "plain"])
async def test_replies_are_never_shifted(open_pool, relay_to, message, extensions):
    async with SmtpSink(extensions=extensions) as sink:
        sink.answer(Stage.MAIL, "451 4.1.8 sender", recipient="bad@x")
        sink.answer(Stage.RCPT, "550 5.1.1 one", recipient="no@x")
        sink.answer(Stage.DATA, "554 5.6.0 data", recipient="data@x")
        sink.answer(Stage.DOT, "550 5.7.1 dot", recipient="dot@x")
        pool = open_pool()
        session = await pool.acquire(relay_to(sink))
        seen = []
        for _ in range(5):
            for sender, recipients in (
                ("s@x", ["yes@x"]),
                ("bad@x", ["yes@x", "no@x"]),
                ("s@x", ["no@x"]),
                ("s@x", ["no@x", "yes@x"]),
                ("s@x", ["data@x"]),
                ("s@x", ["yes@x", "dot@x"]),
            ):
                result = await session.send(sender, recipients, message)
                seen.append((result.stage, result.reply.code))
        await pool.release(session)
        assert seen == 5 * [
            (Stage.DOT, 250),
            (Stage.MAIL, 451),
            (Stage.RCPT, 550),
            (Stage.DOT, 250),
            (Stage.DATA, 554),
            (Stage.DOT, 550),
        ]
        assert sink.connections == 1
        assert (len(sink.messages), len(sink.refused)) == (10, 5)


async def test_a_server_that_asks_for_a_message_without_recipients_gets_an_empty_one(
    open_pool, relay_to, sink, message
):
    sink.answer(Stage.RCPT, "550 5.1.1 no", times=1)
    sink.answer(Stage.DATA, "354 anyway", times=1)
    pool = open_pool()
    session = await pool.acquire(relay_to(sink))
    marks = []
    first = await session.send("s@x", ["a@x"], message, on_dot=lambda _: marks.append(1))
    second = await session.send("s@x", ["a@x"], message)
    await pool.release(session)
    assert (first.stage, first.reply.code, first.dot_sent, marks) == (Stage.RCPT, 550, False, [])
    assert second.is_accepted
    assert [received.data for received in sink.refused] == [b""]
    assert [received.data for received in sink.messages] == [message]


@pytest.mark.parametrize(
    ("stage", "when", "dot_sent", "came"),
    [
        (Stage.MAIL, "before", False, 0),
        (Stage.RCPT, "before", False, 0),
        (Stage.DATA, "before", False, 0),
        (Stage.DOT, "before", True, 1),
        (Stage.DOT, "during", True, 1),
    ],
)
async def test_a_dropped_connection_tells_whether_the_dot_was_sent(
    open_pool, relay_to, sink, message, stage, when, dot_sent, came
):
    sink.drop(stage, when=when)
    pool = open_pool()
    session = await pool.acquire(relay_to(sink))
    result = await session.send("s@x", ["a@x"], message)
    assert (result.stage, result.reply, result.dot_sent) == (stage, None, dot_sent)
    assert result.lost == "the server closed the connection"
    assert not session.is_usable
    await pool.release(session)
    assert sink.count == came


async def test_a_250_counts_although_the_server_goes_with_it(open_pool, relay_to, sink, message):
    sink.drop(Stage.DOT, when="after")
    pool = open_pool()
    session = await pool.acquire(relay_to(sink))
    assert (await session.send("s@x", ["a@x"], message)).is_accepted
    await pool.release(session)


async def test_on_dot_is_called_before_the_dot_and_only_then(open_pool, relay_to, sink, message):
    sink.answer(Stage.RCPT, "550 no", times=1)
    pool = open_pool()
    session = await pool.acquire(relay_to(sink))
    marks = []

    def mark(replies):
        marks.append(sink.count)

    await session.send("s@x", ["a@x"], message, on_dot=mark)
    assert marks == []
    await session.send("s@x", ["a@x"], message, on_dot=mark)
    assert (marks, sink.count) == ([0], 1)
    await pool.release(session)


async def test_on_dot_is_told_the_reply_for_each_recipient(open_pool, relay_to, sink, message):
    sink.answer(Stage.RCPT, "550 5.1.1 no such user", recipient="b@x")
    pool = open_pool()
    session = await pool.acquire(relay_to(sink))
    told = []
    await session.send("s@x", ["a@x", "b@x", "c@x"], message, on_dot=told.extend)
    assert [reply.code for reply in told] == [250, 550, 250]
    await pool.release(session)


async def test_the_reply_to_the_dot_is_told_in_the_moment_in_which_it_is_read(
    open_pool, relay_to, sink, message
):
    """Not when the loop resumes who waits for it."""
    sink.answer(Stage.MAIL, "550 no", times=1)
    sink.answer(Stage.DOT, "250 2.0.0 taken")
    pool = open_pool()
    session = await pool.acquire(relay_to(sink))
    told = []

    def note(result):
        told.append((result, asyncio.current_task()))

    await session.send("s@x", ["a@x"], message, on_reply=note)
    assert told == []
    result = await session.send("s@x", ["a@x"], message, on_reply=note)
    assert told == [(result, None)]
    await session.send("s@x", ["a@x"], message)
    assert len(told) == 1
    await pool.release(session)


async def test_no_dot_leaves_when_on_dot_fails(open_pool, relay_to, sink, message):
    def fail(replies):
        raise OSError("the journal is full")

    pool = open_pool()
    session = await pool.acquire(relay_to(sink))
    with pytest.raises(OSError, match="journal"):
        await session.send("s@x", ["a@x"], message, on_dot=fail)
    assert not session.is_usable
    await pool.release(session)
    again = await pool.acquire(relay_to(sink))
    assert (await again.send("s@x", ["b@x"], message)).is_accepted
    await pool.release(again)
    assert [received.recipients for received in sink.messages] == [("b@x",)]


@pytest.mark.parametrize(
    ("stage", "dot_sent"), [(Stage.MAIL, False), (Stage.RCPT, False), (Stage.DOT, True)]
)
async def test_a_silent_server_is_left_after_its_time(
    open_pool, relay_to, sink, message, stage, dot_sent
):
    sink.hang(stage)
    pool = open_pool(command_timeout_s=0.05, dot_timeout_s=0.07)
    session = await pool.acquire(relay_to(sink))
    result = await session.send("s@x", ["a@x"], message)
    await pool.release(session)
    seconds = "0.07" if dot_sent else "0.05"
    assert (result.stage, result.lost) == (stage, f"no answer within {seconds} s")
    assert result.dot_sent == dot_sent
    assert not session.is_usable


async def test_the_dot_may_take_longer_than_a_command(open_pool, relay_to, sink, message):
    sink.delay(Stage.DOT, 0.06)
    pool = open_pool(command_timeout_s=0.03, dot_timeout_s=30)
    session = await pool.acquire(relay_to(sink))
    assert (await session.send("s@x", ["a@x"], message)).is_accepted
    await pool.release(session)


async def test_half_a_reply_earns_no_more_time(open_pool, relay_to, raw_server, message):
    async def drip(reader, writer):
        writer.write(GREETING)
        await reader.readline()
        writer.write(b"250 ok\r\n")
        await reader.readline()
        for _ in range(12):
            writer.write(b"250-and\r\n")
            await asyncio.sleep(0.01)
        writer.write(b"250 ok\r\n")

    async with raw_server(drip) as server:
        pool = open_pool(command_timeout_s=0.05)
        session = await pool.acquire(relay_to(server))
        result = await session.send("s@x", ["a@x"], message)
        await pool.release(session)
    assert (result.stage, result.lost) == (Stage.MAIL, "no answer within 0.05 s")


@pytest.mark.parametrize(
    "flood", [b"250-x\r\n" * 20_000, b"250 " + b"x" * 200_000, b"\0\r\n", b"220 hi\r\n" * 30_000]
)
async def test_a_flood_ends_the_connection(open_pool, relay_to, raw_server, message, flood):
    async def talk(reader, writer):
        writer.write(GREETING)
        await reader.readline()
        writer.write(b"250 ok\r\n")
        await reader.readline()
        writer.write(flood)

    async with raw_server(talk) as server:
        pool = open_pool()
        session = await pool.acquire(relay_to(server))
        result = await session.send("s@x", ["a@x"], message)
        assert result.lost is not None
        assert not session.is_usable
        await pool.release(session)


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.DOT])
async def test_cancelled_it_closes_the_connection(open_pool, relay_to, sink, message, stage):
    sink.hang(stage, times=1)
    pool = open_pool(max_connections_per_account=1)
    session = await pool.acquire(relay_to(sink))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await session.send("s@x", ["a@x"], message)
    assert not session.is_usable
    await pool.release(session)
    again = await pool.acquire(relay_to(sink))
    assert (await again.send("s@x", ["b@x"], message)).is_accepted
    await pool.release(again)
    assert sink.connections == 2


class Wire(asyncio.Transport):
    """A transport to nowhere."""

    def __init__(self):
        super().__init__()
        self.written = b""
        self.is_aborted = False

    def set_protocol(self, protocol):
        pass

    def is_closing(self):
        return self.is_aborted

    def write(self, data):
        self.written += data

    def abort(self):
        self.is_aborted = True


@pytest.mark.parametrize(
    ("replies", "stage"),
    [
        ([b"250 ok\r\n250 ok\r\n354 go\r\n", b"250 taken\r\n"], Stage.DOT),
        ([b"550 no\r\n"], Stage.MAIL),  # the rest of the pipeline is still to come
    ],
)
async def test_an_answer_that_comes_with_the_cancellation_is_not_lost(message, replies, stage):
    wire = Wire()
    connection = Connection(wire, {"PIPELINING": ""}, DeliverySettings())
    results = []

    async def send():
        results.append(await connection.send("s@x", ["a@x"], message))
        await asyncio.Event().wait()

    task = asyncio.get_running_loop().create_task(send())
    for reply in replies:
        await asyncio.sleep(0)
        connection.data_received(reply)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [result.stage for result in results] == [stage]
    assert results[0].reply is not None
    assert task.cancelling() == 1
    assert wire.is_aborted
    connection.connection_lost(None)


async def test_a_big_message_waits_for_a_slow_reader(open_pool, relay_to, sink):
    data = b"x" * 76 + b"\r\n"
    data *= 40_000  # 3 MB: far more than the buffers of sockets on loopback
    pool = open_pool()
    session = await pool.acquire(relay_to(sink))
    result = await session.send("s@x", ["a@x"], data)
    await pool.release(session)
    assert result.is_accepted
    assert sink.messages[0].data == data


async def test_a_refusal_in_the_middle_of_a_big_message_is_read(open_pool, relay_to, raw_server):
    async def talk(reader, writer):
        writer.write(GREETING)
        await reader.readline()
        writer.write(b"250 ok\r\n")
        for reply in (b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
            await reader.readline()
            writer.write(reply)
        await reader.readexactly(100_000)
        writer.write(b"552 5.3.4 too much\r\n")

    async with raw_server(talk) as server:
        pool = open_pool()
        session = await pool.acquire(relay_to(server))
        marks = []
        data = b"x" * 16_000_000 + b"\r\n"
        result = await session.send("s@x", ["a@x"], data, on_dot=lambda _: marks.append(1))
        await pool.release(session)
    assert (result.stage, result.reply.code, result.dot_sent) == (Stage.DATA, 552, False)
    assert marks == []
    assert not session.is_usable


async def test_a_server_that_stops_reading_is_left(open_pool, relay_to, raw_server):
    stop = asyncio.Event()

    async def talk(reader, writer):
        writer.write(GREETING)
        await reader.readline()
        writer.write(b"250 ok\r\n")
        for reply in (b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
            await reader.readline()
            writer.write(reply)
        await stop.wait()

    async with raw_server(talk) as server:
        pool = open_pool(command_timeout_s=0.1)
        session = await pool.acquire(relay_to(server))
        result = await session.send("s@x", ["a@x"], b"x" * 16_000_000 + b"\r\n")
        stop.set()
        await pool.release(session)
    assert (result.stage, result.lost) == (Stage.DATA, "no answer within 0.1 s")
    assert not result.dot_sent


async def test_what_the_server_cannot_take_is_refused_without_a_word(open_pool, relay_to, message):
    async with SmtpSink(max_size=10) as sink:
        pool = open_pool()
        session = await pool.acquire(relay_to(sink))
        result = await session.send("s@x", ["a@x"], message)
        assert (result.stage, result.reply.code) == (Stage.MAIL, 552)
        assert session.is_usable
        assert session.messages_sent == 0
        await pool.release(session)
        assert [c.line.split()[0] for c in sink.commands] == ["EHLO"]


async def test_a_line_break_in_an_address_never_reaches_the_wire(
    open_pool, relay_to, sink, message
):
    pool = open_pool()
    session = await pool.acquire(relay_to(sink))
    with pytest.raises(ValueError, match="address"):
        await session.send("s@x", ["a@x>\r\nRCPT TO:<z@z"], message)
    assert (await session.send("s@x", ["a@x"], message)).is_accepted
    await pool.release(session)
    assert [c.line for c in sink.commands if "RCPT" in c.line] == ["RCPT TO:<a@x>"]
