"""What mail servers answer, hostile ones included."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.domain.reply import TEXT_LIMIT, Reply, Stage, parse_reply


@pytest.mark.parametrize(
    ("code", "text", "reply"),
    [
        (250, "2.1.5 Ok", Reply(250, "2.1.5", "Ok")),
        (250, "Ok", Reply(250, "", "Ok")),
        (250, "", Reply(250, "", "")),
        (451, "4.7.1 greylisted, try later", Reply(451, "4.7.1", "greylisted, try later")),
        (550, "5.1.1", Reply(550, "5.1.1", "")),
        (550, "5.7.123 long subject", Reply(550, "5.7.123", "long subject")),
        (550, "4.1.1 class of another code", Reply(550, "", "4.1.1 class of another code")),
        (550, "5.1.1.1 not a status", Reply(550, "", "5.1.1.1 not a status")),
        (550, "5.1.1: no user", Reply(550, "", "5.1.1: no user")),
        (550, "5.1.1\nno user\nhere", Reply(550, "5.1.1", "no user here")),
        (550, "3.1.1 no class", Reply(550, "", "3.1.1 no class")),
    ],
)
def test_a_reply_is_taken_apart(code: int, text: str, reply: Reply) -> None:
    assert parse_reply(code, text) == reply


def test_a_reply_reads_as_one_line() -> None:
    assert str(Reply(550, "5.1.1", "no such user")) == "550 5.1.1 no such user"
    assert str(Reply(421, "", "")) == "421"


@given(code=st.integers(200, 599), text=st.text())
def test_any_reply_is_short_and_of_one_line(code: int, text: str) -> None:
    reply = parse_reply(code, text)
    assert len(reply.text) <= TEXT_LIMIT
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in str(reply))


@given(st.integers(200, 599))
def test_every_code_is_of_one_kind(code: int) -> None:
    reply = Reply(code, "", "")
    kinds = (reply.is_positive, reply.is_transient, reply.is_permanent)
    assert sum(kinds) == 1
    assert kinds.index(True) == {2: 0, 3: 0, 4: 1, 5: 2}[code // 100]


@pytest.mark.parametrize("stage", Stage)
def test_every_stage_has_words(stage: Stage) -> None:
    assert stage.words
