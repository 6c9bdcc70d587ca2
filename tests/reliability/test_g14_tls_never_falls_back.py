"""G14: who asks for TLS and does not get it sends nothing in clear, credentials least of all."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mail_proxy.domain.attempt import AttemptResult, judge
from mail_proxy.domain.errors import RelayError, RelayRefused, RelayUnreachable
from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.certificates import Authority
from mail_proxy.sinks.link import Link
from mail_proxy.sinks.script import Moment
from mail_proxy.sinks.smtp import SmtpSink
from tests.faults.pools import opened_pool, relay_at, send

USER, PASSWORD = "ann", "hunter2 hunter2"
LOGIN = {"user": USER, "password": PASSWORD}
SECRETS = [
    *(PASSWORD.encode(), base64.b64encode(PASSWORD.encode()), base64.b64encode(USER.encode())),
    base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()),
]
NEVER_IN_CLEAR = [b"AUTH", b"MAIL FROM", b"RCPT TO", b"DATA", b"Subject", *SECRETS]


@dataclass(frozen=True)
class Case:
    """A server that asks for TLS in vain, and what is wrong with it.

    certificate: options of Authority.server; None: no TLS at all.
    """

    name: str
    certificate: dict[str, object] | None
    break_it: Callable[[SmtpSink], None] = lambda sink: None
    modes: tuple[str, ...] = ("starttls", "auto")
    implicit: bool = False
    patience_s: float = 5.0


GOOD: dict[str, object] = {"host": "localhost"}
STAGED = "220 go\r\n250-evil\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 1"
CASES = [
    Case("no STARTTLS offered", None, modes=("starttls",)),
    Case("no STARTTLS offered on a port for TLS", None, modes=("ssl",)),
    Case("454", GOOD, lambda sink: sink.answer(Stage.TLS, "454 4.7.0 TLS not available")),
    Case("501", GOOD, lambda sink: sink.answer(Stage.TLS, "501 5.5.4 no parameters allowed")),
    Case("250 in place of 220", GOOD, lambda sink: sink.answer(Stage.TLS, "250 2.0.0 ok")),
    Case("no SMTP in place of 220", GOOD, lambda sink: sink.answer(Stage.TLS, "hello")),
    Case("silence", GOOD, lambda sink: sink.hang(Stage.TLS), patience_s=0.15),
    Case("expired certificate", {"host": "localhost", "days": -1}),
    Case("self-signed certificate", {"host": "localhost", "self_signed": True}),
    Case("certificate of another name", {"host": "elsewhere.invalid"}),
    Case("cut before the 220", GOOD, lambda sink: sink.drop(Stage.TLS)),
    Case("cut in the 220", GOOD, lambda sink: sink.drop(Stage.TLS, when="during")),
    Case("cut after the 220", GOOD, lambda sink: sink.drop(Stage.TLS, when="after")),
    Case("handshake cut", GOOD, lambda sink: sink.drop(Moment.HANDSHAKE)),
    Case("handshake reset", GOOD, lambda sink: sink.drop(Moment.HANDSHAKE, resets=True)),
    Case(
        "handshake never answered", GOOD, lambda sink: sink.hang(Moment.HANDSHAKE), patience_s=0.15
    ),
    Case("handshake in clear", GOOD, lambda sink: sink.answer(Moment.HANDSHAKE, "220 what?")),
    *(
        Case(f"{name}, TLS first", certificate, modes=("ssl",), implicit=True)
        for name, certificate in [
            ("expired certificate", {"host": "localhost", "days": -1}),
            ("self-signed certificate", {"host": "localhost", "self_signed": True}),
            ("certificate of another name", {"host": "elsewhere.invalid"}),
        ]
    ),
]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder: Path = tmp_path_factory.mktemp("authority")
    return Authority(folder)


@pytest.mark.parametrize(
    ("case", "mode"), [pytest.param(c, m, id=f"{c.name}, {m}") for c in CASES for m in c.modes]
)
async def test_g14_tls_that_fails_is_an_account_fault_and_nothing_is_said_in_clear(
    authority: Authority, case: Case, mode: str
) -> None:
    tls = None if case.certificate is None else authority.server(**case.certificate)  # type: ignore[arg-type]
    async with (
        SmtpSink(tls=tls, implicit_tls=case.implicit, users={USER: PASSWORD}) as sink,
        Link(sink.port) as link,
        opened_pool(authority.trusting, connect_timeout_s=case.patience_s) as pool,
    ):
        case.break_it(sink)
        relay = relay_at(link.port, tls_mode=mode, **LOGIN)
        with pytest.raises((RelayRefused, RelayUnreachable)) as caught:
            await send(pool, relay)
        said = b"".join(link.sent)
        assert [word for word in NEVER_IN_CLEAR if word in said] == []
        assert {c.line.partition(" ")[0] for c in sink.commands} <= {"EHLO", "STARTTLS", "QUIT"}
        assert sink.count == 0
        assert is_account_fault(caught.value)
        assert pool.count == 0


def is_account_fault(error: RelayError) -> bool:
    reply = error.reply if isinstance(error, RelayRefused) else None
    verdict = judge(AttemptResult((None,), error.stage, reply, lost=str(error)))
    return verdict.account_fault is not None


@pytest.mark.parametrize(
    ("mode", "implicit"), [("starttls", False), ("auto", False), ("ssl", True)]
)
async def test_g14_with_tls_that_works_all_but_the_first_words_is_encrypted(
    authority: Authority, mode: str, implicit: bool
) -> None:
    tls = authority.server("localhost")
    async with (
        SmtpSink(tls=tls, implicit_tls=implicit, users={USER: PASSWORD}) as sink,
        Link(sink.port) as link,
        opened_pool(authority.trusting) as pool,
    ):
        assert (await send(pool, relay_at(link.port, tls_mode=mode, **LOGIN))).is_accepted
        said = b"".join(link.sent)
        assert [word for word in NEVER_IN_CLEAR if word in said] == []
        assert sink.messages[0].encrypted


async def test_g14_the_test_hears_what_is_said_in_clear() -> None:
    async with (
        SmtpSink(users={USER: PASSWORD}) as sink,
        Link(sink.port) as link,
        opened_pool() as pool,
    ):
        assert (await send(pool, relay_at(link.port, tls_mode="none", **LOGIN))).is_accepted
        said = b"".join(link.sent)
        assert {b"AUTH", b"MAIL FROM", b"DATA"} <= {w for w in NEVER_IN_CLEAR if w in said}
        assert any(secret in said for secret in SECRETS)
