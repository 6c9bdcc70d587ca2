"""TLS and login: what is encrypted, what is refused, and that no secret goes out in clear."""

import asyncio
import gc
import ssl

import pytest

from mail_proxy.domain.errors import RelayRefused, RelayUnreachable
from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.smtp import SmtpSink
from mail_proxy.smtp import Relay
from mail_proxy.smtp.means import Means

USERS = {"ann": "pass word \u00e4"}
LOGIN = {"user": "ann", "password": USERS["ann"]}


def verbs(sink):
    return [command.line.split()[0] for command in sink.commands]


def said_in_clear(sink):
    return [c.line.split()[0] for c in sink.commands if not c.encrypted]


async def send(pool, relay, message):
    session = await pool.acquire(relay)
    try:
        return await session.send("s@x", ["a@x"], message)
    finally:
        await pool.release(session)


@pytest.mark.parametrize("size", [100, 300_000])
@pytest.mark.parametrize(
    ("mode", "implicit"), [("starttls", False), ("ssl", True), ("auto", False), ("none", None)]
)
async def test_a_message_arrives_over_every_kind_of_connection(
    open_pool, relay_to, certificates, mode, implicit, size
):
    tls = None if implicit is None else certificates.good
    async with SmtpSink(tls=tls, implicit_tls=bool(implicit), users=USERS) as sink:
        pool = open_pool()
        data = b"x: y\r\n\r\n" + b".line\r\n" * (size // 7)
        for _ in range(3):
            assert (await send(pool, relay_to(sink, tls_mode=mode, **LOGIN), data)).is_accepted
        assert [m.data for m in sink.messages] == [data] * 3
        assert {(m.encrypted, m.login) for m in sink.messages} == {(tls is not None, "ann")}
        assert sink.connections == 1
        await pool.close()


async def test_with_starttls_nothing_but_ehlo_is_said_in_clear(
    open_pool, relay_to, certificates, message
):
    async with SmtpSink(tls=certificates.good, users=USERS) as sink:
        pool = open_pool()
        await send(pool, relay_to(sink, tls_mode="starttls", **LOGIN), message)
        assert said_in_clear(sink) == ["EHLO", "STARTTLS"]
        assert verbs(sink)[2:] == ["EHLO", "AUTH", "MAIL", "RCPT", "DATA"]
        await pool.close()


async def test_auto_without_a_password_does_not_encrypt_on_the_own_machine(
    open_pool, relay_to, certificates, message
):
    async with SmtpSink(tls=certificates.expired) as sink:
        pool = open_pool()
        assert (await send(pool, relay_to(sink), message)).is_accepted
        assert not sink.messages[0].encrypted


async def test_auto_without_a_password_encrypts_over_a_network(
    open_pool, relay_to, certificates, message, monkeypatch
):
    monkeypatch.setattr("mail_proxy.smtp.handshake.Handshake._is_loopback", False)
    async with SmtpSink(tls=certificates.good) as sink:
        pool = open_pool()
        assert (await send(pool, relay_to(sink), message)).is_accepted
        assert sink.messages[0].encrypted


async def test_auto_never_falls_back_to_clear_when_tls_fails(
    open_pool, relay_to, certificates, monkeypatch
):
    monkeypatch.setattr("mail_proxy.smtp.handshake.Handshake._is_loopback", False)
    async with SmtpSink(tls=certificates.expired) as sink:
        pool = open_pool()
        with pytest.raises(RelayUnreachable, match="certificate has expired") as caught:
            await pool.acquire(relay_to(sink))
        assert caught.value.stage is Stage.TLS
        assert verbs(sink) == ["EHLO", "STARTTLS"]


@pytest.mark.parametrize(
    ("mode", "port", "password", "is_offered", "is_loopback", "expected"),
    [
        ("auto", 587, "pw", True, False, True),
        ("auto", 587, "pw", True, True, True),
        ("auto", 25, None, True, False, True),
        ("auto", 25, None, True, True, False),
        ("auto", 25, None, False, False, False),
        ("auto", 465, "pw", True, False, False),
        ("starttls", 25, None, False, True, True),
        ("none", 25, "pw", True, False, False),
    ],
)
def test_starttls_is_used_where_it_is_offered(
    mode, port, password, is_offered, is_loopback, expected
):
    relay = Relay("t", "a", "h", port, mode, "ann", password)
    assert relay.wants_starttls(is_offered=is_offered, is_loopback=is_loopback) is expected


@pytest.mark.parametrize(
    ("mode", "port", "expected"),
    [
        ("auto", 465, True),
        ("auto", 587, False),
        ("ssl", 587, True),
        ("starttls", 465, False),
        ("none", 465, False),
    ],
)
def test_tls_comes_first_when_asked_for_or_on_port_465(mode, port, expected):
    assert Relay("t", "a", "h", port, mode).is_implicit_tls == expected


def test_an_unknown_tls_mode_is_not_taken_for_none():
    with pytest.raises(ValueError, match="tls_mode"):
        Relay("t", "a", "h", 25, "tls")


def test_a_relay_does_not_show_its_password():
    assert "secret" not in repr(Relay("t", "a", "h", 25, "auto", "ann", "secret"))


@pytest.mark.parametrize(
    "trouble", ["absent", "refused", "expired", "other_name", "unknown", "cut"]
)
async def test_nothing_is_sent_when_starttls_fails(
    open_pool, relay_to, certificates, clock, trouble
):
    tls = {
        "absent": None,
        "expired": certificates.expired,
        "other_name": certificates.other_name,
    }.get(trouble, certificates.good)
    async with SmtpSink(tls=tls, users=USERS) as sink:
        if trouble == "refused":
            sink.answer(Stage.TLS, "454 4.7.0 not now")
        if trouble == "cut":
            sink.drop(Stage.TLS, when="after")
        pool = open_pool()
        if trouble == "unknown":
            pool._means = Means(tls=ssl.create_default_context)
        with pytest.raises((RelayRefused, RelayUnreachable), match="TLS failed") as caught:
            await pool.acquire(relay_to(sink, tls_mode="starttls", **LOGIN))
        assert caught.value.stage is Stage.TLS
        assert {"AUTH", "MAIL", "DATA"}.isdisjoint(verbs(sink))
        assert pool.count == 0


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("expired", "certificate has expired"),
        ("other_name", "Hostname mismatch"),
    ],
)
async def test_the_failure_says_what_is_wrong_with_the_certificate(
    open_pool, relay_to, certificates, trouble, words
):
    async with SmtpSink(tls=getattr(certificates, trouble), implicit_tls=True) as sink:
        pool = open_pool()
        with pytest.raises(RelayUnreachable, match=f"certificate of localhost.*{words}") as caught:
            await pool.acquire(relay_to(sink, tls_mode="ssl"))
        assert caught.value.stage is Stage.TLS


