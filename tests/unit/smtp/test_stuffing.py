"""A mail that comes in blocks goes on the wire as one in memory does, wherever it is cut."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.domain.errors import ContentChanged
from mail_proxy.smtp.stuffing import StuffedMail
from mail_proxy.smtp.transaction import Transaction

CAPABILITIES = {"PIPELINING": "", "SIZE": "", "8BITMIME": ""}


class Cut:
    """A mail in these blocks."""

    def __init__(self, blocks: list[bytes], *, size_bytes: int | None = None) -> None:
        self._blocks = blocks
        whole = b"".join(blocks)
        self.size_bytes = len(whole) if size_bytes is None else size_bytes
        self.is_ascii = whole.isascii()

    def blocks(self) -> Iterator[bytes]:
        yield from self._blocks


def on_the_wire(data: bytes | Cut) -> bytes:
    """Everything a client says when each answer is yes."""
    transaction = Transaction(CAPABILITIES, "s@x", ["r@x"], data)
    said = transaction.begin()
    said += transaction.feed(b"250 ok\r\n250 ok\r\n354 go\r\n")
    said += b"".join(transaction.body())
    return said + transaction.end()


tokens = st.sampled_from([b"\r\n", b"\r\n.", b".", b"..", b"\r\n.\r\n", b"a", b"\xe9", b"xyz"])
mails = st.lists(tokens, max_size=20).map(lambda found: b"".join([*found, b"\r\n"]))


@given(mails, st.lists(st.integers(0, 60), max_size=12))
def test_any_cut_gives_the_same_octets(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(data)]
    blocks = [data[a:b] for a, b in pairwise(edges)]
    assert on_the_wire(Cut(blocks)) == on_the_wire(data)


def test_octet_by_octet_gives_the_same_octets() -> None:
    data = b".\r\n..\r\na\r\n.\r\n\r\n.b.\r\n" * 50
    assert on_the_wire(Cut([bytes((octet,)) for octet in data])) == on_the_wire(data)


def test_an_empty_mail_is_a_dot() -> None:
    assert on_the_wire(Cut([])) == on_the_wire(b"")
    assert on_the_wire(Cut([b"", b""])) == on_the_wire(b"")


def test_a_last_line_without_an_end_gets_one() -> None:
    assert on_the_wire(Cut([b"a", b"b"])).endswith(b"DATA\r\nab\r\n.\r\n")


@pytest.mark.parametrize("data", [b"a\nb\r\n", b"a\rb\r\n", b"\r\r\n", b"\n", b"a\r", b"\r\n\r"])
def test_a_bare_cr_or_lf_is_refused_wherever_it_is_cut(data: bytes) -> None:
    for at in range(len(data) + 1):
        with pytest.raises(ValueError, match="CR"):
            list(StuffedMail(Cut([data[:at], data[at:]])).blocks())


@pytest.mark.parametrize("size_bytes", [0, 3, 5])
def test_another_size_than_was_promised_ends_without_a_dot(size_bytes: int) -> None:
    mail = StuffedMail(Cut([b"ab", b"\r\n"], size_bytes=size_bytes))
    with pytest.raises(ContentChanged):
        list(mail.blocks())
    with pytest.raises(AssertionError):
        mail.ending()


def test_octets_that_were_not_announced_are_not_sent() -> None:
    mail = Cut([b"\xe9\r\n"])
    mail.is_ascii = True
    with pytest.raises(ValueError, match="ASCII"):
        list(StuffedMail(mail).blocks())


def test_no_dot_follows_a_mail_that_was_not_read_to_its_end() -> None:
    transaction = Transaction(CAPABILITIES, "s@x", ["r@x"], Cut([b"a\r\n", b"b\r\n"]))
    transaction.begin()
    transaction.feed(b"250 ok\r\n250 ok\r\n354 go\r\n")
    next(transaction.body())
    with pytest.raises(AssertionError):
        transaction.end()


def test_size_and_8bitmime_are_said_before_a_block_is_read() -> None:
    class Unread(Cut):
        def blocks(self) -> Iterator[bytes]:
            raise AssertionError("not yet")

    begun = Transaction(CAPABILITIES, "s@x", ["r@x"], Unread([b"\xe9" * 1000])).begin()
    assert begun.startswith(b"MAIL FROM:<s@x> SIZE=1000 BODY=8BITMIME\r\n")
