"""DSN parameters: asked for where DSN is offered, and never at the cost of a message."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.smtp import EXTENSIONS, SmtpSink
from mail_proxy.smtp.notify import mail_parameters, rcpt_parameters, utf8_addr_xtext, xtext

DSN = EXTENSIONS | {"DSN"}
XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")  # RFC 3461 section 4, its grammar
UTF8_ADDR = re.compile(  # RFC 6533 section 3; HEXPOINT without the forms that QCHAR makes needless
    r"(?:[!-*,-<>-\[\]-~]|\\x\{(?:[01][0-9A-F]|20|2B|3D|5C|[7-9A-F][0-9A-F]|[1-9A-F][0-9A-F]{2,5})\})*"
)


def decoded(text):
    return re.sub(r"\+([0-9A-F]{2})", lambda hexchar: chr(int(hexchar[1], 16)), text)


def unembedded(text):
    return re.sub(r"\\x\{([0-9A-F]+)\}", lambda point: chr(int(point[1], 16)), text)


@given(st.text(st.characters(max_codepoint=127)))
def test_xtext_follows_its_grammar_and_reads_back(text):
    assert XTEXT.fullmatch(xtext(text))
    assert decoded(xtext(text)) == text


@given(st.text())
def test_an_international_address_becomes_ascii_and_reads_back(text):
    encoded = utf8_addr_xtext(text)
    assert UTF8_ADDR.fullmatch(encoded)
    assert unembedded(encoded) == text
    assert xtext(encoded) == encoded  # it stands in ORCPT as it is


@pytest.mark.parametrize(
    ("envid", "parameters"),
    [
        ("a1@b.example", " RET=HDRS ENVID=a1@b.example"),
        ("a+b=c d", " RET=HDRS ENVID=a+2Bb+3Dc+20d"),
        ("x" * 100, f" RET=HDRS ENVID={'x' * 100}"),
        ("x" * 101, " RET=HDRS"),
        ("j\u00f6rg", " RET=HDRS"),
        ("a\r\nb", " RET=HDRS"),
        ("", " RET=HDRS"),
        (None, " RET=HDRS"),
    ],
)
def test_an_envid_is_said_where_it_can_be_one(envid, parameters):
    assert mail_parameters(envid) == parameters


@pytest.mark.parametrize(
    ("address", "orcpt"),
    [
        ("ann@example.org", "rfc822;ann@example.org"),
        ("ann+list=x@example.org", "rfc822;ann+2Blist+3Dx@example.org"),
        ("j\u00f6rg@example.org", r"utf-8;j\x{F6}rg@example.org"),
        ("\U0001f600+@example.org", r"utf-8;\x{1F600}\x{2B}@example.org"),
    ],
)
def test_a_recipient_is_named_as_it_was_given(address, orcpt):
    assert rcpt_parameters(address) == f" NOTIFY=FAILURE,DELAY ORCPT={orcpt}"


def test_a_recipient_that_grows_too_long_is_not_named():
    assert rcpt_parameters("+" * 64 + "@" + "=" * 189) == " NOTIFY=FAILURE,DELAY"


async def send(pool, relay, message, **options):
    session = await pool.acquire(relay)
    try:
        return await session.send(options.pop("sender", "s@x"), ["a@x", "b@x"], message, **options)
    finally:
        await pool.release(session)


async def test_reports_are_asked_for_where_they_are_offered(open_pool, relay_to, message):
    async with SmtpSink(extensions=DSN) as sink:
        result = await send(open_pool(), relay_to(sink), message, envid="id 1")
        assert result.is_accepted
        (received,) = sink.messages
        assert received.parameters.endswith(" RET=HDRS ENVID=id+201")
        assert received.rcpt_parameters == (
            "NOTIFY=FAILURE,DELAY ORCPT=rfc822;a@x",
            "NOTIFY=FAILURE,DELAY ORCPT=rfc822;b@x",
        )


async def test_reports_are_not_asked_for_where_they_are_not_offered(
    open_pool, relay_to, sink, message
):
    await send(open_pool(), relay_to(sink), message, envid="id")
    assert "ENVID" not in sink.messages[0].parameters
    assert sink.messages[0].rcpt_parameters == ("", "")


async def test_a_message_without_return_path_asks_for_no_report(open_pool, relay_to, message):
    async with SmtpSink(extensions=DSN) as sink:
        sink.answer(Stage.RCPT, "501 5.1.3 syntax")
        result = await send(open_pool(), relay_to(sink), message, sender="", envid="id")
        assert result.reply.code == 501
        assert not any("RET" in c.line or "NOTIFY" in c.line for c in sink.commands)
        assert [c.line[:4] for c in sink.commands].count("MAIL") == 1


@pytest.mark.parametrize(
    ("stage", "reply"),
    [
        (Stage.MAIL, "501 5.5.4 syntax error in parameters"),
        (Stage.MAIL, "555 5.5.4 unsupported option: RET=HDRS"),
        (Stage.RCPT, "504 5.5.4 parameter not implemented"),
    ],
)
async def test_a_server_that_refuses_its_own_dsn_gets_the_message_without(
    open_pool, relay_to, message, stage, reply
):
    async with SmtpSink(extensions=DSN) as sink:
        sink.answer(stage, reply, times=2 if stage is Stage.RCPT else 1)
        pool = open_pool()
        dots = []
        for _ in range(2):
            result = await send(pool, relay_to(sink), message, envid="i", on_dot=dots.append)
            assert result.is_accepted
        assert [m.parameters.count("RET") for m in sink.messages] == [0, 0]
        assert [len(replies) for replies in dots] == [2, 2]
        assert sink.connections == 1
        assert [c.line[:4] for c in sink.commands].count("MAIL") == 3


async def test_a_refusal_that_is_not_about_parameters_stays(open_pool, relay_to, message):
    async with SmtpSink(extensions=DSN) as sink:
        sink.answer(Stage.MAIL, "501 5.1.7 bad sender", times=2)
        pool = open_pool()
        assert (await send(pool, relay_to(sink), message)).reply.code == 501
        assert (await send(pool, relay_to(sink), message)).is_accepted
        assert "RET" in sink.messages[0].parameters


@pytest.mark.parametrize("extensions", [(), ("SMTPUTF8",)])
async def test_octets_above_127_are_not_sent_where_8bitmime_is_not_offered(
    open_pool, relay_to, extensions
):
    async with SmtpSink(extensions=extensions) as sink:
        result = await send(open_pool(), relay_to(sink), b"Subject: x\r\n\r\n\xe4\r\n")
        assert (result.stage, str(result.reply)) == (
            Stage.MAIL,
            "554 5.6.3 the server does not offer 8BITMIME, which this mail needs",
        )
        assert [c.line[:4] for c in sink.commands] == ["EHLO"]