async def test_a_certificate_in_auto_mode_is_checked_too(open_pool, relay_to, certificates):
    async with SmtpSink(tls=certificates.expired, users=USERS) as sink:
        pool = open_pool()
        with pytest.raises(RelayUnreachable, match="TLS failed"):
            await pool.acquire(relay_to(sink, **LOGIN))
        assert "AUTH" not in verbs(sink)


async def test_tls_from_the_first_byte_to_a_plain_server_fails_as_tls(
    open_pool, relay_to, sink, message
):
    pool = open_pool(connect_timeout_s=5)
    with pytest.raises(RelayUnreachable) as caught:
        await pool.acquire(relay_to(sink, tls_mode="ssl"))
    assert caught.value.stage is Stage.TLS
    # A line feed among the random octets of the TLS greeting makes lines of it.
    assert not {"EHLO", "HELO", "AUTH", "MAIL"} & set(verbs(sink))


async def test_words_sent_in_clear_before_tls_are_not_believed(
    open_pool, relay_to, certificates, message
):
    async with SmtpSink(tls=certificates.good, users=USERS) as sink:
        sink.answer(Stage.TLS, "220 go\r\n250-evil\r\n250-PIPELINING\r\n250 SIZE 1")
        pool = open_pool(connect_timeout_s=5)
        try:
            session = await pool.acquire(relay_to(sink, tls_mode="starttls", **LOGIN))
        except RelayUnreachable:
            return
        assert session.capabilities["SIZE"] != "1"
        await pool.release(session)
        await pool.close()


async def test_a_password_is_not_sent_in_clear_over_a_network(
    open_pool, relay_to, monkeypatch, message
):
    monkeypatch.setattr("mail_proxy.smtp.handshake.Handshake._is_loopback", False)
    async with SmtpSink(users=USERS) as sink:
        pool = open_pool()
        with pytest.raises(RelayUnreachable, match="not sent in clear") as caught:
            await pool.acquire(relay_to(sink, **LOGIN))
        assert caught.value.stage is Stage.TLS
        assert verbs(sink) == ["EHLO"]
        assert (await send(pool, relay_to(sink, tls_mode="none", **LOGIN), message)).is_accepted


async def test_a_password_is_sent_to_the_own_machine(open_pool, relay_to, message):
    async with SmtpSink(users=USERS) as sink:
        pool = open_pool()
        assert (await send(pool, relay_to(sink, **LOGIN), message)).is_accepted
        assert sink.messages[0].login == "ann"


async def test_a_wrong_password_is_tried_once(open_pool, relay_to):
    async with SmtpSink(users=USERS) as sink:
        pool = open_pool()
        with pytest.raises(RelayRefused, match=r"login refused: 535 5\.7\.8") as caught:
            await pool.acquire(relay_to(sink, user="ann", password="hunter2"))
        assert (caught.value.stage, caught.value.reply.code) == (Stage.AUTH, 535)
        assert verbs(sink) == ["EHLO", "AUTH"]
        assert "hunter2" not in str(caught.value)


