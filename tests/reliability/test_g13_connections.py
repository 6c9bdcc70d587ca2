"""G13: no connection is used again after an error; one closed while idle costs no attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.script import Rule
from mail_proxy.sinks.smtp import SmtpSink
from tests.faults.pools import MAIL, opened_pool, relay_at, send
from tests.faults.profile import sized
from tests.patience import PATIENCE_S

MESSAGES = 500
LATE = (2, 3, 99, 250, 498)  # the third message's, and some more
TIMEOUT_S = 0.4  # a busy machine answers within that

Outcome = tuple[Stage, str | None]


def scripted(sink: SmtpSink, n: int) -> Outcome:
    """Tell the server what becomes of message `n`; every reply names it. What is to come of it."""
    sender, recipient = f"s{n}@x.example", f"r{n}@x.example"
    if n in LATE:
        rule = Rule(
            Stage.RCPT, reply=f"250 2.1.5 late {n}", delay_s=TIMEOUT_S * 1.5, recipient=recipient
        )
        sink.script.add(rule)
        return Stage.RCPT, None
    stage, reply = [
        (Stage.DOT, f"250 2.0.0 taken {n}"),
        (Stage.MAIL, f"451 4.1.8 sender {n}"),
        (Stage.DOT, f"554 5.6.0 dot {n}"),
        (Stage.RCPT, f"550 5.1.1 nobody {n}"),
        (Stage.DATA, f"451 4.3.0 data {n}"),
        (Stage.DOT, f"250 2.0.0 taken {n}"),
        (Stage.DOT, f"452 4.3.1 full {n}"),
    ][n % 7]
    sink.answer(stage, reply, recipient=sender if stage is Stage.MAIL else recipient)
    return stage, reply


@pytest.mark.slow
@pytest.mark.parametrize("extensions", [("PIPELINING",), ()], ids=["pipelined", "plain"])
async def test_g13_replies_are_never_shifted_though_some_come_too_late(
    extensions: tuple[str, ...],
) -> None:
    seen = {}
    async with (
        SmtpSink(extensions=extensions) as sink,
        opened_pool(command_timeout_s=TIMEOUT_S) as pool,
    ):
        relay = relay_at(sink.port)
        expected = {n: scripted(sink, n) for n in range(MESSAGES)}
        for n in range(MESSAGES):
            result = await send(
                pool, relay, sender=f"s{n}@x.example", recipients=[f"r{n}@x.example"]
            )
            seen[n] = (result.stage, None if result.reply is None else str(result.reply))
        taken = [mail.recipients for mail in sink.messages]
        assert seen == expected
        assert taken == [(f"r{n}@x.example",) for n in expected if "taken" in str(expected[n][1])]
        assert sink.connections == 1 + len(LATE)


FAULTS: dict[str, Callable[[SmtpSink], None]] = {
    "silence at MAIL": lambda sink: sink.hang(Stage.MAIL, times=1),
    "silence at RCPT": lambda sink: sink.hang(Stage.RCPT, times=1),
    "silence at DATA": lambda sink: sink.hang(Stage.DATA, times=1),
    "silence after the dot": lambda sink: sink.hang(Stage.DOT, times=1),
    "half a reply": lambda sink: sink.drop(Stage.DOT, when="during", times=1),
    "a reply too many": lambda sink: sink.answer(Stage.RCPT, "250 ok\r\n250 ok", times=1),
    "no reply at all": lambda sink: sink.answer(Stage.RCPT, "what?", times=1),
    "a code that is none": lambda sink: sink.answer(Stage.MAIL, "999 ok", times=1),
    "an empty line": lambda sink: sink.answer(Stage.DATA, "", times=1),
    "yes in place of 354": lambda sink: sink.answer(Stage.DATA, "250 ok", times=1),
    "354 in place of yes": lambda sink: sink.answer(Stage.DOT, "354 go on", times=1),
    "421 to MAIL": lambda sink: sink.answer(Stage.MAIL, "421 4.3.2 bye", times=1),
    "421 to RCPT": lambda sink: sink.answer(Stage.RCPT, "421 4.3.2 bye", times=1),
    "421 to DATA": lambda sink: sink.answer(Stage.DATA, "421 4.3.2 bye", times=1),
    "421 to the dot": lambda sink: sink.answer(Stage.DOT, "421 4.3.2 bye", times=1),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_g13_a_connection_is_never_used_again_after_an_error(fault: str) -> None:
    async with (
        SmtpSink() as sink,
        opened_pool(command_timeout_s=0.2, dot_timeout_s=0.2) as pool,
    ):
        FAULTS[fault](sink)
        session = await pool.acquire(relay_at(sink.port))
        assert not (await session.send("s@x.example", ["a@x.example"], MAIL)).is_accepted
        assert not session.is_usable
        await pool.release(session)
        assert (await send(pool, relay_at(sink.port), recipients=["b@x.example"])).is_accepted
        assert sink.connections == 2
        assert sink.messages[-1].recipients == ("b@x.example",)


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.DOT])
async def test_g13_a_connection_is_never_used_again_after_a_cancellation(stage: Stage) -> None:
    async with SmtpSink() as sink, opened_pool() as pool:
        sink.hang(stage, times=1)
        session = await pool.acquire(relay_at(sink.port))
        sending = asyncio.create_task(session.send("s@x.example", ["a@x.example"], MAIL))
        async with asyncio.timeout(PATIENCE_S):
            while not sink.script.is_used_up:  # noqa: ASYNC110 - any event of the loop may do it
                await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert not session.is_usable
        await pool.release(session)
        assert (await send(pool, relay_at(sink.port), recipients=["b@x.example"])).is_accepted
        assert sink.connections == 2


@pytest.mark.parametrize("extensions", [("PIPELINING",), ()], ids=["pipelined", "plain"])
@pytest.mark.parametrize("way", ["FIN", "RST", "421", "FIN at MAIL", "RST at MAIL"])
async def test_g13_what_the_server_closes_between_messages_costs_no_attempt(
    way: str, extensions: tuple[str, ...]
) -> None:
    messages = sized(20, 500)
    async with SmtpSink(extensions=extensions) as sink, opened_pool() as pool:
        relay = relay_at(sink.port)
        for n in range(messages):
            if n and "MAIL" in way:
                sink.drop(Stage.MAIL, times=1, resets=way.startswith("RST"))
            elif n:
                saying = "421 4.4.2 idle too long" if way == "421" else None
                sink.disconnect_idle(saying=saying, resets=way == "RST")
            assert (await send(pool, relay)).is_accepted
        assert (sink.count, sink.connections) == (messages, messages)
