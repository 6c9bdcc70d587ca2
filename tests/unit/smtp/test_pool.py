"""Who gets a connection, how many there are, and when one is used again.

Long: one pool, and many ways to lose a connection.
"""

import asyncio

import pytest

from mail_proxy.domain.errors import RelayRefused, RelayUnreachable
from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.script import Moment
from mail_proxy.sinks.smtp import SmtpSink
from tests.patience import PATIENCE_S


async def send_one(pool, relay, message):
    session = await pool.acquire(relay)
    result = await session.send("s@x", ["a@x"], message)
    await pool.release(session)
    return result


async def settle():
    """Let everything run that needs no network."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_connection_is_used_again(open_pool, relay_to, sink, message):
    pool = open_pool()
    for _ in range(5):
        assert (await send_one(pool, relay_to(sink), message)).is_accepted
    assert sink.connections == 1
    assert pool.count == 1


async def test_accounts_do_not_share_connections(open_pool, relay_to, sink, message):
    pool = open_pool()
    await send_one(pool, relay_to(sink, account_id="a"), message)
    await send_one(pool, relay_to(sink, account_id="b"), message)
    await send_one(pool, relay_to(sink, tenant_id="u"), message)
    assert sink.connections == 3


async def test_an_account_has_no_more_connections_than_its_relay_allows(
    open_pool, relay_to, sink, message
):
    pool = open_pool()
    relay = relay_to(sink, max_connections=2)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(20):
            tasks.create_task(send_one(pool, relay, message))
    assert sink.count == 20
    assert sink.peak == 2


async def test_all_accounts_together_keep_the_bound(open_pool, relay_to, sink, message):
    pool = open_pool(max_connections=3)
    async with asyncio.TaskGroup() as tasks:
        for number in range(30):
            relay = relay_to(sink, account_id=f"a{number % 10}")
            tasks.create_task(send_one(pool, relay, message))
    assert sink.count == 30
    assert sink.peak <= 3


async def test_an_idle_connection_makes_room_for_another_account(
    open_pool, relay_to, sink, message
):
    pool = open_pool(max_connections=1)
    await send_one(pool, relay_to(sink, account_id="a"), message)
    async with asyncio.timeout(PATIENCE_S):
        await send_one(pool, relay_to(sink, account_id="b"), message)
    assert (sink.connections, sink.peak) == (2, 1)
    assert [c.line for c in sink.commands].count("QUIT") == 1


async def test_those_who_wait_are_served_in_their_order(open_pool, relay_to, sink):
    pool = open_pool(max_connections=1)
    first = await pool.acquire(relay_to(sink, account_id="z"))
    order = []

    async def queue(name):
        session = await pool.acquire(relay_to(sink, account_id=name))
        order.append(name)
        await pool.release(session)

    async with asyncio.TaskGroup() as tasks:
        for name in ("c", "a", "b", "a"):
            tasks.create_task(queue(name))
        await settle()
        assert order == []
        await pool.release(first)
    assert order == ["c", "a", "b", "a"]


async def test_a_waiter_that_gives_up_leaves_no_trace(open_pool, relay_to, sink, message):
    pool = open_pool(max_connections=1)
    relay = relay_to(sink)
    session = await pool.acquire(relay)
    other = asyncio.get_running_loop().create_task(pool.acquire(relay_to(sink, account_id="b")))
    await settle()
    other.cancel()
    with pytest.raises(asyncio.CancelledError):
        await other
    await pool.release(session)
    assert (await send_one(pool, relay, message)).is_accepted
    assert sink.connections == 1


async def test_a_grant_that_comes_with_the_cancellation_is_given_back(
    open_pool, relay_to, sink, message
):
    pool = open_pool(max_connections=1)
    relay = relay_to(sink)
    session = await pool.acquire(relay)
    other = asyncio.get_running_loop().create_task(pool.acquire(relay))
    await settle()
    await pool.release(session)  # grants it, and before it runs:
    other.cancel()
    with pytest.raises(asyncio.CancelledError):
        await other
    async with asyncio.timeout(PATIENCE_S):
        assert (await send_one(pool, relay, message)).is_accepted
    assert sink.connections == 1


async def test_a_cancelled_opening_gives_its_place_back(open_pool, relay_to, sink, message, until):
    sink.hang(Stage.CONNECT, times=1)
    pool = open_pool(max_connections=1)
    opening = asyncio.get_running_loop().create_task(pool.acquire(relay_to(sink)))
    await until(lambda: sink.connections == 1)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    async with asyncio.timeout(PATIENCE_S):
        assert (await send_one(pool, relay_to(sink), message)).is_accepted


async def test_a_failed_opening_gives_its_place_back(open_pool, relay_to, sink, message):
    sink.answer(Stage.CONNECT, "421 4.3.2 too busy", times=3)
    pool = open_pool(max_connections=1)
    for _ in range(3):
        with pytest.raises(RelayRefused, match=r"connection failed: 421 4\.3\.2 too busy"):
            await pool.acquire(relay_to(sink))
    assert pool.count == 0
    assert (await send_one(pool, relay_to(sink), message)).is_accepted


async def test_an_old_connection_is_not_used_again(open_pool, relay_to, sink, message, clock):
    pool = open_pool()
    relay = relay_to(sink, ttl_s=60.0)
    await send_one(pool, relay, message)
    clock.at += 59
    await send_one(pool, relay, message)
    assert sink.connections == 1
    clock.at += 1
    await send_one(pool, relay, message)
    assert sink.connections == 2


async def test_a_session_is_not_usable_beyond_its_age(open_pool, relay_to, sink, message, clock):
    pool = open_pool()
    session = await pool.acquire(relay_to(sink, ttl_s=60.0))
    assert (await session.send("s@x", ["a@x"], message)).is_accepted
    assert session.is_usable
    clock.at += 60
    assert not session.is_usable
    await pool.release(session)


@pytest.mark.slow  # a connection is closed one second after its age is reached
async def test_an_idle_connection_is_closed_when_it_is_old(open_pool, relay_to, sink, clock, until):
    pool = open_pool()
    await pool.release(await pool.acquire(relay_to(sink, ttl_s=0.01)))
    clock.at += 1
    assert pool.count == 1
    await until(lambda: pool.count == 0)
    await until(lambda: sink.open_connections == 0)


async def test_a_connection_carries_a_bounded_number_of_messages(
    open_pool, relay_to, sink, message
):
    pool = open_pool(messages_per_connection=2)
    for _ in range(6):
        await send_one(pool, relay_to(sink), message)
    assert sink.connections == 3
    assert [c.line for c in sink.commands].count("QUIT") >= 2


async def test_a_server_that_closes_idle_connections_costs_no_attempt(
    open_pool, relay_to, sink, message, until
):
    pool = open_pool()
    relay = relay_to(sink)
    for _ in range(10):
        assert (await send_one(pool, relay, message)).is_accepted
        sink.disconnect_idle()  # not noticed before the next message begins
    for _ in range(10):
        assert (await send_one(pool, relay, message)).is_accepted
        sink.disconnect_idle()
        await until(lambda: pool.count == 0)  # noticed
    assert sink.count == 20


@pytest.mark.parametrize("extensions", [("PIPELINING",), ()], ids=["pipelined", "plain"])
@pytest.mark.parametrize("resets", [False, True], ids=["FIN", "RST"])
async def test_a_connection_closed_when_mail_was_written_costs_no_attempt(
    open_pool, relay_to, message, extensions, resets
):
    async with SmtpSink(extensions=extensions) as sink:
        sink.drop(Stage.MAIL, skip=1, times=1, resets=resets)
        pool = open_pool()
        for _ in range(3):
            assert (await send_one(pool, relay_to(sink), message)).is_accepted
        assert (sink.count, sink.connections) == (3, 2)


@pytest.mark.parametrize(
    "way", [{"resets": True}, {"saying": "421 4.4.2 idle"}], ids=["RST", "421"]
)
@pytest.mark.parametrize("is_noticed", [True, False])
async def test_an_idle_connection_may_end_in_any_way_at_no_cost(
    open_pool, relay_to, sink, message, until, way, is_noticed
):
    pool = open_pool()
    session = await pool.acquire(relay_to(sink))
    for _ in range(5):
        assert (await session.send("s@x", ["a@x"], message)).is_accepted
        sink.disconnect_idle(**way)
        if is_noticed:
            await until(lambda: not session.is_usable)
    await pool.release(session)
    assert sink.count == 5


async def test_a_session_outlives_a_connection_that_the_server_closed(
    open_pool, relay_to, sink, message
):
    pool = open_pool(max_connections=1)
    session = await pool.acquire(relay_to(sink))
    for _ in range(3):
        assert (await session.send("s@x", ["a@x"], message)).is_accepted
        sink.disconnect_idle()
    await pool.release(session)
    assert (sink.count, sink.connections) == (3, 3)


async def test_who_lost_its_place_with_its_connection_waits_for_another(
    open_pool, relay_to, sink, message, until
):
    sink.drop(Stage.DOT, when="after", times=1)
    pool = open_pool(max_connections=1)
    session = await pool.acquire(relay_to(sink, account_id="a"))
    assert (await session.send("s@x", ["a@x"], message)).is_accepted
    await until(lambda: pool.count == 0)
    other = await pool.acquire(relay_to(sink, account_id="b"))
    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(session.send("s@x", ["a@x"], message))
        await settle()
        assert pool.count == 1
        await pool.release(other)
    assert sending.result().is_accepted
    await pool.release(session)
    assert (sink.connections, sink.peak) == (3, 1)


async def test_an_idle_connection_that_was_never_used_may_be_closed_too(
    open_pool, relay_to, sink, message
):
    pool = open_pool()
    await pool.release(await pool.acquire(relay_to(sink)))
    sink.disconnect_idle()
    assert (await send_one(pool, relay_to(sink), message)).is_accepted
    assert sink.connections == 2


async def test_a_new_connection_is_good_for_one_message_whatever_the_limits(
    open_pool, relay_to, sink, message
):
    pool = open_pool(messages_per_connection=0)
    session = await pool.acquire(relay_to(sink, ttl_s=0.0))
    assert session.is_usable
    assert (await session.send("s@x", ["a@x"], message)).is_accepted
    assert not session.is_usable
    await pool.release(session)


async def test_a_421_to_the_next_message_is_answered_with_a_new_connection(
    open_pool, relay_to, sink, message
):
    pool = open_pool()
    assert (await send_one(pool, relay_to(sink), message)).is_accepted
    sink.answer(Stage.MAIL, "421 4.4.2 you were idle", times=1)
    assert (await send_one(pool, relay_to(sink), message)).is_accepted
    assert sink.connections == 2


async def test_a_new_connection_that_is_lost_at_mail_is_a_fault(open_pool, relay_to, sink, message):
    sink.drop(Stage.MAIL)
    pool = open_pool()
    result = await send_one(pool, relay_to(sink), message)
    assert (result.stage, result.reply, result.dot_sent) == (Stage.MAIL, None, False)
    assert sink.connections == 1


async def test_a_reconnection_that_fails_is_told_as_the_attempts_result(
    open_pool, relay_to, sink, message
):
    pool = open_pool()
    session = await pool.acquire(relay_to(sink))
    await session.send("s@x", ["a@x"], message)
    sink.disconnect_idle()
    sink.answer(Stage.CONNECT, "554 5.7.1 go away")
    result = await session.send("s@x", ["a@x", "b@x"], message)
    await pool.release(session)
    assert (result.stage, result.reply.code, result.recipients) == (
        Stage.CONNECT,
        554,
        (None, None),
    )
    assert not result.dot_sent
    assert pool.count == 0


async def test_nothing_is_sent_again_after_the_dot(open_pool, relay_to, sink, message):
    pool = open_pool()
    session = await pool.acquire(relay_to(sink))
    await session.send("s@x", ["a@x"], message)
    sink.drop(Stage.DOT)
    result = await session.send("s@x", ["b@x"], message)
    await pool.release(session)
    assert (result.stage, result.dot_sent) == (Stage.DOT, True)
    assert result.lost is not None
    assert [m.recipients for m in sink.messages] == [("a@x",), ("b@x",)]


async def test_words_that_nobody_asked_for_end_an_idle_connection(
    open_pool, relay_to, raw_server, until
):
    speak = asyncio.Event()

    async def talk(reader, writer):
        writer.write(b"220 hi\r\n")
        await reader.readline()
        writer.write(b"250 ok\r\n")
        await speak.wait()
        writer.write(b"421 4.3.2 going down\r\n")

    async with raw_server(talk) as server:
        pool = open_pool()
        await pool.release(await pool.acquire(relay_to(server)))
        assert pool.count == 1
        speak.set()
        await until(lambda: pool.count == 0)


@pytest.mark.parametrize(
    "change",
    [
        {"host": "127.0.0.1"},
        {"user": "ann", "password": "other"},
        {"user": "bob"},
        {"tls_mode": "none"},
        {"ttl_s": 299.0},
    ],
    ids=lambda change: " ".join(change),
)
async def test_changed_settings_never_get_a_connection_made_with_the_old_ones(
    open_pool, relay_to, message, change
):
    async with SmtpSink(users={"ann": "secret", "bob": "secret"}) as sink:
        sink.answer(Stage.AUTH, "235 2.7.0 welcome")
        pool = open_pool()
        old = {"user": "ann", "password": "secret"}
        await send_one(pool, relay_to(sink, **old), message)
        await send_one(pool, relay_to(sink, **(old | change)), message)
        assert sink.connections == 2
        assert pool.count <= 2
        await send_one(pool, relay_to(sink, **(old | change)), message)
        assert sink.connections == 2


async def test_another_port_gets_a_connection_of_its_own(open_pool, relay_to, sink, message):
    async with SmtpSink() as other:
        pool = open_pool()
        await send_one(pool, relay_to(sink), message)
        await send_one(pool, relay_to(other), message)
        assert (sink.count, other.count) == (1, 1)


async def test_a_connection_granted_in_the_moment_of_closing_is_closed(
    open_pool, relay_to, sink, until
):
    pool = open_pool(max_connections=1)
    session = await pool.acquire(relay_to(sink))
    other = asyncio.get_running_loop().create_task(pool.acquire(relay_to(sink)))
    await settle()
    await pool.release(session)  # grants it, and before it runs:
    await pool.close()
    other.cancel()
    with pytest.raises(asyncio.CancelledError):
        await other
    await until(lambda: pool.count == 0)
    await until(lambda: sink.open_connections == 0)


async def test_a_changed_account_gets_new_connections(open_pool, relay_to, sink, message):
    pool = open_pool()
    relay = relay_to(sink)
    busy = await pool.acquire(relay)
    await send_one(pool, relay, message)
    await pool.forget("t", "a")
    assert not busy.is_usable
    assert (await busy.send("s@x", ["b@x"], message)).is_accepted
    await pool.release(busy)
    await send_one(pool, relay, message)
    assert sink.connections == 3


async def test_a_connection_opened_for_the_old_settings_is_not_kept(
    open_pool, relay_to, sink, message, until
):
    sink.delay(Stage.CONNECT, 0.02, times=1)
    pool = open_pool()
    opening = asyncio.get_running_loop().create_task(pool.acquire(relay_to(sink)))
    await until(lambda: sink.connections == 1)
    await pool.forget("t", "a")
    session = await opening
    assert not session.is_usable
    await pool.release(session)


async def test_forgetting_an_unknown_account_does_nothing(open_pool):
    pool = open_pool()
    await pool.forget("nobody", "nothing")
    assert pool.count == 0


async def test_released_twice_is_released_once(open_pool, relay_to, sink, message):
    pool = open_pool()
    session = await pool.acquire(relay_to(sink))
    await pool.release(session)
    await pool.release(session)
    assert not session.is_usable
    first, second = await pool.acquire(relay_to(sink)), await pool.acquire(relay_to(sink))
    assert sink.connections == 2
    await pool.release(first)
    await pool.release(second)


async def test_closing_says_quit_on_idle_connections(open_pool, relay_to, sink, message):
    pool = open_pool()
    sessions = [await pool.acquire(relay_to(sink)) for _ in range(3)]
    for session in sessions:
        await pool.release(session)
    await pool.close()
    assert [c.line for c in sink.commands].count("QUIT") == 3
    assert pool.count == 0


async def test_a_closed_pool_lets_the_last_message_end(open_pool, relay_to, sink, message, until):
    pool = open_pool()
    busy = await pool.acquire(relay_to(sink))
    await pool.close()
    assert (await busy.send("s@x", ["a@x"], message)).is_accepted
    await pool.release(busy)
    await until(lambda: pool.count == 0)


async def test_a_closed_pool_hands_out_nothing(open_pool, relay_to, sink):
    pool = open_pool(max_connections=1)
    busy = await pool.acquire(relay_to(sink))
    waiting = asyncio.get_running_loop().create_task(pool.acquire(relay_to(sink)))
    await settle()
    await pool.close()
    with pytest.raises(RuntimeError, match="closed"):
        await waiting
    with pytest.raises(RuntimeError, match="closed"):
        await pool.acquire(relay_to(sink))
    await pool.release(busy)


@pytest.mark.slow  # two seconds of courtesy
async def test_a_rude_server_does_not_hold_up_the_end(open_pool, relay_to, raw_server, until):
    async def talk(reader, writer):
        writer.write(b"220 hi\r\n")
        await reader.readline()
        writer.write(b"250 ok\r\n")

    async with raw_server(talk, rude=True) as server:
        pool = open_pool()
        await pool.release(await pool.acquire(relay_to(server)))
        async with asyncio.timeout(4):
            await pool.close()
        assert pool.count == 0
        await until(lambda: server.heard.endswith(b"QUIT\r\n"))


async def test_a_closed_port_is_unreachable(open_pool, relay_to):
    async with SmtpSink() as sink:
        relay = relay_to(sink)
    pool = open_pool()
    with pytest.raises(RelayUnreachable, match="connection failed") as caught:
        await pool.acquire(relay)
    assert caught.value.stage is Stage.CONNECT
    assert pool.count == 0


async def test_a_silent_greeting_ends_in_time(open_pool, relay_to, message):
    async with SmtpSink() as sink:
        sink.hang(Stage.CONNECT)
        pool = open_pool(connect_timeout_s=0.05)
        with pytest.raises(RelayUnreachable, match=r"timed out after 0\.05 s"):
            await pool.acquire(relay_to(sink))
        assert pool.count == 0


async def test_nobody_waits_for_another_server_s_reply_to_quit(
    open_pool, relay_to, sink, message, monkeypatch
):
    monkeypatch.setattr("mail_proxy.smtp.connection.QUIT_TIMEOUT_S", 2 * PATIENCE_S)
    pool = open_pool(max_connections=1)
    async with SmtpSink() as slow:
        slow.hang(Moment.QUIT)
        await send_one(pool, relay_to(slow, account_id="slow"), message)
        async with asyncio.timeout(PATIENCE_S):
            await send_one(pool, relay_to(sink, account_id="fast"), message)
        assert slow.commands[-1].line == "QUIT"
    assert sink.count == 1