async def test_another_method_is_tried_when_the_server_does_not_know_the_first(
    open_pool, relay_to, message
):
    async with SmtpSink(users=USERS) as sink:
        sink.answer(Stage.AUTH, "504 5.5.4 not this one", times=1)
        pool = open_pool()
        assert (await send(pool, relay_to(sink, **LOGIN), message)).is_accepted
        assert [c.line for c in sink.commands if "AUTH" in c.line] == ["AUTH LOGIN", "AUTH PLAIN"]


async def test_a_server_without_login_is_told(open_pool, relay_to, sink):
    pool = open_pool()
    with pytest.raises(RelayUnreachable, match="offers no login") as caught:
        await pool.acquire(relay_to(sink, **LOGIN))
    assert caught.value.stage is Stage.AUTH


async def test_an_account_without_a_password_does_not_log_in(open_pool, relay_to, sink, message):
    pool = open_pool()
    assert (await send(pool, relay_to(sink, user="ann"), message)).is_accepted
    assert "AUTH" not in verbs(sink)


async def test_a_silent_login_ends_in_time(open_pool, relay_to):
    async with SmtpSink(users=USERS) as sink:
        sink.hang(Stage.AUTH)
        pool = open_pool(command_timeout_s=0.05)
        with pytest.raises(RelayUnreachable, match=r"login refused: no answer within 0\.05 s"):
            await pool.acquire(relay_to(sink, **LOGIN))
        assert pool.count == 0


async def test_the_own_name_is_an_address_literal(open_pool, relay_to, sink, message):
    pool = open_pool()
    await send(pool, relay_to(sink, host="127.0.0.1"), message)
    assert sink.commands[0].line == "EHLO [127.0.0.1]"


async def test_helo_serves_where_ehlo_is_unknown(open_pool, relay_to, raw_server, message):
    async def talk(reader, writer):
        writer.write(b"220 hi\r\n")
        for reply in (b"502 what?\r\n", b"250 ok\r\n"):
            await reader.readline()
            writer.write(reply)

    async with raw_server(talk) as server:
        pool = open_pool()
        session = await pool.acquire(relay_to(server))
        assert session.capabilities == {}
        await pool.release(session)
        await pool.close()


@pytest.mark.parametrize(
    "greeting",
    [b"HTTP/1.1 400 Bad Request\r\n", b"\xff\xfe\r\n", b"250 hi\r\n", b"220-" + b"x" * 99_999],
)
async def test_what_is_no_mail_server_is_unreachable(open_pool, relay_to, raw_server, greeting):
    async def talk(reader, writer):
        writer.write(greeting)

    async with raw_server(talk) as server:
        pool = open_pool()
        with pytest.raises(RelayUnreachable) as caught:
            await pool.acquire(relay_to(server))
        assert caught.value.stage is Stage.CONNECT
        assert pool.count == 0


async def test_hostile_extensions_are_cleaned(open_pool, relay_to, raw_server):
    async def talk(reader, writer):
        writer.write(b"220 hi\r\n")
        await reader.readline()
        writer.write(b"250-x\r\n250-SIZE 10\x1b[31m\xff\r\n250-<b>\r\n250 pipelining\r\n")

    async with raw_server(talk) as server:
        pool = open_pool()
        session = await pool.acquire(relay_to(server))
        assert session.capabilities == {"SIZE": "10 [31m\ufffd", "PIPELINING": ""}
        await pool.release(session)
        await pool.close()


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".example", "\u2603" * 64, "a\r\nb", "a\0b"])
async def test_a_host_name_that_cannot_be_is_unreachable(open_pool, host):
    pool = open_pool(connect_timeout_s=5)
    with pytest.raises(RelayUnreachable) as caught:
        await pool.acquire(Relay("t", "a", host, 25))
    assert caught.value.stage is Stage.CONNECT


async def test_aiosmtplib_keeps_nothing_of_the_connection(open_pool, relay_to, sink, message):
    """When its client is collected, the socket stays open."""
    pool = open_pool()
    session = await pool.acquire(relay_to(sink))
    gc.collect()
    await asyncio.sleep(0)
    assert (await session.send("s@x", ["a@x"], message)).is_accepted
    await pool.release(session)


@pytest.mark.parametrize("said", ["hunter2hunter2", "AGFubgBodW50ZXIyaHVudGVyMg=="])
async def test_a_password_that_a_server_repeats_is_not_told(open_pool, relay_to, said):
    async with SmtpSink(users={"ann": "other"}) as sink:
        sink.answer(Stage.AUTH, f"535 5.7.8 {said} is wrong")
        with pytest.raises(RelayRefused) as caught:
            await open_pool().acquire(relay_to(sink, user="ann", password="hunter2hunter2"))
    assert str(caught.value) == "login refused: 535 5.7.8 ******** is wrong"
    assert caught.value.reply.text == "******** is wrong"
