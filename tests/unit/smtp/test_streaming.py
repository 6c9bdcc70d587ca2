"""Mail that is read while it is sent: threads, the dot, and every way in which it may end early."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from hashlib import sha256

import pytest

from mail_proxy.domain.errors import ContentChanged
from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.script import Moment, Rule
from mail_proxy.sinks.smtp import SmtpSink
from tests.patience import PATIENCE_S

LINE = b"." + b"x" * 75 + b"\r\n"
BLOCK = LINE * (131_072 // len(LINE))
LONG = 120  # blocks: more than the buffers of sockets hold on loopback


class Blocks:
    """A mail of blocks, which notes how it is read.

    at_end: raised instead of the end. wait_at: a block before which the thread waits for `go`.
    """

    def __init__(
        self, count: int, *, at_end: Exception | None = None, wait_at: int | None = None
    ) -> None:
        self.count = count
        self.size_bytes = count * len(BLOCK)
        self.is_ascii = True
        self.at_end = at_end
        self.wait_at = wait_at
        self.go = threading.Event()
        self.is_waiting = False
        self.read = 0
        self.opened = 0
        self.closed = 0
        self.threads: set[int] = set()

    @property
    def data(self) -> bytes:
        return BLOCK * self.count

    def blocks(self) -> Iterator[bytes]:
        self.opened += 1
        try:
            for n in range(self.count):
                self.threads.add(threading.get_ident())
                if n == self.wait_at:
                    self.is_waiting = True
                    self.go.wait(PATIENCE_S)
                self.read += 1
                yield BLOCK
            if self.at_end:
                raise self.at_end
        finally:
            self.closed += 1


@pytest.fixture
async def session(open_pool, relay_to, sink):
    pool = open_pool()
    acquired = await pool.acquire(relay_to(sink))
    yield acquired
    await pool.release(acquired)


@pytest.mark.parametrize("extensions", [("PIPELINING", "SIZE"), ()], ids=["pipelined", "plain"])
@pytest.mark.parametrize("count", [0, 1, 2, 40])
async def test_a_mail_in_blocks_arrives_whole(open_pool, relay_to, extensions, count):
    async with SmtpSink(extensions=extensions) as sink:
        pool = open_pool()
        session = await pool.acquire(relay_to(sink))
        mail = Blocks(count)
        marks = []
        result = await session.send("s@x", ["a@x"], mail, on_dot=lambda _: marks.append(mail.read))
        again = await session.send("s@x", ["a@x"], b"a\r\n")
        await pool.release(session)
    assert result.is_accepted
    assert again.is_accepted
    assert marks == [count]
    assert sink.connections == 1
    assert sink.messages[0].data == mail.data
    assert (mail.opened, mail.closed) == (1, 1)
    assert threading.get_ident() not in mail.threads
    if extensions:
        assert f"SIZE={len(mail.data)}" in sink.messages[0].parameters


async def test_over_tls_too(open_pool, relay_to, certificates):
    async with SmtpSink(tls=certificates.good) as sink:
        pool = open_pool()
        session = await pool.acquire(relay_to(sink, tls_mode="starttls"))
        mail = Blocks(40)
        assert (await session.send("s@x", ["a@x"], mail)).is_accepted
        await pool.release(session)
    assert sink.messages[0].encrypted
    assert sink.messages[0].data == mail.data


@pytest.mark.parametrize("count", [0, 1, 5])
@pytest.mark.parametrize(
    "error",
    [ContentChanged("other octets"), OSError(5, "input/output error")],
    ids=["hash", "disk"],
)
async def test_no_dot_leaves_when_the_content_is_not_what_it_was(session, sink, count, error):
    mail = Blocks(count, at_end=error)
    marks = []
    with pytest.raises(type(error)):
        await session.send("s@x", ["a@x"], mail, on_dot=marks.append)
    assert marks == []
    assert not session.is_usable
    assert (sink.count, mail.closed) == (0, 1)


async def test_what_is_no_mail_is_stopped_without_a_dot(session, sink):
    mail = Blocks(3)
    mail.size_bytes -= 1
    with pytest.raises(ContentChanged):
        await session.send("s@x", ["a@x"], mail)
    assert not session.is_usable
    assert sink.count == 0


async def test_no_dot_leaves_when_on_dot_fails(session, sink):
    def fail(replies):
        raise OSError("the journal is full")

    with pytest.raises(OSError, match="journal"):
        await session.send("s@x", ["a@x"], Blocks(3), on_dot=fail)
    assert not session.is_usable
    assert sink.count == 0


async def test_a_refused_mail_is_not_read(session, sink):
    sink.answer(Stage.RCPT, "550 5.1.1 no")
    mail = Blocks(3)
    result = await session.send("s@x", ["a@x"], mail)
    assert (result.stage, result.reply.code, mail.opened) == (Stage.RCPT, 550, 0)
    assert session.is_usable


async def up_to_body(reader, writer):
    """The server's side until it has asked for the mail."""
    writer.write(b"220 hi\r\n")
    for answer in (b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
        await reader.readline()
        writer.write(answer)


@pytest.mark.parametrize("reply", ["421 4.3.2 going down", "552 5.3.4 too much"])
async def test_a_refusal_in_the_middle_ends_it_at_once(open_pool, relay_to, raw_server, reply):
    async def talk(reader, writer):
        await up_to_body(reader, writer)
        await reader.readexactly(100_000)
        writer.write(f"{reply}\r\n".encode())

    mail = Blocks(1000)  # 130 MB
    marks = []
    async with raw_server(talk) as server:
        pool = open_pool()
        session = await pool.acquire(relay_to(server))
        result = await session.send("s@x", ["a@x"], mail, on_dot=marks.append)
        await pool.release(session)
    assert (result.stage, str(result.reply)) == (Stage.DATA, reply)
    assert not result.dot_sent
    assert marks == []
    assert not session.is_usable
    assert mail.read < 1000


@pytest.mark.parametrize("resets", [False, True], ids=["closed", "reset"])
async def test_a_dropped_connection_is_no_dot(session, sink, until, resets):
    sink.script.add(Rule(Moment.BODY, drop="before", resets=resets, after_bytes=1000))
    mail = Blocks(LONG)
    result = await session.send("s@x", ["a@x"], mail)
    assert (result.stage, result.reply, result.dot_sent) == (Stage.DATA, None, False)
    assert result.lost
    await until(lambda: mail.closed == 1)


async def test_an_answer_ends_it_although_a_block_is_still_being_read(
    open_pool, relay_to, raw_server, until
):
    async def talk(reader, writer):
        await up_to_body(reader, writer)
        await until(lambda: mail.is_waiting)
        writer.write(b"421 4.3.2 going down\r\n")

    mail = Blocks(3, wait_at=1)
    async with raw_server(talk) as server:
        pool = open_pool()
        session = await pool.acquire(relay_to(server))
        result = await session.send("s@x", ["a@x"], mail)
        await pool.release(session)
    assert (result.stage, result.reply.code) == (Stage.DATA, 421)
    assert (mail.is_waiting, mail.closed) == (True, 0)
    mail.go.set()
    await until(lambda: mail.closed == 1)
    assert mail.read == 2


@pytest.mark.parametrize("wait_at", [0, 1, None], ids=["reading first", "reading", "writing"])
async def test_cancelled_it_closes_the_connection_and_the_files(
    open_pool, relay_to, raw_server, until, wait_at
):
    gone = asyncio.Event()

    async def talk(reader, writer):
        await up_to_body(reader, writer)
        await gone.wait()

    mail = Blocks(800, wait_at=wait_at)
    async with raw_server(talk) as server:
        pool = open_pool()
        session = await pool.acquire(relay_to(server))
        sending = asyncio.get_running_loop().create_task(session.send("s@x", ["a@x"], mail))
        stuck = 0

        def is_stuck():
            """In the file, or before a server that does not read."""
            nonlocal stuck
            stuck = stuck + 1 if mail.read and mail.read == is_stuck.read else 0
            is_stuck.read = mail.read
            return mail.is_waiting if wait_at is not None else stuck > 10_000

        is_stuck.read = 0
        await until(is_stuck)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert not session.is_usable
        mail.go.set()
        await until(lambda: mail.closed == mail.opened)
        assert mail.opened == 1
        gone.set()
        await pool.release(session)


async def test_a_file_that_cannot_be_read_in_time_ends_it_and_is_not_the_servers_fault(
    open_pool, relay_to, sink, until
):
    mail = Blocks(2, wait_at=1)
    pool = open_pool(command_timeout_s=0.1)
    session = await pool.acquire(relay_to(sink))
    with pytest.raises(TimeoutError, match=r"not read within 0\.1 s"):
        await session.send("s@x", ["a@x"], mail)
    assert not session.is_usable
    await pool.release(session)
    mail.go.set()
    await until(lambda: mail.closed == 1)
    assert sink.count == 0


async def test_a_server_that_stops_reading_is_left(open_pool, relay_to, raw_server, until):
    stop = asyncio.Event()

    async def talk(reader, writer):
        await up_to_body(reader, writer)
        await stop.wait()

    mail = Blocks(800)
    async with raw_server(talk) as server:
        pool = open_pool(command_timeout_s=0.1)
        session = await pool.acquire(relay_to(server))
        result = await session.send("s@x", ["a@x"], mail)
        stop.set()
        await pool.release(session)
    assert (result.stage, result.lost) == (Stage.DATA, "no answer within 0.1 s")
    assert not result.dot_sent
    await until(lambda: mail.closed == 1)


@pytest.mark.slow
@pytest.mark.parametrize("is_streamed", [True, False], ids=["in blocks", "in memory"])
async def test_a_server_may_read_slowly_for_as_long_as_it_reads(
    open_pool, relay_to, raw_server, is_streamed
):
    """The system's buffers hide for more than a second that anything moves."""
    mail = Blocks(40)
    stuffed = (b"." + mail.data).replace(b"\r\n.", b"\r\n..")
    read = sha256()

    async def talk(reader, writer):
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        await up_to_body(reader, writer)
        left = len(stuffed)
        while left and (piece := await reader.read(min(left, 65536))):
            left -= len(piece)
            read.update(piece)
            await asyncio.sleep(0.05)
        await reader.readline()
        writer.write(b"250 taken\r\n")

    async with raw_server(talk) as server:
        pool = open_pool(command_timeout_s=0.5)
        session = await pool.acquire(relay_to(server))
        result = await session.send("s@x", ["a@x"], mail if is_streamed else mail.data)
        await pool.release(session)
        await pool.close()
    assert result.is_accepted
    assert read.digest() == sha256(stuffed).digest()
