"""The state machine against sequences of replies; no network, no time.

Long for its tables of what a server may answer.
"""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.domain.attempt import AttemptResult
from mail_proxy.domain.reply import Reply, Stage
from mail_proxy.smtp.transaction import CHUNK_BYTES, Phase, Transaction

PIPELINING = {"PIPELINING": "", "SIZE": "1000", "8BITMIME": ""}
PLAIN = {"SIZE": "1000", "8BITMIME": ""}
DATA = b"Subject: x\r\n\r\nhello\r\n"
OK, GO = "250 ok", "354 go"
NO, LATER, BYE = "550 5.1.1 no", "451 4.7.1 later", "421 4.3.2 bye"
LOST = "connection lost"


class Server:
    """Feeds replies one by one, each when the client awaits one; notes what it was sent."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self.sent = transaction.begin()

    def play(self, replies: list[str]) -> None:
        transaction = self.transaction
        for reply in replies:
            if transaction.phase is Phase.BODY:
                self.sent += b"".join(transaction.body()) + transaction.end()
            if reply == LOST:
                transaction.lose(LOST)
            else:
                self.sent += transaction.feed(f"{reply}\r\n".encode())


@dataclass(frozen=True)
class Case:
    """Replies for two recipients, and what they come to.

    recipients, reply: codes; 0: no reply. reusable, reset: the connection afterwards.
    """

    name: str
    replies: list[str]
    stage: Stage
    reply: int
    recipients: tuple[int, int]
    lost: bool = False
    dot_sent: bool = False
    reusable: bool = True
    reset: bool = False


EITHER_WAY = [
    Case("all accepted", [OK, OK, OK, GO, OK], Stage.DOT, 250, (250, 250), dot_sent=True),
    Case("first refused", [OK, NO, OK, GO, OK], Stage.DOT, 250, (550, 250), dot_sent=True),
    Case("last refused", [OK, OK, NO, GO, OK], Stage.DOT, 250, (250, 550), dot_sent=True),
    Case("last deferred", [OK, OK, LATER, GO, OK], Stage.DOT, 250, (250, 451), dot_sent=True),
    Case("251 and 252", [OK, "251 f", "252 c", GO, OK], Stage.DOT, 250, (251, 252), dot_sent=True),
    Case("DATA refused", [OK, OK, OK, NO], Stage.DATA, 550, (250, 250), reset=True),
    Case("DATA refused, one left", [OK, NO, OK, LATER], Stage.DATA, 451, (550, 250), reset=True),
    Case("dot refused", [OK, OK, OK, GO, NO], Stage.DOT, 550, (250, 250), dot_sent=True),
    Case("dot deferred", [OK, OK, OK, GO, LATER], Stage.DOT, 451, (250, 250), dot_sent=True),
    Case("421 to MAIL", [BYE], Stage.MAIL, 421, (0, 0), reusable=False),
    Case("421 to a RCPT", [OK, OK, BYE], Stage.RCPT, 421, (250, 421), reusable=False, reset=True),
    Case("421 to the first", [OK, BYE], Stage.RCPT, 421, (421, 0), reusable=False, reset=True),
    Case("421 to DATA", [OK, OK, OK, BYE], Stage.DATA, 421, (250, 250), reusable=False, reset=True),
    Case(
        "421 to the dot",
        [OK, OK, OK, GO, BYE],
        Stage.DOT,
        421,
        (250, 250),
        dot_sent=True,
        reusable=False,
        reset=True,
    ),
    Case("lost at MAIL", [LOST], Stage.MAIL, 0, (0, 0), lost=True, reusable=False),
    Case("lost at RCPT", [OK, NO, LOST], Stage.RCPT, 0, (550, 0), lost=True, reusable=False),
    Case("lost at DATA", [OK, NO, OK, LOST], Stage.DATA, 0, (550, 250), lost=True, reusable=False),
    Case(
        "lost after the dot",
        [OK, NO, OK, GO, LOST],
        Stage.DOT,
        0,
        (550, 250),
        lost=True,
        dot_sent=True,
        reusable=False,
    ),
    Case("354 to MAIL", [GO], Stage.MAIL, 0, (0, 0), lost=True, reusable=False),
    Case("354 to RCPT", [OK, GO], Stage.RCPT, 0, (0, 0), lost=True, reusable=False),
    Case("250 to DATA", [OK, OK, OK, OK], Stage.DATA, 0, (250, 250), lost=True, reusable=False),
    Case(
        "354 to the dot",
        [OK, OK, OK, GO, GO],
        Stage.DOT,
        0,
        (250, 250),
        lost=True,
        dot_sent=True,
        reusable=False,
    ),
    Case("garbage", [OK, "<html>"], Stage.RCPT, 0, (0, 0), lost=True, reusable=False),
]
ONE_BY_ONE = [
    Case("MAIL refused", [NO], Stage.MAIL, 550, (0, 0), reset=True),
    Case("all refused", [OK, NO, LATER], Stage.RCPT, 451, (550, 451), reset=True),
]
PIPELINED = [
    Case("MAIL refused", [NO, "503 x", "503 x", "503 x"], Stage.MAIL, 550, (0, 0), reset=True),
    Case("all refused", [OK, NO, LATER, "554 none"], Stage.RCPT, 451, (550, 451), reset=True),
    Case("all refused, 354", [OK, NO, NO, GO, "554 none"], Stage.RCPT, 550, (550, 550)),
    Case("all refused, 354, 250", [OK, NO, LATER, GO, OK], Stage.RCPT, 451, (550, 451)),
    Case("lost in the rest", [NO, LOST], Stage.MAIL, 550, (0, 0), reusable=False, reset=True),
    Case("421 in the rest", [NO, BYE], Stage.MAIL, 550, (0, 0), reusable=False, reset=True),
    Case(
        "lost at the empty message",
        [OK, NO, NO, GO, LOST],
        Stage.RCPT,
        550,
        (550, 550),
        reusable=False,
    ),
    Case(
        "354 again and again",
        [OK, NO, NO, GO, GO],
        Stage.RCPT,
        550,
        (550, 550),
    ),
    Case(
        "MAIL refused, the rest accepted",
        [NO, OK, OK, GO],
        Stage.MAIL,
        550,
        (0, 0),
        reusable=False,
        reset=True,
    ),
]
TABLE = [
    *(pytest.param(PLAIN, c, id=f"one by one: {c.name}") for c in EITHER_WAY + ONE_BY_ONE),
    *(pytest.param(PIPELINING, c, id=f"pipelined: {c.name}") for c in EITHER_WAY + PIPELINED),
]


def begun(capabilities, recipients=("a@x", "b@x"), data=DATA, **options) -> Transaction:
    return Transaction(capabilities, "s@x", list(recipients), data, **options)


@pytest.mark.parametrize(("capabilities", "case"), TABLE)
def test_replies_come_to_one_result(capabilities, case):
    transaction = begun(capabilities)
    Server(transaction).play(case.replies)
    result = transaction.result
    assert transaction.phase is Phase.DONE
    assert isinstance(result, AttemptResult)
    assert result.stage is case.stage
    assert (result.reply.code if result.reply else 0) == case.reply
    assert tuple(r.code if r else 0 for r in result.recipients) == case.recipients
    assert (result.lost is not None) == case.lost
    assert result.dot_sent == case.dot_sent
    assert transaction.is_reusable == case.reusable
    if case.reusable:
        assert transaction.needs_reset == case.reset


@pytest.mark.parametrize(("capabilities", "case"), TABLE)
def test_the_dot_has_left_exactly_when_the_message_has(capabilities, case):
    transaction = begun(capabilities)
    server = Server(transaction)
    server.play(case.replies)
    assert server.sent.endswith(DATA + b".\r\n") == case.dot_sent


def test_all_commands_leave_in_one_write_when_pipelining_is_offered():
    sent = begun(PIPELINING).begin()
    assert sent == (b"MAIL FROM:<s@x> SIZE=21\r\nRCPT TO:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n")


def test_one_command_leaves_at_a_time_when_it_is_not():
    transaction = begun(PLAIN)
    assert transaction.begin() == b"MAIL FROM:<s@x> SIZE=21\r\n"
    assert transaction.feed(b"250 ok\r\n") == b"RCPT TO:<a@x>\r\n"
    assert transaction.feed(b"250 ok\r\n") == b"RCPT TO:<b@x>\r\n"
    assert transaction.feed(b"250 ok\r\n") == b"DATA\r\n"


@pytest.mark.parametrize("capabilities", [PIPELINING, PLAIN])
def test_a_reset_comes_first_when_the_last_message_left_something(capabilities):
    transaction = begun(capabilities, reset=True)
    server = Server(transaction)
    server.play([OK, OK, OK, OK, GO, OK])
    assert server.sent.startswith(b"RSET\r\nMAIL FROM")
    assert transaction.result is not None
    assert transaction.result.is_accepted
    assert not transaction.needs_reset


def test_a_refused_reset_loses_the_connection_before_mail():
    transaction = begun(PIPELINING, reset=True)
    transaction.begin()
    transaction.feed(b"502 no\r\n")
    assert transaction.result == AttemptResult(
        (None, None), Stage.MAIL, None, lost="RSET was answered with 502 no"
    )


def test_what_comes_with_a_421_is_not_taken_for_an_answer():
    transaction = begun(PIPELINING)
    transaction.begin()
    transaction.feed(b"250 ok\r\n421 bye\r\n503 no\r\n503 no\r\n")
    assert transaction.result is not None
    assert transaction.result.stage is Stage.RCPT
    assert transaction.result.reply is not None
    assert transaction.result.reply.code == 421
    assert not transaction.is_reusable


def test_a_250_is_kept_though_a_421_comes_with_it():
    transaction = begun(PIPELINING)
    Server(transaction).play([OK, OK, OK, GO, "250 ok\r\n421 bye"])
    assert transaction.result is not None
    assert transaction.result.is_accepted
    assert not transaction.is_reusable


def test_a_250_is_kept_though_half_a_line_comes_with_it():
    transaction = begun(PIPELINING)
    server = Server(transaction)
    server.play([OK, OK, OK, GO])
    transaction.end()
    transaction.feed(b"250 ok\r\n421")
    assert transaction.result is not None
    assert transaction.result.is_accepted
    assert not transaction.is_reusable


@pytest.mark.parametrize("capabilities", [PIPELINING, PLAIN])
def test_a_reply_before_its_command_loses_the_connection(capabilities):
    transaction = begun(capabilities)
    transaction.begin()
    transaction.feed(b"250 ok\r\n" * 3 + b"354 go\r\n" + b"250 taken\r\n")
    assert transaction.result is not None
    assert transaction.result.lost is not None
    assert not transaction.result.dot_sent
    assert not transaction.is_reusable


def test_a_reply_to_a_command_that_has_not_left_loses_the_connection():
    transaction = begun(PLAIN)
    transaction.begin()
    assert transaction.feed(b"250 ok\r\n250 too early\r\n") == b""
    assert transaction.result is not None
    assert transaction.result.lost == "the server answered without being asked: 250 too early"


def test_a_refusal_while_the_body_is_sent_is_the_answer_to_data():
    transaction = begun(PIPELINING)
    Server(transaction).play([OK, OK, OK, GO])
    assert transaction.phase is Phase.BODY
    transaction.feed(b"552 5.3.4 too much\r\n")
    assert transaction.result is not None
    assert (transaction.result.stage, transaction.result.reply) == (
        Stage.DATA,
        Reply(552, "5.3.4", "too much"),
    )
    assert not transaction.result.dot_sent
    assert not transaction.is_reusable


def test_a_message_above_the_offered_size_is_refused_without_a_word():
    transaction = begun({"SIZE": "20"})
    assert transaction.result == AttemptResult(
        (None, None), Stage.MAIL, Reply(552, "5.3.4", "message of 21 bytes, the server takes 20")
    )
    assert transaction.phase is Phase.DONE
    assert transaction.is_reusable


@pytest.mark.parametrize("offered", ["", "0", "-1", "many", "9" * 5000, "\u0662"])
def test_a_size_that_is_no_limit_limits_nothing(offered):
    assert begun({"SIZE": offered}).result is None


def test_the_size_counts_the_line_end_that_we_add_but_no_stuffed_dot():
    assert b" SIZE=4\r\n" in begun(PLAIN, data=b".a\r\n").begin()
    assert b" SIZE=4\r\n" in begun(PLAIN, data=b".a").begin()
    assert b" SIZE=0\r\n" in begun(PLAIN, data=b"").begin()


def test_8bitmime_is_asked_for_when_offered_and_needed():
    assert b"BODY=8BITMIME" in begun(PLAIN, data=b"\xe4\r\n").begin()
    assert b"BODY" not in begun(PLAIN).begin()
    assert b"BODY" not in begun({}, data=b"\xe4\r\n").begin()


@pytest.mark.parametrize(
    ("recipients", "needed"), [(["j\u00f6rg@x"], False), (["a@x"], True), (["a@b\u00fc.x"], False)]
)
def test_smtputf8_is_asked_for_where_it_is_offered_and_else_nothing_is_said(recipients, needed):
    asked = begun({"SMTPUTF8": ""}, recipients, needs_smtputf8=needed)
    assert asked.begin() == b"MAIL FROM:<s@x> SMTPUTF8\r\n"
    refused = begun(PIPELINING, recipients, needs_smtputf8=needed).result
    assert refused is not None
    assert refused.stage is Stage.MAIL
    assert refused.reply is not None
    assert (refused.reply.code, refused.reply.enhanced) == (553, "5.6.7")


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", " ", "<", ">", "\t", "\x7f", "\ud800"])
def test_an_address_that_would_break_its_command_is_a_bug(bad):
    with pytest.raises(ValueError):
        begun(PLAIN, [f"a{bad}@x"]).begin()
    with pytest.raises(ValueError):
        Transaction(PLAIN, f"s{bad}@x", ["a@x"], DATA).begin()


@pytest.mark.parametrize("bad", [b"a\nb\r\n", b"a\rb\r\n", b"a\n\r\n", b"\r\r\n", b"\n.\n", b"\r"])
def test_a_bare_cr_or_lf_is_a_bug(bad):
    with pytest.raises(ValueError, match="CRLF"):
        begun(PLAIN, data=bad)


def test_a_message_without_recipients_is_a_bug():
    with pytest.raises(ValueError, match="recipient"):
        begun(PLAIN, [])


def test_the_null_reverse_path_is_empty():
    assert Transaction({}, "", ["a@x"], DATA).begin() == b"MAIL FROM:<>\r\n"


def body_of(data: bytes) -> bytes:
    """The bytes from the end of the DATA command to the final dot."""
    transaction = begun(PIPELINING | {"SIZE": ""}, data=data)
    transaction.begin()
    transaction.feed(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
    return b"".join(transaction.body()) + transaction.end()


def unstuffed(wire: bytes) -> bytes:
    """As a server reads it; fails when there is another end before the end."""
    body, end, rest = (b"\r\n" + wire).partition(b"\r\n.\r\n")
    assert (end, rest) == (b"\r\n.\r\n", b"")
    return (body.replace(b"\r\n.", b"\r\n") + b"\r\n")[2:]


@given(st.lists(st.sampled_from([b"\r\n", b".", b"a", b"..", b"\xe4"]), max_size=12))
def test_every_mixture_of_dots_and_lines_arrives(parts):
    data = b"".join(parts)
    whole = data if not data or data.endswith(b"\r\n") else data + b"\r\n"
    assert unstuffed(body_of(data)) == whole


@pytest.mark.parametrize("shift", range(-4, 5))
@pytest.mark.parametrize("piece", [b"\r\n.\r\n", b"\r\n..", b".\r\n.", b"\r\n"])
def test_dots_at_the_edge_of_a_chunk_arrive(shift, piece):
    data = b"a" * (CHUNK_BYTES + shift) + piece + b"b" * CHUNK_BYTES + piece
    whole = data if data.endswith(b"\r\n") else data + b"\r\n"
    assert unstuffed(body_of(data)) == whole


def test_a_long_message_is_sent_in_parts_and_the_dot_leaves_with_the_last():
    transaction = begun(PIPELINING | {"SIZE": ""}, data=b"a" * (3 * CHUNK_BYTES) + b"\r\n")
    transaction.begin()
    transaction.feed(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
    parts = list(transaction.body())
    assert [len(part) for part in parts] == [CHUNK_BYTES] * 3
    assert not transaction.dot_sent
    assert transaction.end() == b"\r\n.\r\n"
    assert transaction.dot_sent


@given(
    st.lists(
        st.sampled_from([b"250 ok\r\n", b"354 go\r\n", b"550 no\r\n", b"421 x\r\n", b"250-", b"?"]),
        max_size=12,
    ),
    st.sampled_from([PLAIN, PIPELINING]),
    st.booleans(),
)
def test_no_server_makes_it_say_yes_without_a_dot_and_an_answer(pieces, capabilities, reset):
    transaction = begun(capabilities, reset=reset)
    transaction.begin()
    after_dot = []
    for piece in pieces:
        if transaction.phase is Phase.BODY:
            transaction.end()
        if transaction.dot_sent:
            after_dot.append(piece)
        if transaction.phase is Phase.DONE:
            break
        transaction.feed(piece)
    result = transaction.result
    if transaction.phase is Phase.DONE:
        assert result is not None
    if result is not None and result.is_accepted:
        assert result.dot_sent
        assert after_dot
