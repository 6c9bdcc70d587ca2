from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.domain.reply import Reply
from mail_proxy.smtp.replies import MAX_LINE_BYTES, MAX_REPLY_BYTES, NotSmtp, ReplyReader

SESSION = (
    b"250 2.1.0 ok\r\n"
    b"550-5.1.1 no such\r\n550 5.1.1 user here\r\n"
    b"354 go\n"
    b"250\r\n"
    b"451 4.7.1 sp\xe4ter\r\n"
)
REPLIES = [
    Reply(250, "2.1.0", "ok"),
    Reply(550, "5.1.1", "no such user here"),
    Reply(354, "", "go"),
    Reply(250, "", ""),
    Reply(451, "4.7.1", "sp\ufffdter"),
]


@given(st.lists(st.integers(0, len(SESSION)), max_size=8))
def test_replies_are_the_same_wherever_the_bytes_are_cut(cuts):
    reader = ReplyReader()
    edges = [0, *sorted(cuts), len(SESSION)]
    pairs = pairwise(edges)
    got = [reply for start, end in pairs for reply in reader.feed(SESSION[start:end])]
    assert got == REPLIES
    assert reader.is_empty


def test_half_a_reply_is_not_empty():
    reader = ReplyReader()
    assert reader.feed(b"250-first\r\n") == []
    assert not reader.is_empty


@pytest.mark.parametrize(
    "garbage",
    [
        b"hello\r\n",
        b"\r\n",
        b"25 ok\r\n",
        b"150 early\r\n",
        b"600 late\r\n",
        b"250_ok\r\n",
        b"\xff\xfe\xfd\r\n",
        b"250-a\r\n550 b\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\xb2\xb5\xb0 digits of another kind\r\n",
    ],
)
def test_what_is_no_smtp_is_refused(garbage):
    with pytest.raises(NotSmtp):
        ReplyReader().feed(garbage)


def test_an_endless_line_is_refused_before_it_ends():
    reader = ReplyReader()
    with pytest.raises(NotSmtp, match="endless line"):
        reader.feed(b"250 " + b"a" * MAX_LINE_BYTES)


def test_an_endless_reply_is_refused():
    reader = ReplyReader()
    line = b"250-" + b"a" * 1000 + b"\r\n"
    for _ in range(MAX_REPLY_BYTES // len(line)):
        assert reader.feed(line) == []
    with pytest.raises(NotSmtp, match="endless reply"):
        reader.feed(line)


def test_many_short_replies_are_no_endless_reply():
    reader = ReplyReader()
    assert len(reader.feed(b"250 2.1.5 ok\r\n" * 10_000)) == 10_000
