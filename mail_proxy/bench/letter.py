"""The message of the benchmark: a plain text of 2 KiB to one recipient."""

from __future__ import annotations

SENDER = "bench@sender.example"
RECIPIENT = "someone@receiver.example"
BODY = "The quick brown fox jumps over the lazy dog.\n" * 45
HEADERS_AT_MOST = 1024  # bytes of headers and commands around the body of one message

_POSTED = (
    '{"id":"b%d","account_id":"%s","from":"'
    + SENDER
    + '","to":["'
    + RECIPIENT
    + '"],"subject":"Benchmark","body":"'
    + BODY.replace("\n", "\\n")
    + '"}'
)


def posted(number: int, account: str) -> bytes:
    """As an application posts it, in JSON."""
    return (_POSTED % (number, account)).encode()


def wire_bytes() -> int:
    """Of the body alone, with the line ends of SMTP."""
    return len(BODY) + BODY.count("\n")


def composed(number: int) -> bytes:
    """As a client has it ready to be sent."""
    head = (
        f"From: {SENDER}\r\nTo: {RECIPIENT}\r\nSubject: Benchmark\r\n"
        f"Message-ID: <raw-{number}@sender.example>\r\n"
        "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
        'Content-Type: text/plain; charset="us-ascii"\r\nContent-Transfer-Encoding: 7bit\r\n'
    )
    return f"{head}\r\n{BODY}".replace("\r\n", "\n").replace("\n", "\r\n").encode()
