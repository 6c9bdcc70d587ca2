"""What each fault around the final dot comes to: sent, surely not sent, or in doubt (RFC 1047)."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from mail_proxy.config.settings import DeliverySettings
from mail_proxy.domain.attempt import judge
from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.script import Moment, Rule
from mail_proxy.sinks.smtp import EXTENSIONS, SmtpSink

LINE = b"x" * 76 + b"\r\n"
BIG = 200_000  # lines: more than the buffers of sockets hold, so the dot has not left for long


@dataclass(frozen=True)
class Case:
    """A fault, and the truth about it.

    reply: the code that ended it; 0: none. came: the server has the message, or had it.
    """

    name: str
    break_it: Callable[[SmtpSink], None]
    stage: Stage
    reply: int = 0
    dot_sent: bool = True
    in_doubt: bool = False
    account_fault: bool = False
    came: int = 1
    lines: int = 1000
    patience_s: float = 5.0


CASES = [
    Case(
        "dropped before the dot",
        lambda sink: sink.script.add(Rule(Moment.BODY, drop="before", after_bytes=1000)),
        Stage.DATA,
        dot_sent=False,
        came=0,
        lines=BIG,
    ),
    Case(
        "reset before the dot",
        lambda sink: sink.script.add(Rule(Moment.BODY, drop="before", resets=True)),
        Stage.DATA,
        dot_sent=False,
        came=0,
        lines=BIG,
    ),
    Case("dropped after the dot", lambda sink: sink.drop(Stage.DOT), Stage.DOT, in_doubt=True),
    Case(
        "reset after the dot",
        lambda sink: sink.drop(Stage.DOT, resets=True),
        Stage.DOT,
        in_doubt=True,
    ),
    Case(
        "dropped in the reply to the dot",
        lambda sink: sink.drop(Stage.DOT, when="during"),
        Stage.DOT,
        in_doubt=True,
    ),
    Case(
        "silent after the dot",
        lambda sink: sink.hang(Stage.DOT),
        Stage.DOT,
        in_doubt=True,
        patience_s=0.1,
    ),
    Case(
        "no reply but noise after the dot",
        lambda sink: sink.answer(Stage.DOT, "what?"),
        Stage.DOT,
        in_doubt=True,
        came=0,
    ),
    Case("250 after a long time", lambda sink: sink.delay(Stage.DOT, 0.1), Stage.DOT, 250),
    Case(
        "250 octet by octet",
        lambda sink: sink.answer(Stage.DOT, "250 ok", drip_s=0.01),
        Stage.DOT,
        250,
    ),
    Case("250, and dropped", lambda sink: sink.drop(Stage.DOT, when="after"), Stage.DOT, 250),
    Case(
        "421 to the dot",
        lambda sink: sink.answer(Stage.DOT, "421 4.3.2 going down"),
        Stage.DOT,
        421,
        account_fault=True,
        came=0,
    ),
    Case(
        "451 to the dot",
        lambda sink: sink.answer(Stage.DOT, "451 4.3.0 try again"),
        Stage.DOT,
        451,
        came=0,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("extensions", [EXTENSIONS, ()], ids=["pipelined", "plain"])
async def test_a_fault_at_the_dot_is_told_for_what_it_is(open_pool, relay_to, extensions, case):
    async with SmtpSink(extensions=extensions) as sink:
        case.break_it(sink)
        pool = open_pool(dot_timeout_s=case.patience_s)
        session = await pool.acquire(relay_to(sink))
        dots = []
        result = await session.send("s@x", ["a@x"], LINE * case.lines, on_dot=dots.append)
        await pool.release(session)
        verdict = judge(result)
        code = result.reply.code if result.reply else 0
        assert (result.stage, code, result.dot_sent) == (case.stage, case.reply, case.dot_sent)
        assert len(dots) == case.dot_sent
        assert verdict.in_doubt == case.in_doubt
        assert (verdict.account_fault is not None) == case.account_fault
        assert result.is_accepted == (case.reply == 250)
        assert sink.count == case.came


async def test_a_small_message_dropped_before_its_dot_is_in_doubt_for_its_dot_has_left(
    open_pool, relay_to, sink, message
):
    sink.drop(Moment.BODY)
    pool = open_pool()
    session = await pool.acquire(relay_to(sink))
    result = await session.send("s@x", ["a@x"], message)
    await pool.release(session)
    assert (result.stage, result.dot_sent, judge(result).in_doubt) == (Stage.DOT, True, True)
    assert sink.count == 0


def test_the_reply_to_the_dot_is_awaited_for_ten_minutes():
    assert DeliverySettings().dot_timeout_s == 600.0  # RFC 5321 section 4.5.3.2.6
